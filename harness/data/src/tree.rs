//! Folders to look for data in, on disk or inside an archive: every form that is read as a folder is read packed as well.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harness_core::text::nfc;
use harness_core::{Error, Result};

use crate::archive::{self, Archive};
use crate::bytes::Bytes;
use crate::files::{self, Stamp, read_limited};

/// A folder.
#[derive(Clone)]
pub(crate) enum Dir {
    Disk(PathBuf),
    /// A folder of an archive: its path there, empty or with a slash at its end.
    Packed(Arc<Packed>, String),
    /// The archives of a folder on disk, each as a folder of its name: `train.tar`, `val.tar`, `test.tar`.
    Archives(PathBuf, Arc<Vec<(String, Dir)>>),
}

/// A file, not yet read.
#[derive(Clone)]
pub(crate) enum FileRef {
    Disk { path: PathBuf, stamp: Stamp },
    Packed { packed: Arc<Packed>, entry: usize },
}

/// An archive with its folders.
pub(crate) struct Packed {
    archive: Archive,
    /// Path of each folder to the names in it, each with its entry if it is a file.
    folders: Folders,
}

type Folders = BTreeMap<String, BTreeMap<String, Option<usize>>>;

/// The folders of an archive while they are gathered.
#[derive(Default)]
struct Gathered {
    folders: Folders,
    /// The name of each folder as the archive has it, by its path in composed form: two such names are two folders.
    spelt: BTreeMap<String, String>,
}

impl Gathered {
    /// Adds a folder and those it lies in; its path with a slash at its end. None for litter, and what is too deep.
    /// Errors: the path, where a file or another folder has it.
    fn folder(&mut self, path: &str) -> Result<Option<String>, String> {
        let parts = archive::parts(path);
        if parts.len() > MAX_DEPTH || parts.iter().any(|part| files::is_litter(part)) {
            return Ok(None);
        }
        let mut above = String::new();
        for spelt in parts {
            let part = nfc(spelt).into_owned();
            let below = format!("{above}{part}/");
            let other = self.spelt.entry(below.clone()).or_insert_with(|| spelt.to_string()) != spelt;
            let entry = self.folders.entry(above).or_default().entry(part).or_insert(None);
            if other || entry.is_some() {
                return Err(below.trim_end_matches('/').to_string());
            }
            above = below;
        }
        self.folders.entry(above.clone()).or_default();
        Ok(Some(above))
    }

    /// Adds a file in a folder that was added. Errors: its path, where something else has it.
    fn file(&mut self, home: &str, name: &str, entry: usize) -> Result<(), String> {
        let names = self.folders.get_mut(home).expect("it was added");
        match names.insert(nfc(name).into_owned(), Some(entry)) {
            Some(_) => Err(format!("{home}{name}")),
            None => Ok(()),
        }
    }
}

/// A name in a folder. Names are in Unicode's composed form.
pub(crate) struct Entry {
    pub name: String,
    pub node: Node,
}

pub(crate) enum Node {
    Dir(Dir),
    File(FileRef),
}

/// Most folders inside one another in an archive.
const MAX_DEPTH: usize = 32;

impl Dir {
    /// The archive at `path`. Errors: [`Error::Data`] naming one that cannot be read, or a name that is there twice.
    pub fn archive(path: &Path) -> Result<Dir> {
        let archive = Archive::open(path)?;
        let mut gathered = Gathered::default();
        gathered.folders.entry(String::new()).or_default();
        let twice = |name: String| Error::data(format!("{}: {name} is there twice; rename one", path.display()));
        // Files of one folder follow one another: its names are looked at once.
        let (mut last, mut home) = (None, None);
        for (entry, name) in archive.names()? {
            let (folder, file) = name.rsplit_once('/').unwrap_or(("", &name));
            if last.as_deref() != Some(folder) {
                home = gathered.folder(folder).map_err(twice)?;
                last = Some(folder.to_string());
            }
            if let Some(home) = home.as_ref().filter(|_| !files::is_litter(file)) {
                gathered.file(home, file, entry).map_err(twice)?;
            }
        }
        Ok(Dir::Packed(Arc::new(Packed { archive, folders: gathered.folders }), String::new()))
    }

