//! Writing a file so that a reader, or a crash, sees the old one or the new one and nothing in between.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use harness_core::{Error, Result};

use super::fault;
use crate::failpoint;

/// How the name of a file begins that is not whole yet.
const TEMPORARY: &str = ".tmp-";

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let error = |source| fault::explain(path, source);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder).map_err(error)?;
    file.write_all(bytes).map_err(error)?;
    file.as_file().sync_all().map_err(error)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(error)?;
    }
    failpoint::reached();
    file.persist(path).map_err(|failed| error(failed.error))?;
    failpoint::reached();
    sync_folder(folder)
}

/// Fails as a later write into `folder` would, before anything is spent; makes the folder if it is not there.
pub fn writable(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder).map(drop)
}

/// Removes what a killed process left half-written in a folder that nobody else writes now.
pub fn remove_leftovers(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(TEMPORARY)) {
        let _ = std::fs::remove_file(entry.path());
    }
}

/// Makes renames and removals in `folder` durable. Best effort where folders cannot be opened.
pub fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder) {
        Ok(open) => open.sync_all().map_err(|source| Error::io(folder, source)),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_file_stays_when_the_new_one_cannot_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
        let below_a_file = path.join("b.json");
        let message = write(&below_a_file, b"x").unwrap_err().to_string();
        assert!(message.contains("a.json"), "{message}");
    }

    #[test]
    fn leftovers_go_and_whole_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".tmp-x1", "a.json"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        remove_leftovers(dir.path());
        assert!(dir.path().join("a.json").exists() && !dir.path().join(".tmp-x1").exists());
    }
}
