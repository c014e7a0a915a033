//! Which classes a method takes for which, where a run kept its queries: accuracy a class, and the confusion matrix, or of
//! many classes the worst ones.

use crate::results::confusion::Confusion;
use crate::results::metric::{ACCURACY, with_mode};
use crate::results::queries::Queries;
use crate::results::rows::{Cell, Summary};
use crate::results::run_dir::RunDir;
use crate::words;
use harness_core::Result;
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;

/// A matrix is printed of so many classes, and of more only the worst.
const MATRIX: usize = 32;
/// So many of the worst classes and pairs.
const WORST: usize = 20;
/// Darkest ground of a field.
const SHADES: f64 = 5.0;

/// One method in one mode, over the seeds that kept their queries.
#[derive(Serialize)]
pub struct Mistakes {
    pub method: String,
    pub mode: String,
    /// `2,000 queries of 1 seed`.
    pub of: String,
    /// Whether the fields of the matrix are there.
    pub whole: bool,
    /// Names of the columns.
    pub heads: Vec<String>,
    pub lines: Vec<Line>,
    /// Of how many classes the lines are the worst; empty where they are all.
    pub all: String,
    /// A class, what it was taken for, and how often, in percent.
    pub pairs: Vec<(String, String, String)>,
}

/// A class.
#[derive(Serialize)]
pub struct Line {
    pub class: String,
    pub accuracy: String,
    pub queries: String,
    pub fields: Vec<Field>,
}

/// How often a class was taken for another one.
#[derive(Serialize)]
pub struct Field {
    /// Percent; empty where the two were in no episode together.
    pub text: String,
    /// `12 of 400`.
    pub counts: String,
    /// 0 to 5.
    pub shade: usize,
}

/// Those of the cells of a benchmark. What cannot be read is told in `notes`.
pub fn all(summary: &Summary, cells: &[Cell], notes: &mut Vec<String>) -> Vec<Mistakes> {
    let mut read: HashMap<PathBuf, Option<Queries>> = HashMap::new();
    let mut found = Vec::new();
    for cell in cells {
        let runs = summary.runs_of(cell);
        for run in &runs {
            read.entry(run.path.clone()).or_insert_with(|| told(RunDir::from(run.path.clone()).queries(), notes));
        }
        let kept: Vec<&Queries> = runs.iter().filter_map(|run| read[&run.path].as_ref()).collect();
        if !kept.is_empty() {
            found.push(Mistakes::new(cell, kept.len(), &Confusion::new(&kept, cell.row.mode)));
        }
    }
    found
}

fn told(read: Result<Option<Queries>>, notes: &mut Vec<String>) -> Option<Queries> {
    read.unwrap_or_else(|error| {
        notes.push(format!("no confusion matrix: {error}"));
        None
    })
}

impl Mistakes {
    fn new(cell: &Cell, seeds: usize, confusion: &Confusion) -> Mistakes {
        let n = confusion.classes.len();
        let whole = n <= MATRIX;
        let accuracy = |i: usize| confusion.percent(i, i);
        // A class that was never asked for has no line.
        let mut order: Vec<usize> = (0..n).filter(|i| accuracy(*i).is_some()).collect();
        if !whole {
            order.sort_by(|a, b| accuracy(*a).partial_cmp(&accuracy(*b)).expect("numbers").then(a.cmp(b)));
            order.truncate(WORST);
        }
        let field = |i: usize, j: usize| Field {
            text: confusion.percent(i, j).map(|percent| format!("{percent:.1}")).unwrap_or_default(),
            counts: format!("{} of {}", confusion.taken[i][j], confusion.asked[i][j]),
            shade: confusion.percent(i, j).map_or(0, |percent| (percent / 100.0 * SHADES).round() as usize),
        };
        let line = |i: usize| Line {
            class: confusion.classes[i].clone(),
            accuracy: accuracy(i).map(|percent| ACCURACY.value(percent)).unwrap_or_default(),
            queries: words::thousands(confusion.asked[i][i]),
            fields: if whole { (0..n).map(|j| field(i, j)).collect() } else { Vec::new() },
        };
        let pair = |(i, j, percent): (usize, usize, f64)| {
            (confusion.classes[i].clone(), confusion.classes[j].clone(), ACCURACY.value(percent))
        };
        let pairs = if whole { Vec::new() } else { confusion.pairs() };
        let queries: u64 = (0..n).map(|i| confusion.asked[i][i]).sum();
        Mistakes {
            method: cell.row.method.clone(),
            mode: with_mode("", cell.row.mode),
            of: format!("{} queries of {}", words::thousands(queries), words::plural(seeds as u64, "seed")),
            whole,
            heads: if whole { confusion.classes.clone() } else { Vec::new() },
            lines: order.into_iter().map(line).collect(),
            all: if whole { String::new() } else { words::thousands(n as u64) },
            pairs: pairs.into_iter().take(WORST).map(pair).collect(),
        }
    }
}
