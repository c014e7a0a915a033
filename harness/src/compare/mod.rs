//! Two results folders side by side: is B worse than A on the same test episodes?
//!
//! Folders → pairs of runs → pairs of episodes → differences with intervals → table, Markdown or JSON. Nothing is
//! trained and nothing is written.

pub mod against;
mod cells;
pub mod folder;
mod print;

use std::path::{Path, PathBuf};

use harness_core::{Error, Mode, Result};
use serde::Serialize;

use crate::results::run_json::RunRecord;

pub use cells::{Cell, Seed};

/// What a difference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It is significantly on the bad side of zero.
    Worse,
    /// It is significantly on the good side.
    Better,
    /// Every episode ended alike, or a stated margin holds the whole interval.
    Same,
    /// None of these.
    Unclear,
}

impl Answer {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Worse => "worse",
            Answer::Better => "better",
            Answer::Same => "same",
            Answer::Unclear => "unclear",
        }
    }
}

/// What came out.
#[derive(Debug, Serialize)]
pub struct Comparison {
    #[serde(serialize_with = "crate::words::path")]
    pub a: PathBuf,
    #[serde(serialize_with = "crate::words::path")]
    pub b: PathBuf,
    pub cells: Vec<Cell>,
    pub not_compared: Vec<Unmatched>,
    /// Of all complete runs on both sides.
    #[serde(skip)]
    pub records: Vec<RunRecord>,
}

/// A run, or a mode of it, that has no counterpart.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    pub budget: String,
    pub benchmark: String,
    pub method: String,
    pub seed: u64,
    /// None: all of them.
    pub mode: Option<Mode>,
    /// `only in A`, `only in B`, or which side is not complete.
    pub why: String,
}

/// Compares `b` with `a`.
///
/// # Errors
/// Usage: a folder without runs; nothing in common; other test episodes on the two sides, unless `force`. Data: a
/// damaged record or episodes.parquet.
pub fn compare(a: &Path, b: &Path, force: bool) -> Result<Comparison> {
    let pairs = folder::pairs(a, b)?;
    let (mut cells, mut alone) = (Vec::new(), Vec::new());
    for pair in &pairs {
        let rows = cells::rows(pair, &mut alone);
        if !force {
            cells::same_episodes(&rows)?;
        }
        for row in &rows {
            cells.extend(cells::compare(row, &mut alone)?);
        }
    }
    if cells.is_empty() {
        // One for each reason says what the two sides hold.
        let mut whys = std::collections::BTreeSet::new();
        let examples: Vec<String> =
            alone.iter().filter(|alone| whys.insert(alone.why.as_str())).map(ToString::to_string).collect();
        let examples = if examples.is_empty() { String::new() } else { format!(" ({})", examples.join("; ")) };
        return Err(Error::usage(format!(
            "nothing to compare: {} and {} have no complete run in common{examples}",
            a.display(),
            b.display()
        )));
    }
    let held = pairs.iter().flat_map(|pair| pair.a.runs.iter().chain(&pair.b.runs));
    let records = held.filter_map(|held| held.complete().cloned()).collect();
    Ok(Comparison { a: a.into(), b: b.into(), cells, not_compared: alone, records })
}

impl Comparison {
    /// Cells in which B is significantly worse.
    pub fn worse(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.change == Answer::Worse)
    }

    /// As one JSON object.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("it is plain data") + "\n"
    }
}

impl std::fmt::Display for Unmatched {
    /// `quick sine reptile seed 1: only in A`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Unmatched { budget, benchmark, method, seed, mode, why } = self;
        let mode = mode.map(|mode| format!(" {}", mode.as_str())).unwrap_or_default();
        write!(f, "{budget} {benchmark} {method}{mode} seed {seed}: {why}")
    }
}
