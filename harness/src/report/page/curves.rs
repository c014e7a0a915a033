//! Learning curves of one benchmark as small multiples, one panel a mode and split, each with its values as a table: the
//! same table is read by those who cannot see the lines and by the script that shows the value under the pointer.

use super::frame::{self, Frame, num};
use crate::report::{
    format,
    plots::{Axis, Styles},
    series::{self, Point, SPLITS, Series},
    summary::{Cell, Summary},
};
use serde::Serialize;
use std::{collections::BTreeSet, fmt::Write};

/// All panels of one benchmark on the same axes.
#[derive(Serialize)]
pub struct Curves {
    pub panels: Vec<Panel>,
    pub legend: Vec<Entry>,
    /// What the lines and bands are.
    pub caption: String,
}

/// A method in the legend.
#[derive(Serialize)]
pub struct Entry {
    pub label: String,
    /// CSS class that carries its colour.
    pub class: String,
    pub swatch: String,
}

/// One mode and split.
#[derive(Serialize)]
pub struct Panel {
    pub title: String,
    pub svg: String,
    pub columns: Vec<Column>,
    pub rows: Vec<ValueRow>,
}

/// A method's column in the table of values.
#[derive(Serialize)]
pub struct Column {
    pub label: String,
    pub class: String,
    pub level: bool,
}

/// The values at one step.
#[derive(Serialize)]
pub struct ValueRow {
    pub step: String,
    pub cells: Vec<Option<Value>>,
}

/// A value and its place in the picture.
#[derive(Serialize)]
pub struct Value {
    pub text: String,
    pub x: String,
    pub y: String,
}

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
/// Room for one method's final evaluation.
const LANE: f64 = 13.0;

