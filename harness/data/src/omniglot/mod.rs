//! Omniglot (Lake, Salakhutdinov & Tenenbaum, Science 2015): 1,623 characters of 50 alphabets, each drawn once by 20
//! people; 105x105, 1 bit. Few-shot work pools the background and evaluation sets and draws its own class split.

mod list;
mod locate;
mod numbers;

use harness_core::{Error, ImageSet, Result};

use crate::dataset::Dataset;
use crate::decode::Filter;
use crate::loader::Loader;
use crate::plan::Plan;
use crate::search::SearchPath;

pub use locate::locate_omniglot;

/// Height and width of a drawing.
pub(crate) const SOURCE_SIDE: u32 = 105;
/// Background and evaluation characters together.
pub(crate) const CLASSES: usize = 1623;
pub(crate) const DRAWINGS: usize = 20;

/// All of Omniglot at `side` x `side` x 1: paper 255, ink 0, nearest neighbour. Classes `Alphabet/characterNN` are
/// sorted by alphabet and character, the 20 drawings of each by file name. Decoded once, then read from the user's cache.
///
/// Errors: [`Error::Data`] when it is found nowhere (saying what was looked for, where, and how to get it), when a
/// class or drawing is missing or too many, and when a drawing is damaged (naming it); [`Error::Usage`] for a side of 0
/// or above 1024.
pub fn load_omniglot(search: &SearchPath, side: usize) -> Result<ImageSet> {
    let loader = Loader { search: search.clone(), ..Loader::of_process(None) };
    Ok(loader.load(&Dataset::Omniglot, side, Filter::Nearest)?.images)
}

/// The plan of what is found.
pub(crate) fn plan(search: &SearchPath) -> Result<Plan> {
    list::list(&locate::locate(search)?)
}

/// That there are `classes` classes of `drawings` drawings each. Errors: [`Error::Data`] naming the class.
pub(crate) fn count(plan: &Plan, classes: usize, drawings: usize) -> Result<()> {
    if let Some((class, images)) = plan.classes.iter().find(|(_, images)| images.len() != drawings) {
        let example = images.first().map_or(String::new(), |place| format!(" (like {})", plan.describe(place)));
        return Err(Error::data(format!(
            "omniglot: {class} has {} drawings where {drawings} belong{example}; fetch omniglot again",
            images.len()
        )));
    }
    if plan.classes.len() != classes {
        return Err(Error::data(format!(
            "omniglot: {} characters where {classes} belong; fetch omniglot again",
            plan.classes.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
