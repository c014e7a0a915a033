//! Each method of a table beside one row of it: `harness compare OUT --against LABEL`.

use std::path::{Path, PathBuf};

use harness_core::{Error, Mode, Result, Split, error};
use serde::Serialize;

use super::Answer;
use super::block::{Block, Column};
use super::folder::{self, Budget, FoundRun};
use crate::report::format;
use crate::results::layout::natural;
use crate::results::metric::{Metric, with_mode};
use crate::results::run::{self, ValuesByMode};
use crate::results::run_json::RunRecord;
use crate::results::statistics::{self, Difference, LEVEL, SeedValues, mean, tidy};
use crate::results::summary;
use crate::tag;

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
            tables.extend(benchmark(budget, name, asked, &mut alone)?);
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

/// The tables of one benchmark, one a mode; none where the reference has no complete run in it.
fn benchmark(budget: &Budget, name: &str, asked: &Asked, alone: &mut Vec<String>) -> Result<Vec<Table>> {
    let mut entries: Vec<Entry> = Vec::new();
    for held in budget.runs.iter().filter(|held| held.benchmark == name) {
        let wanted = held.label == asked.label || asked.methods.is_empty() || asked.methods.contains(&held.label);
        if !wanted {
            continue;
        }
        let Some(record) = held.complete() else {
            alone.push(format!("{} {name} {} seed {}: {}", budget.name, held.label, held.seed, held.status()));
            continue;
        };
        let modes = run::values(&held.path, record)?;
        for (mode, episode) in modes.iter().filter_map(|(mode, values)| Some((mode, values.as_ref().err()?.0))) {
            let seed = held.seed;
            alone.push(format!(
                "{} {name} {} seed {seed} {}: diverged in episode {episode}",
                budget.name,
                held.label,
                mode.as_str()
            ));
        }
        let run = (held, record, modes);
        match entries.iter_mut().find(|entry| entry.label == held.label) {
            Some(entry) => entry.runs.push(run),
            None => entries.push(Entry { label: &held.label, runs: vec![run] }),
        }
    }
    for Entry { label, runs } in &mut entries {
        let records: Vec<&RunRecord> = runs.iter().map(|(_, record, _)| *record).collect();
        let mut stay = summary::largest_cell(&records).into_iter();
        runs.retain(|(held, ..)| {
            let stays = stay.next() == Some(true);
            if !stays {
                let seed = held.seed;
                alone.push(format!("{} {name} {label} seed {seed}: not as its other seeds were made", budget.name));
            }
            stays
        });
    }
    let Some(at) = entries.iter().position(|entry| entry.label == asked.label) else {
        return Ok(Vec::new());
    };
    // Beside itself only where that is asked for.
    let itself = asked.methods.iter().any(|label| label == asked.label);
    let reference = if itself { entries[at].clone() } else { entries.remove(at) };
    let (_, first, modes) = &reference.runs[0];
    entries.sort_by(|a, b| a.runs[0].1.order.cmp(&b.runs[0].1.order).then_with(|| natural(a.label, b.label)));
    entries.retain(|entry| {
        let alike = entry.runs.iter().chain(&reference.runs).all(|(_, record, _)| run::same_episodes(first, record));
        if !alike {
            alone.push(format!(
                "{} {name} {}: it met other test episodes than {}",
                budget.name, entry.label, asked.label
            ));
        }
        alike
    });
    let of_mode = |entry: &Entry, mode: Mode| -> Vec<SeedValues> {
        let values =
            |modes: &ValuesByMode| modes.iter().find(|(own, _)| *own == mode).and_then(|(_, v)| v.clone().ok());
        entry.runs.iter().filter_map(|(held, _, modes)| Some((held.seed, values(modes)?))).collect()
    };
    let mut tables = Vec::new();
    for &(mode, _) in modes {
        let there = of_mode(&reference, mode);
        let mut found: Vec<(&Entry, Vec<SeedValues>, Difference)> = Vec::new();
        for entry in &entries {
            let here = of_mode(entry, mode);
            match statistics::difference(&there, &here) {
                Some(difference) => found.push((entry, here, difference)),
                None => alone.push(format!(
                    "{} {name} {} {}: no seed that both hold",
                    budget.name,
                    entry.label,
                    mode.as_str()
                )),
            }
        }
        let adjusted = statistics::holm(&found.iter().map(|(.., d)| d.p).collect::<Vec<_>>());
        let mut rows = Vec::new();
        for ((entry, values, difference), p_holm) in found.into_iter().zip(adjusted) {
            rows.push(Row {
                spending: spending(entry, mode, &values, asked.target)?,
                answer: answer(&difference, p_holm, first.metric, asked.margin),
                delta: difference.delta,
                ci95: difference.half,
                p: difference.p,
                p_holm,
                over: if difference.over_seeds { Over::Seeds } else { Over::Episodes },
                common_seeds: difference.seeds,
            });
        }
        if rows.is_empty() {
            continue;
        }
        tables.push(Table {
            budget: budget.name.clone(),
            benchmark: name.to_owned(),
            mode,
            metric: first.metric,
            reference: spending(&reference, mode, &there, asked.target)?,
            rows,
        });
    }
    Ok(tables)
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

/// When a row reaches the target: `4,000 (2 min 3 s)`, `never`, or how many of its seeds do.
fn reached_words(row: &Spending) -> String {
    match (row.reached, row.seeds_reached) {
        (Some((step, Some(seconds))), _) => {
            format!("{} ({})", format::thousands(step.round() as u64), crate::progress::human(seconds))
        }
        (Some((step, None)), _) => format::thousands(step.round() as u64),
        (None, Some(some @ 1..)) => format!("{some} of {}", format::plural(row.seeds.len() as u64, "seed")),
        (None, _) => "never".into(),
    }
}

impl Against {
    /// The tables for a terminal `width` columns wide.
    pub fn table(&self, width: u16) -> String {
        let mut out = String::new();
        for block in self.blocks() {
            out += &format!("{}\n{}\n", block.title, block.grid(width));
            block.notes.iter().for_each(|note| out += &format!("  {note}\n"));
            out.push('\n');
        }
        if !self.not_compared.is_empty() {
            out += "not compared:\n";
            self.not_compared.iter().for_each(|line| out += &format!("  {line}\n"));
            out.push('\n');
        }
        out + &self.legend() + "\n"
    }

    /// The same as Markdown.
    pub fn markdown(&self) -> String {
        let mut out: String = self.blocks().iter().map(Block::markdown).collect();
        if !self.not_compared.is_empty() {
            out += "not compared:\n\n";
            self.not_compared.iter().for_each(|line| out += &format!("- {line}\n"));
            out.push('\n');
        }
        out + &self.legend() + "\n"
    }

    /// For a paper.
    pub fn latex(&self) -> String {
        self.blocks().iter().map(Block::latex).collect::<String>() + "% " + &self.legend() + "\n"
    }

    /// As one JSON object.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("it is plain data") + "\n"
    }

    fn legend(&self) -> String {
        let mut text = format!(
            "difference: method - {}, paired, over the seeds that both hold, with its 95 % interval (uncorrected); p: \
             two-sided, adjusted by Holm over the rows of the table and mode; better and worse: p < 0.05",
            self.against
        );
        if let Some(margin) = self.margin {
            text += &format!("; same: the interval lies within ±{margin}");
        }
        text + "."
    }

    fn blocks(&self) -> Vec<Block> {
        self.tables.iter().map(|table| self.block(table)).collect()
    }

    fn block(&self, table: &Table) -> Block {
        let all = || [&table.reference].into_iter().chain(table.rows.iter().map(|row| &row.spending));
        let passes = all().any(|row| row.image_passes.is_some());
        let columns = [
            (true, "method", false),
            (true, "value", true),
            (true, "difference", true),
            (true, "p (Holm)", true),
            (true, "answer", false),
            (true, "meta-iters", true),
            (passes, "image passes", true),
            (true, "time", true),
            (self.target.is_some(), "target at", true),
        ];
        let value = |value| table.metric.value(value);
        let line = |row: &Spending, said: [String; 3]| {
            let [difference, p, answer] = said;
            let passes = row.image_passes.map_or(String::new(), |n| format::thousands(n.round() as u64));
            let fields = [
                row.method.clone(),
                value(row.value),
                difference,
                p,
                answer,
                format::thousands(row.meta_iters),
                passes,
                row.seconds.map_or(String::new(), crate::progress::human),
                reached_words(row),
            ];
            fields.into_iter().zip(&columns).filter(|(_, (shown, ..))| *shown).map(|(text, _)| text).collect()
        };
        let mut lines: Vec<Vec<String>> = vec![line(&table.reference, Default::default())];
        for row in &table.rows {
            let difference = table.metric.difference(row.delta, row.ci95);
            lines.push(line(&row.spending, [difference, p_value(row.p_holm), row.answer.name().into()]));
        }
        let mode = with_mode(", ", table.mode);
        Block {
            title: format!("{}{mode}: budget {} · {}", table.benchmark, table.budget, table.metric.heading()),
            columns: columns
                .iter()
                .filter(|c| c.0)
                .map(|(_, name, right)| Column { name: (*name).into(), right: *right })
                .collect(),
            lines,
            notes: notes(table).into_iter().chain(tags(table)).collect(),
        }
    }
}

