//! Archives (.zip, .tar, .tar.gz), read where they lie and never extracted: names are checked, and no entry gives more
//! bytes than it may. A compressed tar has no directory and no way in but its beginning, so it is unpacked once, into
//! memory or a file without a name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use harness_core::{Error, Result};
use zip::ZipArchive;

use crate::bytes::Bytes;
use crate::files::{Stamp, read_limited};

/// Archives up to this many bytes are held in memory: the two of Omniglot have 10 and 7 MB.
const IN_MEMORY: u64 = 40 << 20;
/// A compressed tar that unpacks to more is refused: all of ImageNet's training set has 150 GB, mini-ImageNet 8.
const MAX_UNPACKED: u64 = 24 << 30;
/// Most entries of an archive.
const MAX_ENTRIES: usize = 2_000_000;

/// Endings of the names of archives, without the dot.
const ENDINGS: [&str; 4] = ["zip", "tar", "tar.gz", "tgz"];

/// The name of an archive without its ending; none for what is no archive by its name.
pub(crate) fn stem(name: &str) -> Option<&str> {
    let ended = |ending: &&str| {
        let at = name.len().checked_sub(ending.len() + 1)?;
        let rest = name.get(at..)?;
        (at > 0 && rest[1..].eq_ignore_ascii_case(ending) && rest.starts_with('.')).then(|| &name[..at])
    };
    ENDINGS.iter().find_map(ended)
}

/// An open archive.
pub(crate) struct Archive {
    path: PathBuf,
    pub stamp: Stamp,
    kind: Kind,
}

enum Kind {
    Zip(ZipArchive<Bytes>),
    /// The bytes, and where in them the files are.
    Tar(Bytes, Vec<Member>),
}

struct Member {
    name: String,
    offset: u64,
    len: u64,
}

impl Archive {
    /// Errors: [`Error::Data`] naming the file when it is absent, truncated, not an archive or has an unsafe name inside.
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| refused(path, &format!("cannot be read: {error}")))?;
        let stamp = Stamp::of(&metadata);
        if metadata.len() <= IN_MEMORY || !metadata.is_file() {
            let bytes = read_limited(path, IN_MEMORY).map_err(|what| refused(path, &what))?;
            return Self::of_bytes(path, stamp, bytes);
        }
        let bytes = File::open(path).and_then(Bytes::file).map_err(|error| Error::io(path, error))?;
        Self::of(path, stamp, bytes)
    }

    /// The archive `bytes`, which errors name as `path`.
    pub fn of_bytes(path: &Path, stamp: Stamp, bytes: Vec<u8>) -> Result<Self> {
        Self::of(path, stamp, Bytes::memory(bytes))
    }

    fn of(path: &Path, stamp: Stamp, mut bytes: Bytes) -> Result<Self> {
        let mut start = [0; 512];
        let known = (&mut bytes).take(512).read(&mut start).unwrap_or(0);
        let kind =
            match &start[..known] {
                [b'<', ..] => return Err(refused(path, "is a web page, not an archive")),
                [b'v', b'e', b'r', b's', ..] => return Err(refused(path, "is a Git LFS pointer, not the data")),
                [0x1f, 0x8b, ..] => {
                    let unpacked = unpack(bytes).map_err(|error| {
                        refused(path, &format!("is truncated or damaged ({})", crate::one_line(&error)))
                    })?;
                    let members = members(unpacked.clone()).map_err(|what| refused(path, &what))?;
                    Kind::Tar(unpacked, members)
                }
                start if start.get(257..262) == Some(b"ustar") => {
                    let members = members(bytes.clone()).map_err(|what| refused(path, &what))?;
                    Kind::Tar(bytes, members)
                }
                _ => Kind::Zip(ZipArchive::new(bytes).map_err(|error| {
                    refused(path, &format!("is truncated or not a zip ({})", crate::one_line(&error)))
                })?),
            };
        Ok(Archive { path: path.to_path_buf(), stamp, kind })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Index and name of every file inside, folders left out. Errors: [`Error::Data`] for a name that would leave the
    /// folder it is extracted to: such an archive was made to harm.
    pub fn names(&self) -> Result<Vec<(usize, String)>> {
        let mut names = Vec::new();
        for index in 0..self.len() {
            let name = match &self.kind {
                Kind::Tar(_, members) => Some(members[index].name.clone()),
                Kind::Zip(zip) => zip.name_for_index(index).and_then(Result::ok).map(|name| name.into_owned()),
            };
            let Some(name) = name else {
                return Err(self.wrong(&format!("entry {index}"), "has a name that cannot be read"));
            };
            let safe = !name.contains(['\\', '\0'])
                && Path::new(&*name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !safe {
                let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
                return Err(self.wrong(&name, "is an unsafe path"));
            }
            if !name.ends_with('/') {
                names.push((index, name));
            }
        }
        Ok(names)
    }

    fn len(&self) -> usize {
        match &self.kind {
            Kind::Zip(zip) => zip.len(),
            Kind::Tar(_, members) => members.len(),
        }
    }

    /// The name of entry `index`.
    pub fn name(&self, index: usize) -> String {
        match &self.kind {
            Kind::Tar(_, members) => members[index].name.clone(),
            Kind::Zip(zip) => {
                let name = zip.name_for_index(index).and_then(Result::ok);
                name.map_or(format!("entry {index}"), |name| name.into_owned())
            }
        }
    }

    /// The bytes of entry `index`, at most `limit`; what is wrong with it otherwise. A zip's checksum has been compared.
    pub fn read(&self, index: usize, limit: u64) -> Result<Vec<u8>, String> {
        match &self.kind {
            Kind::Zip(zip) => {
                // A clone shares the directory and the bytes.
                let mut zip = zip.clone();
                let entry = zip.by_index(index).map_err(|error| format!("cannot be read: {error}"))?;
                let len = entry.size();
                read_whole(entry, len, limit)
            }
            Kind::Tar(bytes, members) => {
                let member = &members[index];
                let mut bytes = bytes.clone();
                bytes.seek(SeekFrom::Start(member.offset)).map_err(|error| format!("cannot be read: {error}"))?;
                let read = read_whole(bytes.take(member.len), member.len, limit)?;
                if read.len() as u64 != member.len {
                    return Err("is cut off: the archive is truncated".into());
                }
                Ok(read)
            }
        }
    }

    /// The bytes of entry `index` to read at any place, with where they begin and how many they are: those of the archive
    /// itself where they lie there as they are, else unpacked.
    pub fn open_entry(&self, index: usize) -> Result<(Bytes, u64, u64), String> {
        match &self.kind {
            Kind::Tar(bytes, members) => Ok((bytes.clone(), members[index].offset, members[index].len)),
            Kind::Zip(zip) => {
                let mut zip = zip.clone();
                let entry = zip.by_index(index).map_err(|error| format!("cannot be read: {error}"))?;
                let bytes = hold(entry, MAX_UNPACKED).map_err(|error| format!("cannot be read: {error}"))?;
                let len = bytes.len();
                Ok((bytes, 0, len))
            }
        }
    }

    fn wrong(&self, entry: &str, what: &str) -> Error {
        Error::data(format!("{}: {entry} {what}; fetch the archive again from where you trust it", self.path.display()))
    }
}

/// All of an entry. Its length in the directory is a claim: it only saves growing the buffer.
fn read_whole(entry: impl Read, len: u64, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(len.min(limit).min(1 << 20) as usize);
    entry.take(limit + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("unpacks to more than {limit} bytes"));
    }
    Ok(bytes)
}

