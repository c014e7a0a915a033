//! Free space, asked for before much is written.

use std::path::Path;

use harness_core::{Error, Result};

/// Left free on top of what is written, in bytes.
const MARGIN: u64 = 64 << 20;

/// That the disk of `path` (or of its nearest folder that exists) has room for `bytes` more. Where the system cannot
/// tell, writing goes ahead and fails by itself. `chosen_with`: what another disk is chosen with.
///
/// Errors: [`Error::Data`] with what is free and what is needed.
pub(crate) fn require(path: &Path, bytes: u64, chosen_with: &str) -> Result<()> {
    let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    match free(folder) {
        Some(free) if free < bytes.saturating_add(MARGIN) => Err(Error::data(format!(
            "{}: {} MB are free and {} MB are needed; make room or choose another disk with {chosen_with}",
            folder.display(),
            free >> 20,
            bytes.saturating_add(MARGIN) >> 20,
        ))),
        _ => Ok(()),
    }
}

/// Bytes that may be written there; none where the system cannot tell.
#[cfg(unix)]
pub(crate) fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn too_much_is_refused_before_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("not/yet/there");
        assert!(require(&path, 1, "TMPDIR").is_ok());
        let error = require(&path, 1 << 62, "TMPDIR").unwrap_err().to_string();
        assert!(error.contains("MB are needed") && error.ends_with("choose another disk with TMPDIR"), "{error}");
    }
}