impl Curves {
    /// The curves of the `cells` of one benchmark; None where nothing was evaluated during training.
    pub fn new(summary: &Summary, cells: &[Cell], styles: &Styles) -> Option<Self> {
        let first = cells.first()?;
        let mut modes: Vec<&str> = Vec::new();
        for cell in cells {
            if !modes.contains(&cell.row.mode.as_str()) {
                modes.push(&cell.row.mode);
            }
        }
        let mut found: Vec<(String, Vec<Series>)> = Vec::new();
        for split in SPLITS {
            for mode in &modes {
                let of = |cell: &Cell| Series::new(summary, cell, split, styles.look(&cell.row.method));
                let series: Vec<Series> = cells.iter().filter(|c| c.row.mode == *mode).filter_map(of).collect();
                if series.iter().any(|s| s.points.len() > 1) {
                    let words = series::split_words(split, mode);
                    let title = if *mode == "-" { words.to_string() } else { format!("{words}, {mode}") };
                    found.push((title, series));
                }
            }
        }
        let all = || found.iter().flat_map(|(_, s)| s).flat_map(|s| s.points.iter().chain(&s.last));
        let y = series::value_axis(all(), &first.row.metric, first.higher_is_better)?;
        let x = Axis::exact(0.0, all().map(|p| p.0).fold(0.0, f64::max), 5);
        let mut legend: Vec<Entry> = Vec::new();
        for series in found.iter().flat_map(|(_, s)| s) {
            if legend.iter().all(|entry| entry.label != series.label) {
                let (label, swatch) = (series.label.clone(), frame::swatch(series.look));
                legend.push(Entry { class: frame::class(series.look.colour), label, swatch });
            }
        }
        let caption = series::caption(found.iter().flat_map(|(_, s)| s));
        let metric = format::metric(&first.row.metric);
        let caption = format!("{metric}, over meta-iterations; {caption}. All panels share their axes.");
        let benchmark = &first.row.benchmark;
        let panel = |(title, series): (String, Vec<Series>)| {
            Panel::new(format!("{benchmark}, {title}"), title, &first.row.metric, series, (&x, &y))
        };
        Some(Curves { panels: found.into_iter().map(panel).collect(), legend, caption: sentence(&caption) })
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

impl Panel {
    fn new(name: String, title: String, metric: &str, series: Vec<Series>, axes: (&Axis, &Axis)) -> Self {
        let finals = series.iter().filter(|s| s.last.is_some()).count() as f64;
        let gutter = if finals > 0.0 { (LANE * finals).max(34.0) + 14.0 } else { 0.0 };
        let (x, y) = (axes.0.clone(), axes.1.clone());
        let frame = Frame { x, y, x_title: "meta-iterations", width: WIDTH, height: HEIGHT, gutter };
        // Finals stand side by side, so that whiskers of equal methods do not hide each other.
        let lane = |i: usize| frame.gutter_middle() + 7.0 + LANE * (i as f64 - (finals - 1.0) / 2.0);
        let mut lanes = series.iter().scan(0, |next, s| {
            let here = *next;
            *next += usize::from(s.last.is_some());
            Some(lane(here))
        });
        let lanes: Vec<f64> = lanes.by_ref().collect();
        let mut marks = String::new();
        if finals > 0.0 {
            let (x, y) = (num(frame.gutter_middle() + 7.0), num(HEIGHT - 36.0));
            marks += &format!("<text class=\"final\" x=\"{x}\" y=\"{y}\" dy=\"0.8em\">final</text>");
        }
        for part in [Series::band, Series::line, Series::last_mark] {
            for (series, lane) in series.iter().zip(&lanes) {
                let inside = part(series, &frame, *lane);
                if !inside.is_empty() {
                    let _ = write!(marks, "<g class=\"{}\">{inside}</g>", frame::class(series.look.colour));
                }
            }
        }
        let told: Vec<String> = series
            .iter()
            .filter_map(|s| {
                s.last.or(s.points.last().copied()).map(|p| format!("{} {}", s.label, format::value(metric, p.1)))
            })
            .collect();
        let words = format!("Learning curves of {name}. At the end: {}.", told.join(", "));
        let column = |s: &Series| Column { label: s.label.clone(), class: frame::class(s.look.colour), level: s.level };
        Panel {
            svg: frame.draw(&words, &marks),
            columns: series.iter().map(column).collect(),
            rows: rows(&series, metric, &frame, &lanes),
            title,
        }
    }
}

/// The table of values: every step at which some method was evaluated, then the final evaluation.
fn rows(series: &[Series], metric: &str, frame: &Frame, lanes: &[f64]) -> Vec<ValueRow> {
    let value = |x: f64, point: &Point| Value { text: interval(metric, point), x: num(x), y: num(frame.y(point.1)) };
    let steps: BTreeSet<u64> = series.iter().flat_map(|s| &s.points).map(|p| p.0 as u64).collect();
    let at = |step: u64| {
        let cell = |s: &Series| {
            let place = s.points.iter().position(|p| p.0 as u64 == step)?;
            let value = value(frame.x(s.points[place].0), &s.points[place]);
            Some(Value { text: with_episodes(value.text, s.episodes.get(place)), ..value })
        };
        ValueRow { step: format::thousands(step), cells: series.iter().map(cell).collect() }
    };
    let mut rows: Vec<ValueRow> = steps.into_iter().map(at).collect();
    if series.iter().any(|s| s.last.is_some()) {
        let cells = series.iter().zip(lanes).map(|(s, lane)| s.last.as_ref().map(|p| value(*lane, p))).collect();
        rows.push(ValueRow { step: "final".to_string(), cells });
    }
    rows
}

/// `95.18 [94.74, 95.62], n = 20`; older results may not say how many episodes there were.
fn with_episodes(text: String, episodes: Option<&u64>) -> String {
    match episodes {
        Some(n @ 1..) => format!("{text}, n = {}", format::thousands(*n)),
        _ => text,
    }
}

/// `95.18 [94.74, 95.62]`.
fn interval(metric: &str, point: &Point) -> String {
    let print = |value: f64| format::value(metric, value).replace('-', "−");
    if point.2 == point.3 {
        return print(point.1);
    }
    format!("{} [{}, {}]", print(point.1), print(point.2), print(point.3))
}

impl Series {
    fn band(&self, frame: &Frame, _: f64) -> String {
        if self.points.len() < 2 {
            return String::new();
        }
        let at = |get: fn(&Point) -> f64| -> Vec<(f64, f64)> {
            self.points.iter().map(|p| (frame.x(p.0), frame.y(get(p)))).collect()
        };
        format!("<path class=\"band\" d=\"{}\"/>", frame::band(&at(|p| p.2), &at(|p| p.3)))
    }

    fn line(&self, frame: &Frame, _: f64) -> String {
        let line = |points: &[(f64, f64)]| {
            format!("<path class=\"line\" d=\"{}\"{}/>", frame::path(points), frame::dash(self.look.dash))
        };
        // What does not train stays where it is: the height that the others must leave behind.
        if self.level {
            let Some(level) = self.last.or(self.points.last().copied()) else { return String::new() };
            let y = frame.y(level.1);
            return line(&[(frame.x(0.0), y), (frame.x(f64::MAX), y)]);
        }
        if self.points.is_empty() {
            return String::new();
        }
        let points: Vec<(f64, f64)> = self.points.iter().map(|p| (frame.x(p.0), frame.y(p.1))).collect();
        // A handful of markers is enough to tell lines apart; one at every point would hide them.
        let every = points.len().div_ceil(8).max(1);
        let marks: String = points.iter().step_by(every).map(|at| frame::marker(self.look, *at, 7.0)).collect();
        line(&points) + &marks
    }

    fn last_mark(&self, frame: &Frame, lane: f64) -> String {
        let Some((_, middle, low, high)) = self.last else { return String::new() };
        let (x, low, high) = (num(lane), num(frame.y(low)), num(frame.y(high)));
        let marker = frame::marker(self.look, (lane, frame.y(middle)), 9.0);
        format!("<path class=\"whisker\" d=\"M{x} {low}V{high}\"/>{marker}")
    }
}
