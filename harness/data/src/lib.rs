//! Omniglot, mini-ImageNet and anybody's image folders as [`ImageSet`](harness_core::ImageSet)s, verified.
//!
//! Whatever form the data has on disk (zips, folders, parquet), one pipeline reads it: *locate* finds the files,
//! *list* puts them in a fixed order and counts them, *fill* decodes them on all cores. Nothing that is missing,
//! truncated, miscounted or not an image gets past it: each is an [`Error::Data`](harness_core::Error) of one line
//! that names the file and the remedy. Bytes from outside are read under limits, so that a hostile file costs an
//! error and not the machine's memory.

mod archive;
mod decode;
mod files;
#[cfg(test)]
mod fixtures;
mod omniglot;
mod plan;
mod search;

pub use decode::Filter;
pub use omniglot::{load_omniglot, locate_omniglot};
pub use search::{Located, SearchPath, Shape};
