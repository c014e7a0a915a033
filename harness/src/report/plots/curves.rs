//! Learning curves: the metric over meta-iterations, one line a method with a band, one panel a split.

use super::{
    axis::Axis,
    canvas::{Drawing, Drawn, Sheet, px},
    legend::{Legend, Sample},
    marks::{self, At, SMALL, TITLE, Type},
    panel::Panel,
    style::{Look, Styles},
};
use crate::report::{
    format,
    run::Run,
    stats::mean,
    summary::{Cell, Summary},
};
use plotters::prelude::*;
use std::collections::BTreeMap;

/// A place on a curve: step, mean, and the ends of its band.
pub(super) type Point = (f64, f64, f64, f64);

/// One method in one panel.
struct Series {
    label: String,
    look: Look,
    points: Vec<Point>,
    /// The final evaluation, with its interval; on test only.
    last: Option<Point>,
    /// The band is the range over seeds, not an interval over episodes.
    over_seeds: bool,
    /// A method that does not train: one level for all meta-iterations.
    level: bool,
}

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

/// The splits in the order of the panels.
const SPLITS: [(&str, &str); 3] =
    [("test", "test classes"), ("val", "validation classes"), ("train", "training classes")];

impl Curves {
    /// The curves of the `cells` of one benchmark that are in `mode`; None where nothing was evaluated during training.
    pub fn new(summary: &Summary, cells: &[Cell], mode: &str, styles: &Styles) -> Option<Self> {
        let first = &cells.first()?;
        let tasks = mode == "-";
        let mut panels = Vec::new();
        for (split, words) in SPLITS {
            let words = match (tasks, split) {
                (true, "test") => "test tasks",
                (true, "val") => "validation tasks",
                (true, _) => "training tasks",
                _ => words,
            };
            let of = |cell: &Cell| series(summary, cell, split, styles.look(&cell.row.method));
            let series: Vec<Series> = cells.iter().filter(|c| c.row.mode == mode).filter_map(of).collect();
            if series.iter().any(|s| s.points.len() > 1) {
                panels.push((words, series));
            }
        }
        let all = || panels.iter().flat_map(|(_, s)| s).flat_map(|s| s.points.iter().chain(&s.last));
        let steps = all().map(|p| p.0).fold(0.0, f64::max);
        let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.2), h.max(p.3)));
        if panels.is_empty() || !low.is_finite() {
            return None;
        }
        let smallest = all().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let y = value_axis(first, (low, high), smallest);
        // What does not train is known exactly at step 0 and stays there: the height that the others must leave behind.
        for series in panels.iter_mut().flat_map(|(_, s)| s).filter(|s| s.level) {
            if let Some((_, middle, low, high)) = series.last.take().or(series.points.pop()) {
                series.points = vec![(0.0, middle, low, high), (steps, middle, low, high)];
            }
        }
        let caption = caption(panels.iter().flat_map(|(_, s)| s));
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

/// An axis for values of the cell's metric from `low` to `high`; `smallest` is the smallest mean.
pub(super) fn value_axis(cell: &Cell, (low, high): (f64, f64), smallest: f64) -> Axis {
    match cell.row.metric.as_str() {
        "accuracy" => Axis::linear(low.max(0.0), high.min(100.0), 6),
        // Errors fall by orders of magnitude; an interval that reaches down to zero must not stretch the axis for ever.
        _ if !cell.higher_is_better && smallest > 0.0 => Axis::log(low.max(smallest / 2.0), high),
        _ => Axis::linear(low, high, 6),
    }
}

/// The runs behind a cell's mean.
pub(super) fn runs<'a>(summary: &'a Summary, cell: &Cell) -> Vec<&'a Run> {
    let row = &cell.row;
    let of_cell = |run: &&Run| {
        let record = &run.record;
        (&record.benchmark, &record.label) == (&row.benchmark, &row.method) && cell.of_seeds.contains(&record.seed)
    };
    summary.runs.iter().filter(of_cell).collect()
}

/// The curve of `runs` on `split` in `mode`, over the steps that all of them share. The band is the range over seeds, or
/// one seed's interval over episodes.
pub(super) fn points(runs: &[&Run], split: &str, mode: &str) -> Vec<Point> {
    let mut steps: BTreeMap<u64, Vec<(f64, Option<f64>)>> = BTreeMap::new();
    for run in runs {
        for point in run.curve.iter().filter(|p| p.split == split && p.mode == mode) {
            steps.entry(point.step).or_default().push((point.value, point.ci95));
        }
    }
    let point = |step: u64, values: &[(f64, Option<f64>)]| {
        let only: Vec<f64> = values.iter().map(|v| v.0).collect();
        let (middle, half) = (mean(&only), values[0].1.unwrap_or(0.0));
        let range = only.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        let (low, high) = if only.len() > 1 { range } else { (middle - half, middle + half) };
        (step as f64, middle, low, high)
    };
    steps.iter().filter(|(_, v)| v.len() == runs.len()).map(|(s, v)| point(*s, v)).collect()
}

/// The series of `cell` on `split`.
fn series(summary: &Summary, cell: &Cell, split: &str, look: Look) -> Option<Series> {
    let row = &cell.row;
    let runs = runs(summary, cell);
    let points = points(&runs, split, &row.mode);
    let last = row.mean.filter(|_| split == "test").map(|middle| {
        let half = row.ci95_seeds.or(row.ci95_episodes).unwrap_or(0.0);
        (row.meta_iters as f64, middle, middle - half, middle + half)
    });
    let (over_seeds, level) = (runs.len() > 1, row.meta_iters == 0);
    let series = Series { label: row.method.clone(), look, points, last, over_seeds, level };
    (!series.points.is_empty() || series.last.is_some()).then_some(series)
}

/// What the bands are.
fn caption<'a>(series: impl Iterator<Item = &'a Series> + Clone) -> String {
    let drawn = series.filter(|s| s.points.len() > 1);
    match (drawn.clone().any(|s| s.over_seeds), drawn.clone().any(|s| !s.over_seeds)) {
        (true, false) => "line: mean over seeds; band: smallest to largest seed; final: 95 % interval over seeds",
        (false, _) => "band and final whisker: 95 % interval over episodes",
        (true, true) => "band: smallest to largest seed, or 95 % over episodes where a method has one seed",
    }
    .to_string()
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
