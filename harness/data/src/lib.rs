//! Omniglot, mini-ImageNet, CIFAR-FS, FC100 and anybody's image folders as [`ImageSet`](harness_core::ImageSet)s, verified.
//!
//! Whatever form the data has on disk (archives, folders, parquet, pickles), one pipeline reads it: *locate* finds the files,
//! *list* puts them in a fixed order and counts them, *fill* decodes them on all cores. Nothing that is missing,
//! truncated, miscounted or not an image gets past it: each is an [`Error::Data`](harness_core::Error) of one line
//! that names the file and the remedy. Bytes from outside are read under limits, so that a hostile file costs an
//! error and not the machine's memory.

mod archive;
mod bytes;
mod cache;
mod csv;
mod dataset;
mod decode;
mod disk;
mod files;
#[cfg(test)]
mod fixtures;
mod folder;
mod hub;
mod lists;
mod loader;
mod names;
mod omniglot;
mod parquet;
mod photos;
mod pickle;
mod pictures;
mod plan;
mod progress;
mod reader;
mod search;
mod sets;
mod sink;
mod survey;
mod tree;
mod verify;

pub use cache::Cache;
pub use dataset::Dataset;
pub use decode::Filter;
pub use hub::{Fetched, Limits, Remote, elsewhere, fetch, license};
pub use loader::{Loaded, Loader};
pub use names::{Names, names};
pub use pictures::{Layout, Pictures, Size, pictures};
pub use plan::LeftOut;
pub use progress::{Progress, Step, silent};
pub use search::{Located, SearchPath, Shape, expand_home};
pub use sets::{Files, Input, Open, SETS, Set, find, in_files};
pub use survey::{Survey, survey};
pub use verify::{Duplicate, Report, verify};

/// An error's text on one line.
fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
