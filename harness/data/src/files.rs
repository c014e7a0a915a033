//! Folders read in a fixed order, whatever order the file system has.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

/// Most entries that one folder may have. The largest real one, all of mini-ImageNet in one folder, has 60,000.
const MAX_ENTRIES: usize = 2_000_000;

/// What tells that a file was replaced, without reading it: its length in bytes, when its content was modified, and, where
/// the system says so, when it was changed in any way and which file it is. Times are in nanoseconds since 1970. The time
/// of modification alone would not do: copying, renaming and unpacking may keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub len: u64,
    pub modified: u128,
    pub changed: i128,
    pub file: (u64, u64),
}

impl Stamp {
    pub fn of(metadata: &fs::Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let (changed, file) = changed(metadata);
        Stamp { len: metadata.len(), modified: modified.map_or(0, |time| time.as_nanos()), changed, file }
    }
}

/// Time of the last change of any kind, and device and number of the file.
#[cfg(unix)]
fn changed(metadata: &fs::Metadata) -> (i128, (u64, u64)) {
    use std::os::unix::fs::MetadataExt;
    let nanoseconds = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    (nanoseconds, (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn changed(_: &fs::Metadata) -> (i128, (u64, u64)) {
    (0, (0, 0))
}

/// An entry of a folder, its name known to be UTF-8.
pub(crate) struct Entry {
    pub name: String,
    pub path: PathBuf,
    pub is_dir: bool,
    pub stamp: Stamp,
}

/// Whether a file or folder is what systems leave behind: hidden ones, `Thumbs.db`, `__MACOSX` in archives.
pub(crate) fn is_litter(name: &str) -> bool {
    let known = ["Thumbs.db", "desktop.ini", "__MACOSX", "__pycache__", "@eaDir", "lost+found", "$RECYCLE.BIN"];
    name.starts_with('.') || known.contains(&name)
}

/// The entries of `dir` by name, links followed, without [litter](is_litter).
/// Errors: [`Error::Io`] for a folder that cannot be read, [`Error::Data`] for a name that is not UTF-8 or a link that
/// leads nowhere.
pub(crate) fn entries(dir: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| Error::io(dir, error))? {
        let entry = entry.map_err(|error| Error::io(dir, error))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(Error::data(format!("{}: the name is not UTF-8; rename it", path.display())));
        };
        if is_litter(&name) {
            continue;
        }
        if entries.len() == MAX_ENTRIES {
            return Err(Error::data(format!("{}: more than {MAX_ENTRIES} entries", dir.display())));
        }
        let metadata = fs::metadata(&path)
            .map_err(|error| Error::data(format!("{}: {error}; mend or remove it", path.display())))?;
        entries.push(Entry { name, path, is_dir: metadata.is_dir(), stamp: Stamp::of(&metadata) });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The names and paths of `dir`'s folders or of its files, in no order. What cannot be read is left out: this is for
/// looking around where anything may lie, before it is known to be a data set.
pub(crate) fn survey(dir: &Path, folders: bool) -> impl Iterator<Item = (String, PathBuf)> {
    fs::read_dir(dir).into_iter().flatten().flatten().filter_map(move |entry| {
        let (name, path) = (entry.file_name().into_string().ok()?, entry.path());
        let kind = entry.file_type().ok()?;
        let is_dir = if kind.is_symlink() { path.is_dir() } else { kind.is_dir() };
        (is_dir == folders && !name.starts_with('.')).then_some((name, path))
    })
}

/// The file at `path`, open, and its length; what is wrong with it otherwise.
pub(crate) fn open(path: &Path) -> Result<(fs::File, u64), String> {
    let unread = |error: std::io::Error| format!("cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(unread)?;
    // To open a pipe would wait for its other end, and a device never ends.
    if !metadata.is_file() {
        return Err("is not a file".into());
    }
    Ok((fs::File::open(path).map_err(unread)?, metadata.len()))
}

/// All of a file, if it is a file of at most `limit` bytes; what is wrong otherwise.
pub(crate) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let (file, len) = open(path)?;
    let mut bytes = Vec::with_capacity(len.min(limit) as usize);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("is larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// Endings of the images that are read.
const IMAGES: [&str; 18] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "dib", "tif", "tiff", "gif", "pbm", "pgm", "ppm", "pnm", "pam",
    "apng", "jif",
];
/// Endings of files that are no images, for certain.
const TEXTS: [&str; 22] = [
    "txt", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "md", "rst", "html", "htm", "log", "py",
    "ipynb", "sh", "ini", "pdf", "lst", "url", "license",
];

/// What a file is by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// An image of a kind that is read.
    Image,
    /// No image.
    Text,
    /// Anything: an image of another kind, or no ending at all.
    Other,
}

/// The ending of a name, in lower case without the dot; empty where it has none.
pub(crate) fn extension(name: &str) -> String {
    name.rsplit_once('.').map_or(String::new(), |(_, extension)| extension.to_ascii_lowercase())
}

pub(crate) fn ending(name: &str) -> Ending {
    let extension = extension(name);
    match &*extension {
        known if IMAGES.contains(&known) => Ending::Image,
        known if TEXTS.contains(&known) => Ending::Text,
        _ => Ending::Other,
    }
}

/// Whether a file's name says that it is an image of a kind that is read.
pub(crate) fn is_image(name: &str) -> bool {
    ending(name) == Ending::Image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_and_leftovers_are_skipped() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.png", ".DS_Store", "a.png", "Thumbs.db"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        fs::create_dir(dir.path().join("c")).unwrap();
        let found: Vec<(String, bool)> =
            entries(dir.path()).unwrap().into_iter().map(|entry| (entry.name, entry.is_dir)).collect();
        assert_eq!(found, [("a.png".into(), false), ("b.png".into(), false), ("c".into(), true)]);
        assert!(entries(&dir.path().join("absent")).is_err());
        let names = |folders| survey(dir.path(), folders).map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!((names(true), names(false).len()), (vec!["c".to_string()], 3));
        assert_eq!(survey(&dir.path().join("absent"), true).count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_and_a_strange_name_are_named() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        assert!(entries(dir.path()).err().unwrap().to_string().contains("/loop: "));
        fs::remove_file(dir.path().join("loop")).unwrap();
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xff.png")), b"").unwrap();
        assert!(entries(dir.path()).err().unwrap().to_string().contains("not UTF-8"));
    }

    #[cfg(unix)]
    #[test]
    fn another_file_of_equal_length_and_time_has_another_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let write = |name: &str, byte: u8| {
            fs::write(dir.path().join(name), [byte; 10]).unwrap();
            fs::File::options().write(true).open(dir.path().join(name)).unwrap().set_modified(time).unwrap();
        };
        let stamp = |name: &str| Stamp::of(&fs::metadata(dir.path().join(name)).unwrap());
        write("a", 1);
        write("b", 2);
        let before = stamp("a");
        assert_eq!((before, before.modified), (stamp("a"), stamp("b").modified));
        fs::rename(dir.path().join("b"), dir.path().join("a")).unwrap();
        assert_ne!(stamp("a"), before, "another file of that name");
        let before = stamp("a");
        std::thread::sleep(std::time::Duration::from_millis(20));
        write("a", 3);
        assert_eq!((stamp("a").file, stamp("a").modified), (before.file, before.modified));
        assert_ne!(stamp("a"), before, "written in place");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("z.png");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(read_limited(&pipe, 9).unwrap_err(), "is not a file");
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, [7; 10]).unwrap();
        assert_eq!(read_limited(&path, 10).unwrap(), [7; 10]);
        assert_eq!(read_limited(&path, 9).unwrap_err(), "is larger than 9 bytes");
        assert!(read_limited(dir.path(), 9).is_err());
    }
}
