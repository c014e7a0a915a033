//! One process a run, and one at a time that writes a folder's tables: advisory locks that the system takes back when
//! their holder dies, so that none is ever stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use harness_core::{Error, Result};

use super::disk;

/// In a run's folder.
const RUN: &str = "run.lock";

/// Held as long as a run is under way, or any run of one training.
#[derive(Default)]
pub struct Lock {
    /// None: there is nothing to lock.
    _file: Option<File>,
}

/// Who has a lock that was asked for.
pub enum Taken {
    Ours(Lock),
    /// The process of this number.
    By(String),
}

impl Lock {
    /// Locks `folder/run.lock`. Errors if another process holds it, naming that process.
    pub fn of_run(folder: &Path) -> Result<Lock> {
        match take(&folder.join(RUN))? {
            Taken::Ours(lock) => Ok(lock),
            Taken::By(holder) => Err(Error::usage(format!(
                "{} is being written by process {holder}: wait for it, or use another --out",
                folder.display(),
            ))),
        }
    }

    /// Locks the training of this hash in the budget folder `folder`, so that no two processes train the same, and
    /// nobody removes what another one reads.
    pub fn of_training(folder: &Path, hash: &str) -> Result<Taken> {
        let folder = folder.join(".trainings");
        std::fs::create_dir_all(&folder).map_err(|source| disk::explain(&folder, source))?;
        let name = hash.get(..16).unwrap_or(hash);
        take(&folder.join(format!("{name}.lock")))
    }
}

/// Whether a process has the run in `folder` in hand, as far as the system tells.
pub fn is_held(folder: &Path) -> bool {
    match File::open(folder.join(RUN)) {
        Ok(file) => file.try_lock_shared().is_err(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Locks the file at `path` and writes this process into it.
fn take(path: &Path) -> Result<Taken> {
    let error = |source| disk::explain(path, source);
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Ok(Taken::By(holder.trim().to_owned()));
        }
        Err(TryLockError::Error(source)) => return Err(error(source)),
    }
    file.set_len(0).map_err(error)?;
    file.rewind().map_err(error)?;
    write!(file, "{}", std::process::id()).map_err(error)?;
    Ok(Taken::Ours(Lock { _file: Some(file) }))
}

/// Held while the tables, pictures and plan of a budget folder are read and written anew, so that of several processes
/// that finish at once each sees what the others finished, and the last one's files show it all.
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Waits for whoever holds `folder/folder.lock`: seconds at most. A file system without locks goes without.
    pub fn wait(folder: &Path) -> Result<Self> {
        let path = folder.join("folder.lock");
        let error = |source| disk::explain(&path, source);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(error)?;
        match file.lock() {
            Err(source) if source.kind() != std::io::ErrorKind::Unsupported => Err(error(source)),
            _ => Ok(FolderLock { _file: file }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_a_dead_one_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("run.lock"), "999999").unwrap();
        let held = Lock::of_run(dir.path()).expect("a lock file without a holder is stale");
        let message = Lock::of_run(dir.path()).err().expect("it is held").to_string();
        assert!(message.contains(&std::process::id().to_string()), "{message}");
        drop(held);
        Lock::of_run(dir.path()).expect("it was let go");
    }

    #[test]
    fn a_training_has_one_holder_and_another_training_another() {
        let dir = tempfile::tempdir().unwrap();
        let take = |hash: &str| Lock::of_training(dir.path(), hash).unwrap();
        let held = take("a");
        assert!(matches!((&held, take("b")), (Taken::Ours(_), Taken::Ours(_))));
        assert!(matches!(take("a"), Taken::By(holder) if holder == std::process::id().to_string()));
        drop(held);
        assert!(matches!(take("a"), Taken::Ours(_)));
    }

    #[test]
    fn the_second_one_waits_for_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        let held = FolderLock::wait(dir.path()).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let _lock = FolderLock::wait(dir.path()).unwrap();
                done.load(std::sync::atomic::Ordering::SeqCst)
            });
            std::thread::sleep(std::time::Duration::from_millis(50));
            done.store(true, std::sync::atomic::Ordering::SeqCst);
            drop(held);
            assert!(second.join().unwrap(), "it went on before the first one was done");
        });
    }
}
