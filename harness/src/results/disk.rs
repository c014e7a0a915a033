//! Writing a file so that a reader, or a crash, sees the old one or the new one and nothing in between; and what a
//! failed write means and what helps, in the words of whoever reads it at the end of a long night.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use harness_core::{Error, Result};

use crate::failpoint;

/// How the name of a file begins that is not whole yet.
const TEMPORARY: &str = ".tmp-";

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let error = |source| explain(path, source);
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
pub fn writable(folder: &Path) -> io::Result<()> {
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

/// An [`Error::Io`] at `path` whose text names the remedy where the kind of error has one.
pub fn explain(path: &Path, source: io::Error) -> Error {
    let remedy = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "no room left to write; free some, and the same command goes on from the last checkpoint"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "may not be written; change its permissions or choose another folder"
        }
        io::ErrorKind::NotFound => {
            "its folder is gone, removed while the run went on; the same command starts it again"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file lies where its folder should be; move it or choose another folder"
        }
        _ => return Error::io(path, source),
    };
    Error::io(path, io::Error::new(source.kind(), remedy))
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

    #[test]
    fn a_full_disk_says_what_to_do_and_stays_an_error_of_its_kind() {
        let full = explain(Path::new("a/b"), io::Error::from(io::ErrorKind::StorageFull));
        assert!(full.to_string().starts_with("a/b: no room left to write; free some"), "{full}");
        assert!(matches!(full, Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull));
        let odd = explain(Path::new("a/b"), io::Error::other("odd"));
        assert_eq!(odd.to_string(), "a/b: odd");
    }
}
