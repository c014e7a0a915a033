//! Draws a chart: a title, panels beside and beneath each other, a legend, a caption. [`Layout`] says where everything
//! lies, for a width; drawing and the page's readout go by it.

use super::{
    Axis, Chart, Mark, Panel, Row, Stroke, Y,
    canvas::{Drawn, Sheet, font, px, text_width},
    ink::{self, At, FAINT, INK, RULE, SMALL, TEXT, TITLE, Type},
    legend::{GROUND, Legend},
};
use plotters::prelude::*;

/// Pixels across a picture on paper or a screen, and on a phone.
pub const WIDE: f64 = 960.0;
pub const NARROW: f64 = 380.0;

/// Pixels at the left and right of everything.
const EDGE: f64 = 10.0;
/// Pixels between the panels and the legend, and below everything.
const GAP: f64 = 6.0;
const FOOT: f64 = 10.0;
/// Height of a line of the title, of a caption, and of a panel's title.
const LINE: f64 = 21.0;
const SMALL_LINE: f64 = 16.0;
const HEADING: f64 = 30.0;
/// Free pixels at the right of a panel, for its last tick label, and above it.
const RIGHT: f64 = 18.0;
const ABOVE: f64 = 5.0;
/// Pixels for the labels of the axes.
const X_LABELS: f64 = 48.0;
const Y_LABELS: f64 = 60.0;
/// Height of a row of a dot plot, with its words beside it or above.
const LANE: f64 = 27.0;
const TALL_LANE: f64 = 50.0;

/// Where everything of a chart lies, in pixels.
pub struct Layout {
    /// Width and height of the whole.
    pub size: (f64, f64),
    /// The plots, in the order of the panels: left, top, right and bottom of the data.
    pub plots: Vec<[f64; 4]>,
    title: Vec<String>,
    /// The top of each panel, its title included.
    tops: Vec<f64>,
    legend: Legend,
    legend_top: f64,
    caption: Vec<String>,
    narrow: bool,
}

impl Layout {
    /// For a picture `width` pixels wide.
    pub fn new(chart: &Chart, width: f64) -> Self {
        let narrow = width < WIDE / 2.0;
        let title = wrapped(&chart.title, TITLE, FontStyle::Bold, width - 2.0 * EDGE);
        let mut top = LINE * title.len() as f64 + 14.0;
        let across = if narrow { 1 } else { chart.across.clamp(1, chart.panels.len().max(1)) };
        let share = (width - 2.0 * EDGE) / across as f64;
        let (mut plots, mut tops) = (Vec::new(), Vec::new());
        for line in chart.panels.chunks(across) {
            let mut tallest = 0f64;
            for (column, panel) in line.iter().enumerate() {
                let left = EDGE + share * column as f64;
                let (labels, figures) = panel.sides(narrow);
                let heading = if panel.title.is_empty() { 0.0 } else { HEADING };
                let height = panel.tall(narrow) + heading;
                tallest = tallest.max(height);
                tops.push(top);
                plots.push([left + labels, top + heading + ABOVE, left + share - figures, top + height - X_LABELS]);
            }
            top += tallest;
        }
        let legend = Legend::new(chart.legend.clone(), width - 4.0 * EDGE);
        let legend_top = top + GAP;
        let caption = wrapped(&chart.caption, SMALL, FontStyle::Normal, width - 2.0 * EDGE);
        let caption_height = if chart.caption.is_empty() { 0.0 } else { SMALL_LINE * caption.len() as f64 + 8.0 };
        let height = legend_top + legend.height() + caption_height + FOOT;
        Layout { size: (width, height), plots, title, tops, legend, legend_top, caption, narrow }
    }

    /// The place of a value in the plot of `panel`; beyond its frame where the value is beyond the axes.
    fn free(&self, index: usize, panel: &Panel, y: &Axis, (x, value): (f64, f64)) -> (f64, f64) {
        let [left, top, right, bottom] = self.plots[index];
        let value = match panel.y {
            // The words of a row stand in its upper part.
            Y::Rows(_) if self.narrow => value.floor() + 0.4 + 0.6 * value.fract(),
            _ => value,
        };
        (left + panel.x.0.free(x) * (right - left), bottom - y.free(value) * (bottom - top))
    }
}

impl Panel {
    /// Pixels at the left and the right of the data.
    fn sides(&self, narrow: bool) -> (f64, f64) {
        match &self.y {
            Y::Axis(_, words) => (if words.is_empty() { Y_LABELS - 14.0 } else { Y_LABELS }, RIGHT),
            Y::Rows(_) if narrow => (RIGHT, RIGHT),
            Y::Rows(rows) => {
                let names = rows.iter().map(|row| text_width(&row.name, TEXT, FontStyle::Bold)).fold(0.0, f64::max);
                (names + details(rows) + 24.0, figures(rows, 0) + figures(rows, 1) + 34.0)
            }
        }
    }

