//! Which builds and machine made the rows of a budget, and how long that took, from each run's run.json: as a table, and as
//! a paragraph to paste.

use crate::identity::{self, Segment};
use crate::results::layout::natural;
use crate::results::rows::Summary;
use crate::results::run_json::{RunRecord, Status};
use crate::words;

/// Runs of one benchmark by the same builds on one kind of machine.
pub struct Made {
    pub benchmark: String,
    /// `reptile (seeds 0, 1), maml`, or how many rows where that would be long.
    pub what: String,
    /// Seven digits, `+ changes` where the tree had some; empty where it is not known. Of several builds: which trained,
    /// and which came after.
    pub commit: String,
    /// Processor, instruction set and threads, of the last process that worked on it.
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
    let mut machine = vec![record.cpu.clone(), record.instruction_set.clone()];
    if record.threads > 0 {
        machine.push(words::plural(record.threads, "thread"));
    }
    machine.retain(|part| !part.is_empty());
    (commits(record), machine.join(", "))
}

/// A build that worked on a run.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Build<'a> {
    /// Empty where it is not known.
    commit: &'a str,
    changed: bool,
    instruction_set: &'a str,
}

impl Build<'_> {
    /// So many digits of its commit, and `changes` behind them where the tree had some.
    fn name(&self, digits: usize, changes: &str) -> String {
        let commit: String = self.commit.chars().take(digits).collect();
        if self.changed && !commit.is_empty() { commit + changes } else { commit }
    }
}

impl<'a> From<&'a Segment> for Build<'a> {
    fn from(segment: &'a Segment) -> Self {
        let Segment { git_commit, git_dirty, instruction_set, .. } = segment;
        Build { commit: git_commit.as_deref().unwrap_or_default(), changed: *git_dirty == Some(true), instruction_set }
    }
}

/// The last one.
impl<'a> From<&'a RunRecord> for Build<'a> {
    fn from(record: &'a RunRecord) -> Self {
        let RunRecord { git_commit, git_dirty, instruction_set, .. } = record;
        Build { commit: git_commit.as_deref().unwrap_or_default(), changed: *git_dirty == Some(true), instruction_set }
    }
}

/// Whether other runs had trained it to its end.
fn given(record: &RunRecord) -> bool {
    record.trained_by.is_some() || record.joined.is_some_and(|step| step >= record.meta_iters)
}

