//! Learning curves of a benchmark, a chart a mode and a panel a split, and the same curves over what was spent: image
//! passes and seconds. All panels of one benchmark share their axis of values.

use crate::report::chart::{self, Axis, Chart, Column, Mark, Panel, Sample, Stroke, Styles, Value, Values, Y};
use crate::report::learning_curve::{self, LearningCurve, Point, SPLITS, Spent};
use crate::results::metric::with_mode;
use crate::results::rows::{Cell, Summary};
use crate::words;
use harness_core::Mode;

const TALL: f64 = 390.0;
/// From one final evaluation to the next, in parts of the axis.
const LANE: f64 = 0.022;

/// A part of the class split in words, and its curves.
type Split<'a> = (&'static str, Vec<LearningCurve<'a>>);

/// The curves of the `cells` of one benchmark; empty where nothing was evaluated during training.
pub fn charts(summary: &Summary, cells: &[Cell], styles: &Styles) -> Vec<Chart> {
    let Some(first) = cells.first() else { return Vec::new() };
    let mut drawn: Vec<(Mode, Vec<Split>)> = Vec::new();
    for mode in super::modes(cells) {
        let of_split = |split| {
            let here = cells.iter().filter(|cell| cell.row.mode == mode);
            let series: Vec<LearningCurve> = here
                .filter_map(|cell| LearningCurve::new(summary, cell, split, styles.look(&cell.row.method)))
                .collect();
            let curve = series.iter().any(|s| s.points.len() > 1);
            curve.then(|| (learning_curve::split_words(split, mode), series))
        };
        let panels: Vec<_> = SPLITS.into_iter().filter_map(of_split).collect();
        if !panels.is_empty() {
            drawn.push((mode, panels));
        }
    }
    let all = || drawn.iter().flat_map(|(_, panels)| panels).flat_map(|(_, s)| s);
    let points = || all().flat_map(|s| s.points.iter().chain(&s.last));
    // The few best of many small evaluations, which may be 100 %, must not stretch the axis for all.
    let mut means: Vec<f64> = all().flat_map(|s| &s.points).map(|p| p.mean).collect();
    means.sort_by(f64::total_cmp);
    let most = means.get(means.len().saturating_sub(1) * 97 / 100).copied().unwrap_or(f64::MAX);
    let best = finals(all()).fold(f64::NEG_INFINITY, f64::max);
    let most = most.max(best);
    let shown = points().filter(|p| p.mean <= most || !first.row.metric.is_percent());
    let Some(y) = learning_curve::value_axis(shown, best, first.row.metric) else { return Vec::new() };
    let steps = points().map(|p| p.x).fold(0.0, f64::max);
    let mut charts = Vec::new();
    for &(mode, ref panels) in &drawn {
        let about = Common { summary, first, mode, steps, y: &y };
        charts.push(about.curves(panels));
        charts.extend(about.spending(&panels[0].1));
    }
    charts
}

/// The final numbers of `series`: those of the table, and the lines' ends.
fn finals<'a, 'b: 'a>(series: impl Iterator<Item = &'a LearningCurve<'b>>) -> impl Iterator<Item = f64> {
    let tested = series.filter_map(|s| Some((s.last?, s.points.last())));
    tested.flat_map(|(last, end)| [Some(last.mean), end.map(|p| p.mean)]).flatten()
}

/// What the charts of one benchmark and mode have in common.
struct Common<'a> {
    summary: &'a Summary,
    first: &'a Cell,
    mode: Mode,
    steps: f64,
    y: &'a Axis,
}

