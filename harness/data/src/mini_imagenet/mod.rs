//! mini-ImageNet (Vinyals et al. 2016; classes of Ravi & Larochelle 2017): 100 classes of ImageNet, 600 images each,
//! resized to 84x84 without regard to their proportions. The images are ImageNet's: research use, no redistribution.
//!
//! People hold it in many forms; all are recognised ([`locate`]) and give the same order: classes by WordNet id, images
//! by file name, or by row in parquet.

mod locate;
mod rows;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use harness_core::{Error, Result};

use crate::csv;
use crate::folder;
use crate::plan::{Place, Plan};
use crate::search::SearchPath;
use crate::tree::Dir;
use locate::Form;

pub(crate) use locate::locate;

pub(crate) const CLASSES: usize = 100;
/// 600 images a class; the list of Ravi & Larochelle's repository has 597 to 600.
pub(crate) const IMAGES: RangeInclusive<usize> = 597..=600;

/// WordNet id to images, in their order.
pub(crate) type Classes = BTreeMap<String, Vec<Place>>;

/// The plan of what is found. Errors: [`Error::Data`] when nothing is, or when what is found contradicts itself.
pub(crate) fn plan(search: &SearchPath) -> Result<Plan> {
    let mut plan = Plan { name: "mini-imagenet".into(), ..Plan::default() };
    let mut classes = Classes::new();
    match locate::form(search)? {
        Form::Parquet(files) => {
            rows::list(&files, &mut plan)?;
            return Ok(plan);
        }
        Form::Csv { lists, images } => _ = csv::list(&lists, &images, &mut classes)?,
        Form::Parts(parts) => {
            for part in parts {
                add_folders(&part, &mut classes, &mut plan)?;
            }
        }
        Form::Classes(folder) => add_folders(&folder, &mut classes, &mut plan)?,
    }
    plan.classes = classes.into_iter().collect();
    Ok(plan)
}

/// Adds the class folders below `folder`; what is named otherwise is left alone. A class in two parts is pooled.
fn add_folders(folder: &Dir, classes: &mut Classes, plan: &mut Plan) -> Result<()> {
    for (name, class) in folder.folders().into_iter().filter(|(name, _)| is_wnid(name)) {
        classes.entry(name).or_default().extend(folder::class(&class, plan)?);
    }
    Ok(())
}

/// That there are `classes` classes of `images` images each. Errors: [`Error::Data`] naming the class.
pub(crate) fn count(plan: &Plan, classes: usize, images: RangeInclusive<usize>) -> Result<()> {
    let wanted = if images.start() == images.end() {
        images.end().to_string()
    } else {
        format!("{} to {}", images.start(), images.end())
    };
    if let Some((class, there)) = plan.classes.iter().find(|(_, there)| !images.contains(&there.len())) {
        let example = there.first().map_or(String::new(), |place| format!(" (like {})", plan.describe(place)));
        return Err(Error::data(format!(
            "mini-imagenet: class {class} has {} images where {wanted} belong{example}; complete it or fetch mini-imagenet again",
            there.len()
        )));
    }
    if plan.classes.len() != classes {
        let example = plan.classes.iter().flat_map(|(_, images)| images).next();
        let example = example.map_or(String::new(), |place| format!(" (like {})", plan.describe(place)));
        return Err(Error::data(format!(
            "mini-imagenet: {} classes where {classes} belong{example}; complete it or fetch mini-imagenet again",
            plan.classes.len()
        )));
    }
    Ok(())
}

/// Whether a name is a WordNet id: `n` and eight digits.
fn is_wnid(name: &str) -> bool {
    name.len() == 9 && name.starts_with('n') && name[1..].bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
