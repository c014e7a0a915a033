//! Learning curves as numbers: what the plots and the page draw.

use super::chart::{self, Axis, Look};
use crate::results::metric::Metric;
use crate::results::metrics::MetricRow;
use crate::results::rows::{Cell, Summary};
use crate::results::run::Run;
use crate::results::statistics::mean;
use crate::words::thousands;
use harness_core::{Mode, Split};
use std::collections::BTreeMap;

/// A place on a curve, with the ends of its band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

impl Point {
    /// `95.18 [94.74, 95.62]`, or the mean alone.
    pub fn text(&self, metric: Metric) -> String {
        match self.low == self.high {
            true => metric.value(self.mean),
            false => format!("{} [{}, {}]", metric.value(self.mean), metric.value(self.low), metric.value(self.high)),
        }
    }
}

/// One method's curve on one split in one mode.
pub struct LearningCurve<'a> {
    /// The row that it is of: rows of other settings may share its label.
    pub cell: &'a Cell,
    pub label: String,
    pub look: Look,
    pub points: Vec<Point>,
    /// Episodes behind each of the points, of each seed.
    pub episodes: Vec<u64>,
    /// The final evaluation, with its interval; on test only.
    pub last: Option<Point>,
    /// The band is the range over seeds, not an interval over episodes.
    pub over_seeds: bool,
    /// A method that does not train: one level for all meta-iterations.
    pub level: bool,
}

/// The splits in the order of the panels.
pub const SPLITS: [Split; 3] = [Split::Test, Split::Val, Split::Train];

/// What a curve in `mode` is evaluated on: classes, or tasks where there are none.
pub fn split_words(split: Split, mode: Mode) -> &'static str {
    match (mode, split) {
        (Mode::Pointwise, Split::Test) => "test tasks",
        (Mode::Pointwise, Split::Val) => "validation tasks",
        (Mode::Pointwise, Split::Train) => "training tasks",
        (_, Split::Test) => "test classes",
        (_, Split::Val) => "validation classes",
        (_, Split::Train) => "training classes",
    }
}

/// The curve of `runs` on `split` in `mode`, over the steps that all of them share, from the last one on that any of them lacks:
/// no line is drawn across what was not measured. The band is the range over seeds, or one seed's interval over episodes.
pub fn points(runs: &[&Run], split: Split, mode: Mode) -> Vec<Point> {
    let mut steps: BTreeMap<u64, Vec<(f64, Option<f64>)>> = BTreeMap::new();
    for run in runs {
        for point in run.curve.iter().filter(|p| p.split == split && p.mode == mode) {
            steps.entry(point.step).or_default().push((point.value, point.ci95));
        }
    }
    let missing = runs.iter().flat_map(|run| run.record.missing_points.iter().copied()).max();
    let drawn = |step: u64| missing.is_none_or(|missing| step > missing);
    steps.iter().filter(|(s, v)| v.len() == runs.len() && drawn(**s)).map(|(s, v)| banded(*s as f64, v)).collect()
}

/// The point of `values`, one a seed with its interval over episodes: their range is its band, or one seed's interval.
fn banded(x: f64, values: &[(f64, Option<f64>)]) -> Point {
    let only: Vec<f64> = values.iter().map(|v| v.0).collect();
    let (middle, half) = (mean(&only), values[0].1.unwrap_or(0.0));
    let range = only.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let (low, high) = if only.len() > 1 { range } else { (middle - half, middle + half) };
    Point { x, mean: middle, low, high }
}

/// Fewest episodes behind the point at `step` in any run.
fn episodes(runs: &[&Run], split: Split, mode: Mode, step: f64) -> u64 {
    let here = runs.iter().flat_map(|run| &run.curve).filter(|p| p.split == split && p.mode == mode);
    here.filter(|point| point.step as f64 == step).map(|point| point.n).min().unwrap_or(0)
}

