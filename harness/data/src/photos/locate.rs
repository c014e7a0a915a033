//! Finds a set of photographs in the forms that people have it in.

use std::path::{Path, PathBuf};

use harness_core::{Error, Result, Split};

use super::{Family, pickled};
use crate::files::survey;
use crate::folder::{part, unwrapped};
use crate::search::{Located, SearchPath, Shape};
use crate::tree::{Dir, FileRef};

/// Levels of folders that are searched for parquet: `data/` of one hub repository, `default/train/` of another.
const PARQUET_DEPTH: usize = 3;

/// A form that was recognised.
pub(super) enum Form {
    /// Files with the part that their path names, in order.
    Parquet(Vec<(Split, PathBuf)>),
    /// A pickle for each part.
    Pickles(Vec<(Split, FileRef)>),
    /// The author's archive of CIFAR-100: its two files of images, and the names of the labels.
    Original { files: Vec<FileRef>, names: Option<FileRef> },
    /// `train.csv`, `val.csv`, `test.csv` beside one folder of all images.
    Csv { lists: Vec<FileRef>, images: Dir },
    /// Folders `train`, `val`, `test` of class folders.
    Parts(Vec<Dir>),
    /// One folder of class folders.
    Classes(Dir),
}

impl Form {
    /// How it is stored, and where.
    pub(super) fn located(&self) -> Located {
        let of_dir = |dir: &Dir| dir.packed().map_or(Shape::Folders, Shape::of_archive);
        let (shapes, paths): (Vec<Shape>, Vec<PathBuf>) = match self {
            Form::Parquet(files) => (vec![Shape::Parquet], files.iter().map(|(_, path)| path.clone()).collect()),
            Form::Pickles(files) => (vec![Shape::Pickles], files.iter().map(|(_, file)| file.path()).collect()),
            Form::Original { files, .. } => {
                let binary = files.iter().any(|file| file.name().ends_with(".bin"));
                let shape = if binary { Shape::Binary } else { Shape::Pickles };
                (vec![shape], files.iter().map(FileRef::path).collect())
            }
            Form::Csv { lists, images } => {
                let shapes = match images.packed() {
                    Some(archive) => vec![Shape::of_archive(archive)],
                    None => vec![Shape::Lists, Shape::Folders],
                };
                (shapes, lists.iter().map(FileRef::path).chain([images.path()]).collect())
            }
            Form::Parts(parts) => (parts.iter().map(of_dir).collect(), parts.iter().map(Dir::path).collect()),
            Form::Classes(folder) => (vec![of_dir(folder)], vec![folder.path()]),
        };
        Located::new(shapes, paths)
    }
}

/// The form in the first data folder that has one. Errors: [`Error::Data`]: what was looked for, where, and how to get it.
pub(super) fn form(family: &Family, search: &SearchPath) -> Result<Form> {
    let mut seen = Vec::new();
    for dir in search.dirs() {
        for (home, own) in homes(dir, family.homes) {
            let Some(home) = home.open()? else { continue };
            if let Some(form) = recognise(family, &home, own) {
                return Ok(form);
            }
            if own && let Some(what) = unread(&home) {
                seen.push(what);
            }
        }
    }
    let Family { name, example, cifar, .. } = family;
    let archive = if *cifar { ", the archives cifar-100-python and cifar-100-binary" } else { "" };
    let seen = seen.first().map_or(String::new(), |what| format!(" (there is {what})"));
    Err(Error::data(format!(
        "{name} is not here: looked for parquet, pickles{archive}, class folders ({example}) alone or below train, val and test, \
         and train.csv, val.csv, test.csv beside images, packed or not, in {}{seen}; get it with `harness data fetch {name}`, \
         or put one of these there, or point --data-dir or HARNESS_DATA_DIR at the folder that holds your {name} folder",
        search.looked_in(name)
    )))
}

/// What a set's own folder holds that is not read, with the way to convert it; none where there is nothing of the kind.
fn unread(home: &Dir) -> Option<String> {
    let convert = |name: &String| {
        let (_, ending) = name.rsplit_once('.')?;
        let how = match &*ending.to_ascii_lowercase() {
            "7z" | "rar" | "xz" | "bz2" | "zst" => "unpack it, or pack it as .zip or .tar.gz",
            "npy" | "npz" | "pt" | "pth" | "h5" | "hdf5" | "mat" | "tfrecord" | "lmdb" | "mdb" | "arrow" => {
                "convert it to parquet, to a pickle of {data, labels, catname2label}, or to one folder of PNG a class"
            }
            _ => return None,
        };
        Some(format!("{}, which is not read: {how}", home.path().join(name).display()))
    };
    let mut names = home.file_names();
    names.sort();
    names.iter().find_map(convert)
}

/// A place below a data folder that may hold a set: looked at in turn, since opening an archive may take long.
enum Home {
    Folder(PathBuf),
    /// The archives in a folder.
    Archives(PathBuf),
    Archive(PathBuf),
}

impl Home {
    fn open(self) -> Result<Option<Dir>> {
        match self {
            Home::Folder(path) => Ok(Some(Dir::Disk(path))),
            Home::Archives(path) => Dir::archives(&path),
            Home::Archive(path) => Dir::archive(&path).map(Some),
        }
    }
}