    /// The archives that lie in the folder `path`, each as a folder; none where there are none.
    pub fn archives(path: &Path) -> Result<Option<Dir>> {
        let mut all = Vec::new();
        for (name, path) in files::survey(path, false) {
            if let Some(stem) = archive::stem(&name) {
                all.push((nfc(stem).into_owned(), path));
            }
        }
        all.sort();
        let all = all.into_iter().map(|(name, path)| Ok((name, Dir::archive(&path)?))).collect::<Result<Vec<_>>>()?;
        Ok((!all.is_empty()).then(|| Dir::Archives(path.to_path_buf(), Arc::new(all))))
    }

    /// The names in it in order, litter left out. Errors: as [`files::entries`]; a name that is there in two normal forms.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = match self {
            Dir::Disk(path) => files::entries(path)?
                .into_iter()
                .map(|entry| {
                    let node = if entry.is_dir {
                        Node::Dir(Dir::Disk(entry.path))
                    } else {
                        Node::File(FileRef::Disk { path: entry.path, stamp: entry.stamp })
                    };
                    Entry { name: nfc(&entry.name).into_owned(), node }
                })
                .collect(),
            Dir::Packed(packed, at) => {
                let names = packed.folders.get(at).into_iter().flatten();
                let entry = |(name, entry): (&String, &Option<usize>)| {
                    let node = match entry {
                        Some(entry) => Node::File(FileRef::Packed { packed: packed.clone(), entry: *entry }),
                        None => Node::Dir(Dir::Packed(packed.clone(), format!("{at}{name}/"))),
                    };
                    Entry { name: name.clone(), node }
                };
                names.map(entry).collect()
            }
            Dir::Archives(_, all) => {
                all.iter().map(|(name, dir)| Entry { name: name.clone(), node: Node::Dir(dir.clone()) }).collect()
            }
        };
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        match entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
            Some(pair) => Err(Error::data(format!("{}: {} is there twice; rename one", self.show(), pair[0].name))),
            None => Ok(entries),
        }
    }

    /// The folders in it, in order; what cannot be read is left out: for looking around.
    pub fn folders(&self) -> Vec<(String, Dir)> {
        let mut folders: Vec<(String, Dir)> = match self {
            Dir::Disk(path) => files::survey(path, true)
                .filter(|(name, _)| !files::is_litter(name))
                .map(|(name, path)| (nfc(&name).into_owned(), Dir::Disk(path)))
                .collect(),
            _ => {
                let entries = self.entries().unwrap_or_default().into_iter();
                entries.filter_map(|entry| Some((entry.name, entry.node.dir()?))).collect()
            }
        };
        folders.sort_by(|a, b| a.0.cmp(&b.0));
        folders
    }

    /// The names of the files in it, in no order; what cannot be read is left out.
    pub fn file_names(&self) -> Vec<String> {
        match self {
            Dir::Disk(path) => files::survey(path, false).map(|(name, _)| name).collect(),
            Dir::Packed(packed, at) => {
                let names = packed.folders.get(at).into_iter().flatten();
                names.filter(|(_, entry)| entry.is_some()).map(|(name, _)| name.clone()).collect()
            }
            Dir::Archives(..) => Vec::new(),
        }
    }

    /// The folder at a path of plain names below it, if there is one.
    pub fn dir(&self, path: &str) -> Option<Dir> {
        path.split('/').filter(|part| !part.is_empty()).try_fold(self.clone(), |dir, part| match &dir {
            Dir::Disk(path) => Some(Dir::Disk(path.join(part))).filter(|dir| dir.on_disk().is_some_and(Path::is_dir)),
            _ => dir.folders().into_iter().find(|(name, _)| name == part).map(|(_, dir)| dir),
        })
    }

    /// The file of that name in it, if there is one.
    pub fn file(&self, name: &str) -> Option<FileRef> {
        match self {
            Dir::Disk(path) => FileRef::on_disk(&path.join(name)),
            Dir::Packed(packed, at) => {
                let entry = (*packed.folders.get(at)?.get(name)?)?;
                Some(FileRef::Packed { packed: packed.clone(), entry })
            }
            Dir::Archives(..) => None,
        }
    }

    /// Its path, where it is a folder on disk.
    pub fn on_disk(&self) -> Option<&Path> {
        match self {
            Dir::Disk(path) => Some(path),
            _ => None,
        }
    }

    /// How messages name it.
    pub fn show(&self) -> String {
        self.path().display().to_string()
    }

    /// A path that says where it is: of an archive's folder, below the archive.
    pub fn path(&self) -> PathBuf {
        match self {
            Dir::Disk(path) | Dir::Archives(path, _) => path.clone(),
            Dir::Packed(packed, at) if at.is_empty() => packed.archive.path().to_path_buf(),
            Dir::Packed(packed, at) => packed.archive.path().join(at.trim_end_matches('/')),
        }
    }

    /// Whether it is inside an archive, and whether that is a zip.
    pub fn packed(&self) -> Option<&Path> {
        match self {
            Dir::Disk(_) => None,
            Dir::Packed(packed, _) => Some(packed.archive.path()),
            Dir::Archives(_, all) => all.first().and_then(|(_, dir)| dir.packed()),
        }
    }

    /// Whether `below`, a folder in it, is a link to itself or to what it lies in: walking it would not end.
    pub fn is_above(&self, below: &Dir) -> bool {
        let (Dir::Disk(here), Dir::Disk(below)) = (self, below) else { return false };
        let link = fs::symlink_metadata(below).is_ok_and(|metadata| metadata.is_symlink());
        link && match (here.canonicalize(), below.canonicalize()) {
            (Ok(here), Ok(below)) => here.starts_with(below),
            _ => true,
        }
    }
}

