//! Omniglot (Lake, Salakhutdinov & Tenenbaum, Science 2015): 1,623 characters of 50 alphabets, each drawn once by 20
//! people; 105x105, 1 bit. Few-shot work pools the background and evaluation sets and draws its own class split.

mod list;
mod locate;
mod numbers;

use std::ops::RangeInclusive;

use harness_core::{Error, Result};

use crate::plan::Plan;
use crate::reader::Reader;
use crate::search::{Located, SearchPath};

/// Height and width of a drawing.
pub(crate) const SOURCE_SIDE: u32 = 105;
/// Background and evaluation characters together.
pub(crate) const CLASSES: usize = 1623;
pub(crate) const DRAWINGS: usize = 20;

/// The set of the table.
pub(crate) struct Omniglot;

impl Reader for Omniglot {
    fn locate(&self, search: &SearchPath) -> Result<Located> {
        locate::located(search)
    }

    fn plan(&self, search: &SearchPath) -> Result<Plan> {
        plan(search)
    }

    fn count(&self, plan: &Plan, classes: usize, images: RangeInclusive<usize>) -> Result<()> {
        count(plan, classes, *images.end())
    }
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
