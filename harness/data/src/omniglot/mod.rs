//! Omniglot (Lake, Salakhutdinov & Tenenbaum, Science 2015): 1,623 characters of 50 alphabets, each drawn once by 20
//! people; 105x105, 1 bit. Few-shot work pools the background and evaluation sets and draws its own class split.

mod list;
mod locate;

use harness_core::{Error, ImageSet, Result};

use crate::decode::{Filter, Spec};
use crate::plan::Plan;
use crate::search::SearchPath;

pub use locate::locate_omniglot;

/// Height and width of a drawing.
pub(crate) const SOURCE_SIDE: u32 = 105;
/// Background and evaluation characters together.
const CLASSES: usize = 1623;
const DRAWINGS: usize = 20;
/// Largest side that is asked for in earnest.
const LARGEST_SIDE: usize = 1024;

/// All of Omniglot at `side` x `side` x 1: paper 255, ink 0, nearest neighbour. Classes `Alphabet/characterNN` are
/// sorted by alphabet and character, the 20 drawings of each by file name.
///
/// Errors: [`Error::Data`] when it is found nowhere (saying what was looked for, where, and how to get it), when a
/// class or drawing is missing or too many, and when a drawing is damaged (naming it).
pub fn load_omniglot(search: &SearchPath, side: usize) -> Result<ImageSet> {
    load(search, side, CLASSES, DRAWINGS)
}

fn load(search: &SearchPath, side: usize, classes: usize, drawings: usize) -> Result<ImageSet> {
    if side == 0 || side > LARGEST_SIDE {
        return Err(Error::usage(format!("Omniglot at {side}x{side} pixels; choose 1 to {LARGEST_SIDE}")));
    }
    let plan = list::list(&locate::locate(search)?)?;
    count(&plan, classes, drawings)?;
    let spec = spec(side);
    let mut pixels = vec![0; plan.len() * spec.bytes()];
    plan.fill(&spec, &mut pixels)?;
    ImageSet::new("omniglot", [side, side, 1], plan.image_classes(), Box::new(pixels))
}

fn spec(side: usize) -> Spec {
    Spec { side, channels: 1, filter: Filter::Nearest, source_side: Some(SOURCE_SIDE), binary: true }
}

/// That there are `classes` classes of `drawings` drawings each.
fn count(plan: &Plan, classes: usize, drawings: usize) -> Result<()> {
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
