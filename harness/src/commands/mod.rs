//! One module a subcommand. What several of them do stands here and in `query_rows`, `reported`, `rows`, `seen` and
//! `trained`.

pub mod across;
pub mod bench;
pub mod cite;
pub mod compare;
pub mod completions;
pub mod data;
pub mod eval;
pub mod export;
pub mod list;
pub mod new_algorithm;
pub mod new_benchmark;
pub mod predict;
mod query_rows;
pub mod report;
mod reported;
pub mod reproduce;
mod rows;
mod seen;
pub mod show;
mod trained;

use std::path::Path;

use harness_core::{Entry, Error, Result};

use crate::identity;
use crate::results::disk;
use crate::results::run_json::RunRecord;
use crate::runner;

/// The worker threads: an explicit number, so that no library's environment variable changes it.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::usage(format!("--threads {threads}: {error}")))
}

/// Makes the folder of a file that is to be written and errors if it cannot hold one, before anything is spent.
fn make_room_for(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    disk::writable(folder).map_err(|source| disk::explain(file, source))
}

/// Says of results that other builds made, among those that say which did: a note, since they may be read all the same.
pub fn note_others<'a>(algorithms: &[Entry], records: impl IntoIterator<Item = &'a RunRecord>) {
    let other = |record: &&RunRecord| {
        record.code.as_ref().is_some_and(|code| runner::code(algorithms, &record.config).as_ref() != Some(code))
    };
    let name = |record: &RunRecord| {
        let build = identity::build(record.git_commit.as_deref(), record.git_dirty);
        (format!("{} {} seed {}", record.benchmark, record.label, record.seed), build)
    };
    let others: Vec<(String, String)> = records.into_iter().filter(other).map(name).collect();
    let Some((first, build)) = others.first() else { return };
    match others.len() {
        1 => tracing::info!("note: {first} was made by another build than this one ({build})"),
        many => tracing::info!("note: {many} runs were made by other builds than this one, such as {first} ({build})"),
    }
}