/// The places below the data folder `dir` that may hold a set that goes by the names `homes`, and whether they are the
/// set's own: folders of that name, archives in such a folder (what was fetched from the authors lies a level below),
/// and archives of that name.
fn homes(dir: &Path, homes: &[&str]) -> Vec<(Home, bool)> {
    let mut found = Vec::new();
    for home in homes.iter().map(|home| dir.join(home)) {
        let own = home != dir.join("");
        if home.is_dir() {
            found.push((Home::Folder(home.clone()), own));
            let packed = [home.clone(), home.join("official")].into_iter().filter(|folder| own && folder.is_dir());
            found.extend(packed.map(|folder| (Home::Archives(folder), own)));
        }
        let archives = ["zip", "tar", "tar.gz", "tgz"].iter().filter(|_| own);
        let archives = archives.map(|ending| PathBuf::from(format!("{}.{ending}", home.display())));
        found.extend(archives.filter(|path| path.is_file()).map(|path| (Home::Archive(path), own)));
    }
    found
}

/// The form of `home`. Parquet and pickles count only in a folder of the set's `own`: elsewhere they are anybody's.
fn recognise(family: &Family, home: &Dir, own: bool) -> Option<Form> {
    let wrapped = if own && !family.has_classes(home) { unwrapped(home.clone()) } else { home.clone() };
    let home = &wrapped;
    let lists: Option<Vec<FileRef>> = ["train.csv", "val.csv", "test.csv"].iter().map(|name| home.file(name)).collect();
    let images = home.dir("images");
    if let (Some(lists), Some(images)) = (lists, &images)
        && !family.has_classes(images)
    {
        return Some(Form::Csv { lists, images: images.clone() });
    }
    let chain = chain(home);
    if family.cifar
        && let Some(form) = chain.iter().find_map(|dir| original(dir, own))
    {
        return Some(form);
    }
    // A class of CIFAR-100 is called train: as a part it holds classes.
    if !family.has_classes(home) || family.cifar {
        let parts = home.folders().into_iter().filter_map(|(name, dir)| Some((part(&name)?, unwrapped(dir))));
        let mut parts: Vec<(Split, Dir)> = parts.filter(|(_, dir)| family.has_classes(dir)).collect();
        parts.sort_by_key(|(part, _)| *part);
        if !parts.is_empty() {
            return Some(Form::Parts(parts.into_iter().map(|(_, dir)| dir).collect()));
        }
    }
    // Bertinetto et al. keep the classes in `data`, beside `splits`.
    for folder in [Some(home.clone()), images, home.dir("data")].into_iter().flatten() {
        if family.has_classes(&folder) {
            return Some(Form::Classes(folder));
        }
    }
    let mut files = Vec::new();
    if let (true, Some(home)) = (own, home.on_disk()) {
        find_parquet(home, None, PARQUET_DEPTH, &mut files);
    }
    files.sort();
    match files.is_empty() {
        false => Some(Form::Parquet(files)),
        true if own => chain.iter().find_map(|dir| pickles(family, dir)),
        true => None,
    }
}

/// `home`, the folders that wrap what is in it, and those of CIFAR-100's archives beside others.
fn chain(home: &Dir) -> Vec<Dir> {
    let mut chain = vec![home.clone()];
    chain.extend(["cifar-100-python", "cifar-100-binary"].iter().filter_map(|name| home.dir(name)));
    let mut here = home.clone();
    for _ in 0..4 {
        let mut folders = here.folders();
        if folders.len() != 1 {
            break;
        }
        here = folders.remove(0).1;
        chain.push(here.clone());
    }
    chain
}

/// The author's archive, where its files are. In a folder of anybody's, `train` and `test` alone mean nothing.
fn original(dir: &Dir, own: bool) -> Option<Form> {
    let files = |names: [&str; 2]| names.iter().map(|name| dir.file(name)).collect::<Option<Vec<FileRef>>>();
    if let Some(files) = files(["train.bin", "test.bin"]) {
        return Some(Form::Original { files, names: dir.file("fine_label_names.txt") });
    }
    let names = dir.file("meta");
    let files = files(["train", "test"]).filter(|_| own || names.is_some())?;
    Some(Form::Original { files, names })
}

/// The pickles of one name that are there for most parts; those that another split of these images is named after come
/// last.
fn pickles(family: &Family, home: &Dir) -> Option<Form> {
    let mut groups: Vec<(String, Vec<(Split, FileRef)>)> = Vec::new();
    let mut names = home.file_names();
    names.sort();
    for name in names {
        let Some((part, stem)) = pickled::part_of(&name) else { continue };
        let Some(file) = home.file(&name) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == stem) {
            // `val` and `validation` are one part.
            Some((_, files)) if files.iter().all(|(known, _)| *known != part) => files.push((part, file)),
            Some(_) => {}
            None => groups.push((stem, vec![(part, file)])),
        }
    }
    let (_, mut files) = groups.into_iter().max_by_key(|(stem, files)| (!family.is_sisters(stem), files.len()))?;
    files.sort_by_key(|(part, _)| *part);
    Some(Form::Pickles(files))
}

/// Files whose name or a folder above says the part: `train-00000-of-00013.parquet`, `default/train/0000.parquet`.
fn find_parquet(folder: &Path, above: Option<Split>, depth: usize, files: &mut Vec<(Split, PathBuf)>) {
    let part_of = |name: &str| part(name.split(['-', '.', '_']).next().unwrap_or_default()).or(above);
    for (name, path) in survey(folder, false).filter(|(name, _)| name.ends_with(".parquet")) {
        files.extend(part_of(&name).map(|part| (part, path)));
    }
    if depth > 0 {
        survey(folder, true).for_each(|(name, below)| find_parquet(&below, part_of(&name), depth - 1, files));
    }
}
