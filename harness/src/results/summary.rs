//! From runs to rows: seeds of one cell become a mean with two intervals, beside the published number and a verdict.

use super::layout::{self, natural};
use super::metrics::MetricRow;
use super::plan_json::{self, PlannedRun};
use super::rows::{Cell, Excluded, Summary, SummaryRow};
use super::run::{Loaded, Run, load};
use super::run_json::{RunRecord, Status};
use super::statistics::{mean, seed_interval, tidy};
use super::verdict::{Verdict, judge};
use super::{best, fold_means};
use crate::identity;
use crate::results::tag;
use harness_core::{Mode, Result};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Reads every run under `out/budget`.
pub fn summarize(out: &Path, budget: &str) -> Result<Summary> {
    let (mut runs, mut unfinished, mut excluded) = (Vec::new(), Vec::new(), Vec::new());
    let folders = layout::runs(&out.join(budget))?;
    let missing = missing(&folders, plan_json::read(&out.join(budget))?);
    for folder in folders {
        let found = load(&folder)?;
        let (status, reason) = match found {
            Loaded::Complete(run) => {
                runs.push(*run);
                continue;
            }
            Loaded::Empty => ("not started", None),
            Loaded::Other(record) => {
                let told = (record.status.name(), record.failure.clone());
                unfinished.push(*record);
                told
            }
        };
        excluded.push(Excluded {
            benchmark: folder.benchmark,
            method: folder.label,
            seed: folder.seed,
            status,
            reason,
        });
    }
    excluded.extend(missing);
    let (runs, others) = same_episodes(runs);
    excluded.extend(others.iter().map(|run| of_other_episodes(out, budget, &run.record)));
    excluded.sort_by(|a, b| {
        natural(&a.benchmark, &b.benchmark).then_with(|| natural(&a.method, &b.method)).then(a.seed.cmp(&b.seed))
    });
    let failed: Vec<&RunRecord> = unfinished.iter().filter(|record| record.status == Status::Failed).collect();
    let groups = group(&runs, &failed);
    let mut warnings = warnings(&groups);
    warnings.extend(lost(&runs));
    let mut cells: Vec<Cell> = groups.iter().flat_map(|group| group.cells(budget)).collect();
    let (means, incomplete) = fold_means::rows(&cells);
    cells.extend(means);
    warnings.extend(incomplete);
    let mut summary = Summary { budget: budget.to_string(), cells, excluded, warnings, runs, unfinished };
    best::mark(&mut summary);
    Ok(summary)
}

/// The runs that met the episodes of the newest run of their benchmark, and the others: a table compares methods on the
/// very same episodes, of the very same pixels. Records of older builds that do not name their episodes pass.
fn same_episodes(runs: Vec<Run>) -> (Vec<Run>, Vec<Run>) {
    let when = |record: &RunRecord| record.ended.clone().unwrap_or_else(|| record.started.clone());
    let episodes = |record: &RunRecord| (record.episode_hash.clone(), record.data_digest.clone());
    let mut newest: BTreeMap<String, (String, (String, String))> = BTreeMap::new();
    for record in runs.iter().map(|run| &run.record).filter(|record| !record.episode_hash.is_empty()) {
        let this = (when(record), episodes(record));
        let held = newest.entry(record.benchmark.clone()).or_insert_with(|| this.clone());
        if *held < this {
            *held = this;
        }
    }
    let fits = |record: &RunRecord| {
        record.episode_hash.is_empty()
            || newest.get(&record.benchmark).is_none_or(|(_, newest)| *newest == episodes(record))
    };
    runs.into_iter().partition(|run| fits(&run.record))
}

/// A run that met other episodes, with the command that mends it.
fn of_other_episodes(out: &Path, budget: &str, record: &RunRecord) -> Excluded {
    let (benchmark, method, seed) = (record.benchmark.clone(), record.label.clone(), record.seed);
    let command = match budget.starts_with("custom-") {
        true => "its own command".to_string(),
        false => format!("`harness reproduce {benchmark} --budget {budget} --method {method} --out {}`", out.display()),
    };
    let reason = format!(
        "it met other test episodes, or other images, than the newest run of {benchmark}; {command} evaluates it again, \
         or says what differs"
    );
    Excluded { benchmark, method, seed, status: "other episodes", reason: Some(reason) }
}