    /// Pixels down, labels included.
    fn tall(&self, narrow: bool) -> f64 {
        match &self.y {
            Y::Axis(..) if narrow => self.height.min(300.0),
            Y::Axis(..) => self.height,
            Y::Rows(rows) => rows.len() as f64 * if narrow { TALL_LANE } else { LANE } + ABOVE + X_LABELS,
        }
    }
}

/// Width of a column of the figures of rows.
fn figures(rows: &[Row], column: usize) -> f64 {
    rows.iter().map(|row| text_width(&row.figures[column], SMALL, FontStyle::Normal)).fold(0.0, f64::max)
}

/// Width of the details of rows.
fn details(rows: &[Row]) -> f64 {
    rows.iter().map(|row| text_width(&row.detail, SMALL, FontStyle::Normal)).fold(0.0, f64::max)
}

/// `text` in lines of at most `width` pixels; one line where it is empty.
fn wrapped(text: &str, em: f64, style: FontStyle, width: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("never empty");
        let longer = if last.is_empty() { word.to_owned() } else { format!("{last} {word}") };
        if last.is_empty() || text_width(&longer, em, style) <= width {
            *last = longer;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Draws `chart` on a white sheet of the layout's size.
pub fn draw<DB: DrawingBackend>(chart: &Chart, layout: &Layout, sheet: &Sheet<DB>) -> Drawn<DB> {
    let middle = px(layout.size.0 / 2.0);
    for (line, words) in (0..).zip(&layout.title) {
        let at = (middle, px(9.0 + LINE * (f64::from(line) + 0.5)));
        ink::text(sheet, words, at, Type::plain(TITLE).bold().centred())?;
    }
    for (index, panel) in chart.panels.iter().enumerate() {
        draw_panel(panel, index, layout, sheet)?;
    }
    layout.legend.draw(sheet, 2.0 * EDGE, layout.legend_top)?;
    let top = layout.legend_top + layout.legend.height() + 6.0;
    for (line, words) in (0..).zip(&layout.caption) {
        let at = (middle, px(top + SMALL_LINE * (f64::from(line) + 0.5)));
        ink::text(sheet, words, at, Type::plain(SMALL).faint().centred())?;
    }
    Ok(())
}

/// Title, grid and axes, then the marks.
fn draw_panel<DB: DrawingBackend>(panel: &Panel, index: usize, layout: &Layout, sheet: &Sheet<DB>) -> Drawn<DB> {
    let [left, top, right, bottom] = layout.plots[index];
    let (y, words) = (panel.y_axis(), if let Y::Axis(_, words) = &panel.y { words.as_str() } else { "" });
    let rows = matches!(panel.y, Y::Rows(_));
    let labels = if rows { 0.0 } else { panel.sides(layout.narrow).0 };
    let corner = (px(left - labels), px(top));
    let area = sheet.clone().shrink(corner, (px(right) - corner.0, px(bottom + X_LABELS) - corner.1));
    let mut chart = ChartBuilder::on(&area)
        .x_label_area_size(px(X_LABELS))
        .y_label_area_size(px(labels))
        .build_cartesian_2d(panel.x.0.clone(), y.clone())?;
    let mut mesh = chart.configure_mesh();
    mesh.bold_line_style(RULE.stroke_width(px(1.0) as u32))
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT.stroke_width(px(1.0) as u32))
        .set_all_tick_mark_size(px(4.0))
        .label_style(font(SMALL, FontStyle::Normal).color(&INK))
        .axis_desc_style(font(TEXT, FontStyle::Normal).color(&INK))
        .x_labels(panel.x.0.ticks.len())
        .y_labels(y.ticks.len())
        .x_desc(&panel.x.1)
        .y_desc(words);
    if rows {
        mesh.disable_y_mesh();
    }
    mesh.draw()?;
    if !panel.title.is_empty() {
        let at = (px((left + right) / 2.0), px(layout.tops[index] + HEADING / 2.0));
        ink::text(sheet, &panel.title, at, Type::plain(TEXT).bold().centred())?;
    }
    if let Y::Rows(rows) = &panel.y {
        draw_rows(rows, layout, layout.plots[index], sheet)?;
    }
    let free = |at: (f64, f64)| layout.free(index, panel, &y, at);
    let held = |at: (f64, f64)| -> At {
        let (x, y) = free(at);
        (px(x.clamp(left, right)), px(y.clamp(top, bottom)))
    };
    // A marker beyond the frame would stand for another value at its edge.
    let seen = |at: (f64, f64)| {
        let (x, y) = free(at);
        (left - 1.0..=right + 1.0).contains(&x) && (top - 1.0..=bottom + 1.0).contains(&y)
    };
    panel.marks.iter().try_for_each(|mark| match mark {
        Mark::Marker { at, .. } | Mark::Dot { at, .. } if !seen(*at) => Ok(()),
        Mark::Line { points, stroke } => {
            let places: Vec<(f64, f64)> = points.iter().map(|p| free(*p)).collect();
            ink::between(&places, top - 1e-6, bottom + 1e-6).into_iter().try_for_each(|piece| {
                let piece: Vec<At> = piece.into_iter().map(|(x, y)| (px(x), px(y))).collect();
                ink::line(sheet, &piece, *stroke)
            })
        }
        Mark::Band { points, colour } => {
            let (low, high): (Vec<At>, Vec<At>) = points.iter().map(|p| (held((p.0, p.1)), held((p.0, p.2)))).unzip();
            if low.len() > 1 { ink::band(sheet, &low, &high, *colour) } else { Ok(()) }
        }
        Mark::Ground { corners, colour } => {
            let corners = corners.map(held);
            let ends = |get: fn(&At) -> i32| {
                let [a, b] = [get(&corners[0]), get(&corners[1])];
                (a.min(b), a.max(b))
            };
            let (x, y) = (ends(|at| at.0), ends(|at| at.1));
            sheet.draw(&Rectangle::new([(x.0, y.0), (x.1, y.1)], colour.mix(GROUND).filled()))
        }
        Mark::Marker { at, look, size } => ink::marker(sheet, held(*at), *look, *size),
        Mark::Dot { at, colour, size, open } => ink::dot(sheet, held(*at), *colour, *size, *open),
        Mark::Whisker { ends, width, cap, colour } => ink::whisker(sheet, ends.map(held), *width, *cap, *colour),
    })
}

/// The words of the rows: beside the plot, or above each lane where it is narrow.
fn draw_rows<DB: DrawingBackend>(
    rows: &[Row],
    layout: &Layout,
    [left, top, right, bottom]: [f64; 4],
    sheet: &Sheet<DB>,
) -> Drawn<DB> {
    let lane = (bottom - top) / rows.len() as f64;
    let rule = Stroke { colour: RULE, width: 1.0, dash: &[] };
    for (index, row) in rows.iter().enumerate() {
        let upper = top + lane * index as f64;
        if row.first && index > 0 {
            ink::line(sheet, &[(px(EDGE), px(upper)), (px(layout.size.0 - EDGE), px(upper))], rule)?;
        }
        let (name, detail, ours, published) = (&row.name, &row.detail, &row.figures[0], &row.figures[1]);
        if layout.narrow {
            let y = px(upper + 12.0);
            ink::text(sheet, name, (px(left), y), Type::plain(SMALL).bold())?;
            let after = left + text_width(name, SMALL, FontStyle::Bold) + 7.0;
            ink::text(sheet, detail, (px(after), y), Type::plain(SMALL).faint())?;
            ink::text(sheet, ours, (px(right), y), Type::plain(SMALL).ends())?;
            continue;
        }
        let y = px(upper + lane / 2.0);
        let details = left - 10.0 - details(rows);
        if row.first {
            ink::text(sheet, name, (px(details - 10.0), y), Type::plain(TEXT).bold().ends())?;
        }
        ink::text(sheet, detail, (px(details), y), Type::plain(SMALL).faint())?;
        ink::text(sheet, ours, (px(right + 12.0), y), Type::plain(SMALL))?;
        ink::text(sheet, published, (px(right + 28.0 + figures(rows, 0)), y), Type::plain(SMALL).faint())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::style::Styles;

    fn chart() -> Chart {
        let panel = |title: &str| Panel {
            title: title.into(),
            height: 300.0,
            x: (Axis::exact(0.0, 100.0, 5), "steps".into()),
            y: Y::Axis(Axis::linear(0.0, 100.0, 5), "percent".into()),
            marks: vec![Mark::Marker { at: (50.0, 25.0), look: Styles::of_labels(&[]).look("reptile"), size: 8.0 }],
            values: None,
        };
        Chart {
            name: "a".into(),
            words: "b".into(),
            title: "a title".into(),
            legend: vec![],
            caption: "one two three four five six seven eight nine ten eleven twelve thirteen fourteen".into(),
            panels: vec![panel("left"), panel("right")],
            across: 2,
        }
    }

    #[test]
    fn the_drawing_puts_marks_where_the_layout_says() {
        let chart = chart();
        for width in [WIDE, NARROW] {
            let layout = Layout::new(&chart, width);
            let svg = super::super::svg(&chart, &layout).unwrap();
            for [left, top, right, bottom] in &layout.plots {
                let (x, y) = (px((left + right) / 2.0), px(bottom - 0.25 * (bottom - top)));
                assert!(svg.contains(&format!("<circle cx=\"{x}\" cy=\"{y}\"")), "{width}: {x}, {y}");
                assert!(*left > 0.0 && *right < width && *bottom < layout.size.1);
            }
        }
    }

    #[test]
    fn a_phone_has_its_panels_one_below_the_other_and_longer_words_in_lines() {
        let (wide, narrow) = (Layout::new(&chart(), WIDE), Layout::new(&chart(), NARROW));
        assert!(wide.plots[0][1] == wide.plots[1][1] && narrow.plots[0][3] < narrow.plots[1][1]);
        assert!(wide.caption.len() == 1 && narrow.caption.len() == 2, "{:?}", narrow.caption);
    }
}
