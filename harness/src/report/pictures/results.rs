//! Our value beside the published one on the range that matters: a row a method and mode, a dot for each value, and every
//! interval. The numbers stand beside it.

use crate::benchmark::folds;
use crate::report::chart::{self, Axis, Chart, FAINT, INK, Mark, Panel, Row, Sample, Styles, Y};
use crate::report::tables;
use crate::results::metric::{Metric, with_mode};
use crate::results::rows::{Cell, Summary};

const EPISODES: (f64, f64) = (3.5, 0.0);
const THIN: (f64, f64) = (1.25, 8.0);
/// Where in a row ours and the published value lie.
const OURS: f64 = 0.34;
const PUBLISHED: f64 = 0.74;

/// The dot plot of the `cells` of one benchmark; None where every run failed.
pub fn chart(summary: &Summary, cells: &[Cell], styles: &Styles) -> Option<Chart> {
    let shown = |cell: &&Cell| cell.row.mean.is_some() || cell.row.published.is_some();
    let cells: Vec<&Cell> = cells.iter().filter(shown).collect();
    cells.iter().find(|cell| cell.row.mean.is_some())?;
    let first = &cells[0].row;
    let (mut rows, mut marks) = (Vec::new(), Vec::new());
    for (index, cell) in cells.iter().enumerate() {
        let row = &cell.row;
        let y = |part: f64| index as f64 + part;
        rows.push(Row {
            name: row.method.clone(),
            detail: with_mode("", row.mode),
            figures: [ours(cell), published(cell)],
            first: index == 0 || !tables::same_runs(cells[index - 1], cell),
        });
        let whisker = |middle: f64, half: Option<f64>, at: f64, (width, cap): (f64, f64), colour| {
            let ends = half.map(|half| [(middle - half, y(at)), (middle + half, y(at))]);
            ends.map(|ends| Mark::Whisker { ends, width, cap, colour })
        };
        if let Some(value) = row.published {
            let colour = if cell.comparable { INK } else { FAINT };
            let tolerance = cell.tolerance.filter(|_| cell.comparable);
            let corners = tolerance.map(|half| [(value - half, y(0.08)), (value + half, y(0.92))]);
            marks.extend(corners.map(|corners| Mark::Ground { corners, colour: FAINT }));
            marks.extend(whisker(value, row.published_ci, PUBLISHED, THIN, colour));
            marks.push(Mark::Dot { at: (value, y(PUBLISHED)), colour, size: 6.5, open: true });
        }
        if let Some(value) = row.mean {
            marks.extend(whisker(value, row.ci95_episodes, OURS, EPISODES, INK));
            marks.extend(whisker(value, row.ci95_seeds, OURS, THIN, INK));
            marks.push(Mark::Marker { at: (value, y(OURS)), look: styles.look(&row.method), size: 6.5 });
        }
    }
    // No whisker hides a marker.
    marks.sort_by_key(|mark| matches!(mark, Mark::Marker { .. } | Mark::Dot { .. }));
    let any = |get: fn(&Cell) -> Option<f64>| cells.iter().any(|cell| get(cell).is_some());
    let mut legend = vec![(Sample::Method(styles.look(&first.method)), "ours, a marker a method".to_owned())];
    legend.extend(any(|c| c.row.ci95_episodes).then(|| (whisker(EPISODES), "95 % over episodes".into())));
    let over = if folds::is_mean(&first.benchmark) { "95 % over folds" } else { "95 % over seeds" };
    legend.extend(any(|c| c.row.ci95_seeds).then(|| (whisker(THIN), over.into())));
    if any(|c| c.row.published) {
        legend.push((Sample::Dot { open: true }, "published, with its ±".into()));
        legend.extend(any(|c| c.tolerance.filter(|_| c.comparable)).then(|| (Sample::Ground, "tolerance".into())));
    }
    let axis = axis(&marks, first.metric);
    let mut caption = String::new();
    if axis.is_missing() {
        caption = chart::MISSING.into();
    }
    Some(Chart {
        name: format!("results-{}", first.benchmark),
        words: format!("{}: our results beside published ones", first.benchmark),
        title: format!("{}: results, budget {}", first.benchmark, summary.shown()),
        legend,
        caption,
        panels: vec![Panel {
            title: String::new(),
            height: 0.0,
            x: (axis, first.metric.heading()),
            y: Y::Rows(rows),
            marks,
            values: None,
        }],
        across: 1,
    })
}

fn whisker((width, cap): (f64, f64)) -> Sample {
    Sample::Whisker { width, cap }
}

/// The range that all values and intervals need, and a little air.
fn axis(marks: &[Mark], metric: Metric) -> Axis {
    let ends = |mark: &Mark| match mark {
        Mark::Whisker { ends, .. } | Mark::Ground { corners: ends, .. } => ends.map(|end| end.0).to_vec(),
        _ => Vec::new(),
    };
    let place = |mark: &Mark| match mark {
        Mark::Marker { at, .. } | Mark::Dot { at, .. } => Some(at.0),
        _ => None,
    };
    let places: Vec<f64> = marks.iter().filter_map(place).collect();
    let ends: Vec<f64> = marks.iter().flat_map(ends).chain(places.iter().copied()).collect();
    let (low, high) = ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let air = (high - low).max(1e-9) * 0.04;
    if metric.is_percent() {
        if chart::near_hundred(low, high) {
            // An interval may reach beyond 100; no more than all markers must be seen.
            let end = Axis::past(places.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            return Axis::missing(low - (100.0 - low) * 0.08, (high + (100.0 - high) * 0.15).min(end));
        }
        return Axis::exact((low - air).max(0.0), (high + air).min(100.0), 7);
    }
    let smallest = ends.iter().copied().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    if smallest < high / 8.0 { Axis::log(smallest, high) } else { Axis::linear((low - air).max(0.0), high + air, 6) }
}

fn ours(cell: &Cell) -> String {
    let row = &cell.row;
    let Some(value) = row.mean else { return "failed".to_owned() };
    let over = if folds::is_mean(&row.benchmark) { "folds" } else { "seeds" };
    let seeds = row.ci95_seeds.map(|half| format!(" ({over} ±{})", row.metric.value(half)));
    row.metric.with_interval(value, row.ci95_episodes) + &seeds.unwrap_or_default()
}

fn published(cell: &Cell) -> String {
    let row = &cell.row;
    let Some(value) = row.published else { return String::new() };
    let note = if cell.comparable { "" } else { ", other protocol" };
    format!("{} published{note}", row.metric.with_interval(value, row.published_ci))
}