impl Common<'_> {
    fn name(&self, kind: &str) -> String {
        format!("{kind}-{}{}", self.first.row.benchmark, with_mode("-", self.mode))
    }

    fn chart(&self, kind: &str, what: &str, series: &[&LearningCurve], caption: String, panels: Vec<Panel>) -> Chart {
        let mut legend: Vec<(Sample, String)> = Vec::new();
        for series in series {
            if legend.iter().all(|(_, label)| *label != series.label) {
                legend.push((Sample::Method(series.look), series.label.clone()));
            }
        }
        let mode = with_mode(", ", self.mode);
        let benchmark = &self.first.row.benchmark;
        let scale = if self.y.is_missing() { format!("; {}", chart::MISSING) } else { String::new() };
        Chart {
            name: self.name(kind),
            words: format!("{benchmark}{mode}: {what}"),
            title: format!("{benchmark}{mode}: {what}, budget {}", self.summary.shown()),
            legend,
            caption: caption + &scale,
            across: panels.len(),
            panels,
        }
    }

    fn curves(&self, panels: &[Split]) -> Chart {
        let all: Vec<&LearningCurve> = panels.iter().flat_map(|(_, series)| series).collect();
        let caption = learning_curve::caption(all.iter().copied());
        let panel = |(index, (title, series)): (usize, &Split)| {
            self.panel(title, series, index == 0, if panels.len() > 2 { 4 } else { 5 })
        };
        let drawn = panels.iter().enumerate().map(panel).collect();
        self.chart("curves", "learning curves", &all, caption, drawn)
    }

    fn words(&self, first: bool) -> String {
        if first { self.first.row.metric.heading() } else { String::new() }
    }

    /// One split over meta-iterations.
    fn panel(&self, title: &str, series: &[LearningCurve], first: bool, ticks: usize) -> Panel {
        let finals = series.iter().filter(|s| s.last.is_some()).count() as f64;
        // Final evaluations stand beside each other behind the curves, so that equal ones hide no interval.
        let room = if finals > 0.0 { LANE * (finals + 1.0) } else { 0.0 };
        let mut x = Axis::exact(0.0, self.steps * (1.0 + room), ticks);
        x.ticks.retain(|tick| *tick <= self.steps);
        let mut lane = 0.0;
        let lanes: Vec<f64> = series
            .iter()
            .map(|s| {
                lane += if s.last.is_some() { LANE } else { 0.0 };
                self.steps * (1.0 + lane)
            })
            .collect();
        let mut marks = Vec::new();
        for series in series.iter().filter(|s| !s.level) {
            let points = series.points.iter().map(|p| (p.x, p.low, p.high)).collect();
            marks.push(Mark::Band { points, colour: series.look.colour });
        }
        for series in series {
            marks.extend(line(series, self.steps));
        }
        for (series, lane) in series.iter().zip(&lanes) {
            if let Some(Point { mean, low, high, .. }) = series.last {
                let (colour, ends) = (series.look.colour, [(*lane, low), (*lane, high)]);
                marks.push(Mark::Whisker { ends, width: 1.5, cap: 6.0, colour });
                marks.push(Mark::Marker { at: (*lane, mean), look: series.look, size: 9.0 });
            }
        }
        Panel {
            title: title.to_owned(),
            height: TALL,
            x: (x, if finals > 0.0 { "meta-iterations, then the final evaluation" } else { "meta-iterations" }.into()),
            y: Y::Axis(self.y.clone(), self.words(first)),
            marks,
            values: Some(self.values(series, &lanes)),
        }
    }

    /// Every step at which some method was evaluated, then the final evaluation.
    fn values(&self, series: &[LearningCurve], lanes: &[f64]) -> Values {
        let value = |x: f64, point: &Point| Value {
            text: point.text(self.first.row.metric).replace('-', "−"),
            at: (x, point.mean),
        };
        let mut steps: Vec<u64> = series.iter().flat_map(|s| &s.points).map(|p| p.x as u64).collect();
        steps.sort_unstable();
        steps.dedup();
        let at = |step: u64| {
            let cell = |s: &LearningCurve| {
                let place = s.points.iter().position(|p| p.x as u64 == step)?;
                let value = value(s.points[place].x, &s.points[place]);
                Some(Value { text: with_episodes(value.text, s.episodes.get(place)), ..value })
            };
            (words::thousands(step), series.iter().map(cell).collect())
        };
        let mut rows: Vec<(String, Vec<Option<Value>>)> = steps.into_iter().map(at).collect();
        if series.iter().any(|s| s.last.is_some()) {
            let cells = series.iter().zip(lanes).map(|(s, lane)| s.last.as_ref().map(|p| value(*lane, p)));
            rows.push(("final".to_owned(), cells.collect()));
        }
        let column = |s: &LearningCurve| Column { name: s.label.clone(), colour: s.look.colour, level: s.level };
        Values { of: "meta-iteration".into(), columns: series.iter().map(column).collect(), rows }
    }

    /// The test curves over what was spent; None where no more than one method trains, or nothing is known of it.
    fn spending(&self, series: &[LearningCurve]) -> Option<Chart> {
        let training: Vec<&LearningCurve> = series.iter().filter(|s| !s.level && s.points.len() > 1).collect();
        if training.len() < 2 {
            return None;
        }
        let (mut panels, mut notes) = (Vec::new(), Vec::new());
        for kind in [Spent::Images, Spent::Seconds] {
            let of = |series: &LearningCurve| learning_curve::spent(self.summary, series.cell, kind);
            let spent = training.iter().filter_map(|&series| Some((series, of(series)?)));
            let curves: Vec<(&LearningCurve, Vec<(f64, f64)>)> = spent.collect();
            if curves.len() < 2 {
                continue;
            }
            notes.insert(
                0,
                match kind {
                    Spent::Images => "image passes: forward and backward, an estimate",
                    Spent::Seconds => "time: evaluation included, on the runs' machines",
                },
            );
            let most = curves.iter().flat_map(|(_, points)| points).map(|p| p.0).fold(0.0, f64::max);
            let (unit, words) = kind.unit(most);
            let scaled = |points: Vec<(f64, f64)>| points.into_iter().map(|(x, y)| (x / unit, y)).collect();
            let marks = curves.into_iter().flat_map(|(series, points)| curve(series, scaled(points))).collect();
            let axis = Axis::exact(0.0, most / unit, 5);
            let y = Y::Axis(self.y.clone(), self.words(panels.is_empty()));
            panels.push(Panel { title: String::new(), height: TALL, x: (axis, words.into()), y, marks, values: None });
        }
        let caption = ["test episodes during training"].into_iter().chain(notes).collect::<Vec<_>>().join("; ");
        let chart = self.chart("spending", "what training costs", &training, caption, panels);
        (!chart.panels.is_empty()).then_some(chart)
    }
}

