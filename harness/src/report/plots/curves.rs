//! Learning curves: the metric over meta-iterations, one line a method with a band, one panel a split.

use super::{
    axis::Axis,
    canvas::{Drawing, Drawn, Sheet},
    frame::{Frame, HEAD, WIDTH},
    legend::Sample,
    marks::{self, At},
    panel::Panel,
    points::{self, Markers},
    style::Styles,
};
use crate::report::{
    format,
    series::{self, SPLITS, Series},
    summary::{Cell, Summary},
};
use plotters::prelude::*;

/// The learning curves of one benchmark in one mode.
pub struct Curves {
    frame: Frame,
    metric: String,
    panels: Vec<(&'static str, Vec<Series>)>,
    x: Axis,
    y: Axis,
}

const PLOT: f64 = 360.0;

impl Curves {
    /// The curves of the `cells` of one benchmark that are in `mode`; None where nothing was evaluated during training.
    pub fn new(summary: &Summary, cells: &[Cell], mode: &str, styles: &Styles) -> Option<Self> {
        let first = &cells.first()?;
        let tasks = mode == "-";
        let mut panels = Vec::new();
        for split in SPLITS {
            let words = series::split_words(split, mode);
            let of = |cell: &Cell| Series::new(summary, cell, split, styles.look(&cell.row.method));
            let series: Vec<Series> = cells.iter().filter(|c| c.row.mode == mode).filter_map(of).collect();
            if series.iter().any(|s| s.points.len() > 1) {
                panels.push((words, series));
            }
        }
        let all = || panels.iter().flat_map(|(_, s)| s).flat_map(|s| s.points.iter().chain(&s.last));
        let steps = all().map(|p| p.0).fold(0.0, f64::max);
        let y = series::value_axis(all(), &first.row.metric, first.higher_is_better)?;
        // What does not train is known exactly at step 0 and stays there: the height that the others must leave behind.
        for series in panels.iter_mut().flat_map(|(_, s)| s).filter(|s| s.level) {
            if let Some((_, middle, low, high)) = series.last.take().or(series.points.pop()) {
                series.points = vec![(0.0, middle, low, high), (steps, middle, low, high)];
            }
        }
        let caption = series::caption(panels.iter().flat_map(|(_, s)| s));
        let mut entries: Vec<(Sample, String)> = Vec::new();
        for series in panels.iter().flat_map(|(_, s)| s) {
            if entries.iter().all(|(_, label)| *label != series.label) {
                entries.push((Sample::Method(series.look), series.label.clone()));
            }
        }
        entries.push((Sample::Final, "final evaluation".into()));
        let mode = if tasks { String::new() } else { format!(", {mode}") };
        let title = format!("{}{mode}: learning curves, budget {}", first.row.benchmark, summary.budget);
        Some(Curves {
            frame: Frame::new(title, entries, caption),
            metric: format::metric(&first.row.metric).to_string(),
            x: Axis::exact(0.0, steps, if panels.len() > 2 { 4 } else { 5 }),
            y,
            panels,
        })
    }
}

impl Drawing for Curves {
    fn size(&self) -> (f64, f64) {
        self.frame.size(PLOT)
    }

    fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawn<DB> {
        let count = self.panels.len() as f64;
        let width = (WIDTH - 20.0) / count;
        for (index, (title, series)) in self.panels.iter().enumerate() {
            let panel = Panel {
                place: (10.0 + width * index as f64, HEAD, width, PLOT),
                title,
                x: (self.x.clone(), "meta-iterations"),
                y: (self.y.clone(), if index == 0 { &self.metric } else { "" }),
                y_labels: 64.0,
                x_labels: 48.0,
            };
            panel.draw(sheet, |place| {
                series.iter().try_for_each(|s| s.draw_band(sheet, place))?;
                series.iter().try_for_each(|s| s.draw_line(sheet, place))?;
                series.iter().try_for_each(|s| s.draw_last(sheet, place))
            })?;
        }
        self.frame.draw(sheet, PLOT)
    }
}

impl Series {
    fn draw_band<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, place: &dyn Fn(f64, f64) -> At) -> Drawn<DB> {
        points::band(sheet, place, &self.points, self.look.colour)
    }

    fn draw_line<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, place: &dyn Fn(f64, f64) -> At) -> Drawn<DB> {
        let markers = Markers { first: 0, every: self.points.len().div_ceil(10).max(1), size: 6.0 };
        points::line(sheet, place, &self.points, (self.look, 2.0), &markers)
    }

    fn draw_last<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, place: &dyn Fn(f64, f64) -> At) -> Drawn<DB> {
        let Some((step, middle, low, high)) = self.last else { return Ok(()) };
        marks::whisker(sheet, place(step, low), place(step, high), 1.5, 7.0, self.look.colour)?;
        marks::marker(sheet, place(step, middle), self.look, 10.5)
    }
}
