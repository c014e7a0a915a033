//! From runs to rows: seeds of one cell become a mean with two intervals, beside the published number and a verdict.

use super::{
    folds,
    run::{Found, Run, load},
    scan::{self, natural},
    stats::{mean, seed_interval, tidy},
    verdict::{Verdict, judge},
};
use crate::identity;
use crate::planned::{self, PlannedRun};
use crate::record::{FigurePlace, RunRecord, Status};
use harness_core::Result;
use serde::Serialize;
use std::collections::HashSet;
use std::path::Path;

/// One row of `summary.csv`, fields in the order of its columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryRow {
    pub benchmark: String,
    pub method: String,
    pub mode: String,
    pub metric: String,
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
    pub higher_is_better: bool,
    /// False where a published number is shown and not judged.
    pub comparable: bool,
    pub ci_meaning: Option<String>,
    pub tolerance: Option<f64>,
    /// The seeds behind the mean, so that curves show the same runs.
    pub of_seeds: Vec<u64>,
    /// Only where the benchmark is a figure.
    pub figure: Option<FigurePlace>,
    /// The build that made it, in words, where another one kept it.
    pub kept: Option<String>,
}

/// A run that is not in the means, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    pub benchmark: String,
    pub method: String,
    pub seed: u64,
    /// `running`, `interrupted`, `failed`, `not started`, or `missing`: planned, and nothing is there.
    pub status: &'static str,
    pub reason: Option<String>,
}

/// All of one budget.
#[derive(Debug, Clone)]
pub struct Summary {
    pub budget: String,
    pub cells: Vec<Cell>,
    pub left: Vec<Left>,
    /// What a reader must know before believing the rows.
    pub warnings: Vec<String>,
    pub runs: Vec<Run>,
    /// The records of the runs in `left` that have one.
    pub unfinished: Vec<RunRecord>,
}

/// Reads every run under `out/budget`.
pub fn summarize(out: &Path, budget: &str) -> Result<Summary> {
    let (mut runs, mut unfinished, mut left) = (Vec::new(), Vec::new(), Vec::new());
    let folders = scan::runs(&out.join(budget))?;
    let missing = missing(&folders, planned::read(&out.join(budget))?);
    for folder in folders {
        let found = load(&folder)?;
        let (status, reason) = match found {
            Found::Complete(run) => {
                runs.push(*run);
                continue;
            }
            Found::Empty => ("not started", None),
            Found::Other(record) => {
                let told = (record.status.name(), record.failure.clone());
                unfinished.push(*record);
                told
            }
        };
        left.push(Left { benchmark: folder.benchmark, method: folder.label, seed: folder.seed, status, reason });
    }
    left.extend(missing);
    left.sort_by(|a, b| {
        natural(&a.benchmark, &b.benchmark).then_with(|| natural(&a.method, &b.method)).then(a.seed.cmp(&b.seed))
    });
    let failed: Vec<&RunRecord> = unfinished.iter().filter(|record| record.status == Status::Failed).collect();
    let groups = group(&runs, &failed);
    let mut warnings = warnings(&groups);
    let mut cells: Vec<Cell> = groups.iter().flat_map(|group| group.cells(budget)).collect();
    let (means, incomplete) = folds::rows(&cells);
    cells.extend(means);
    warnings.extend(incomplete);
    Ok(Summary { budget: budget.to_string(), cells, left, warnings, runs, unfinished })
}

/// Planned runs without a folder.
fn missing(folders: &[scan::RunFolder], planned: Vec<PlannedRun>) -> Vec<Left> {
    let there: HashSet<(&str, &str, u64)> =
        folders.iter().map(|folder| (folder.benchmark.as_str(), folder.label.as_str(), folder.seed)).collect();
    let missing = planned.into_iter().filter(|run| !there.contains(&(&run.benchmark, &run.method, run.seed)));
    let left = |run: PlannedRun| {
        let PlannedRun { benchmark, method, seed, .. } = run;
        Left { benchmark, method, seed, status: "missing", reason: None }
    };
    missing.map(left).collect()
}

/// The runs of one method on one benchmark that may be averaged: same schedule, same settings, same episodes.
struct Group<'a> {
    record: &'a RunRecord,
    runs: Vec<&'a Run>,
    failed: usize,
}

/// Whether two runs are seeds of one cell: all that determines their numbers agrees, the code too, but for the seed. What else is in
/// the benchmark's file does not matter: it may have gained a row between the two.
fn same_cell(a: &RunRecord, b: &RunRecord) -> bool {
    let key = |record: &RunRecord| {
        let mut config = record.config.clone();
        let known = config.as_object_mut().is_some_and(|config| config.remove("seed").is_some());
        // A record without its config is known by the file that it came from.
        (config, (!known).then(|| record.spec_hash.clone()))
    };
    (&a.benchmark, &a.label, a.meta_iters, &a.data_digest, &a.episode_hash, a.eval_episodes, &a.metric)
        == (&b.benchmark, &b.label, b.meta_iters, &b.data_digest, &b.episode_hash, b.eval_episodes, &b.metric)
        && (&a.code, a.kept.is_some()) == (&b.code, b.kept.is_some())
        && key(a) == key(b)
}

