//! Archives (.zip, .tar, .tar.gz), read where they lie and never extracted: names are checked, and no entry gives more
//! bytes than it may. A compressed tar has no directory and no way in but its beginning, so it is unpacked once, into
//! memory or a file without a name.

use std::collections::HashMap;
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

/// The archive of that name in a folder, whatever its ending.
pub(crate) fn named(home: &Path, name: &str) -> Option<PathBuf> {
    ENDINGS.iter().map(|ending| home.join(format!("{name}.{ending}"))).find(|path| path.is_file())
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

    /// The first bytes of entry `index`, at most `most`. A zip's checksum is not compared.
    pub fn start(&self, index: usize, most: u64) -> Result<Vec<u8>, String> {
        match &self.kind {
            Kind::Zip(zip) => {
                let mut zip = zip.clone();
                let entry = zip.by_index(index).map_err(|error| format!("cannot be read: {error}"))?;
                read_whole(entry.take(most), most, most)
            }
            Kind::Tar(bytes, members) => {
                let mut start = vec![0; members[index].len.min(most) as usize];
                let read = bytes.read_exact_at(members[index].offset, &mut start);
                read.map_err(|error| format!("cannot be read: {error}"))?;
                Ok(start)
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

/// The files of a tar, in order; folders are left out. As unpacking does, the last of several files of one name counts, and
/// a link to a file is that file. What cannot be told from its directory is an error: a sparse file, a link to anything
/// else, an end that is missing.
fn members(bytes: Bytes) -> Result<Vec<Member>, String> {
    let wrong = |error: std::io::Error| format!("is truncated or not a tar ({})", crate::one_line(&error));
    let mut bytes = bytes;
    bytes.seek(SeekFrom::Start(0)).map_err(wrong)?;
    let total = bytes.len();
    let mut archive = tar::Archive::new(bytes.clone());
    let mut members: Vec<Member> = Vec::new();
    let mut links = Vec::new();
    // Place of each name among the members, which are moved for a later file of that name.
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut end = 0;
    for entry in archive.entries_with_seek().map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let name =
            |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "holds a name that is not UTF-8".to_string());
        let (offset, len) = (entry.raw_file_position(), entry.size());
        let after = offset.checked_add(len).filter(|after| *after <= total);
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            end = after.unwrap_or(total);
            continue;
        }
        let own = name(&entry.path_bytes())?;
        if members.len() + links.len() == MAX_ENTRIES {
            return Err(format!("holds more than {MAX_ENTRIES} files"));
        }
        if kind.is_hard_link() || kind.is_symlink() {
            end = after.unwrap_or(offset);
            let target = name(&entry.link_name_bytes().unwrap_or_default())?;
            let target = if kind.is_symlink() { beside(&own, &target) } else { Some(plain(&target)) };
            places.remove(&plain(&own));
            links.push((own, target));
            continue;
        }
        if kind.is_gnu_sparse() {
            return Err(format!("holds a sparse file, {}; pack it without --sparse", own.escape_debug()));
        }
        let Some(after) = after else {
            return Err(format!("is truncated: {} is not all there", own.escape_debug()));
        };
        end = after;
        // Pipes and devices are no data.
        if kind.is_file() || kind.is_contiguous() {
            places.insert(plain(&own), members.len());
            members.push(Member { name: own, offset, len });
        }
    }
    ends(&bytes, end)?;
    follow(&mut members, links, &mut places)?;
    let mut number = 0..;
    members.retain(|member| number.next() == places.get(&plain(&member.name)).copied());
    Ok(members)
}

/// The names in a path, without `.` and slashes that say nothing.
pub(crate) fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect()
}

/// A path of its [`parts`] alone.
fn plain(path: &str) -> String {
    parts(path).join("/")
}

/// Where a link at `path` to `target` leads; none for a place outside the archive.
fn beside(path: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut here = parts(path);
    here.pop();
    for part in parts(target) {
        match part {
            ".." => _ = here.pop()?,
            part => here.push(part),
        }
    }
    Some(here.join("/"))
}

/// Makes each link, with the path that it leads to, a file of its own that lies where the other one does.
fn follow(
    members: &mut Vec<Member>,
    links: Vec<(String, Option<String>)>,
    places: &mut HashMap<String, usize>,
) -> Result<(), String> {
    let leads: HashMap<String, Option<String>> =
        links.iter().map(|(name, target)| (plain(name), target.clone())).collect();
    for (name, target) in links {
        let own = plain(&name);
        if places.contains_key(&own) {
            // A later file took its name.
            continue;
        }
        let mut at = target.clone();
        // A chain of links is at most as long as there are links.
        for _ in 0..leads.len() {
            let link = at.as_ref().filter(|at| !places.contains_key(*at)).and_then(|at| leads.get(at));
            let Some(next) = link else { break };
            at = next.clone();
        }
        let Some(file) = at.and_then(|at| places.get(&at)).map(|place| &members[*place]) else {
            let target = target.unwrap_or_else(|| "a place outside".into());
            return Err(format!(
                "holds a link that leads to no file in it ({} to {}): pack it with --dereference",
                name.escape_debug(),
                target.escape_debug()
            ));
        };
        let link = Member { name, offset: file.offset, len: file.len };
        places.insert(own, members.len());
        members.push(link);
    }
    Ok(())
}