/// Planned runs without a folder.
fn missing(folders: &[layout::RunFolder], planned: Vec<PlannedRun>) -> Vec<Excluded> {
    let there: HashSet<(&str, &str, u64)> =
        folders.iter().map(|folder| (folder.benchmark.as_str(), folder.label.as_str(), folder.seed)).collect();
    let missing = planned.into_iter().filter(|run| !there.contains(&(&run.benchmark, &run.method, run.seed)));
    let excluded = |run: PlannedRun| {
        let PlannedRun { benchmark, method, seed, .. } = run;
        Excluded { benchmark, method, seed, status: "missing", reason: None }
    };
    missing.map(excluded).collect()
}

/// The runs of one method on one benchmark that may be averaged: same schedule, same settings, same episodes.
struct Group<'a> {
    record: &'a RunRecord,
    runs: Vec<&'a Run>,
    failed: usize,
}

/// Whether two runs are seeds of one cell: all that determines their numbers agrees, the code too, but for the seed.
/// What else is in the benchmark's file does not matter: it may have gained a row between the two.
pub fn same_cell(a: &RunRecord, b: &RunRecord) -> bool {
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

/// Which of the runs of one row belong together: those of its largest cell, of equals the first. A mean over others as
/// well would be of nothing.
pub fn largest_cell(records: &[&RunRecord]) -> Vec<bool> {
    let sizes = records.iter().map(|one| records.iter().filter(|other| same_cell(one, other)).count());
    let largest = sizes.enumerate().max_by_key(|(at, size)| (*size, std::cmp::Reverse(*at)));
    records.iter().map(|one| largest.is_some_and(|(at, _)| same_cell(records[at], one))).collect()
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

/// The evaluations that gave no number, in words: a curve that lacks a point looks like one that was never asked for
/// it.
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
            first.split.as_str(), first.step
        )
    })
}

/// Whether each of several episodes had as many right answers as guessing has: queries are as many of each class, so
/// who always names one class is right once in so many ways, without any spread.
fn at_chance(record: &RunRecord, last: &MetricRow) -> bool {
    let ways = record.config["protocol"]["ways"].as_f64().filter(|_| record.metric.is_percent());
    let guessed = ways.is_some_and(|ways| (last.value - 100.0 / ways).abs() < 1e-6);
    guessed && last.n > 1 && last.ci95.is_some_and(|ci95| ci95 < 1e-6)
}

impl Group<'_> {
    fn cells(&self, budget: &str) -> Vec<Cell> {
        let mut modes = self.record.modes.clone();
        if let Some(run) = self.runs.first() {
            modes = run.finals.iter().map(|last| last.mode).collect();
        }
        if modes.is_empty() {
            modes.push(Mode::Pointwise);
        }
        modes.into_iter().map(|mode| self.cell(budget, mode)).collect()
    }

    fn cell(&self, budget: &str, mode: Mode) -> Cell {
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
            Some(ours) => judge(ours, target, record.metric, whole),
            None => Verdict::Failed,
        };
        let delta = ours.zip(target.filter(|t| t.comparable)).map(|(ours, t)| ours - t.value);
        let row = SummaryRow {
            benchmark: record.benchmark.clone(),
            method: record.label.clone(),
            mode,
            metric: record.metric,
            mean: ours.map(tidy),
            ci95_seeds: seed_interval(&values).map(tidy),
            ci95_episodes: (!within.is_empty()).then(|| tidy(mean(&within))),
            seeds: values.len(),
            episodes: finals.first().map_or(record.eval_episodes, |last| last.n),
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
            comparable,
            ci_meaning: target.and_then(|t| t.ci_meaning.clone()),
            tolerance: target.and_then(|t| t.tolerance),
            of_seeds: self.runs.iter().map(|run| run.record.seed).collect(),
            chance: !finals.is_empty() && finals.iter().all(|last| at_chance(record, last)),
            figure: record.figure.clone(),
            kept: kept.map(|_| identity::build(record.git_commit.as_deref(), record.git_dirty)),
            best: false,
            tag: tag::of(self.runs.iter().map(|run| &run.record)),
            fold_recipe: fold_means::recipe(record),
        }
    }
}
