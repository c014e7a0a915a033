//! Each method of a table beside one row of it: `harness compare OUT --against LABEL`.

mod print;

use std::path::{Path, PathBuf};

use harness_core::{Error, Mode, Result, Split, error};
use serde::Serialize;

use super::Answer;
use super::folder::{self, Budget, FoundRun};
use crate::results::layout::natural;
use crate::results::metric::Metric;
use crate::results::run::{self, ValuesByMode};
use crate::results::run_json::RunRecord;
use crate::results::statistics::{self, Difference, LEVEL, SeedValues, mean, tidy};
use crate::results::summary;
use crate::results::tag;

/// What is asked.
pub struct Asked<'a> {
    pub label: &'a str,
    /// Empty: all.
    pub methods: &'a [String],
    pub margin: Option<f64>,
    pub target: Option<f64>,
}

/// What came out.
#[derive(Debug, Serialize)]
pub struct Against {
    #[serde(serialize_with = "crate::words::path")]
    pub folder: PathBuf,
    pub against: String,
    pub margin: Option<f64>,
    pub target: Option<f64>,
    pub tables: Vec<Table>,
    pub not_compared: Vec<String>,
}

/// The rows of one benchmark in one mode.
#[derive(Debug, Serialize)]
pub struct Table {
    pub budget: String,
    pub benchmark: String,
    pub mode: Mode,
    pub metric: Metric,
    /// The row that the others are compared with.
    pub reference: Spending,
    pub rows: Vec<Row>,
}

/// A row's value and what it cost.
#[derive(Clone, Debug, Serialize)]
pub struct Spending {
    pub method: String,
    /// Mean over its seeds.
    pub value: f64,
    pub seeds: Vec<u64>,
    pub meta_iters: u64,
    /// Forward and backward passes of one image in the whole training of one seed, where the record says so.
    pub image_passes: Option<f64>,
    /// Seconds of work of one seed, averaged; None where another run trained one of them.
    pub seconds: Option<f64>,
    /// When the learning curve on test first reaches the target: meta-iterations and, where it trained itself, seconds,
    /// averaged over seeds.
    pub reached: Option<(f64, Option<f64>)>,
    /// How many of its seeds reach the target; None where there is none. `reached` is null unless all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeds_reached: Option<usize>,
    /// What the user calls its runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// One row beside the reference.
#[derive(Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub spending: Spending,
    /// Row − reference, over the seeds that both hold.
    pub delta: f64,
    /// Half-width of its 95 % interval, not corrected.
    pub ci95: Option<f64>,
    pub p: f64,
    /// Adjusted by Holm over the rows of this table.
    pub p_holm: f64,
    pub over: Over,
    pub common_seeds: Vec<u64>,
    pub answer: Answer,
}

/// What the interval is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// The difference between these trained states.
    Episodes,
    /// The difference between the methods.
    Seeds,
}

/// Compares the methods below `path` with the row that is asked for, table by table.
///
/// # Errors
/// Usage: no runs there, no such row, or nothing beside it. Data: a damaged record or episodes.parquet.
pub fn compare(path: &Path, asked: &Asked) -> Result<Against> {
    let budgets = folder::budgets(path)?;
    let labels: Vec<&str> = budgets.iter().flat_map(|budget| &budget.runs).map(|held| held.label.as_str()).collect();
    for label in [asked.label].into_iter().chain(asked.methods.iter().map(String::as_str)) {
        if !labels.contains(&label) {
            let mut known = labels.clone();
            known.sort_unstable();
            known.dedup();
            return Err(error::unknown("method", label, known));
        }
    }
    let (mut tables, mut alone) = (Vec::new(), Vec::new());
    for budget in &budgets {
        let mut names: Vec<&str> = budget.runs.iter().map(|held| held.benchmark.as_str()).collect();
        names.dedup();
        for name in names {
            tables.extend(Benchmark { budget, name, asked, alone: &mut alone }.tables()?);
        }
    }
    if tables.is_empty() {
        let first = alone.first().map(|why| format!(" ({why})")).unwrap_or_default();
        return Err(Error::usage(format!("nothing to compare with {} below {}{first}", asked.label, path.display())));
    }
    Ok(Against {
        folder: path.into(),
        against: asked.label.to_owned(),
        margin: asked.margin,
        target: asked.target,
        tables,
        not_compared: alone,
    })
}

/// A label's complete runs in one benchmark, with their episodes by mode.
#[derive(Clone)]
struct Entry<'a> {
    label: &'a str,
    runs: Vec<(&'a FoundRun, &'a RunRecord, ValuesByMode)>,
}

impl Entry<'_> {
    /// The numbers of its seeds in `mode`; one that diverged has none.
    fn values(&self, mode: Mode) -> Vec<SeedValues> {
        let numbers = |(held, _, modes): &(&FoundRun, &RunRecord, ValuesByMode)| {
            let (_, values) = modes.iter().find(|(own, _)| *own == mode)?;
            Some((held.seed, values.clone().ok()?))
        };
        self.runs.iter().filter_map(numbers).collect()
    }
}

