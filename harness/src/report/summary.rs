//! From runs to rows: seeds of one cell become a mean with two intervals, beside the published number and a verdict.

use super::{
    best, folds,
    run::{Final, Found, Run, load},
    scan::{self, natural},
    stats::{mean, seed_interval, tidy},
    verdict::{Verdict, judge},
};
use crate::identity;
use crate::planned::{self, PlannedRun};
use crate::record::{FigurePlace, RunRecord, Status};
use crate::tag;
use harness_core::Result;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
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
}

/// A run that is not in the means, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    pub benchmark: String,
    pub method: String,
    pub seed: u64,
    /// `running`, `interrupted`, `failed`, `not started`, `missing`: planned, and nothing is there, or `other episodes`:
    /// complete, but not to be compared with the other rows of its table.
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

impl Summary {
    /// What people call it: the budget, or what was overridden in it, with the folder's name.
    pub fn shown(&self) -> String {
        let records = self.runs.iter().map(|run| &run.record).chain(&self.unfinished);
        match records.clone().find(|record| !record.overrides.is_empty()) {
            Some(record) => format!("{} with {} ({})", record.budget, record.overrides.join(", "), self.budget),
            None => self.budget.clone(),
        }
    }
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
    let (runs, strangers) = same_episodes(runs);
    left.extend(strangers.iter().map(|run| stranger(out, budget, &run.record)));
    left.sort_by(|a, b| {
        natural(&a.benchmark, &b.benchmark).then_with(|| natural(&a.method, &b.method)).then(a.seed.cmp(&b.seed))
    });
    let failed: Vec<&RunRecord> = unfinished.iter().filter(|record| record.status == Status::Failed).collect();
    let groups = group(&runs, &failed);
    let mut warnings = warnings(&groups);
    warnings.extend(lost(&runs));
    let mut cells: Vec<Cell> = groups.iter().flat_map(|group| group.cells(budget)).collect();
    let (means, incomplete) = folds::rows(&cells);
    cells.extend(means);
    warnings.extend(incomplete);
    let mut summary = Summary { budget: budget.to_string(), cells, left, warnings, runs, unfinished };
    best::mark(&mut summary);
    Ok(summary)
}

/// The runs that met the episodes of the newest run of their benchmark, and the others: a table compares methods on the
/// very same episodes. Records of older builds that do not name their episodes pass.
fn same_episodes(runs: Vec<Run>) -> (Vec<Run>, Vec<Run>) {
    let when = |record: &RunRecord| record.ended.clone().unwrap_or_else(|| record.started.clone());
    let mut newest: BTreeMap<String, (String, String)> = BTreeMap::new();
    for record in runs.iter().map(|run| &run.record).filter(|record| !record.episode_hash.is_empty()) {
        let this = (when(record), record.episode_hash.clone());
        let held = newest.entry(record.benchmark.clone()).or_insert_with(|| this.clone());
        if *held < this {
            *held = this;
        }
    }
    let fits = |record: &RunRecord| {
        record.episode_hash.is_empty()
            || newest.get(&record.benchmark).is_none_or(|(_, hash)| *hash == record.episode_hash)
    };
    runs.into_iter().partition(|run| fits(&run.record))
}

/// A run that met other episodes, with the command that mends it.
fn stranger(out: &Path, budget: &str, record: &RunRecord) -> Left {
    let (benchmark, method, seed) = (record.benchmark.clone(), record.label.clone(), record.seed);
    let command = match budget.starts_with("custom-") {
        true => "its own command".to_string(),
        false => format!("`harness reproduce {benchmark} --budget {budget} --method {method} --out {}`", out.display()),
    };
    let reason = format!("it met other test episodes than the newest run of {benchmark}; {command} evaluates it again");
    Left { benchmark, method, seed, status: "other episodes", reason: Some(reason) }
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

/// The evaluations that gave no number, in words: a curve that lacks a point looks like one that was never asked for it.
fn lost(runs: &[Run]) -> impl Iterator<Item = String> {
    runs.iter().filter(|run| !run.lost.is_empty()).map(|run| {
        let RunRecord { benchmark, label, seed, .. } = &run.record;
        let first = &run.lost[0];
        let more = match run.lost.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "{benchmark} {label} seed {seed}: the learning curve lacks its {} point at meta-iteration {}{more}, where the \
             evaluation diverged",
            first.split, first.step
        )
    })
}

/// Whether each of several episodes had as many right answers as guessing has: queries are as many of each class, so who
/// always names one class is right once in so many ways, without any spread.
fn at_chance(record: &RunRecord, last: &Final) -> bool {
    let ways = record.config["protocol"]["ways"].as_f64().filter(|_| record.metric == "accuracy");
    let guessed = ways.is_some_and(|ways| (last.value - 100.0 / ways).abs() < 1e-6);
    guessed && last.episodes > 1 && last.ci95.is_some_and(|ci95| ci95 < 1e-6)
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
            chance: !finals.is_empty() && finals.iter().all(|last| at_chance(record, last)),
            figure: record.figure.clone(),
            kept: kept.map(|_| identity::build(record.git_commit.as_deref(), record.git_dirty)),
            best: false,
            tag: tag::of(self.runs.iter().map(|run| &run.record)),
        }
    }
}
