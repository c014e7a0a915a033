//! One module a subcommand.

pub mod bench;
pub mod cite;
pub mod compare;
pub mod completions;
pub mod data;
pub mod eval;
pub mod export;
pub mod list;
pub mod new_algorithm;
pub mod report;
pub mod reproduce;
pub mod show;

use std::path::Path;

use harness_core::{Error, Result};

use crate::files::{atomic, fault};

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
    atomic::writable(folder).map_err(|source| fault::explain(file, source))
}