/// One benchmark of a budget, while its tables are made.
struct Benchmark<'a> {
    budget: &'a Budget,
    name: &'a str,
    asked: &'a Asked<'a>,
    /// What is in no table, and why.
    alone: &'a mut Vec<String>,
}

impl<'a> Benchmark<'a> {
    /// One a mode; none where the reference has no complete run.
    fn tables(mut self) -> Result<Vec<Table>> {
        let mut entries = self.entries()?;
        self.drop_odd_seeds(&mut entries);
        let label = self.asked.label;
        let Some(at) = entries.iter().position(|entry| entry.label == label) else {
            return Ok(Vec::new());
        };
        // Beside itself only where that is asked for.
        let itself = self.asked.methods.iter().any(|method| method == label);
        let reference = if itself { entries[at].clone() } else { entries.remove(at) };
        entries.sort_by(|a, b| a.runs[0].1.order.cmp(&b.runs[0].1.order).then_with(|| natural(a.label, b.label)));
        self.drop_other_episodes(&mut entries, &reference);
        let mut tables = Vec::new();
        for (mode, _) in &reference.runs[0].2 {
            tables.extend(self.table(*mode, &reference, &entries)?);
        }
        Ok(tables)
    }

    /// The complete runs of the rows that are asked for.
    fn entries(&mut self) -> Result<Vec<Entry<'a>>> {
        let (budget, name, asked) = (self.budget, self.name, self.asked);
        let wanted =
            |label: &String| *label == asked.label || asked.methods.is_empty() || asked.methods.contains(label);
        let mut entries: Vec<Entry> = Vec::new();
        for held in budget.runs.iter().filter(|held| held.benchmark == name && wanted(&held.label)) {
            let (label, seed) = (&held.label, held.seed);
            let Some(record) = held.complete() else {
                self.leave_out(&format!("{label} seed {seed}: {}", held.status()));
                continue;
            };
            let modes = run::values(&held.path, record)?;
            for (mode, episode) in modes.iter().filter_map(|(mode, values)| Some((mode, values.as_ref().err()?.0))) {
                self.leave_out(&format!("{label} seed {seed} {}: diverged in episode {episode}", mode.as_str()));
            }
            let run = (held, record, modes);
            match entries.iter_mut().find(|entry| entry.label == *label) {
                Some(entry) => entry.runs.push(run),
                None => entries.push(Entry { label, runs: vec![run] }),
            }
        }
        Ok(entries)
    }

    /// Keeps the seeds of each row that were made alike.
    fn drop_odd_seeds(&mut self, entries: &mut [Entry<'a>]) {
        for Entry { label, runs } in entries {
            let records: Vec<&RunRecord> = runs.iter().map(|(_, record, _)| *record).collect();
            let mut stay = summary::largest_cell(&records).into_iter();
            runs.retain(|(held, ..)| {
                let stays = stay.next() == Some(true);
                if !stays {
                    self.leave_out(&format!("{label} seed {}: not as its other seeds were made", held.seed));
                }
                stays
            });
        }
    }

    /// Keeps the rows that met the test episodes of the reference.
    fn drop_other_episodes(&mut self, entries: &mut Vec<Entry<'a>>, reference: &Entry<'a>) {
        let first = reference.runs[0].1;
        entries.retain(|entry| {
            let alike =
                entry.runs.iter().chain(&reference.runs).all(|(_, record, _)| run::same_episodes(first, record));
            if !alike {
                self.leave_out(&format!("{}: it met other test episodes than {}", entry.label, reference.label));
            }
            alike
        });
    }

    /// The table of one mode; None where no row shares a seed with the reference.
    fn table(&mut self, mode: Mode, reference: &Entry, entries: &[Entry]) -> Result<Option<Table>> {
        let there = reference.values(mode);
        let mut found: Vec<(&Entry, Vec<SeedValues>, Difference)> = Vec::new();
        for entry in entries {
            let here = entry.values(mode);
            match statistics::difference(&there, &here) {
                Some(difference) => found.push((entry, here, difference)),
                None => self.leave_out(&format!("{} {}: no seed that both hold", entry.label, mode.as_str())),
            }
        }
        if found.is_empty() {
            return Ok(None);
        }
        let Asked { margin, target, .. } = *self.asked;
        let metric = reference.runs[0].1.metric;
        let adjusted = statistics::holm(&found.iter().map(|(.., d)| d.p).collect::<Vec<_>>());
        let mut rows = Vec::new();
        for ((entry, values, difference), p_holm) in found.into_iter().zip(adjusted) {
            rows.push(Row {
                spending: spending(entry, mode, &values, target)?,
                answer: answer(&difference, p_holm, metric, margin),
                delta: difference.delta,
                ci95: difference.half,
                p: difference.p,
                p_holm,
                over: if difference.over_seeds { Over::Seeds } else { Over::Episodes },
                common_seeds: difference.seeds,
            });
        }
        Ok(Some(Table {
            budget: self.budget.name.clone(),
            benchmark: self.name.to_owned(),
            mode,
            metric,
            reference: spending(reference, mode, &there, target)?,
            rows,
        }))
    }

    fn leave_out(&mut self, what: &str) {
        self.alone.push(format!("{} {} {what}", self.budget.name, self.name));
    }
}