impl Node {
    pub fn dir(self) -> Option<Dir> {
        match self {
            Node::Dir(dir) => Some(dir),
            Node::File(_) => None,
        }
    }

    pub fn file(self) -> Option<FileRef> {
        match self {
            Node::Dir(_) => None,
            Node::File(file) => Some(file),
        }
    }
}

impl FileRef {
    /// The file at `path`, if there is one.
    pub fn on_disk(path: &Path) -> Option<FileRef> {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(FileRef::Disk { path: path.to_path_buf(), stamp: Stamp::of(&metadata) })
    }

    /// All of it, at most `limit` bytes; what is wrong with it otherwise.
    pub fn read(&self, limit: u64) -> Result<Vec<u8>, String> {
        match self {
            FileRef::Disk { path, .. } => read_limited(path, limit),
            FileRef::Packed { packed, entry } => packed.archive.read(*entry, limit),
        }
    }

    /// Its first bytes, at most `most`.
    pub fn start(&self, most: u64) -> Result<Vec<u8>, String> {
        match self {
            FileRef::Disk { path, .. } => {
                let mut start = Vec::new();
                let read = files::open(path)?.0.take(most).read_to_end(&mut start);
                read.map(|_| start).map_err(|error| format!("cannot be read: {error}"))
            }
            FileRef::Packed { packed, entry } => packed.archive.start(*entry, most),
        }
    }

    /// It to read at any place: bytes, where it begins in them, how long it is.
    pub fn open(&self) -> Result<(Bytes, u64, u64), String> {
        match self {
            FileRef::Disk { path, .. } => {
                let bytes = Bytes::file(files::open(path)?.0).map_err(|error| format!("cannot be read: {error}"))?;
                let len = bytes.len();
                Ok((bytes, 0, len))
            }
            FileRef::Packed { packed, entry } => packed.archive.open_entry(*entry),
        }
    }

    /// Its name without its folder.
    pub fn name(&self) -> String {
        let path = match self {
            FileRef::Disk { path, .. } => path.to_string_lossy().into_owned(),
            FileRef::Packed { packed, entry } => packed.archive.name(*entry),
        };
        path.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default().to_string()
    }