/// What the user calls the rows.
fn tags(table: &Table) -> Vec<String> {
    let all = std::iter::once(&table.reference).chain(table.rows.iter().map(|row| &row.spending));
    tag::notes(all.map(|row| (row.method.as_str(), row.tag.as_deref())))
}

/// What the differences are between.
fn notes(table: &Table) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for row in &table.rows {
        let seeds = row.common_seeds.len() as u64;
        let note = match row.over {
            Over::Seeds => format!("over {} that both hold: compares the methods", format::plural(seeds, "seed")),
            Over::Episodes => {
                let seeds = if seeds == 1 { "one seed".to_owned() } else { format!("{seeds} seeds") };
                format!("over test episodes, {seeds}: compares these trained states, not the methods")
            }
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    if notes.len() < 2 {
        return notes;
    }
    // Where rows differ, each says its own.
    let own = |row: &Row| match row.over {
        Over::Seeds => format!("{}: over {} seeds: the methods", row.spending.method, row.common_seeds.len()),
        Over::Episodes => {
            let seeds = format::plural(row.common_seeds.len() as u64, "seed");
            format!("{}: over test episodes, {seeds}: these trained states, not the methods", row.spending.method)
        }
    };
    table.rows.iter().map(own).collect()
}

/// `0.031`, `< 0.0001`.
fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".into() } else { format!("{p:.4}") }
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
        let words = |reached, seeds_reached| {
            let (method, value, seeds, meta_iters) = ("a".into(), 90.0, vec![0, 1, 2], 10);
            let (image_passes, seconds, tag) = (None, None, None);
            let row = Spending { method, value, seeds, meta_iters, image_passes, seconds, reached, seeds_reached, tag };
            reached_words(&row)
        };
        assert_eq!(words(Some((4000.0, None)), Some(3)), "4,000");
        assert_eq!(words(None, Some(2)), "2 of 3 seeds");
        assert_eq!(words(None, Some(0)), "never");
    }

    #[test]
    fn p_is_short() {
        assert_eq!([p_value(0.03141), p_value(1.0), p_value(1e-9)], ["0.0314", "1.0000", "< 0.0001"]);
    }
}
