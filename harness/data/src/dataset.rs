//! A data set as it is asked for: one of the table by its name, or anybody's folder.

use std::fmt;
use std::path::PathBuf;

use harness_core::error::unknown;
use harness_core::{Error, Result};

use crate::decode::{Filter, Spec};
use crate::folder;
use crate::plan::Plan;
use crate::search::{Located, SearchPath};
use crate::sets::{self, Files, Open, Set};

/// Largest side that is asked for in earnest.
const LARGEST_SIDE: usize = 1024;
/// The side at which anybody's images are looked at where nobody says.
const FOLDER_SIDE: usize = 84;

/// A data set of images in files.
#[derive(Clone, Debug)]
pub enum Dataset {
    /// One that lies in files of its own.
    Known(&'static Set),
    /// Anybody's images: a folder or archive with a folder a class, with or without a level train, val, test above.
    Folder {
        path: PathBuf,
        /// 1 (grey) or 3 (colour).
        channels: usize,
    },
}

impl PartialEq for Dataset {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Dataset {
    /// A set of the table that lies in files. Errors: [`Error::Usage`] with the nearest known name, or that it is built in.
    pub fn named(name: &str) -> Result<Self> {
        match sets::find(name) {
            Some(set) if set.files().is_some() => Ok(Dataset::Known(set)),
            Some(set) if matches!(set.open, Open::Folder) => Err(Error::usage(format!(
                "{name} stands for images of your own: give the path of their folder or archive"
            ))),
            Some(_) => {
                Err(Error::usage(format!("{name} is built in: it has no files, and a benchmark finds it by itself")))
            }
            None => Err(unknown("dataset", name, sets::in_files().map(|set| set.name))),
        }
    }

    /// Its row of the table, where it has one.
    pub fn set(&self) -> Option<&'static Set> {
        match self {
            Dataset::Known(set) => Some(set),
            Dataset::Folder { .. } => None,
        }
    }

    pub(crate) fn files(&self) -> Option<&'static Files> {
        self.set()?.files()
    }

    /// Where its files are. Errors: [`Error::Data`] when they are nowhere: what was looked for, where, how to get it.
    pub fn locate(&self, search: &SearchPath) -> Result<Located> {
        match (self, self.files()) {
            (Dataset::Folder { path, .. }, _) => folder::locate(path),
            (_, Some(files)) => files.reader.locate(search),
            (_, None) => Err(Error::usage(format!("{self} is built in: it has no files"))),
        }
    }

    /// The side that papers use.
    pub fn usual_side(&self) -> usize {
        self.files().map_or(FOLDER_SIDE, |files| files.side)
    }

    pub(crate) fn plan(&self, search: &SearchPath) -> Result<Plan> {
        match (self, self.files()) {
            (Dataset::Folder { path, .. }, _) => folder::plan(path),
            (_, Some(files)) => files.reader.plan(search),
            (_, None) => Err(Error::usage(format!("{self} is built in: it has no files"))),
        }
    }

    /// That all classes and images are there. Errors: [`Error::Data`] naming the class.
    pub(crate) fn count(&self, plan: &Plan) -> Result<()> {
        match self.files() {
            Some(files) => files.reader.count(plan, files.classes, files.each.clone()),
            None => Ok(()),
        }
    }

    pub(crate) fn spec(&self, side: usize, filter: Filter) -> Result<Spec> {
        if side == 0 || side > LARGEST_SIDE {
            return Err(Error::usage(format!("{self} at {side}x{side} pixels; choose 1 to {LARGEST_SIDE}")));
        }
        let channels = match (self, self.files()) {
            (Dataset::Folder { channels, .. }, _) => *channels,
            (_, files) => files.map_or(3, |files| files.channels),
        };
        if !matches!(channels, 1 | 3) {
            return Err(Error::usage(format!("{self}: {channels} channels; choose 1 (grey) or 3 (colour)")));
        }
        let drawn = self.files().and_then(|files| files.drawn);
        // A filter that makes shades of grey would undo what makes Omniglot Omniglot.
        if drawn.is_some() && filter != Filter::Nearest {
            return Err(Error::usage(format!("{self} is black and white: its filter is nearest")));
        }
        // Of the known sets everybody reads the pixels as they are stored, and their digests are of these.
        let upright = self.files().is_none();
        Ok(Spec { side, channels, filter, source_side: drawn, binary: drawn.is_some(), upright })
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dataset::Known(set) => f.write_str(set.name),
            Dataset::Folder { path, .. } => write!(f, "folder {}", path.display()),
        }
    }
}

/// Sets that the tests name.
#[cfg(test)]
impl Dataset {
    pub(crate) const OMNIGLOT: Dataset = Dataset::Known(&sets::SETS[3]);
    pub(crate) const MINI_IMAGENET: Dataset = Dataset::Known(&sets::SETS[4]);
    pub(crate) const CIFAR_FS: Dataset = Dataset::Known(&sets::SETS[5]);
}
