//! A data set as a plan: classes in a fixed order, each image with the place its bytes lie at. A plan costs no decoding,
//! so that counting and naming what is wrong come first; `fill` then decodes on all cores.

use std::path::PathBuf;

use harness_core::{Error, ImageClass, Result};
use rayon::prelude::*;

use crate::archive::Archive;
use crate::decode::{self, Spec};
use crate::files::read_limited;

/// Where an image's bytes lie.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File(PathBuf),
    /// Entry of an archive of the plan.
    Zip {
        archive: usize,
        entry: usize,
        name: String,
    },
}

/// A data set that has been found and counted, not yet decoded.
#[derive(Default)]
pub(crate) struct Plan {
    /// Name of the data set.
    pub name: String,
    /// Classes and their images, in the order they will have.
    pub classes: Vec<(String, Vec<Place>)>,
    pub archives: Vec<Archive>,
}

impl Plan {
    /// The classes with the positions of their images.
    pub fn image_classes(&self) -> Vec<ImageClass> {
        let mut next = 0;
        let class = |(name, images): &(String, Vec<Place>)| {
            let first = next;
            next += images.len();
            ImageClass { name: name.clone(), images: first..next }
        };
        self.classes.iter().map(class).collect()
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.classes.iter().map(|(_, images)| images.len()).sum()
    }

    /// Decodes every image into its slot of `out`, which must be `len() * spec.bytes()` long, on all cores.
    ///
    /// Errors: [`Error::Data`] with the number of images that failed and the first of them, in the plan's order.
    pub fn fill(&self, spec: &Spec, out: &mut [u8]) -> Result<()> {
        assert_eq!(out.len(), self.len() * spec.bytes(), "one slot an image");
        let places: Vec<&Place> = self.classes.iter().flat_map(|(_, images)| images).collect();
        let failed: Vec<(usize, String)> = on_all_cores(|| {
            out.par_chunks_exact_mut(spec.bytes())
                .zip(&places)
                .enumerate()
                .map_init(
                    || self.archives.clone(),
                    |archives, (index, (slot, place))| {
                        let result = read(place, archives).and_then(|bytes| decode::decode(&bytes, spec, slot));
                        result.err().map(|what| (index, what))
                    },
                )
                .flatten()
                .collect()
        });
        match failed.iter().min() {
            None => Ok(()),
            Some((index, what)) => {
                let others = match failed.len() - 1 {
                    0 => String::new(),
                    n => format!(", and {n} more of {} images are bad", places.len()),
                };
                Err(Error::data(format!(
                    "{}: {} {what}{others}; replace it or fetch {} again",
                    self.name,
                    self.describe(places[*index]),
                    self.name
                )))
            }
        }
    }

    /// How an error names a place.
    pub fn describe(&self, place: &Place) -> String {
        match place {
            Place::File(path) => path.display().to_string(),
            Place::Zip { archive, name, .. } => format!("{}: {name}", self.archives[*archive].path().display()),
        }
    }
}

fn read(place: &Place, archives: &mut [Archive]) -> Result<Vec<u8>, String> {
    match place {
        Place::File(path) => read_limited(path, decode::MAX_ENCODED),
        Place::Zip { archive, entry, .. } => archives[*archive].read(*entry, decode::MAX_ENCODED),
    }
}

/// Runs `work` in the pool it is called in, or else in one with a thread for every core: the global pool of the harness
/// has a single thread, since inside a task nothing starts threads of its own.
pub(crate) fn on_all_cores<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_some() {
        return work();
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        // No threads to be had: the global pool is slower and right.
        Err(_) => work(),
    }
}
