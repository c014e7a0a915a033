//! One module a subcommand.

pub mod bench;
pub mod data;
pub mod eval;
pub mod export;
pub mod list;
pub mod report;
pub mod reproduce;

use harness_core::{Error, Result};

/// The worker threads: an explicit number, so that no library's environment variable changes it.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::usage(format!("--threads {threads}: {error}")))
}
