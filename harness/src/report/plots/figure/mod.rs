//! A published figure's counterpart: learning curves of many recipes, or final accuracy over a swept setting, with bands
//! over seeds. What a run is in it stands in its record.

mod detail;
mod lines;
#[cfg(test)]
mod tests;

use super::{
    axis::Axis,
    canvas::{Drawing, Drawn, Sheet},
    frame::{Frame, HEAD, WIDTH},
    legend::Sample,
    marks::{self, At},
    panel::Panel,
    points::{self, Markers},
};
use crate::record::FigurePlace;
use crate::report::{
    format, series,
    summary::{Cell, Summary},
};
pub use lines::looks;
use lines::{Line, Spread};
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

/// The figure that one benchmark draws, in one mode.
pub struct Figure {
    frame: Frame,
    metric: String,
    lines: Vec<Line>,
    x: (Axis, String),
    y: Axis,
    detail: Option<Detail>,
}

/// The later half again, enlarged.
struct Detail {
    lines: Vec<Line>,
    x: Axis,
    y: Axis,
}

const PLOT: f64 = 470.0;
const DETAIL: f64 = 400.0;
const DETAIL_TITLE: &str = "the later half enlarged, each point the mean of ten";

/// `Figure 3: …`.
pub fn title(place: &FigurePlace, cells: &[Cell]) -> String {
    let title = cells.first().map_or("", |cell| &cell.title);
    format!("Figure {}: {title}", place.number)
}

impl Figure {
    /// The figure of the `cells` of one benchmark that are in `mode`; None where there is nothing to draw.
    pub fn new(summary: &Summary, cells: &[Cell], mode: &str, place: &FigurePlace) -> Option<Self> {
        let lines = lines::lines(summary, cells, mode);
        let all = || lines.iter().flat_map(|line| &line.points);
        let first = cells.iter().find(|cell| cell.row.mode == mode)?;
        let y = series::value_axis(all(), &first.row.metric, first.higher_is_better)?;
        let x = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p.0), high.max(p.0)));
        let axis = match place.x {
            None => Axis::exact(0.0, x.1, 8),
            Some(_) if place.x_log => Axis::log(x.0, x.1),
            Some(_) => Axis::linear(x.0, x.1, 10),
        };
        let entries = lines.iter().map(|line| (Sample::Method(line.look), line.words.clone())).collect();
        let title = format!("{}, budget {}", title(place, cells), summary.budget);
        Some(Figure {
            detail: if place.x.is_none() { Detail::new(&lines, (&axis, &y), first) } else { None },
            frame: Frame::new(title, entries, caption(&lines)),
            metric: match mode {
                "-" => format::metric(&first.row.metric).to_owned(),
                mode => format!("{mode} {} on test", format::metric(&first.row.metric)),
            },
            x: (axis, place.x_label.clone()),
            y,
            lines,
        })
    }

    /// Height of both panels in pixels.
    fn height(&self) -> f64 {
        PLOT + if self.detail.is_some() { DETAIL } else { 0.0 }
    }
}

impl Detail {
    /// `cell` is any of the figure's, `x` and `y` are the axes of the whole.
    fn new(lines: &[Line], (x, y): (&Axis, &Axis), cell: &Cell) -> Option<Self> {
        let lines = detail::detail(lines, y.range().end - y.range().start)?;
        let points = lines.iter().flat_map(|line| &line.points);
        let y = series::value_axis(points, &cell.row.metric, cell.higher_is_better)?;
        let end = x.range().end;
        Some(Detail { x: Axis::exact(end / 2.0, end, 8), y, lines })
    }
}

/// What the bands are, or how wide an interval is where none is drawn.
fn caption(lines: &[Line]) -> String {
    let seeds: Vec<usize> = lines.iter().map(|line| line.seeds).collect();
    let over_seeds = "line: mean over seeds; band: smallest to largest seed";
    if seeds.iter().all(|seeds| *seeds > 1) {
        return over_seeds.to_owned();
    }
    let one = match lines.iter().any(|line| line.spread == Spread::Whiskers) {
        true => "whisker: 95 % over episodes".to_owned(),
        false => {
            let halves = lines.iter().filter(|line| line.seeds == 1).map(|line| line.half);
            let (least, most) = halves.fold((f64::INFINITY, 0f64), |(l, m), half| (l.min(half), m.max(half)));
            format!("95 % over the episodes of a point, not drawn: ±{least:.1} to ±{most:.1}")
        }
    };
    match seeds.iter().all(|seeds| *seeds == 1) {
        true => format!("one seed; {one}"),
        false => format!("{over_seeds}; where there is one seed, {one}"),
    }
}

impl Drawing for Figure {
    fn size(&self) -> (f64, f64) {
        self.frame.size(self.height())
    }

    fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawn<DB> {
        self.draw_panel(sheet, (HEAD, PLOT), "", (&self.x.0, &self.y), &self.lines)?;
        if let Some(detail) = &self.detail {
            let place = (HEAD + PLOT, DETAIL);
            self.draw_panel(sheet, place, DETAIL_TITLE, (&detail.x, &detail.y), &detail.lines)?;
        }
        self.frame.draw(sheet, self.height())
    }
}

impl Figure {
    /// One panel from `top`, `height` pixels high.
    fn draw_panel<DB: DrawingBackend>(
        &self,
        sheet: &Sheet<DB>,
        (top, height): (f64, f64),
        title: &str,
        (x, y): (&Axis, &Axis),
        lines: &[Line],
    ) -> Drawn<DB> {
        let panel = Panel {
            place: (10.0, top, WIDTH - 20.0, height),
            title,
            x: (x.clone(), &self.x.1),
            y: (y.clone(), &self.metric),
            y_labels: 64.0,
            x_labels: 48.0,
        };
        panel.draw(sheet, |place| {
            lines.iter().try_for_each(|line| line.draw_spread(sheet, place))?;
            let count = lines.len();
            (0..).zip(lines).try_for_each(|(index, line)| line.draw_line(sheet, place, (index, count)))
        })
    }
}

impl Line {
    fn draw_spread<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, place: &dyn Fn(f64, f64) -> At) -> Drawn<DB> {
        match self.spread {
            Spread::Nothing => Ok(()),
            Spread::Whiskers => self.points.iter().try_for_each(|p| {
                let ends = (place(p.0, p.2), place(p.0, p.3));
                marks::whisker(sheet, ends.0, ends.1, 1.25, 6.0, self.look.colour)
            }),
            Spread::Band => points::band(sheet, place, &self.points, self.look.colour),
        }
    }

    /// The line of index `of.0` among `of.1`: where points are many, each line has its markers at steps of its own.
    fn draw_line<DB: DrawingBackend>(
        &self,
        sheet: &Sheet<DB>,
        place: &dyn Fn(f64, f64) -> At,
        of: (usize, usize),
    ) -> Drawn<DB> {
        let every = self.points.len().div_ceil(12).max(1);
        let first = if every > 1 { of.0 * every / of.1.max(1) } else { 0 };
        points::line(sheet, place, &self.points, (self.look, 1.75), &Markers { first, every, size: 8.0 })
    }
}
