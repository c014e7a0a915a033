//! What a failed write means and what helps, in the words of whoever reads it at the end of a long night.

use std::io;
use std::path::Path;

use harness_core::Error;

/// An [`Error::Io`] at `path` whose text names the remedy where the kind of error has one.
pub fn explain(path: &Path, source: io::Error) -> Error {
    let remedy = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "no room left to write; free some, and the same command goes on from the last checkpoint"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "may not be written; change its permissions or choose another --out"
        }
        io::ErrorKind::NotFound => {
            "its folder is gone, removed while the run went on; the same command starts it again"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file lies where its folder should be; move it or choose another --out"
        }
        _ => return Error::io(path, source),
    };
    Error::io(path, io::Error::new(source.kind(), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do_and_stays_an_error_of_its_kind() {
        let full = explain(Path::new("a/b"), io::Error::from(io::ErrorKind::StorageFull));
        assert!(full.to_string().starts_with("a/b: no room left to write; free some"), "{full}");
        assert!(matches!(full, Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull));
        let odd = explain(Path::new("a/b"), io::Error::other("odd"));
        assert_eq!(odd.to_string(), "a/b: odd");
    }
}