/// A stated margin comes first: whoever states one says that less is no difference to them.
fn answer(found: &Difference, p_holm: f64, metric: Metric, margin: Option<f64>) -> Answer {
    let inside = |margin: f64| found.half.is_some_and(|half| found.delta.abs() + half <= margin);
    match metric.gain(found.delta) > 0.0 {
        _ if found.identical || margin.is_some_and(inside) => Answer::Same,
        _ if p_holm >= LEVEL => Answer::Unclear,
        true => Answer::Better,
        false => Answer::Worse,
    }
}

fn spending(entry: &Entry, mode: Mode, values: &[SeedValues], target: Option<f64>) -> Result<Spending> {
    let (_, record, _) = entry.runs[0];
    let of_seeds: Vec<f64> = values.iter().map(|(_, values)| mean(values)).collect();
    let seconds: Option<Vec<f64>> = entry.runs.iter().map(|(_, record, _)| record.whole_seconds()).collect();
    let mut reached: Vec<Option<Place>> = Vec::new();
    let counted = |held: &FoundRun| values.iter().any(|(seed, _)| *seed == held.seed);
    for (held, record, _) in entry.runs.iter().filter(|(held, ..)| target.is_some() && counted(held)) {
        let target = target.expect("filtered");
        let rows = run::curve(&held.path, record)?;
        let beyond = |value: f64| record.metric.gain(value) >= record.metric.gain(target);
        let first = rows.iter().find(|row| row.split == Split::Test && row.mode == mode && beyond(row.value));
        reached.push(first.map(|row| (row.step as f64, record.clock(row.wall_s))));
    }
    Ok(Spending {
        method: entry.label.to_owned(),
        value: tidy(mean(&of_seeds)),
        seeds: values.iter().map(|(seed, _)| *seed).collect(),
        meta_iters: record.meta_iters,
        image_passes: record.image_passes.map(|passes| passes * record.meta_iters as f64),
        seconds: seconds.map(|seconds| tidy(mean(&seconds))),
        seeds_reached: target.map(|_| reached.iter().flatten().count()),
        reached: by_all(reached),
        tag: tag::of(entry.runs.iter().map(|(_, record, _)| *record)),
    })
}

/// A place on a learning curve: meta-iterations and, where they are known, seconds.
type Place = (f64, Option<f64>);

/// The mean of the places at which seeds reach a target; None where one of them does not.
fn by_all(reached: Vec<Option<Place>>) -> Option<Place> {
    let all: Vec<Place> = reached.into_iter().collect::<Option<_>>()?;
    let (steps, seconds): (Vec<f64>, Vec<Option<f64>>) = all.into_iter().unzip();
    let seconds: Option<Vec<f64>> = seconds.into_iter().collect();
    (!steps.is_empty()).then(|| (mean(&steps), seconds.map(|seconds| mean(&seconds))))
}

impl Against {
    /// As one JSON object.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("it is plain data") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::metric::{ACCURACY, MSE};

    fn found(delta: f64, half: f64, identical: bool) -> Difference {
        Difference { delta, half: Some(half), p: 0.0, seeds: vec![0], over_seeds: false, identical }
    }

    #[test]
    fn same_needs_identical_answers_or_a_stated_margin() {
        assert_eq!(answer(&found(0.0, 0.0, true), 1.0, ACCURACY, None), Answer::Same);
        assert_eq!(answer(&found(0.0, 0.1, false), 1.0, ACCURACY, None), Answer::Unclear);
        assert_eq!(answer(&found(0.1, 0.1, false), 1.0, ACCURACY, Some(0.21)), Answer::Same);
        assert_eq!(answer(&found(0.1, 0.1, false), 1.0, ACCURACY, Some(0.19)), Answer::Unclear);
        assert_eq!(answer(&found(-1.0, 0.1, false), 0.01, ACCURACY, Some(0.2)), Answer::Worse);
        assert_eq!(answer(&found(-1.0, 0.1, false), 0.01, MSE, None), Answer::Better, "errors: less is better");
        assert_eq!(answer(&found(-1.0, 0.1, false), 0.06, ACCURACY, None), Answer::Unclear);
    }

    #[test]
    fn a_target_is_reached_where_every_seed_reaches_it() {
        assert_eq!(by_all(vec![Some((10.0, Some(1.0))), Some((20.0, Some(3.0)))]), Some((15.0, Some(2.0))));
        assert_eq!(by_all(vec![Some((10.0, Some(1.0))), Some((20.0, None))]), Some((15.0, None)));
        assert_eq!(by_all(vec![Some((10.0, None)), None]), None);
        assert_eq!(by_all(Vec::new()), None, "no target");
    }
}
