//! One process a run: an advisory lock that the system takes back when its holder dies, so that none is ever stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use harness_core::{Error, Result};

use super::fault;

/// Held as long as a run is under way.
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Locks `folder/run.lock`. Errors if another process holds it, naming that process.
    pub fn take(folder: &Path) -> Result<Self> {
        let path = folder.join("run.lock");
        let error = |source| fault::explain(&path, source);
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(Error::usage(format!(
                    "{} is being written by process {}: wait for it, or use another --out",
                    folder.display(),
                    holder.trim()
                )));
            }
            Err(TryLockError::Error(source)) => return Err(error(source)),
        }
        file.set_len(0).map_err(error)?;
        file.rewind().map_err(error)?;
        write!(file, "{}", std::process::id()).map_err(error)?;
        Ok(RunLock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_a_dead_one_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("run.lock"), "999999").unwrap();
        let held = RunLock::take(dir.path()).expect("a lock file without a holder is stale");
        let message = RunLock::take(dir.path()).err().expect("it is held").to_string();
        assert!(message.contains(&std::process::id().to_string()), "{message}");
        drop(held);
        RunLock::take(dir.path()).expect("it was let go");
    }
}
