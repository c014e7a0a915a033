//! Finds mini-ImageNet in the forms that people have it in.

use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

use super::is_wnid;
use crate::files::survey;
use crate::folder::{Part, part};
use crate::search::{Located, SearchPath, Shape};

/// Names that its folder goes by below a data folder; the last is the data folder itself.
const HOMES: [&str; 7] =
    ["mini-imagenet", "mini_imagenet", "miniimagenet", "mini-ImageNet", "miniImageNet", "MiniImageNet", ""];

/// Levels of folders that are searched for parquet: `data/` of one hub repository, `default/train/` of another.
const PARQUET_DEPTH: usize = 3;

/// A form that was recognised.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Files with the part that their path names, in order.
    Parquet(Vec<(Part, PathBuf)>),
    /// `train.csv`, `val.csv`, `test.csv` beside one folder of all images.
    Csv { lists: Vec<PathBuf>, images: PathBuf },
    /// Folders `train`, `val`, `test` of class folders.
    Parts(Vec<PathBuf>),
    /// One folder of class folders.
    Classes(PathBuf),
}

/// Where it is. Errors: [`Error::Data`]: what was looked for, where, and how to get it.
pub(crate) fn locate(search: &SearchPath) -> Result<Located> {
    let (shape, paths) = match form(search)? {
        Form::Parquet(files) => (Shape::Parquet, files.into_iter().map(|(_, path)| path).collect()),
        Form::Csv { mut lists, images } => {
            lists.push(images);
            (Shape::Folders, lists)
        }
        Form::Parts(parts) => (Shape::Folders, parts),
        Form::Classes(folder) => (Shape::Folders, vec![folder]),
    };
    Ok(Located { shape, paths })
}

/// The form in the first data folder that has one.
pub(super) fn form(search: &SearchPath) -> Result<Form> {
    for dir in search.dirs() {
        for home in HOMES.iter().map(|home| dir.join(home)).filter(|home| home.is_dir()) {
            if let Some(form) = recognise(&home, home != dir.join("")) {
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

/// The form of `home`. Parquet counts only in a folder of mini-ImageNet's `own`: elsewhere it is anybody's.
fn recognise(home: &Path, own: bool) -> Option<Form> {
    let lists: Vec<PathBuf> = ["train.csv", "val.csv", "test.csv"].iter().map(|name| home.join(name)).collect();
    let images = home.join("images");
    if lists.iter().all(|list| list.is_file()) && images.is_dir() && !has_classes(&images) {
        return Some(Form::Csv { lists, images });
    }
    let mut parts: Vec<(Part, PathBuf)> =
        survey(home, true).filter_map(|(name, path)| Some((part(&name)?, path))).collect();
    parts.retain(|(_, path)| has_classes(path));
    parts.sort();
    if !parts.is_empty() {
        return Some(Form::Parts(parts.into_iter().map(|(_, path)| path).collect()));
    }
    for folder in [home, &images] {
        if has_classes(folder) {
            return Some(Form::Classes(folder.to_path_buf()));
        }
    }
    let mut files = Vec::new();
    if own {
        find_parquet(home, None, PARQUET_DEPTH, &mut files);
    }
    files.sort();
    (!files.is_empty()).then_some(Form::Parquet(files))
}

fn has_classes(folder: &Path) -> bool {
    survey(folder, true).any(|(name, _)| is_wnid(&name))
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
