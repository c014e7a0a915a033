//! What reads a set that lies in files.

use std::ops::RangeInclusive;

use harness_core::Result;

use crate::plan::Plan;
use crate::search::{Located, SearchPath};

/// Finds and lists the files of a set, whatever form they have.
pub(crate) trait Reader: Sync {
    /// Where it is. Errors: [`Error::Data`](harness_core::Error::Data): what was looked for, where, and how to get it.
    fn locate(&self, search: &SearchPath) -> Result<Located>;
    /// Classes and images, not yet decoded.
    fn plan(&self, search: &SearchPath) -> Result<Plan>;
    /// That there are `classes` classes of `images` images each. Errors name the class.
    fn count(&self, plan: &Plan, classes: usize, images: RangeInclusive<usize>) -> Result<()>;
}
