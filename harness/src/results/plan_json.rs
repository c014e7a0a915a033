//! `OUT/<budget>/plan.json`: which runs a folder is to hold. Several processes fill one folder, and who looks at it
//! later cannot tell a run that nobody wanted from one that has not been started; this file can.
//!
//! Every call of `reproduce` writes down all runs of its command, those of other shards too. The newest word on a table
//! counts: a call for a whole benchmark replaces what was planned of it, one with `--method` those rows.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use harness_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::disk;
use super::lock::FolderLock;
use super::run_dir::RunDir;

/// The version of `plan.json` that this build writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// A run that is to be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlannedRun {
    pub benchmark: String,
    /// The label of the row.
    pub method: String,
    pub seed: u64,
    /// sha256 (hex) of its training, which it may share with others; None in a plan of an older build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<String>,
}

impl PlannedRun {
    /// Its folder in the budget's.
    pub fn dir(&self, budget: &Path) -> RunDir {
        RunDir::new(budget, &self.benchmark, &self.method, self.seed)
    }
}

/// The runs of one call.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub runs: Vec<PlannedRun>,
    /// Whether every row of its benchmarks is among them: no `--method`.
    pub whole: bool,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    runs: Vec<PlannedRun>,
}

/// The runs that are to be in the budget folder `folder`, sorted; none where nobody wrote down any.
///
/// # Errors
/// Data: the file is damaged. Usage: a newer build wrote it.
pub fn read(folder: &Path) -> Result<Vec<PlannedRun>> {
    let path = path(folder);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(&path, error)),
    };
    let file: File = serde_json::from_str(&text).map_err(|error| {
        let at = path.display();
        Error::data(format!("{at}: not a plan ({error}): delete it, the next `harness reproduce` writes it again"))
    })?;
    if file.format > FORMAT {
        return Err(Error::usage(format!(
            "{}: written in format {}, this build reads up to {FORMAT}: use a newer build",
            path.display(),
            file.format
        )));
    }
    Ok(file.runs)
}

/// Writes down in the budget folder `folder` what `call` is to bring, beside what other calls are to.
pub fn write(folder: &Path, call: &Call) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| crate::results::disk::explain(folder, source))?;
    let _lock = FolderLock::wait(folder)?;
    let before = read(folder)?;
    let runs = merge(before.clone(), call);
    if runs == before {
        return Ok(());
    }
    let mut text = serde_json::to_string_pretty(&File { format: FORMAT, runs }).expect("a plan is plain data");
    text.push('\n');
    disk::write(&path(folder), text.as_bytes())
}

/// Sorted, so that the order of calls leaves no trace.
fn merge(mut runs: Vec<PlannedRun>, call: &Call) -> Vec<PlannedRun> {
    // What the call speaks of: whole tables, or rows of them.
    let subject = |run: &PlannedRun| (run.benchmark.clone(), (!call.whole).then(|| run.method.clone()));
    let replaced: HashSet<_> = call.runs.iter().map(subject).collect();
    runs.retain(|old| !replaced.contains(&subject(old)));
    runs.extend(call.runs.iter().cloned());
    runs.sort();
    runs
}

fn path(folder: &Path) -> PathBuf {
    folder.join("plan.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(whole: bool, runs: &[(&str, &str, u64)]) -> Call {
        let run = |(benchmark, method, seed): &(&str, &str, u64)| PlannedRun {
            benchmark: benchmark.to_string(),
            method: method.to_string(),
            seed: *seed,
            training: Some("t".into()),
        };
        Call { runs: runs.iter().map(run).collect(), whole }
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |run: PlannedRun| format!("{} {} {}", run.benchmark, run.method, run.seed);
        read(folder).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn the_newest_word_on_a_table_counts() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("quick");
        assert!(read(&folder).unwrap().is_empty());
        write(&folder, &call(true, &[("sine", "reptile", 0), ("sine", "old", 0), ("glyphs", "reptile", 0)])).unwrap();
        write(&folder, &call(false, &[("sine", "reptile", 0), ("sine", "reptile", 1)])).unwrap();
        assert_eq!(names(&folder), ["glyphs reptile 0", "sine old 0", "sine reptile 0", "sine reptile 1"]);
        write(&folder, &call(true, &[("sine", "reptile", 0)])).unwrap();
        assert_eq!(names(&folder), ["glyphs reptile 0", "sine reptile 0"]);
    }

    #[test]
    fn the_order_of_calls_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let calls = [call(true, &[("b", "y", 0), ("b", "x", 0)]), call(true, &[("a", "x", 0)])];
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        calls.iter().for_each(|call| write(&one, call).unwrap());
        calls.iter().rev().for_each(|call| write(&two, call).unwrap());
        let bytes = |folder: &Path| std::fs::read(folder.join("plan.json")).unwrap();
        assert_eq!(bytes(&one), bytes(&two));
    }

    #[test]
    fn a_damaged_or_newer_plan_is_named_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        for (text, part) in [("{\"format\":1,", "delete it"), ("{\"format\":9,\"runs\":[]}", "format 9")] {
            std::fs::write(dir.path().join("plan.json"), text).unwrap();
            let error = read(dir.path()).unwrap_err().to_string();
            assert!(error.contains("plan.json") && error.contains(part) && !error.contains('\n'), "{error}");
        }
    }
}