/// The builds that trained a run, and those that came after. What begins with the last meta-iteration trains nothing; where
/// other runs trained, it may have evaluated one of those, and is left out. Records of the first format know the last
/// build alone.
fn builds(record: &RunRecord) -> [Vec<Build<'_>>; 2] {
    let (trained, mut after): (Vec<&Segment>, Vec<&Segment>) =
        record.segments.iter().partition(|segment| segment.first_step < record.meta_iters);
    if given(record) {
        after.clear();
    }
    let [trained, mut after] =
        [trained, after].map(|segments| segments.into_iter().map(Build::from).collect::<Vec<Build<'_>>>());
    let last = Build::from(record);
    if after.last().or(trained.last()) != Some(&last) {
        after.push(last);
    }
    [trained, after]
}

/// `1a2b3c4`; of several builds `trained by 1a2b3c4, 5d6e7f8 (avx2+fma); evaluated by 9a0b1c2`, with instruction sets that
/// are not the last one. A build that went on with the same code may have trained too: it is said to have ended the run.
fn commits(record: &RunRecord) -> String {
    const CHANGES: &str = " + changes";
    let [trained, after] = builds(record);
    let last = Build::from(record);
    if trained.iter().chain(&after).all(|build| *build == last) {
        return last.name(7, CHANGES);
    }
    let one = |build: &Build<'_>| {
        let name = if build.commit.is_empty() { identity::build(None, None) } else { build.name(7, CHANGES) };
        match build.instruction_set == last.instruction_set {
            true => name,
            false => format!("{name} ({})", build.instruction_set),
        }
    };
    let whole = given(record) || record.segments.last().is_some_and(|last| last.first_step >= record.meta_iters);
    let parts = [("trained by", trained), (if whole { "evaluated by" } else { "ended by" }, after)];
    let told = parts.iter().filter(|(_, builds)| !builds.is_empty());
    let told = told.map(|(by, builds)| format!("{by} {}", builds.iter().map(one).collect::<Vec<_>>().join(", ")));
    told.collect::<Vec<_>>().join("; ")
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
    let distinct = |get: &dyn Fn(&RunRecord) -> Vec<String>| {
        let mut all: Vec<String> = records.clone().flat_map(get).filter(|text| !text.is_empty()).collect();
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
        if record.cpu.is_empty() { Vec::new() } else { vec![format!("{}{set}", record.cpu)] }
    });
    let commits =
        distinct(&|record| builds(record).concat().iter().map(|build| build.name(12, " with changes")).collect());
    let versions = distinct(&|record| record.versions.get("harness").cloned().into_iter().collect());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures::Made as Run;

    /// What the build of the commit `aaaaaaaaaaaa…` did from `first_step` on, for the letter a.
    fn segment(letter: &str, instruction_set: &str, first_step: u64) -> Segment {
        let (git_commit, instruction_set) = (Some(letter.repeat(40)), instruction_set.to_owned());
        Segment { code: None, git_commit, git_dirty: Some(false), instruction_set, first_step }
    }

    /// A run of 1,000 meta-iterations whose last process was of the build c, with AVX2.
    fn record(segments: Vec<Segment>) -> RunRecord {
        let (git_commit, instruction_set) = (Some("c".repeat(40)), "avx2".to_owned());
        let made = Run::new("paper", "omniglot-5w1s", "reptile", 0).record();
        RunRecord { segments, git_commit, instruction_set, ..made }
    }

    #[test]
    fn a_run_of_one_build_names_it_and_one_of_several_says_what_each_did() {
        let (a, b) = (segment("a", "avx2", 0), segment("b", "avx512f", 400));
        let [c, at_the_end] = [0, 1000].map(|step| segment("c", "avx2", step));
        for (segments, told) in [
            // Of the first format.
            (vec![], "ccccccc"),
            (vec![c], "ccccccc"),
            (vec![a.clone(), b.clone(), at_the_end], "trained by aaaaaaa, bbbbbbb (avx512f); evaluated by ccccccc"),
            (vec![a.clone(), b, segment("c", "avx2", 700)], "trained by aaaaaaa, bbbbbbb (avx512f), ccccccc"),
            // The code is that of a: whether there was something to train is not recorded.
            (vec![a.clone()], "trained by aaaaaaa; ended by ccccccc"),
        ] {
            assert_eq!(commits(&record(segments)), told);
        }
        let unnamed = Segment { git_commit: None, ..a };
        let changed = RunRecord { git_dirty: Some(true), ..record(vec![unnamed]) };
        assert_eq!(commits(&changed), "trained by a build that names no commit; ended by ccccccc + changes");
    }

    #[test]
    fn a_run_that_another_one_trained_leaves_out_who_evaluated_that_one() {
        let of_the_other = record(vec![segment("a", "avx2", 0), segment("b", "avx2", 1000)]);
        let (by, told) = (Some("omniglot-5w5s reptile seed 0".to_owned()), "trained by aaaaaaa; evaluated by ccccccc");
        assert_eq!(commits(&RunRecord { trained_by: by, ..of_the_other.clone() }), told);
        assert_eq!(commits(&RunRecord { joined: Some(1000), ..of_the_other }), told);
    }

    #[test]
    fn a_note_names_all_builds() {
        let record = record(vec![segment("b", "avx2", 0), segment("c", "avx2", 10)]);
        let note = note(std::iter::once(&record));
        assert!(note.ends_with("at commit bbbbbbbbbbbb, cccccccccccc.\n"), "{note}");
    }
}