    /// How messages name it.
    pub fn show(&self) -> String {
        match self {
            FileRef::Disk { path, .. } => path.display().to_string(),
            FileRef::Packed { packed, entry } => {
                format!("{}: {}", packed.archive.path().display(), packed.archive.name(*entry))
            }
        }
    }

    /// A path that says where it is: of a file in an archive, below the archive.
    pub fn path(&self) -> PathBuf {
        match self {
            FileRef::Disk { path, .. } => path.clone(),
            FileRef::Packed { packed, entry } => packed.archive.path().join(packed.archive.name(*entry)),
        }
    }

    /// The file on disk that holds its bytes, the state of that file, and which part of it this is: what its content
    /// depends on, as far as is known without reading it.
    pub fn identity(&self) -> (&Path, Stamp, usize) {
        match self {
            FileRef::Disk { path, stamp } => (path, *stamp, 0),
            FileRef::Packed { packed, entry } => (packed.archive.path(), packed.archive.stamp, *entry),
        }
    }
}

impl std::fmt::Debug for FileRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.show())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{tar_gz_of, tar_of, zip_of};

    #[test]
    fn a_folder_and_an_archive_of_it_are_the_same_tree() {
        let files = [("a/x.png", &b"1"[..]), ("a/b/y.png", b"22"), ("z.txt", b"333"), ("__MACOSX/a/._x.png", b"no")];
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = dir.path().join("tree").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        for (name, bytes) in [("t.zip", zip_of(files)), ("t.tar", tar_of(files)), ("u.tgz", tar_gz_of(files))] {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        let trees = ["t.zip", "t.tar", "u.tgz"].map(|name| Dir::archive(&dir.path().join(name)).unwrap());
        for tree in trees.into_iter().chain([Dir::Disk(dir.path().join("tree"))]) {
            let names: Vec<String> = tree.entries().unwrap().into_iter().map(|entry| entry.name).collect();
            assert_eq!(names, ["a", "z.txt"], "{}", tree.show());
            assert_eq!(tree.folders().len(), 1);
            assert_eq!(tree.file_names(), ["z.txt"]);
            assert_eq!(tree.dir("a/b").unwrap().file("y.png").unwrap().read(9).unwrap(), b"22");
            assert!(tree.dir("a/c").is_none() && tree.file("a").is_none() && tree.dir("z.txt").is_none());
            let file = tree.dir("a").unwrap().file("x.png").unwrap();
            assert!(file.show().ends_with("a/x.png") && file.name() == "x.png");
            assert_eq!(file.path(), tree.path().join("a/x.png"));
            let (bytes, offset, len) = file.open().unwrap();
            let mut one = vec![0; len as usize];
            bytes.read_exact_at(offset, &mut one).unwrap();
            assert_eq!(one, b"1");
        }
        let file = |path: &str| dir.path().join(path);
        let packed = |files: &[(&str, &[u8])]| {
            fs::write(file("again.zip"), zip_of(files.iter().copied())).unwrap();
            Dir::archive(&file("again.zip")).err().map(|error| error.to_string())
        };
        assert_eq!(packed(&[("a/1.png", b"1"), ("b/1.png", b"1"), ("a/2.png", b"1")]), None);
        for (files, name) in [
            ([("caf\u{e9}/1.png", &b"1"[..]), ("cafe\u{301}/2.png", b"2")], "caf\u{e9}"),
            ([("a/caf\u{e9}.png", b"1"), ("a/cafe\u{301}.png", b"2")], "a/cafe\u{301}.png"),
            ([("a", b""), ("a/1.png", b"1")], "a"),
            ([("a/1.png", b"1"), ("a", b"")], "a"),
            ([("a/1.png", b"1"), ("./a/1.png", b"2")], "a/1.png"),
        ] {
            let error = packed(&files).unwrap();
            assert!(error.ends_with(&format!("again.zip: {name} is there twice; rename one")), "{error}");
        }
        fs::remove_file(file("again.zip")).unwrap();
        let together = Dir::archives(dir.path()).unwrap();
        // Two archives of one stem cannot be told apart.
        assert!(together.unwrap().entries().err().unwrap().to_string().contains("t is there twice"));
    }
}
