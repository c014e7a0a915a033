//! A chart as data: axes, marks, looks and values, and nothing about how they are drawn. [`draw`](draw) is the one place
//! that draws; files and page show what it drew.

mod axis;
mod bitmap;
mod canvas;
mod draw;
mod glyphs;
mod ink;
mod legend;
mod pdf;
mod style;

pub use axis::{Axis, MISSING, near_hundred};
pub use canvas::{grid, pdf, png, svg, swatch};
pub use draw::{Layout, NARROW, WIDE};
pub use ink::{FAINT, INK};
pub use legend::Sample;
pub use style::{Look, Styles, of_lines};

use plotters::style::RGBColor;

/// One picture.
pub struct Chart {
    /// File name without its ending.
    pub name: String,
    /// What it shows, for those who cannot see it.
    pub words: String,
    pub title: String,
    pub legend: Vec<(Sample, String)>,
    /// Empty where nothing needs to be said.
    pub caption: String,
    pub panels: Vec<Panel>,
    /// Panels side by side where there is room for it.
    pub across: usize,
}

/// A framed pair of axes and what lies in it.
pub struct Panel {
    /// Empty where the chart's own says it.
    pub title: String,
    /// Pixels down, labels included; of [`Y::Rows`] it follows from their number.
    pub height: f64,
    pub x: (Axis, String),
    pub y: Y,
    /// In the order of drawing.
    pub marks: Vec<Mark>,
    /// What can be read off it as numbers.
    pub values: Option<Values>,
}

/// What stands along the vertical axis.
pub enum Y {
    Axis(Axis, String),
    /// Named rows from top to bottom; row `i` lies between `i` and `i + 1`.
    Rows(Vec<Row>),
}

/// A row of a dot plot.
pub struct Row {
    pub name: String,
    pub detail: String,
    /// The numbers themselves: ours, and the published one.
    pub figures: [String; 2],
    /// The first of several that belong together.
    pub first: bool,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    pub colour: RGBColor,
    /// In pixels.
    pub width: f64,
    /// Pixels on and off, alternating; empty for a solid line.
    pub dash: &'static [f64],
}

/// Something to draw; places are values on the axes, sizes are pixels.
pub enum Mark {
    Line {
        points: Vec<(f64, f64)>,
        stroke: Stroke,
    },
    /// From x, low end and high end.
    Band {
        points: Vec<(f64, f64, f64)>,
        colour: RGBColor,
    },
    /// A see-through rectangle between two corners.
    Ground {
        corners: [(f64, f64); 2],
        colour: RGBColor,
    },
    Marker {
        at: (f64, f64),
        look: Look,
        size: f64,
    },
    /// A filled circle with a rim, or an open one.
    Dot {
        at: (f64, f64),
        colour: RGBColor,
        size: f64,
        open: bool,
    },
    /// A stroke with caps of `cap` pixels, 0 for none.
    Whisker {
        ends: [(f64, f64); 2],
        width: f64,
        cap: f64,
        colour: RGBColor,
    },
}

/// The numbers of a panel, a row a place on its horizontal axis.
pub struct Values {
    /// What the rows count.
    pub of: String,
    pub columns: Vec<Column>,
    pub rows: Vec<(String, Vec<Option<Value>>)>,
}

/// A line's column.
pub struct Column {
    pub name: String,
    pub colour: RGBColor,
    /// The same everywhere: a method that does not train.
    pub level: bool,
}

/// A number and its place on the axes.
pub struct Value {
    pub text: String,
    pub at: (f64, f64),
}

impl Panel {
    /// The vertical axis; that of rows counts them.
    pub fn y_axis(&self) -> Axis {
        match &self.y {
            Y::Axis(axis, _) => axis.clone(),
            Y::Rows(rows) => Axis::exact(rows.len() as f64, 0.0, 1),
        }
    }
}