fn group<'a>(runs: &'a [Run], failed: &[&'a RunRecord]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|g| same_cell(g.record, &run.record)) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group { record: &run.record, runs: vec![run], failed: 0 }),
        }
    }
    for &record in failed {
        // A failed run may have died before it knew its episodes: it belongs to any group of its schedule.
        let same = |g: &&mut Group| {
            (&g.record.benchmark, &g.record.label, g.record.meta_iters)
                == (&record.benchmark, &record.label, record.meta_iters)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.failed += 1,
            None => groups.push(Group { record, runs: Vec::new(), failed: 1 }),
        }
    }
    groups.sort_by(|a, b| {
        let (a, b) = (a.record, b.record);
        // Figures have many rows: they come after the tables.
        (a.figure.is_some().cmp(&b.figure.is_some()))
            .then_with(|| natural(&a.benchmark, &b.benchmark))
            .then(a.order.cmp(&b.order))
            .then_with(|| natural(&a.label, &b.label))
            .then(a.meta_iters.cmp(&b.meta_iters))
    });
    groups
}

/// Seeds that were kept apart, in words.
fn warnings(groups: &[Group]) -> Vec<String> {
    let apart = |pair: &&[Group]| {
        let (a, b) = (pair[0].record, pair[1].record);
        (&a.benchmark, &a.label) == (&b.benchmark, &b.label)
    };
    let tell = |pair: &[Group]| {
        let (a, b) = (pair[0].record, pair[1].record);
        let why = if a.meta_iters != b.meta_iters {
            format!("{} and {} meta-iterations", a.meta_iters, b.meta_iters)
        } else if a.episode_hash != b.episode_hash || a.eval_episodes != b.eval_episodes {
            "different test episodes".to_string()
        } else if a.code != b.code {
            "different builds' numbers".to_string()
        } else {
            "different settings".to_string()
        };
        format!(
            "{} {}: runs with {why} lie side by side; they are rows of their own, not averaged",
            a.benchmark, a.label
        )
    };
    groups.windows(2).filter(apart).map(tell).collect()
}

impl Group<'_> {
    fn cells(&self, budget: &str) -> Vec<Cell> {
        let mut modes: Vec<&str> = self.record.modes.iter().map(String::as_str).collect();
        if let Some(run) = self.runs.first() {
            modes = run.finals.iter().map(|f| f.mode.as_str()).collect();
        }
        if modes.is_empty() {
            modes.push("-");
        }
        modes.into_iter().map(|mode| self.cell(budget, mode)).collect()
    }

    fn cell(&self, budget: &str, mode: &str) -> Cell {
        let record = self.record;
        let finals: Vec<_> = self.runs.iter().flat_map(|run| run.finals.iter().filter(|f| f.mode == mode)).collect();
        let values: Vec<f64> = finals.iter().map(|f| f.value).collect();
        let within: Vec<f64> = finals.iter().filter_map(|f| f.ci95).collect();
        let ours = (!values.is_empty()).then(|| mean(&values));
        let target = record.published_for(mode);
        let comparable = target.is_none_or(|t| t.comparable);
        // The folder has the last word: a record that was moved into `paper` stays what it was.
        let whole = budget == "paper" && record.budget == "paper" && !record.overridden;
        let kept = record.kept.as_ref();
        let verdict = match ours {
            Some(_) if self.failed > 0 => Verdict::Failed,
            Some(_) if kept.is_some() => Verdict::OtherBuild,
            Some(ours) => judge(ours, target, record.higher_is_better, whole),
            None => Verdict::Failed,
        };
        let delta = ours.zip(target.filter(|t| t.comparable)).map(|(ours, t)| ours - t.value);
        let row = SummaryRow {
            benchmark: record.benchmark.clone(),
            method: record.label.clone(),
            mode: mode.to_string(),
            metric: record.metric.clone(),
            mean: ours.map(tidy),
            ci95_seeds: seed_interval(&values).map(tidy),
            ci95_episodes: (!within.is_empty()).then(|| tidy(mean(&within))),
            seeds: values.len(),
            episodes: finals.first().map_or(record.eval_episodes, |f| f.episodes),
            meta_iters: record.meta_iters,
            budget: budget.to_string(),
            published: target.map(|t| t.value),
            published_ci: target.and_then(|t| t.ci),
            source: target.and_then(|t| t.source.clone()),
            delta: delta.map(tidy),
            verdict,
        };
        Cell {
            row,
            title: record.title.clone(),
            higher_is_better: record.higher_is_better,
            comparable,
            ci_meaning: target.and_then(|t| t.ci_meaning.clone()),
            tolerance: target.and_then(|t| t.tolerance),
            of_seeds: self.runs.iter().map(|run| run.record.seed).collect(),
            figure: record.figure.clone(),
            kept: kept.map(|_| identity::build(record.git_commit.as_deref(), record.git_dirty)),
        }
    }
}
