//! Finds mini-ImageNet in the forms that people have it in.

use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

use super::is_wnid;
use crate::files::survey;
use crate::folder::{Part, part, unwrapped};
use crate::search::{Located, SearchPath, Shape};
use crate::tree::{Dir, FileRef};

/// Names that its folder goes by below a data folder; the last is the data folder itself.
const HOMES: [&str; 9] = [
    "mini-imagenet",
    "mini_imagenet",
    "miniimagenet",
    "mini-ImageNet",
    "miniImageNet",
    "MiniImageNet",
    "miniImageNet--ravi",
    "miniImagenet",
    "",
];

/// Levels of folders that are searched for parquet: `data/` of one hub repository, `default/train/` of another.
const PARQUET_DEPTH: usize = 3;

/// A form that was recognised.
pub(super) enum Form {
    /// Files with the part that their path names, in order.
    Parquet(Vec<(Part, PathBuf)>),
    /// `train.csv`, `val.csv`, `test.csv` beside one folder of all images.
    Csv { lists: Vec<FileRef>, images: Dir },
    /// Folders `train`, `val`, `test` of class folders.
    Parts(Vec<Dir>),
    /// One folder of class folders.
    Classes(Dir),
}

/// Where it is. Errors: [`Error::Data`]: what was looked for, where, and how to get it.
pub(crate) fn locate(search: &SearchPath) -> Result<Located> {
    let of_dir = |dir: &Dir| dir.packed().map_or(Shape::Folders, Shape::of_archive);
    let (shape, paths) = match form(search)? {
        Form::Parquet(files) => (Shape::Parquet, files.into_iter().map(|(_, path)| path).collect()),
        Form::Csv { lists, images } => {
            let lists = lists.iter().map(|list| PathBuf::from(list.show()));
            (of_dir(&images), lists.chain([images.path()]).collect())
        }
        Form::Parts(parts) => (of_dir(&parts[0]), parts.iter().map(Dir::path).collect()),
        Form::Classes(folder) => (of_dir(&folder), vec![folder.path()]),
    };
    Ok(Located { shape, paths })
}

/// The form in the first data folder that has one.
pub(super) fn form(search: &SearchPath) -> Result<Form> {
    for dir in search.dirs() {
        for (home, own) in homes(dir, &HOMES)? {
            if let Some(form) = recognise(&home, own) {
                return Ok(form);
            }
        }
    }
    Err(Error::data(format!(
        "mini-imagenet is not here: looked for parquet, class folders (n01532829 …) alone or below train, val and test, \
         and train.csv, val.csv, test.csv beside images, in {}; get it with `harness data fetch mini-imagenet`, or put \
         one of these there, or point --data-dir or HARNESS_DATA_DIR at the folder that holds your mini-imagenet folder",
        search.looked_in("mini-imagenet")
    )))
}

/// The folders below the data folder `dir` that may hold a set that goes by the names `homes`, and whether they are the
/// set's own: folders of that name, archives of that name, and archives in such a folder.
pub(crate) fn homes(dir: &Path, homes: &[&str]) -> Result<Vec<(Dir, bool)>> {
    let mut found = Vec::new();
    for home in homes.iter().map(|home| dir.join(home)) {
        let own = home != dir.join("");
        if home.is_dir() {
            found.push((Dir::Disk(home.clone()), own));
            if own && let Some(packed) = Dir::archives(&home)? {
                found.push((packed, own));
            }
        }
        for ending in ["zip", "tar", "tar.gz", "tgz"].iter().filter(|_| own) {
            let archive = PathBuf::from(format!("{}.{ending}", home.display()));
            if archive.is_file() {
                found.push((Dir::archive(&archive)?, own));
            }
        }
    }
    Ok(found)
}

/// The form of `home`. Parquet counts only in a folder of mini-ImageNet's `own`: elsewhere it is anybody's.
fn recognise(home: &Dir, own: bool) -> Option<Form> {
    let wrapped = if own { unwrapped(home.clone()) } else { home.clone() };
    let home = if has_classes(home) { home } else { &wrapped };
    let lists: Option<Vec<FileRef>> = ["train.csv", "val.csv", "test.csv"].iter().map(|name| home.file(name)).collect();
    let images = home.dir("images");
    if let (Some(lists), Some(images)) = (lists, &images)
        && !has_classes(images)
    {
        return Some(Form::Csv { lists, images: images.clone() });
    }
    let parts = home.folders().into_iter().filter_map(|(name, dir)| Some((part(&name)?, unwrapped(dir))));
    let mut parts: Vec<(Part, Dir)> = parts.filter(|(_, dir)| has_classes(dir)).collect();
    parts.sort_by_key(|(part, _)| *part);
    if !parts.is_empty() {
        return Some(Form::Parts(parts.into_iter().map(|(_, dir)| dir).collect()));
    }
    // Bertinetto et al. keep the classes in `data`, beside `splits`.
    for folder in [Some(home.clone()), images, home.dir("data")].into_iter().flatten() {
        if has_classes(&folder) {
            return Some(Form::Classes(folder));
        }
    }
    let mut files = Vec::new();
    if let (true, Some(home)) = (own, home.on_disk()) {
        find_parquet(home, None, PARQUET_DEPTH, &mut files);
    }
    files.sort();
    (!files.is_empty()).then_some(Form::Parquet(files))
}

fn has_classes(folder: &Dir) -> bool {
    folder.folders().iter().any(|(name, _)| is_wnid(name))
}

/// Files whose name or a folder above says the part: `train-00000-of-00013.parquet`, `default/train/0000.parquet`.
fn find_parquet(folder: &Path, above: Option<Part>, depth: usize, files: &mut Vec<(Part, PathBuf)>) {
    let part_of = |name: &str| part(name.split(['-', '.', '_']).next().unwrap_or_default()).or(above);
    for (name, path) in survey(folder, false).filter(|(name, _)| name.ends_with(".parquet")) {
        files.extend(part_of(&name).map(|part| (part, path)));
    }
    if depth > 0 {
        survey(folder, true).for_each(|(name, below)| find_parquet(&below, part_of(&name), depth - 1, files));
    }
}
