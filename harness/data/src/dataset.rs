//! The data sets that are known, and what each is made of.

use std::fmt;
use std::path::PathBuf;

use harness_core::{Error, Result};

use crate::decode::{Filter, Spec};
use crate::plan::Plan;
use crate::search::{Located, SearchPath};
use crate::{folder, mini_imagenet, omniglot};

/// Largest side that is asked for in earnest.
const LARGEST_SIDE: usize = 1024;

/// A data set by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dataset {
    /// 1,623 characters, 20 drawings each, grey.
    Omniglot,
    /// 100 classes of ImageNet, 600 photographs each, colour.
    MiniImagenet,
    /// Anybody's images: a folder a class, with or without a level train, val, test above.
    Folder {
        path: PathBuf,
        /// 1 (grey) or 3 (colour).
        channels: usize,
    },
}

impl Dataset {
    /// `omniglot` or `mini-imagenet`. Errors: [`Error::Usage`] with the nearest known name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "omniglot" => Ok(Dataset::Omniglot),
            "mini-imagenet" => Ok(Dataset::MiniImagenet),
            _ => Err(harness_core::error::unknown("dataset", name, ["omniglot", "mini-imagenet"])),
        }
    }

    /// Where its files are. Errors: [`Error::Data`] when they are nowhere: what was looked for, where, how to get it.
    pub fn locate(&self, search: &SearchPath) -> Result<Located> {
        match self {
            Dataset::Omniglot => omniglot::locate_omniglot(search),
            Dataset::MiniImagenet => mini_imagenet::locate(search),
            Dataset::Folder { path, .. } => folder::locate(path),
        }
    }

    /// The side that papers use.
    pub fn usual_side(&self) -> usize {
        match self {
            Dataset::Omniglot => 28,
            _ => 84,
        }
    }

    pub(crate) fn plan(&self, search: &SearchPath) -> Result<Plan> {
        match self {
            Dataset::Omniglot => omniglot::plan(search),
            Dataset::MiniImagenet => mini_imagenet::plan(search),
            Dataset::Folder { path, .. } => folder::plan(path),
        }
    }

    /// That all classes and images are there. Errors: [`Error::Data`] naming the class.
    pub(crate) fn count(&self, plan: &Plan) -> Result<()> {
        match self {
            Dataset::Omniglot => omniglot::count(plan, omniglot::CLASSES, omniglot::DRAWINGS),
            Dataset::MiniImagenet => mini_imagenet::count(plan, mini_imagenet::CLASSES, mini_imagenet::IMAGES),
            Dataset::Folder { .. } => Ok(()),
        }
    }

    pub(crate) fn spec(&self, side: usize, filter: Filter) -> Result<Spec> {
        if side == 0 || side > LARGEST_SIDE {
            return Err(Error::usage(format!("{self} at {side}x{side} pixels; choose 1 to {LARGEST_SIDE}")));
        }
        let plain = Spec { side, channels: 3, filter, source_side: None, binary: false };
        match self {
            Dataset::Omniglot => {
                // A filter that makes shades of grey would undo what makes Omniglot Omniglot.
                if filter != Filter::Nearest {
                    return Err(Error::usage("omniglot is black and white: its filter is nearest"));
                }
                Ok(Spec { channels: 1, source_side: Some(omniglot::SOURCE_SIDE), binary: true, ..plain })
            }
            Dataset::MiniImagenet => Ok(plain),
            Dataset::Folder { channels: channels @ (1 | 3), .. } => Ok(Spec { channels: *channels, ..plain }),
            Dataset::Folder { channels, .. } => {
                Err(Error::usage(format!("{self}: {channels} channels; choose 1 (grey) or 3 (colour)")))
            }
        }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dataset::Omniglot => f.write_str("omniglot"),
            Dataset::MiniImagenet => f.write_str("mini-imagenet"),
            Dataset::Folder { path, .. } => write!(f, "folder {}", path.display()),
        }
    }
}