impl<'a> LearningCurve<'a> {
    /// The series of `cell` on `split`, over the steps that all its seeds share; None where nothing was evaluated.
    pub fn new(summary: &Summary, cell: &'a Cell, split: Split, look: Look) -> Option<Self> {
        let row = &cell.row;
        let runs = summary.runs_of(cell);
        let mut points = points(&runs, split, row.mode);
        let mut episodes: Vec<u64> = points.iter().map(|point| episodes(&runs, split, row.mode, point.x)).collect();
        let last = row.mean.filter(|_| split == Split::Test).map(|middle| {
            let half = row.ci95_seeds.or(row.ci95_episodes).unwrap_or(0.0);
            Point { x: row.meta_iters as f64, mean: middle, low: middle - half, high: middle + half }
        });
        let (over_seeds, level) = (runs.len() > 1, row.meta_iters == 0);
        // The line ends at the last state's number on the table's episodes, not at a measurement of it on a few.
        if let Some(last) = last.filter(|_| !level && !points.is_empty()) {
            let before = points.iter().take_while(|point| point.x < last.x).count();
            points.truncate(before);
            episodes.truncate(before);
            let end = end(&runs, row.mode, last);
            // A last state that diverged is no end of a line.
            if end.mean.is_finite() {
                points.push(end);
                episodes.push(row.episodes);
            }
        }
        let series = LearningCurve { cell, label: row.method.clone(), look, points, episodes, last, over_seeds, level };
        (!series.points.is_empty() || series.last.is_some()).then_some(series)
    }
}

/// Where a line ends: at the number of the last states, with the band of the points before it. `last` is what the table
/// reports, with its interval.
fn end(runs: &[&Run], mode: Mode, last: Point) -> Point {
    let of = |rows: &'_ [MetricRow]| rows.iter().find(|row| row.mode == mode).map(|row| (row.value, row.ci95));
    let reported = runs.iter().all(|run| of(&run.last).is_none());
    // Where the best state on validation classes is the last one, a run has no other number.
    let numbers: Option<Vec<(f64, Option<f64>)>> =
        runs.iter().map(|run| of(&run.last).or_else(|| of(&run.finals))).collect();
    match numbers {
        Some(numbers) if !reported => banded(last.x, &numbers),
        Some(numbers) if numbers.len() > 1 => Point { mean: last.mean, ..banded(last.x, &numbers) },
        _ => last,
    }
}

/// The axis on which all `points` of `metric` can be read; None for no points. Percent that come near to 100 are spread out
/// there, where methods differ: most of a plain axis would go to the first steps. It ends behind `most`, the largest of
/// the final evaluations.
pub fn value_axis<'a>(points: impl Iterator<Item = &'a Point> + Clone, most: f64, metric: Metric) -> Option<Axis> {
    let means = points.clone().map(|p| p.mean);
    let (low, high) = means.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if metric.is_percent() && chart::near_hundred(low, high) {
        return Some(Axis::missing(low - 0.05 * (100.0 - low), (high + (100.0 - high) * 0.3).min(Axis::past(most))));
    }
    plain_axis(points, metric)
}

/// As [`value_axis`], and percent on a plain axis always: as published figures have it.
pub fn plain_axis<'a>(points: impl Iterator<Item = &'a Point> + Clone, metric: Metric) -> Option<Axis> {
    let (low, high) =
        points.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.low), h.max(p.high)));
    if !low.is_finite() {
        return None;
    }
    let smallest = points.map(|p| p.mean).fold(f64::INFINITY, f64::min);
    Some(match metric.is_percent() {
        true => Axis::linear(low.max(0.0), high.min(100.0), 6),
        // Errors fall by orders of magnitude; an interval that reaches down to zero must not stretch the axis for ever.
        false if !metric.higher_is_better && smallest > 0.0 => Axis::log(low.max(smallest / 2.0), high),
        false => Axis::linear(low, high, 6),
    })
}