fn unpack(bytes: Bytes) -> std::io::Result<Bytes> {
    let mut bytes = bytes;
    bytes.seek(SeekFrom::Start(0))?;
    hold(MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 16, bytes)), MAX_UNPACKED)
}

/// All that `reader` gives, at most `limit`: in memory while it is little, then in a file without a name.
fn hold(reader: impl Read, limit: u64) -> std::io::Result<Bytes> {
    let mut reader = reader.take(limit + 1);
    let mut first = Vec::new();
    (&mut reader).take(IN_MEMORY).read_to_end(&mut first)?;
    if (first.len() as u64) < IN_MEMORY {
        return Ok(Bytes::memory(first));
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(&first)?;
    drop(first);
    let more = std::io::copy(&mut reader, &mut file)?;
    if IN_MEMORY + more > limit {
        return Err(std::io::Error::other(format!("unpacks to more than {} GB", limit >> 30)));
    }
    Bytes::file(file)
}

/// The files of a tar, links and folders left out.
fn members(bytes: Bytes) -> Result<Vec<Member>, String> {
    let wrong = |error: std::io::Error| format!("is truncated or not a tar ({})", crate::one_line(&error));
    let mut bytes = bytes;
    bytes.seek(SeekFrom::Start(0)).map_err(wrong)?;
    let total = bytes.len();
    let mut archive = tar::Archive::new(bytes);
    let mut members = Vec::new();
    for entry in archive.entries_with_seek().map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if members.len() == MAX_ENTRIES {
            return Err(format!("holds more than {MAX_ENTRIES} files"));
        }
        let name = String::from_utf8(entry.path_bytes().into_owned());
        let name = name.map_err(|_| "holds a name that is not UTF-8".to_string())?;
        let (offset, len) = (entry.raw_file_position(), entry.size());
        if offset.checked_add(len).is_none_or(|end| end > total) {
            return Err(format!("is truncated: {} is not all there", name.escape_debug()));
        }
        members.push(Member { name, offset, len });
    }
    Ok(members)
}

