//! Writing a file so that a reader, or a crash, sees the old one or the new one and nothing in between.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use harness_core::{Error, Result};

/// Makes the folder where it is missing, writes `bytes` to a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let error = |source| Error::io(path, source);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
    let mut file = tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder).map_err(error)?;
    file.write_all(bytes).map_err(error)?;
    file.as_file().sync_all().map_err(error)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(error)?;
    }
    file.persist(path).map_err(|failed| error(failed.error))?;
    sync_folder(folder)
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
}
