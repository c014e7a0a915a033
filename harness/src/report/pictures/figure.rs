//! A published figure's counterpart: learning curves of many recipes, or final accuracy over a swept setting, with bands
//! over seeds. What a run is in it stands in its record.

use super::detail;
use super::lines::{self, Line, Spread};
use crate::report::chart::{Axis, Chart, Column, Mark, Panel, Sample, Stroke, Value, Values, Y};
use crate::report::learning_curve;
use crate::results::metric::Metric;
use crate::results::rows::{Cell, Summary};
use crate::results::run_json::FigurePlace;
use crate::words;
use harness_core::Mode;

const PLOT: f64 = 470.0;
const DETAIL: f64 = 400.0;
const DETAIL_TITLE: &str = "the later half enlarged, each point the mean of ten";

/// `Figure 3: …`.
fn title(place: &FigurePlace, cells: &[Cell]) -> String {
    let title = cells.first().map_or("", |cell| &cell.title);
    format!("Figure {}: {title}", place.number)
}

/// The figure that the `cells` of one benchmark are, a chart a mode.
pub fn charts(summary: &Summary, cells: &[Cell], place: &FigurePlace) -> Vec<Chart> {
    let modes = super::modes(cells);
    modes.iter().filter_map(|mode| chart(summary, cells, place, *mode, modes.len() > 1)).collect()
}

fn chart(summary: &Summary, cells: &[Cell], place: &FigurePlace, mode: Mode, several: bool) -> Option<Chart> {
    let lines = lines::lines(summary, cells, mode);
    let all = || lines.iter().flat_map(|line| &line.points);
    let first = cells.iter().find(|cell| cell.row.mode == mode)?;
    let y = learning_curve::plain_axis(all(), first.row.metric)?;
    let x = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p.x), high.max(p.x)));
    let axis = match place.x {
        None => Axis::exact(0.0, x.1, 8),
        Some(_) if place.x_log => Axis::log(x.0, x.1),
        Some(_) => Axis::linear(x.0, x.1, 10),
    };
    let words = match mode {
        Mode::Pointwise => first.row.metric.heading(),
        mode => format!("{} {} on test", mode.as_str(), first.row.metric.heading()),
    };
    let panel = |title: &str, height, x: Axis, y: Axis, lines: &[Line]| Panel {
        title: title.to_owned(),
        height,
        x: (x, place.x_label.clone()),
        y: Y::Axis(y, words.clone()),
        marks: marks(lines),
        values: Some(values(lines, first.row.metric, place)),
    };
    let mut panels = vec![panel("", PLOT, axis.clone(), y.clone(), &lines)];
    let span = y.ends().1 - y.ends().0;
    let later = if place.x.is_none() { detail::detail(&lines, span) } else { None };
    if let Some(later) = later {
        let points = later.iter().flat_map(|line| &line.points);
        let y = learning_curve::plain_axis(points, first.row.metric)?;
        let end = axis.ends().1;
        panels.push(panel(DETAIL_TITLE, DETAIL, Axis::exact(end / 2.0, end, 8), y, &later));
    }
    let benchmark = &first.row.benchmark;
    let stem = if benchmark.starts_with("figure-") { "" } else { "figure-" };
    let ending = if several { format!("-{}", mode.as_str()) } else { String::new() };
    Some(Chart {
        name: format!("{stem}{benchmark}{ending}"),
        words: title(place, cells),
        title: format!("{}, budget {}", title(place, cells), summary.shown()),
        legend: lines.iter().map(|line| (Sample::Method(line.look), line.words.clone())).collect(),
        caption: caption(&lines),
        panels,
        across: 1,
    })
}

fn marks(lines: &[Line]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = lines.iter().flat_map(spread).collect();
    for (index, line) in lines.iter().enumerate() {
        let points: Vec<(f64, f64)> = line.points.iter().map(|p| (p.x, p.mean)).collect();
        // Where points are many, each line has its markers at steps of its own.
        let every = points.len().div_ceil(12).max(1);
        let first = if every > 1 { index * every / lines.len() } else { 0 };
        let markers = points.iter().skip(first).step_by(every);
        let markers: Vec<Mark> = markers.map(|at| Mark::Marker { at: *at, look: line.look, size: 8.0 }).collect();
        let stroke = Stroke { colour: line.look.colour, width: 1.75, dash: line.look.dash };
        let pieces = line.pieces().map(|piece| piece.iter().map(|p| (p.x, p.mean)).collect::<Vec<_>>());
        marks.extend(pieces.map(|points| Mark::Line { points, stroke }));
        marks.extend(markers);
    }
    marks
}

fn spread(line: &Line) -> Vec<Mark> {
    let colour = line.look.colour;
    match line.spread {
        Spread::Nothing => Vec::new(),
        Spread::Whiskers => {
            let whisker = |p: &learning_curve::Point| [(p.x, p.low), (p.x, p.high)];
            let mark = |ends| Mark::Whisker { ends, width: 1.25, cap: 6.0, colour };
            line.points.iter().map(whisker).map(mark).collect()
        }
        Spread::Band => {
            let pieces = line.pieces().map(|piece| piece.iter().map(|p| (p.x, p.low, p.high)).collect::<Vec<_>>());
            pieces.map(|points| Mark::Band { points, colour }).collect()
        }
    }
}

/// Every place on the axis with the lines that have a point there.
fn values(lines: &[Line], metric: Metric, place: &FigurePlace) -> Values {
    let mut places: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|p| p.x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let cell = |line: &Line, x: f64| {
        line.points.iter().find(|p| p.x == x).map(|p| Value { text: p.text(metric), at: (p.x, p.mean) })
    };
    let named = |x: f64| if x.fract() == 0.0 && x >= 0.0 { words::thousands(x as u64) } else { x.to_string() };
    Values {
        of: place.x_label.clone(),
        columns: lines
            .iter()
            .map(|line| Column { name: line.words.clone(), colour: line.look.colour, level: false })
            .collect(),
        rows: places.into_iter().map(|x| (named(x), lines.iter().map(|line| cell(line, x)).collect())).collect(),
    }
}

/// What the bands and whiskers are, or how wide an interval is where none is drawn.
pub fn caption(lines: &[Line]) -> String {
    let over_seeds = "line: mean over seeds; band: smallest to largest seed";
    if lines.iter().all(|line| line.seeds > 1) {
        return over_seeds.to_owned();
    }
    let bands = lines.iter().any(|line| line.spread == Spread::Band);
    // A sweep whose points differ in their seeds: its whiskers differ in what they are.
    if lines.iter().any(|line| line.spread == Spread::Whiskers && line.most_seeds > 1) {
        let lead = if bands { over_seeds } else { "line: mean over seeds" };
        return format!("{lead}; whisker: smallest to largest seed, or 95 % over episodes where a point has one seed");
    }
    let one = match lines.iter().any(|line| line.spread == Spread::Whiskers) {
        true => "whisker: 95 % over episodes".to_owned(),
        false => {
            let halves = lines.iter().filter(|line| line.seeds == 1).map(|line| line.half);
            let (least, most) = halves.fold((f64::INFINITY, 0f64), |(l, m), half| (l.min(half), m.max(half)));
            format!("95 % over the episodes of a point, not drawn: ±{least:.1} to ±{most:.1}")
        }
    };
    match bands {
        false => format!("one seed; {one}"),
        true => format!("{over_seeds}; where there is one seed, {one}"),
    }
}