fn refused(path: &Path, what: &str) -> Error {
    Error::data(format!("{} {what}; fetch it again", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{tar_gz_of, tar_of, zip_of};

    fn archive(bytes: &[u8]) -> (tempfile::TempDir, Archive) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.zip"), bytes).unwrap();
        let archive = Archive::open(&dir.path().join("a.zip")).unwrap();
        (dir, archive)
    }

    #[test]
    fn what_was_packed_is_read() {
        let files = [("a/b.png", &b"one"[..]), ("c.png", b"two")];
        for packed in [zip_of(files), tar_of(files), tar_gz_of(files)] {
            let (_dir, archive) = archive(&packed);
            assert_eq!(archive.names().unwrap(), [(0, "a/b.png".into()), (1, "c.png".into())]);
            assert_eq!(archive.read(1, 3).unwrap(), b"two");
            assert!(archive.read(1, 2).unwrap_err().contains("more than 2 bytes"));
            let (bytes, offset, len) = archive.open_entry(0).unwrap();
            let mut one = vec![0; len as usize];
            bytes.read_exact_at(offset, &mut one).unwrap();
            assert_eq!(one, b"one");
        }
    }

    #[test]
    fn endings_are_known_in_any_case() {
        assert_eq!(stem("train.tar.gz"), Some("train"));
        assert_eq!(stem("a.b.TGZ"), Some("a.b"));
        assert_eq!(stem("images.ZIP"), Some("images"));
        for other in [".zip", "zip", "a.gz", "tar.g", "é.png", "é"] {
            assert_eq!(stem(other), None, "{other}");
        }
    }

    #[test]
    fn a_tar_cut_anywhere_or_flipped_is_an_error_or_the_same_bytes() {
        let content: Vec<u8> = (0..3000u32).map(|i| ((i * i) >> 3) as u8).collect();
        let files = [("a/1.png", &content[..]), ("a/2.png", &content[..1000])];
        for (packed, step) in [(tar_of(files), 97), (tar_gz_of(files), 7)] {
            for cut in (0..packed.len()).step_by(step) {
                let Ok(archive) = Archive::of_bytes(Path::new("x.tar"), Stamp::default(), packed[..cut].to_vec())
                else {
                    continue;
                };
                // What is cut off between two files is seen by counting.
                for (index, name) in archive.names().unwrap() {
                    let whole = if name.ends_with("1.png") { &content[..] } else { &content[..1000] };
                    assert_eq!(archive.read(index, 1 << 20).unwrap(), whole, "cut at {cut}");
                }
            }
            for at in (0..packed.len()).step_by(step) {
                let mut flipped = packed.clone();
                flipped[at] ^= 0x41;
                if let Ok(archive) = Archive::of_bytes(Path::new("x.tar"), Stamp::default(), flipped)
                    && let Ok(names) = archive.names()
                {
                    names.iter().for_each(|(index, _)| drop(archive.read(*index, 1 << 20)));
                }
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0u8; 50 << 20];
        let bytes = zip_of([("bomb.png", zeros.as_slice())]);
        assert!(bytes.len() < 100_000);
        let (_dir, archive) = archive(&bytes);
        assert_eq!(archive.read(0, 1 << 20).unwrap_err(), "unpacks to more than 1048576 bytes");
        let packed = tar_gz_of([("bomb.png", zeros.as_slice())]);
        let error = hold(MultiGzDecoder::new(&packed[..]), 45 << 20).err().unwrap();
        assert!(error.to_string().contains("unpacks to more"), "{error}");
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for name in ["../evil.png", "a/../../evil.png", "/etc/passwd", "a\\..\\evil.png"] {
            // The writers mend such names themselves, so the bytes are patched.
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

            let mut bytes = tar_of([(stand_in.as_str(), &b"x"[..])]);
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            // The sum of the header, with blanks for itself.
            bytes[148..156].fill(b' ');
            let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
            bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            let error = Archive::of_bytes(Path::new("a.tar"), Stamp::default(), bytes).unwrap().names().unwrap_err();
            assert!(error.to_string().contains("is an unsafe path"), "{name}: {error}");
        }
    }

    #[test]
    fn a_corrupt_entry_fails_its_checksum() {
        let content: Vec<u8> = (0..2000u32).map(|i| ((i * i) >> 3) as u8).collect();
        let mut bytes = zip_of([("a.png", content.as_slice())]);
        bytes[500] ^= 1;
        let (_dir, archive) = archive(&bytes);
        assert!(archive.read(0, 1 << 20).is_err());
    }
}