/// That a tar whose last entry ends at `end` has the empty block that ends it, and nothing more: without it the tar was cut
/// off between two files.
fn ends(bytes: &Bytes, end: u64) -> Result<(), String> {
    const BLOCK: u64 = 512;
    let mut block = vec![0; 1 << 16];
    let mut at = end.next_multiple_of(BLOCK);
    if at.checked_add(BLOCK).is_none_or(|end| end > bytes.len()) {
        return Err("is truncated: its end is missing".into());
    }
    while at < bytes.len() {
        let count = (bytes.len() - at).min(block.len() as u64) as usize;
        bytes.read_exact_at(at, &mut block[..count]).map_err(|error| format!("cannot be read: {error}"))?;
        if block[..count].iter().any(|byte| *byte != 0) {
            return Err("holds more after its end: two archives in one file are read as the first of them".into());
        }
        at += count as u64;
    }
    Ok(())
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
                // Only the zeros after the first empty block may be missing.
                assert_eq!(archive.names().unwrap().len(), 2, "cut at {cut}");
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

    /// A tar of entries: name, kind, content or target.
    fn tar(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, what) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            if matches!(kind, tar::EntryType::Link | tar::EntryType::Symlink) {
                header.set_size(0);
                builder.append_link(&mut header, name, what).unwrap();
            } else {
                header.set_size(what.len() as u64);
                builder.append_data(&mut header, name, what.as_bytes()).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_link_in_a_tar_is_the_file_that_it_leads_to() {
        use tar::EntryType::{Directory, Link, Regular, Symlink};
        let files = |entries: &[(&str, tar::EntryType, &str)]| -> Result<Vec<(String, String)>> {
            let archive = Archive::of_bytes(Path::new("x.tar"), Stamp::default(), tar(entries))?;
            let read = |(index, name)| (name, String::from_utf8(archive.read(index, 99).unwrap()).unwrap());
            Ok(archive.names()?.into_iter().map(read).collect())
        };
        let of = |files: &[(&str, &str)]| -> Vec<(String, String)> {
            files.iter().map(|(name, what)| (name.to_string(), what.to_string())).collect()
        };
        let linked = [
            ("c/", Directory, ""),
            ("c/1.png", Regular, "one"),
            ("d/1.png", Link, "./c/1.png"),
            ("d/2.png", Symlink, "../c/1.png"),
            ("d/3.png", Symlink, "2.png"),
        ];
        assert_eq!(
            files(&linked).unwrap(),
            of(&[("c/1.png", "one"), ("d/1.png", "one"), ("d/2.png", "one"), ("d/3.png", "one")])
        );
        // As unpacking it: the last of a name.
        let again = [("a/0.png", Regular, "old"), ("b/0.png", Regular, "b"), ("./a/0.png", Regular, "new")];
        assert_eq!(files(&again).unwrap(), of(&[("b/0.png", "b"), ("a/0.png", "new")]));
        let over = [("a/0.png", Regular, "old"), ("b/0.png", Regular, "b"), ("a/0.png", Link, "b/0.png")];
        assert_eq!(files(&over).unwrap(), of(&[("b/0.png", "b"), ("a/0.png", "b")]));
        for target in ["/etc/passwd", "../../x.png", "../c", "1.png"] {
            let error = files(&[("c/0.png", Regular, "one"), ("d/1.png", Symlink, target)]).unwrap_err().to_string();
            assert!(error.contains("a link that leads to no file in it (d/1.png to "), "{error}");
            assert!(error.contains("--dereference"), "{error}");
        }
    }

    #[test]
    fn two_tars_in_one_file_are_an_error() {
        let both = [tar_of([("a.png", &b"a"[..])]), tar_of([("b.png", &b"b"[..])])].concat();
        let error = Archive::of_bytes(Path::new("x.tar"), Stamp::default(), both).err().unwrap().to_string();
        assert!(error.contains("holds more after its end"), "{error}");
    }

    #[test]
    fn the_start_of_an_entry_needs_no_unpacking() {
        let zeros = vec![7u8; 4 << 20];
        for packed in [zip_of([("a", zeros.as_slice())]), tar_of([("a", zeros.as_slice())])] {
            let (_dir, archive) = archive(&packed);
            assert_eq!(archive.start(0, 12).unwrap(), [7; 12]);
        }
        let (_dir, archive) = archive(&zip_of([("a", &b"few"[..])]));
        assert_eq!(archive.start(0, 12).unwrap(), b"few");
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
