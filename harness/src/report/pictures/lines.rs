//! From the cells of a benchmark to the lines of its figure.

use crate::report::chart::{Look, of_lines};
use crate::report::learning_curve::{self, Point};
use crate::results::rows::{Cell, Summary};
use crate::results::run::Run;
use crate::results::run_json::FigurePlace;
use crate::results::statistics::mean;
use harness_core::{Mode, Split};

/// How a line shows what its points vary by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// From the smallest seed to the largest.
    Band,
    /// The same at points of several seeds, and at points of one the 95 % interval over episodes.
    Whiskers,
    /// One seed's curve: so many intervals would hide each other.
    Nothing,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    pub words: String,
    pub look: Look,
    /// Ascending.
    pub points: Vec<Point>,
    pub spread: Spread,
    /// Seeds behind every point; the fewest where points differ.
    pub seeds: usize,
    /// Seeds behind the point that has the most.
    pub most_seeds: usize,
    /// Places on the axis at which every run failed.
    pub gaps: Vec<f64>,
    /// Half-width of the 95 % interval over episodes, averaged over points.
    pub half: f64,
}

impl Line {
    /// The points in pieces: no line is drawn across a point that failed.
    pub fn pieces(&self) -> impl Iterator<Item = &[Point]> {
        self.points.chunk_by(move |a, b| !self.gaps.iter().any(|gap| a.x < *gap && *gap < b.x))
    }
}

/// The cells of one line with their runs.
type Members<'a> = Vec<(&'a Cell, Vec<&'a Run>)>;

/// The cells in `mode`, gathered into lines in the order of the file. Cells whose runs all failed have no part in it.
fn gathered<'a>(summary: &'a Summary, cells: &'a [Cell], mode: Mode) -> Vec<(&'a FigurePlace, Members<'a>, Look)> {
    let mut groups: Vec<(&FigurePlace, Members)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.row.mode == mode) {
        let (Some(place), runs) = (&cell.figure, summary.runs_of(cell)) else { continue };
        if runs.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|(other, _)| place.x.is_some() && other.line == place.line) {
            Some((_, members)) => members.push((cell, runs)),
            None => groups.push((place, vec![(cell, runs)])),
        }
    }
    let colours: Vec<Option<&str>> = groups.iter().map(|(place, _)| place.colour.as_deref()).collect();
    let looks = of_lines(&colours);
    groups.into_iter().zip(looks).map(|((place, members), look)| (place, members, look)).collect()
}

/// How the line looks that each of the `cells` of a figure is, or is a point of; None where it is on no line.
pub fn looks(summary: &Summary, cells: &[Cell]) -> Vec<Option<Look>> {
    let look = |cell: &Cell| {
        let lines = gathered(summary, cells, cell.row.mode);
        let own = lines.iter().find(|(_, members, _)| members.iter().any(|(other, _)| std::ptr::eq(*other, cell)));
        own.map(|(.., look)| *look)
    };
    cells.iter().map(look).collect()
}

/// The lines of the `cells` in `mode`, in the order of the file.
pub fn lines(summary: &Summary, cells: &[Cell], mode: Mode) -> Vec<Line> {
    let line = |(place, members, look): &(&FigurePlace, Members, Look)| {
        let counts = || members.iter().map(|(_, runs)| runs.len());
        let (seeds, most_seeds) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
        let (mut points, half) = match place.x {
            None => curve(&members[0].1, mode),
            Some(_) => sweep(members, mode),
        };
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let spread = match (seeds > 1, place.x) {
            (true, _) => Spread::Band,
            (false, Some(_)) => Spread::Whiskers,
            (false, None) => Spread::Nothing,
        };
        if spread == Spread::Nothing {
            points.iter_mut().for_each(|point| (point.low, point.high) = (point.mean, point.mean));
        }
        let gaps = failed(cells, place);
        Line { words: place.line.clone(), look: *look, points, spread, seeds, most_seeds, gaps, half }
    };
    gathered(summary, cells, mode).iter().map(line).filter(|line| !line.points.is_empty()).collect()
}

/// The places of a swept line at which every run failed.
fn failed(cells: &[Cell], line: &FigurePlace) -> Vec<f64> {
    let without = cells.iter().filter(|cell| cell.row.mean.is_none());
    let places = without.filter_map(|cell| cell.figure.as_ref()).filter(|place| place.line == line.line);
    places.filter_map(|place| place.x).collect()
}

/// A learning curve on test classes.
fn curve(runs: &[&Run], mode: Mode) -> (Vec<Point>, f64) {
    let rows = runs.iter().flat_map(|run| &run.curve).filter(|row| row.split == Split::Test && row.mode == mode);
    let halves: Vec<f64> = rows.filter_map(|row| row.ci95).collect();
    (learning_curve::points(runs, Split::Test, mode), if halves.is_empty() { 0.0 } else { mean(&halves) })
}

/// One point a cell: its final evaluation over its place on the axis.
fn sweep(members: &Members, mode: Mode) -> (Vec<Point>, f64) {
    let mut halves = Vec::new();
    let point = |(cell, runs): &(&Cell, Vec<&Run>)| {
        let x = runs.iter().find_map(|run| run.record.figure.as_ref()?.x)?;
        let middle = cell.row.mean?;
        let half = cell.row.ci95_episodes.unwrap_or(0.0);
        halves.push(half);
        let finals = runs.iter().flat_map(|run| &run.finals).filter(|last| last.mode == mode).map(|last| last.value);
        let (low, high) = match runs.len() {
            0 | 1 => (middle - half, middle + half),
            _ => finals.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v))),
        };
        Some(Point { x, mean: middle, low, high })
    };
    let points: Vec<Point> = members.iter().filter_map(point).collect();
    (points, if halves.is_empty() { 0.0 } else { mean(&halves) })
}
