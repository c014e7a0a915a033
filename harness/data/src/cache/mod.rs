//! Decoding happens once: the pixels of a data set as one file, memory-mapped, checked whenever it is opened.
//!
//! The file's name holds a key over all that its bytes depend on: the format's version, the fingerprint of the source
//! files, the size and the filter. A source that changed therefore has another key, and a stale file is never met.
//! The file is written beside its place and renamed when it is whole and on disk. Of two processes that build the
//! same file, the second waits for the first. Whoever is killed leaves a `.part` that the next builder overwrites.

mod difference;
mod format;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use harness_core::{Error, ImageSet, Result};
use sha2::{Digest, Sha256};

use crate::decode::{Filter, Spec};
use crate::plan::Plan;
use crate::progress::{Progress, Step};
use crate::sink::Sink;

/// Sets up to this many bytes may do without a cache folder: they are decoded into memory.
const IN_MEMORY: usize = 256 << 20;

/// The folder of decoded sets, or none.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    dir: Option<PathBuf>,
}

impl Cache {
    /// Decoded sets are kept in `dir`, which is made when it is needed.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Cache { dir: Some(dir.into()) }
    }

    /// Nothing is kept.
    pub fn none() -> Self {
        Cache { dir: None }
    }

    /// The folder.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// The decoded images of `plan`: from the cache where they are there and whole, else decoded and kept.
    ///
    /// Errors: those of [`Plan::fill`]; [`Error::Io`] when the cache cannot be written and the set is too large for memory.
    pub(crate) fn open(&self, plan: &Plan, spec: &Spec, progress: Progress) -> Result<ImageSet> {
        let bytes = plan.len() * spec.bytes();
        let unusable = match self.dir.as_deref().map(prepare) {
            Some(Ok(dir)) => return open_or_build(&dir.join(file_name(plan, spec)), plan, spec, progress),
            Some(Err(error)) => error,
            None => Error::usage("no cache folder is known; set XDG_CACHE_HOME or HOME"),
        };
        if bytes > IN_MEMORY {
            return Err(unusable);
        }
        progress(Step::Note(&format!("{} is decoded into memory: {unusable}", plan.name)));
        in_memory(plan, spec, progress)
    }
}

/// Decodes without a cache.
pub(crate) fn in_memory(plan: &Plan, spec: &Spec, progress: Progress) -> Result<ImageSet> {
    let sink = Sink::memory(plan.len() * spec.bytes());
    plan.fill(spec, &sink, progress)?;
    let size = [spec.side, spec.side, spec.channels];
    let pixels = sink.into_pixels(plan.len() * spec.bytes()).map_err(|error| Error::io("memory", error))?;
    ImageSet::new(&*plan.name, size, plan.image_classes(), pixels)
}

/// Makes the folder and sees whether it can be written.
fn prepare(dir: &Path) -> Result<&Path> {
    let made = fs::create_dir_all(dir).and_then(|()| tempfile::Builder::new().prefix(".probe").tempfile_in(dir));
    made.map(|_| dir).map_err(|error| Error::io(dir, error))
}

/// `omniglot-28x28x1-nearest-<16 hex digits>.images`.
fn file_name(plan: &Plan, spec: &Spec) -> String {
    let filter = match spec.filter {
        Filter::Nearest => "nearest",
        Filter::Bicubic => "bicubic",
    };
    let Spec { side, channels, upright, .. } = spec;
    let turned = if *upright { " upright" } else { "" };
    let mut hash = Sha256::new();
    hash.update(format!("{} {side} {channels} {filter}{turned} {}", format::VERSION, plan.name));
    hash.update(plan.fingerprint());
    let key: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name: String =
        plan.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(60).collect();
    format!("{name}-{side}x{side}x{channels}-{filter}-{key}.images")
}

fn open_or_build(path: &Path, plan: &Plan, spec: &Spec, progress: Progress) -> Result<ImageSet> {
    let open = || match format::open(path, plan, spec) {
        Ok(set) => set,
        Err(what) => {
            progress(Step::Note(&format!("{} {what}; it is built anew", path.display())));
            None
        }
    };
    if let Some(set) = open() {
        return Ok(set);
    }
    let io = |error| Error::io(path, error);
    let lock =
        File::options().create(true).truncate(false).write(true).open(path.with_extension("lock")).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(Step::Waiting { path });
            lock.lock().map_err(io)?;
        }
        // A file system without locks: two builders may meet, and the worst is that one of them fails.
        Err(TryLockError::Error(_)) => {}
    }
    // Another process may have built it while this one waited.
    if path.exists()
        && let Some(set) = open()
    {
        return Ok(set);
    }
    build(path, plan, spec, progress)?;
    match format::open(path, plan, spec) {
        Ok(Some(set)) => Ok(set),
        Ok(None) => Err(Error::data(format!("{} vanished as soon as it was built; run again", path.display()))),
        Err(what) => Err(Error::data(format!("{} {what} although just built; check the disk", path.display()))),
    }
}

fn build(path: &Path, plan: &Plan, spec: &Spec, progress: Progress) -> Result<()> {
    let part = path.with_extension("part");
    let io = |error| Error::io(&part, error);
    let bytes = (plan.len() * spec.bytes()) as u64;
    crate::disk::require(path, bytes, "XDG_CACHE_HOME")?;
    let file = File::options().create(true).truncate(true).read(true).write(true).open(&part).map_err(io)?;
    let sink = Sink::File(file.try_clone().map_err(io)?, part.clone());
    let built = plan.fill(spec, &sink, progress).and_then(|()| {
        format::finish(&file, plan, spec).map_err(io)?;
        file.sync_all().map_err(io)?;
        fs::rename(&part, path).map_err(io)
    });
    if built.is_err() {
        // What is half built is of no use to anybody; a leftover is overwritten the next time.
        let _ = fs::remove_file(&part);
    }
    built
}

#[cfg(test)]
mod tests;
