//! What is under way, for whoever draws a bar.

use std::path::Path;

/// One report of a [`Progress`] callback.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Images decoded so far.
    Decoding { dataset: &'a str, done: usize, total: usize },
    /// Bytes of a file that are here so far, of `total` where the server said how many there are.
    Downloading { file: &'a str, done: u64, total: Option<u64> },
    /// Another process is building this file; it is waited for.
    Waiting { path: &'a Path },
    /// Something worth a line in a log: a retry, a damaged cache that is built anew.
    Note(&'a str),
}

/// Called from many threads, now and then; it must be quick.
pub type Progress<'a> = &'a (dyn Fn(Step<'_>) + Sync);

/// A [`Progress`] that says nothing.
pub fn silent(_: Step<'_>) {}