/// The line of a series; what does not train stays where it is: the height that the others must leave behind.
fn line(series: &LearningCurve, steps: f64) -> Vec<Mark> {
    if series.level {
        let Some(Point { mean: level, .. }) = series.last.or(series.points.last().copied()) else { return Vec::new() };
        return curve(series, vec![(0.0, level), (steps, level)]);
    }
    curve(series, series.points.iter().map(|p| (p.x, p.mean)).collect())
}

/// A line with a handful of markers: enough to tell lines apart; one at every point would hide them.
fn curve(series: &LearningCurve, points: Vec<(f64, f64)>) -> Vec<Mark> {
    let every = points.len().div_ceil(8).max(1);
    let markers = points.iter().step_by(every).map(|at| Mark::Marker { at: *at, look: series.look, size: 7.0 });
    let markers: Vec<Mark> = markers.collect();
    let stroke = Stroke { colour: series.look.colour, width: 2.0, dash: series.look.dash };
    [Mark::Line { points, stroke }].into_iter().chain(markers).collect()
}

/// `95.18 [94.74, 95.62], n = 20`; older results may not say how many episodes there were.
fn with_episodes(text: String, episodes: Option<&u64>) -> String {
    match episodes {
        Some(n @ 1..) => format!("{text}, n = {}", words::thousands(*n)),
        _ => text,
    }
}
