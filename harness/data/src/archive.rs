//! Zip archives, read in memory and never extracted: names are checked, and no entry gives more bytes than it may.

use std::io::{Cursor, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use harness_core::{Error, Result};
use zip::ZipArchive;

use crate::files::{Stamp, read_limited};

/// Largest archive that is read, in bytes: the two of Omniglot have 10 and 7 MB. It bounds the directory too.
const MAX_ARCHIVE: u64 = 40 << 20;

/// An archive held in memory. Cloning it is cheap, so that each thread has its own.
#[derive(Clone)]
pub(crate) struct Archive {
    path: Arc<PathBuf>,
    pub stamp: Stamp,
    zip: ZipArchive<Cursor<Arc<[u8]>>>,
}

impl Archive {
    /// Errors: [`Error::Data`] naming the file when it is absent, truncated, not a zip or has an unsafe name inside.
    pub fn open(path: &Path) -> Result<Self> {
        let stamp = std::fs::metadata(path).map(|metadata| Stamp::of(&metadata)).unwrap_or_default();
        let bytes = read_limited(path, MAX_ARCHIVE).map_err(|what| refused(path, &what))?;
        Self::of_bytes(path, stamp, bytes)
    }

    /// The archive `bytes`, which errors name as `path`.
    pub fn of_bytes(path: &Path, stamp: Stamp, bytes: Vec<u8>) -> Result<Self> {
        if bytes.first() == Some(&b'<') {
            return Err(refused(path, "is a web page, not a zip"));
        }
        let zip = ZipArchive::new(Cursor::new(bytes.into()))
            .map_err(|error| refused(path, &format!("is truncated or not a zip ({})", crate::one_line(&error))))?;
        Ok(Archive { path: Arc::new(path.to_path_buf()), stamp, zip })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Index and name of every file inside, folders left out. Errors: [`Error::Data`] for a name that would leave the
    /// folder it is extracted to: such an archive was made to harm.
    pub fn names(&self) -> Result<Vec<(usize, String)>> {
        let mut names = Vec::with_capacity(self.zip.len());
        for index in 0..self.zip.len() {
            let name = match self.zip.name_for_index(index) {
                Some(Ok(name)) => name,
                _ => return Err(self.wrong(&format!("entry {index}"), "has a name that cannot be read")),
            };
            let safe = !name.contains(['\\', '\0'])
                && Path::new(&*name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !safe {
                let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
                return Err(self.wrong(&name, "is an unsafe path"));
            }
            if !name.ends_with('/') {
                names.push((index, name.into_owned()));
            }
        }
        Ok(names)
    }

    /// The bytes of entry `index`, at most `limit`; what is wrong with it otherwise. Its checksum has been compared.
    pub fn read(&mut self, index: usize, limit: u64) -> Result<Vec<u8>, String> {
        let entry = self.zip.by_index(index).map_err(|error| format!("cannot be read: {error}"))?;
        // The size in the directory is a claim: it only saves growing the buffer.
        let mut bytes = Vec::with_capacity(entry.size().min(limit) as usize);
        entry.take(limit + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
        if bytes.len() as u64 > limit {
            return Err(format!("unpacks to more than {limit} bytes"));
        }
        Ok(bytes)
    }

    fn wrong(&self, entry: &str, what: &str) -> Error {
        Error::data(format!("{}: {entry} {what}; fetch the archive again from where you trust it", self.path.display()))
    }
}

fn refused(path: &Path, what: &str) -> Error {
    Error::data(format!("{} {what}; fetch it again", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::zip_of;

    fn archive(bytes: &[u8]) -> (tempfile::TempDir, Archive) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.zip"), bytes).unwrap();
        let archive = Archive::open(&dir.path().join("a.zip")).unwrap();
        (dir, archive)
    }

    #[test]
    fn what_was_packed_is_read() {
        let (_dir, mut archive) = archive(&zip_of([("a/b.png", &b"one"[..]), ("c.png", b"two")]));
        assert_eq!(archive.names().unwrap(), [(0, "a/b.png".into()), (1, "c.png".into())]);
        assert_eq!(archive.read(1, 3).unwrap(), b"two");
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0u8; 50 << 20];
        let bytes = zip_of([("bomb.png", zeros.as_slice())]);
        assert!(bytes.len() < 100_000);
        let (_dir, mut archive) = archive(&bytes);
        assert_eq!(archive.read(0, 1 << 20).unwrap_err(), "unpacks to more than 1048576 bytes");
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for name in ["../evil.png", "a/../../evil.png", "/etc/passwd", "a\\..\\evil.png"] {
            // The writer mends such names itself, so the bytes are patched.
            let stand_in = "x".repeat(name.len());
            let mut bytes = zip_of([(stand_in.as_str(), &b"x"[..])]);
            let places: Vec<usize> =
                (0..bytes.len() - name.len()).filter(|i| bytes[*i..].starts_with(stand_in.as_bytes())).collect();
            for at in places {
                bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
            }
            let (_dir, archive) = archive(&bytes);
            let error = archive.names().unwrap_err().to_string();
            assert!(error.contains("is an unsafe path") && error.contains("a.zip"), "{name}: {error}");
        }
    }

    #[test]
    fn a_corrupt_entry_fails_its_checksum() {
        let content: Vec<u8> = (0..2000u32).map(|i| ((i * i) >> 3) as u8).collect();
        let mut bytes = zip_of([("a.png", content.as_slice())]);
        bytes[500] ^= 1;
        let (_dir, mut archive) = archive(&bytes);
        assert!(archive.read(0, 1 << 20).is_err());
    }
}
