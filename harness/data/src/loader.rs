//! One entry for every data set: where to look, where decoded images are kept, whom to tell.

use std::path::Path;

use harness_core::{ClassSplit, Error, ImageSet, Result};

use crate::cache::Cache;
use crate::dataset::Dataset;
use crate::decode::Filter;
use crate::hub::{self, Remote};
use crate::plan::Plan;
use crate::progress::{Progress, Step, silent};
use crate::search::{SearchPath, user_cache_dir};
use crate::verify::known;

/// Loads data sets.
#[derive(Clone)]
pub struct Loader<'a> {
    pub search: SearchPath,
    pub cache: Cache,
    pub progress: Progress<'a>,
}

/// A data set ready for use.
pub struct Loaded {
    pub images: ImageSet,
    /// The class split that the data's own form carries (folders `train`, `val`, `test`; split parquet without names
    /// of classes): where there is one and the benchmark names no other, it is the split.
    pub split: Option<ClassSplit>,
    /// Whether that split is the only one there can be, since the classes have no names of their own.
    pub nameless: bool,
}

impl Loader<'static> {
    /// The folders of this process, decoded sets in the user's cache, no reports.
    pub fn of_process(data_dir: Option<&Path>) -> Self {
        Loader { cache: Cache::of_user(), ..Loader::new(SearchPath::of_process(data_dir)) }
    }

    /// Looks in `search`, keeps nothing, reports nothing.
    pub fn new(search: SearchPath) -> Self {
        Loader { search, cache: Cache::none(), progress: &silent }
    }
}

impl Cache {
    /// The folder `harness/decoded` in the user's cache.
    pub fn of_user() -> Self {
        user_cache_dir().map_or(Cache::none(), |dir| Cache::at(dir.join("decoded")))
    }
}

/// Data sets up to this many bytes are fetched without being asked for.
const COMES_BY_ITSELF: u64 = 100_000_000;

impl Loader<'_> {
    /// [`Loader::load`]; a small set (Omniglot) that is nowhere is fetched first, into [`SearchPath::fetch_dir`].
    ///
    /// Errors: those of [`Loader::load`]; where fetching failed too, the error says why.
    pub fn load_or_fetch(&self, dataset: &Dataset, side: usize, filter: Filter, remote: &Remote) -> Result<Loaded> {
        let bytes = dataset.files().map_or(0, |files| files.bytes);
        let small = (1..=COMES_BY_ITSELF).contains(&bytes) && hub::license(dataset).is_none();
        if let Err(missing) = dataset.locate(&self.search)
            && small
            && !remote.offline
        {
            let fetched = hub::fetch(dataset, self.search.fetch_dir()?, remote, false, self.progress);
            fetched.map_err(|error| {
                // The first cause says enough here; `data fetch` says all.
                let error = error.to_string();
                let cause = error.split([';', '|']).next().unwrap_or_default().trim_end();
                Error::data(format!("{missing} (fetching it failed: {cause})"))
            })?;
        }
        self.load(dataset, side, filter)
    }

    /// `dataset` at `side` x `side` pixels. Warm, from the cache: Omniglot in under 0.3 s, mini-ImageNet in under 0.5 s.
    ///
    /// Errors: [`Error::Usage`](harness_core::Error::Usage) for a side of 0 or above 1024;
    /// [`Error::Data`](harness_core::Error::Data) when the data is missing (what was looked for, where, how to get it),
    /// miscounted or damaged (naming the file).
    pub fn load(&self, dataset: &Dataset, side: usize, filter: Filter) -> Result<Loaded> {
        let spec = dataset.spec(side, filter)?;
        let plan = dataset.plan(&self.search)?;
        dataset.count(&plan)?;
        if let Some(note) = left_out(&plan) {
            (self.progress)(Step::Note(&format!("{note}; see `harness data verify`")));
        }
        let images = self.cache.open(&plan, &spec, self.progress)?;
        if let Some((false, what)) = known::judge(dataset, &plan, side, filter, &images.digest) {
            (self.progress)(Step::Note(&format!(
                "{dataset} is complete, and yet not {what}; see `harness data verify`"
            )));
        }
        Ok(Loaded { images, split: plan.split, nameless: plan.nameless })
    }
}

/// One line on what may be images and is not used; none where there is nothing of the kind.
fn left_out(plan: &Plan) -> Option<String> {
    let left: Vec<_> = plan.left_out.iter().filter(|left| left.maybe_images).collect();
    let files: usize = left.iter().map(|left| left.files).sum();
    let more =
        if left.len() > 1 { format!(" ({files} files in {} folders in all)", left.len()) } else { String::new() };
    left.first().map(|first| format!("{first}{more}"))
}
