//! Finds mini-ImageNet in the forms that people have it in.

use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

use super::is_wnid;
use crate::files::{Entry, entries};
use crate::folder::{Part, part, subfolders};
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
            if let Some(form) = recognise(&home, home != dir.join(""))? {
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
fn recognise(home: &Path, own: bool) -> Result<Option<Form>> {
    let here = entries(home)?;
    let folder = |name: &str| here.iter().find(|entry| entry.is_dir && entry.name == name);
    let lists: Vec<PathBuf> = ["train.csv", "val.csv", "test.csv"]
        .iter()
        .filter_map(|name| here.iter().find(|entry| !entry.is_dir && entry.name == *name))
        .map(|entry| entry.path.clone())
        .collect();
    if let (3, Some(images)) = (lists.len(), folder("images"))
        && !has_classes(&images.path)?
    {
        return Ok(Some(Form::Csv { lists, images: images.path.clone() }));
    }
    let mut parts = Vec::new();
    for entry in here.iter().filter(|entry| entry.is_dir) {
        if let Some(part) = part(&entry.name)
            && has_classes(&entry.path)?
        {
            parts.push((part, entry.path.clone()));
        }
    }
    if !parts.is_empty() {
        parts.sort();
        return Ok(Some(Form::Parts(parts.into_iter().map(|(_, path)| path).collect())));
    }
    for folder in [Some(home), folder("images").map(|entry| entry.path.as_path())].into_iter().flatten() {
        if has_classes(folder)? {
            return Ok(Some(Form::Classes(folder.to_path_buf())));
        }
    }
    let mut files = Vec::new();
    if own {
        find_parquet(home, None, PARQUET_DEPTH, &mut files)?;
    }
    files.sort();
    Ok((!files.is_empty()).then_some(Form::Parquet(files)))
}

fn has_classes(folder: &Path) -> Result<bool> {
    Ok(subfolders(folder)?.iter().any(|entry: &Entry| is_wnid(&entry.name)))
}

/// Files whose name or a folder above says the part: `train-00000-of-00013.parquet`, `default/train/0000.parquet`.
fn find_parquet(folder: &Path, above: Option<Part>, depth: usize, files: &mut Vec<(Part, PathBuf)>) -> Result<()> {
    for entry in entries(folder)? {
        let stem = entry.name.split(['-', '.', '_']).next().unwrap_or_default();
        let part = part(stem).or(above);
        if entry.is_dir && depth > 0 {
            find_parquet(&entry.path, part, depth - 1, files)?;
        } else if let (false, true, Some(part)) = (entry.is_dir, entry.name.ends_with(".parquet"), part) {
            files.push((part, entry.path));
        }
    }
    Ok(())
}
