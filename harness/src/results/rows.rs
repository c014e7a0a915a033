//! The rows of a budget's tables, with what the tables and pictures say about each.

use super::metric::Metric;
use super::run::Run;
use super::run_json::{FigurePlace, RunRecord};
use super::verdict::Verdict;
use harness_core::Mode;
use serde::Serialize;
use serde_json::Value;

/// One row of `summary.csv`, fields in the order of its columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryRow {
    pub benchmark: String,
    pub method: String,
    pub mode: Mode,
    pub metric: Metric,
    /// Mean over seeds; None where every run of the cell failed.
    pub mean: Option<f64>,
    /// Half-width over seeds (Student's t); None for one seed.
    pub ci95_seeds: Option<f64>,
    /// Half-width over episodes within a seed, averaged over seeds.
    pub ci95_episodes: Option<f64>,
    pub seeds: usize,
    /// Test episodes for each seed.
    pub episodes: u64,
    pub meta_iters: u64,
    /// The folder: `quick`, `short`, `paper` or `custom-…`.
    pub budget: String,
    pub published: Option<f64>,
    pub published_ci: Option<f64>,
    pub source: Option<String>,
    /// Ours − published; None where the protocols differ in kind.
    pub delta: Option<f64>,
    pub verdict: Verdict,
}

/// A row with what the tables and plots say about it.
#[derive(Debug, Clone)]
pub struct Cell {
    pub row: SummaryRow,
    /// The benchmark in words.
    pub title: String,
    /// False where a published number is shown and not judged.
    pub comparable: bool,
    pub ci_meaning: Option<String>,
    pub tolerance: Option<f64>,
    /// The seeds behind the mean, so that curves show the same runs.
    pub of_seeds: Vec<u64>,
    /// Every episode of every seed was exactly at chance: a method that answers the same whatever it is shown.
    pub chance: bool,
    /// Only where the benchmark is a figure.
    pub figure: Option<FigurePlace>,
    /// The build that made it, in words, where another one kept it.
    pub kept: Option<String>,
    /// The best of its table and mode, or not significantly worse than it.
    pub best: bool,
    /// What the user calls its runs.
    pub tag: Option<String>,
    /// What its other folds must agree in ([`fold_means::recipe`](super::fold_means::recipe)); None where it is no
    /// fold.
    pub fold_recipe: Option<Value>,
}

/// A run that is not in the means, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    pub benchmark: String,
    pub method: String,
    pub seed: u64,
    /// `running`, `interrupted`, `failed`, `not started`, `missing`: planned, and nothing is there, or
    /// `other episodes`: complete, but not to be compared with the other rows of its table.
    pub status: &'static str,
    pub reason: Option<String>,
}

/// All of one budget.
#[derive(Debug, Clone)]
pub struct Summary {
    pub budget: String,
    pub cells: Vec<Cell>,
    pub excluded: Vec<Excluded>,
    /// What a reader must know before believing the rows.
    pub warnings: Vec<String>,
    pub runs: Vec<Run>,
    /// The records of the runs in `excluded` that have one.
    pub unfinished: Vec<RunRecord>,
}

impl Summary {
    /// The runs behind a cell's mean.
    pub fn runs_of(&self, cell: &Cell) -> Vec<&Run> {
        let row = &cell.row;
        let of_cell = |run: &&Run| {
            let record = &run.record;
            (&record.benchmark, &record.label) == (&row.benchmark, &row.method) && cell.of_seeds.contains(&record.seed)
        };
        self.runs.iter().filter(of_cell).collect()
    }

    /// What people call it: the budget, or what was overridden in it, with the folder's name.
    pub fn shown(&self) -> String {
        let records = self.runs.iter().map(|run| &run.record).chain(&self.unfinished);
        match records.clone().find(|record| !record.overrides.is_empty()) {
            Some(record) => format!("{} ({})", record.whole_budget(), self.budget),
            None => self.budget.clone(),
        }
    }
}