/// What training takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// Forward and backward passes of one image or point.
    Images,
    /// Of work on the clock, evaluation included.
    Seconds,
}

impl Spent {
    /// How much of it a unit of the axis is, and its words, where `most` is the largest value.
    pub fn unit(self, most: f64) -> (f64, &'static str) {
        match self {
            Spent::Images if most >= 2e6 => (1e6, "million image passes"),
            Spent::Images if most >= 2e3 => (1e3, "thousand image passes"),
            Spent::Images => (1.0, "image passes"),
            Spent::Seconds if most >= 7200.0 => (3600.0, "hours"),
            Spent::Seconds if most >= 300.0 => (60.0, "minutes"),
            Spent::Seconds => (1.0, "seconds"),
        }
    }
}

/// The test curve of `cell` over what was spent, averaged over its seeds; None where its runs do not say.
pub fn spent(summary: &Summary, cell: &Cell, kind: Spent) -> Option<Vec<(f64, f64)>> {
    let runs = summary.runs_of(cell);
    let at = |run: &Run, step: f64| match kind {
        Spent::Images => Some(run.record.image_passes? * step),
        Spent::Seconds => {
            let here =
                run.curve.iter().find(|r| r.split == Split::Test && r.mode == cell.row.mode && r.step as f64 == step);
            run.record.clock(here?.wall_s)
        }
    };
    let point = |p: &Point| {
        let all: Vec<f64> = runs.iter().map(|run| at(run, p.x)).collect::<Option<_>>()?;
        Some((mean(&all), p.mean))
    };
    let points: Vec<(f64, f64)> = points(&runs, Split::Test, cell.row.mode).iter().map(point).collect::<Option<_>>()?;
    (points.len() > 1).then_some(points)
}

/// What the intervals of some curves are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Seeds,
    Episodes,
    /// Some curves have several seeds, others one.
    Both,
}

impl Over {
    /// Of all `series` together; None where there are none.
    fn of<'a, 'b: 'a>(series: impl Iterator<Item = &'a LearningCurve<'b>> + Clone) -> Option<Self> {
        match (series.clone().any(|s| s.over_seeds), series.clone().any(|s| !s.over_seeds)) {
            (true, true) => Some(Over::Both),
            (true, false) => Some(Over::Seeds),
            (false, true) => Some(Over::Episodes),
            (false, false) => None,
        }
    }

    /// What the bands are.
    fn band(self) -> &'static str {
        match self {
            Over::Seeds => "line: mean over seeds; band: smallest to largest seed",
            Over::Episodes => "band: 95 % interval over episodes",
            Over::Both => "band: smallest to largest seed, or 95 % over episodes where a method has one seed",
        }
    }

    /// What the whiskers of the final evaluations are.
    fn whisker(self) -> &'static str {
        match self {
            Over::Seeds => "final whisker: 95 % interval over seeds",
            Over::Episodes => "final whisker: 95 % interval over episodes",
            Over::Both => "final whisker: 95 % interval over seeds, or over episodes where a method has one seed",
        }
    }
}

