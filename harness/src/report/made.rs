//! Which build and machine made the rows of a budget, and how long that took, from each run's run.json: as a table, and as
//! a paragraph to paste.

use crate::results::layout::natural;
use crate::results::rows::Summary;
use crate::results::run_json::{RunRecord, Status};
use crate::words;

/// Runs of one benchmark by one build on one kind of machine.
pub struct Made {
    pub benchmark: String,
    /// `reptile (seeds 0, 1), maml`, or how many rows where that would be long.
    pub what: String,
    /// Seven digits, `+ changes` where the tree had some; empty where it is not known.
    pub commit: String,
    /// Processor, instruction set and threads.
    pub machine: String,
    /// Of work, all runs together.
    pub hours: String,
}

/// More labels than these are counted.
const NAMED: usize = 6;

/// The complete runs of a budget, benchmark by benchmark in the order of its tables.
pub fn table(summary: &Summary) -> Vec<Made> {
    let mut benchmarks: Vec<&str> = summary.cells.iter().map(|cell| cell.row.benchmark.as_str()).collect();
    benchmarks.dedup();
    let mut made = Vec::new();
    for benchmark in benchmarks {
        let mut records: Vec<&RunRecord> =
            summary.runs.iter().map(|run| &run.record).filter(|record| record.benchmark == benchmark).collect();
        let place = |record: &RunRecord| (record.order, record.label.clone(), record.seed);
        records.sort_by_key(|record| place(record));
        let mut groups: Vec<Vec<&RunRecord>> = Vec::new();
        for record in records {
            match groups.iter_mut().find(|group| source(group[0]) == source(record)) {
                Some(group) => group.push(record),
                None => groups.push(vec![record]),
            }
        }
        made.extend(groups.into_iter().map(|group| {
            let (commit, machine) = source(group[0]);
            let hours = words::hours(group.iter().map(|record| record.seconds).sum());
            let hours =
                if group.iter().any(|record| record.took_over().is_some()) { format!("over {hours}") } else { hours };
            Made { benchmark: benchmark.to_string(), what: what(&group), commit, machine, hours }
        }));
    }
    made
}

fn source(record: &RunRecord) -> (String, String) {
    let dirty = if record.git_dirty == Some(true) { " + changes" } else { "" };
    let commit = record.git_commit.as_ref().map(|commit| commit.chars().take(7).collect::<String>() + dirty);
    let mut machine = vec![record.cpu.clone(), record.instruction_set.clone()];
    if record.threads > 0 {
        machine.push(words::plural(record.threads, "thread"));
    }
    machine.retain(|part| !part.is_empty());
    (commit.unwrap_or_default(), machine.join(", "))
}

fn what(group: &[&RunRecord]) -> String {
    let labels: Vec<&[&RunRecord]> = group.chunk_by(|a, b| a.label == b.label).collect();
    if labels.len() > NAMED {
        return words::plural(labels.len() as u64, "row");
    }
    let name = |of: &&[&RunRecord]| {
        let mut seeds: Vec<String> = of.iter().map(|record| record.seed.to_string()).collect();
        seeds.sort_by(|a, b| natural(a, b));
        let label = &of[0].label;
        match seeds.as_slice() {
            [one] if one == "0" => label.clone(),
            [one] => format!("{label} (seed {one})"),
            several => format!("{label} (seeds {})", several.join(", ")),
        }
    };
    labels.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A few sentences over the complete runs among `records`; empty for none.
pub fn note<'a>(records: impl Iterator<Item = &'a RunRecord> + Clone) -> String {
    let records = records.filter(|record| record.status == Status::Complete);
    let distinct = |get: &dyn Fn(&RunRecord) -> String| {
        let mut all: Vec<String> = records.clone().map(get).filter(|text| !text.is_empty()).collect();
        all.sort();
        all.dedup();
        all
    };
    let runs = records.clone().count() as u64;
    let trained = |record: &&RunRecord| record.meta_iters > 0 && record.trained_by.is_none();
    let trainings = records.clone().filter(trained).count() as u64;
    if runs == 0 {
        return String::new();
    }
    let seconds: f64 = records.clone().map(|record| record.seconds).sum();
    let cpus = distinct(&|record| {
        let set =
            if record.instruction_set.is_empty() { String::new() } else { format!(" ({})", record.instruction_set) };
        if record.cpu.is_empty() { String::new() } else { format!("{}{set}", record.cpu) }
    });
    let commits = distinct(&|record| {
        let dirty = if record.git_dirty == Some(true) { " with changes" } else { "" };
        let commit = record.git_commit.as_deref().unwrap_or_default();
        if commit.is_empty() {
            String::new()
        } else {
            format!("{}{dirty}", commit.chars().take(12).collect::<String>())
        }
    });
    let versions = distinct(&|record| record.versions.get("harness").cloned().unwrap_or_default());
    let mut said = vec![format!(
        "{}, {} of them with a training of their own, took {}{} of wall-clock time",
        words::plural(runs, "run"),
        words::thousands(trainings),
        if records.clone().any(|record| record.took_over().is_some()) { "over " } else { "" },
        words::duration(seconds)
    )];
    let mut say = |words: &str, list: &[String]| {
        if !list.is_empty() {
            said.push(format!("{words} {}", list.join(", ")));
        }
    };
    say("on", &cpus);
    say("with harness", &versions);
    say("at commit", &commits);
    said.join(" ") + ".\n"
}
