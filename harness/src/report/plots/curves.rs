//! Learning curves: the metric over meta-iterations, one line a method with a band, one panel a split.

use super::{
    axis::Axis,
    canvas::{Drawing, Drawn, Sheet, px},
    legend::{Legend, Sample},
    marks::{self, At, SMALL, TITLE, Type},
    panel::Panel,
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
    title: String,
    metric: String,
    panels: Vec<(&'static str, Vec<Series>)>,
    x: Axis,
    y: Axis,
    legend: Legend,
    caption: String,
}

const WIDTH: f64 = 960.0;
const HEAD: f64 = 40.0;
const PLOT: f64 = 360.0;
const CAPTION: f64 = 26.0;

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
        let caption = series::caption(panels.iter().flat_map(|(_, s)| s)).to_string();
        let mut entries: Vec<(Sample, String)> = Vec::new();
        for series in panels.iter().flat_map(|(_, s)| s) {
            if entries.iter().all(|(_, label)| *label != series.label) {
                entries.push((Sample::Method(series.look), series.label.clone()));
            }
        }
        entries.push((Sample::Final, "final evaluation".into()));
        let mode = if tasks { String::new() } else { format!(", {mode}") };
        Some(Curves {
            title: format!("{}{mode}: learning curves, budget {}", first.row.benchmark, summary.budget),
            metric: format::metric(&first.row.metric).to_string(),
            x: Axis::exact(0.0, steps, if panels.len() > 2 { 4 } else { 5 }),
            y,
            panels,
            legend: Legend::new(entries, WIDTH - 40.0),
            caption,
        })
    }
}

impl Drawing for Curves {
    fn size(&self) -> (f64, f64) {
        (WIDTH, HEAD + PLOT + self.legend.height() + CAPTION + 14.0)
    }

    fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawn<DB> {
        marks::text(sheet, &self.title, (px(WIDTH / 2.0), px(HEAD / 2.0)), Type::plain(TITLE).bold().centred())?;
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
        let top = HEAD + PLOT + 6.0;
        self.legend.draw(sheet, 20.0, top)?;
        let at = (px(WIDTH / 2.0), px(top + self.legend.height() + CAPTION / 2.0));
        marks::text(sheet, &self.caption, at, Type::plain(SMALL).faint().centred())
    }
}

impl Series {
    fn draw_band<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, place: &dyn Fn(f64, f64) -> At) -> Drawn<DB> {
        let low: Vec<At> = self.points.iter().map(|p| place(p.0, p.2)).collect();
        let high: Vec<At> = self.points.iter().map(|p| place(p.0, p.3)).collect();
        if low.len() > 1 { marks::band(sheet, &low, &high, self.look.colour) } else { Ok(()) }
    }

    fn draw_line<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, place: &dyn Fn(f64, f64) -> At) -> Drawn<DB> {
        let line: Vec<At> = self.points.iter().map(|p| place(p.0, p.1)).collect();
        marks::line(sheet, &line, self.look.colour, 2.0, self.look.dash)?;
        // A handful of markers is enough to tell lines apart; one at every point would hide them.
        let every = self.points.len().div_ceil(10).max(1);
        line.iter().step_by(every).try_for_each(|at| marks::marker(sheet, *at, self.look, 6.0))
    }

    fn draw_last<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, place: &dyn Fn(f64, f64) -> At) -> Drawn<DB> {
        let Some((step, middle, low, high)) = self.last else { return Ok(()) };
        marks::whisker(sheet, place(step, low), place(step, high), 1.5, 7.0, self.look.colour)?;
        marks::marker(sheet, place(step, middle), self.look, 10.5)
    }
}