/// What the bands and the final whiskers are, and how many episodes stand behind the points.
pub fn caption<'a, 'b: 'a>(series: impl Iterator<Item = &'a LearningCurve<'b>> + Clone) -> String {
    let drawn = series.clone().filter(|s| s.points.len() > 1);
    let bands = Over::of(drawn.clone());
    let whiskers = Over::of(series.filter(|s| s.last.is_some()));
    let shown = match whiskers {
        Some(Over::Episodes) if bands == whiskers => "band and final whisker: 95 % interval over episodes".to_owned(),
        _ => [bands.map(Over::band), whiskers.map(Over::whisker)].into_iter().flatten().collect::<Vec<_>>().join("; "),
    };
    let range = |counts: Vec<u64>| -> Option<String> {
        let (least, most) = (*counts.iter().min()?, *counts.iter().max()?);
        Some(if least == most { thousands(least) } else { format!("{} to {}", thousands(least), thousands(most)) })
    };
    let points = |s: &LearningCurve| s.episodes.len() - usize::from(s.last.is_some() && !s.level).min(s.episodes.len());
    let before = range(drawn.clone().flat_map(|s| s.episodes[..points(s)].to_vec()).filter(|n| *n > 0).collect());
    let last = range(drawn.filter(|s| s.last.is_some()).filter_map(|s| s.episodes.last().copied()).collect());
    let behind = match (before, last) {
        (Some(before), Some(last)) => format!("; {before} episodes a point, {last} at the last one on test"),
        (Some(before), None) => format!("; {before} episodes a point"),
        _ => String::new(),
    };
    format!("{shown}{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::Styles;
    use crate::results::fixtures::Made;
    use crate::results::summary::summarize;

    /// The caption of the test curves of runs: a label, a seed, a final accuracy, and whether it has a curve.
    fn told(runs: &[(&'static str, u64, f64, bool)]) -> (String, Vec<Point>, Vec<Option<Point>>) {
        let out = tempfile::tempdir().unwrap();
        for &(label, seed, accuracy, curve) in runs {
            let mut run = Made::new("quick", "omniglot-5w1s", label, seed).finals(&[("inductive", accuracy, 0.2)]);
            run.splits = if curve { &["test"] } else { &[] };
            run.write(out.path());
        }
        let summary = summarize(out.path(), "quick").unwrap();
        let look = Styles::of_labels(&[]).look("reptile");
        let of = |cell| LearningCurve::new(&summary, cell, Split::Test, look);
        let series: Vec<LearningCurve> = summary.cells.iter().filter_map(of).collect();
        let ends = series.iter().filter_map(|s| s.points.last().copied()).collect();
        (caption(series.iter()), ends, series.iter().map(|s| s.last).collect())
    }

    #[test]
    fn a_caption_says_what_every_final_whisker_is() {
        let one = ("maml", 0, 97.0, true);
        let several = [("reptile", 0, 95.0, true), ("reptile", 1, 96.0, true)];
        let begins = |runs: &[_], words: &str| {
            let (caption, ..) = told(runs);
            assert!(caption.starts_with(&format!("{words}; 100 episodes a point")), "{caption}");
        };
        begins(&[one], "band and final whisker: 95 % interval over episodes");
        begins(
            &several,
            "line: mean over seeds; band: smallest to largest seed; final whisker: 95 % interval over seeds",
        );
        begins(
            &[one, several[0], several[1]],
            "band: smallest to largest seed, or 95 % over episodes where a method has one seed; final whisker: 95 % \
             interval over seeds, or over episodes where a method has one seed",
        );
        // A row of several seeds without a curve has a whisker all the same.
        let flat = several.map(|(label, seed, accuracy, _)| (label, seed, accuracy, false));
        begins(
            &[one, flat[0], flat[1]],
            "band: 95 % interval over episodes; final whisker: 95 % interval over seeds, or over episodes where a \
             method has one seed",
        );
    }

    /// The band ends as it began; the interval over seeds is the whisker's.
    #[test]
    fn the_band_of_several_seeds_ends_at_the_smallest_and_the_largest() {
        let (_, ends, lasts) =
            told(&[("reptile", 0, 95.47, true), ("reptile", 1, 95.53, true), ("reptile", 2, 95.61, true)]);
        assert_eq!((ends[0].low, ends[0].high), (95.47, 95.61));
        let last = lasts[0].unwrap();
        assert_eq!(ends[0].mean, last.mean);
        assert!(last.low < 95.4 && last.high > 95.65, "Student's t: {last:?}");
        let (_, ends, lasts) = told(&[("reptile", 0, 95.47, true)]);
        assert_eq!(Some(ends[0]), lasts[0], "one seed: the interval over episodes");
    }
}
