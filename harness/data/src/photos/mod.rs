//! Sets of photographs whose classes have known names: mini-ImageNet and the two of CIFAR-100.
//!
//! - mini-ImageNet (Vinyals et al. 2016; classes of Ravi & Larochelle 2017): 100 classes of ImageNet, 600 images each,
//!   resized to 84x84 without regard to their proportions. The images are ImageNet's: research use, no redistribution.
//! - CIFAR-FS (Bertinetto et al. 2019) and FC100 (Oreshkin et al. 2018): the 60,000 images of CIFAR-100 (Krizhevsky 2009)
//!   with its training and test images pooled, and two splits of its 100 classes.
//!
//! People hold them in many forms; all are recognised ([`locate`]). Classes are sorted by name. The images of
//! mini-ImageNet are sorted by file name, or by row where they have none; those of CIFAR-100, which has the same pixels in
//! every form and file names in few, by their pixels, so that every form gives the same episodes and the same digest.

mod cifar;
mod locate;
mod pickled;
mod rows;

use std::ops::RangeInclusive;

use harness_core::{Error, Result};

use crate::csv;
use crate::folder;
use crate::plan::{Classes, Place, Plan};
use crate::reader::Reader;
use crate::search::{Located, SearchPath};
use crate::tree::Dir;
use locate::Form;

/// What tells one set of photographs from another.
pub(crate) struct Family {
    /// Of the data set.
    name: &'static str,
    /// Of its images, which two data sets may share.
    images: &'static str,
    /// Names that its folder goes by below a data folder; empty: the data folder itself.
    homes: &'static [&'static str],
    /// The class that a folder or label of that name is; none for another.
    class: fn(&str) -> Option<String>,
    /// Class folders that lie about in a data folder must be so many, and most of the folders there, to count.
    least: usize,
    /// How the classes are named in the error that nothing was found.
    example: &'static str,
    /// Whether the images are CIFAR-100's, which has archives of its own.
    cifar: bool,
    /// How many classes train, validate and test in the published split: what tells whose parts classes without names are.
    parts: [usize; 3],
    /// What the names of files of these images contain that belong to another split, without marks between words.
    sister: Option<&'static str>,
}

pub(crate) static MINI_IMAGENET: Family = Family {
    name: "mini-imagenet",
    images: "mini-imagenet",
    homes: &[
        "mini-imagenet",
        "mini_imagenet",
        "miniimagenet",
        "mini-ImageNet",
        "miniImageNet",
        "MiniImageNet",
        "miniImageNet--ravi",
        "miniImagenet",
        "",
    ],
    class: |name| is_wnid(name).then(|| name.to_string()),
    least: 1,
    example: "n01532829 …",
    cifar: false,
    parts: [64, 16, 20],
    sister: None,
};

pub(crate) static CIFAR_FS: Family = Family {
    name: "cifar-fs",
    homes: &[
        "cifar-fs",
        "cifar_fs",
        "cifarfs",
        "CIFAR-FS",
        "CIFAR_FS",
        "CIFARFS",
        "cifar-100",
        "cifar100",
        "CIFAR-100",
        "CIFAR100",
        "",
    ],
    parts: [64, 16, 20],
    sister: Some("fc100"),
    ..CIFAR_100
};

pub(crate) static FC100: Family = Family {
    name: "fc100",
    homes: &["fc100", "FC100", "cifar-100", "cifar100", "CIFAR-100", "CIFAR100", ""],
    parts: [60, 20, 20],
    sister: Some("cifarfs"),
    ..CIFAR_100
};

const CIFAR_100: Family = Family {
    name: "",
    images: "cifar-100",
    homes: &[],
    class: cifar::class,
    least: 5,
    example: "apple, aquarium_fish …",
    cifar: true,
    parts: [0; 3],
    sister: None,
};

pub(crate) use cifar::DIGEST as CIFAR_DIGEST;

impl Reader for Family {
    fn locate(&self, search: &SearchPath) -> Result<Located> {
        Ok(locate::form(self, search)?.located())
    }

    fn plan(&self, search: &SearchPath) -> Result<Plan> {
        let mut plan = Plan { name: self.images.into(), by_pixels: self.cifar, ..Plan::default() };
        let mut classes = Classes::new();
        match locate::form(self, search)? {
            Form::Parquet(files) => {
                rows::list(self, &files, &mut plan)?;
                return Ok(plan);
            }
            Form::Pickles(files) => {
                pickled::list(self, &files, &mut plan)?;
                return Ok(plan);
            }
            Form::Original { files, names } => cifar::list(&files, names.as_ref(), &mut plan, &mut classes)?,
            Form::Csv { lists, images } => plan.left_out.extend(csv::list(&lists, &images, &mut classes)?.left_out),
            Form::Parts(parts) => {
                for part in parts {
                    self.add_folders(&part, &mut classes, &mut plan)?;
                }
            }
            Form::Classes(folder) => self.add_folders(&folder, &mut classes, &mut plan)?,
        }
        plan.classes = classes.into_iter().collect();
        Ok(plan)
    }

    fn count(&self, plan: &Plan, classes: usize, images: RangeInclusive<usize>) -> Result<()> {
        let name = self.name;
        let wanted = if images.start() == images.end() {
            images.end().to_string()
        } else {
            format!("{} to {}", images.start(), images.end())
        };
        let example =
            |place: Option<&Place>| place.map_or(String::new(), |place| format!(" (like {})", plan.describe(place)));
        if let Some((class, there)) = plan.classes.iter().find(|(_, there)| !images.contains(&there.len())) {
            return Err(Error::data(format!(
                "{name}: class {class} has {} images where {wanted} belong{}; complete it or fetch {name} again",
                there.len(),
                example(there.first())
            )));
        }
        if plan.classes.len() != classes {
            return Err(Error::data(format!(
                "{name}: {} classes where {classes} belong{}; complete it or fetch {name} again",
                plan.classes.len(),
                example(plan.classes.iter().flat_map(|(_, images)| images).next())
            )));
        }
        // Without names of classes their numbers are all that tells whose split this is.
        let Some(split) = plan.split.as_ref().filter(|_| plan.nameless && classes == self.parts.iter().sum::<usize>())
        else {
            return Ok(());
        };
        let found = [split.train.len(), split.val.len(), split.test.len()];
        if found != self.parts {
            let told = |[train, val, test]: [usize; 3]| format!("{train} train, {val} val and {test} test");
            return Err(Error::data(format!(
                "{name}: {} classes without names{} are not its split, {}; put the files of {name} there, or a form whose \
                 classes have names",
                told(found),
                example(plan.classes.iter().flat_map(|(_, images)| images).next()),
                told(self.parts)
            )));
        }
        Ok(())
    }
}

impl Family {
    /// Whether a file of that name belongs to another split of these images.
    fn is_sisters(&self, file: &str) -> bool {
        let letters: String = file.chars().filter(char::is_ascii_alphanumeric).collect();
        self.sister.is_some_and(|sister| letters.to_lowercase().contains(sister))
    }

    /// Adds the class folders below `folder`; what is named otherwise is left alone. A class in two parts is pooled.
    fn add_folders(&self, folder: &Dir, classes: &mut Classes, plan: &mut Plan) -> Result<()> {
        for (name, dir) in folder.folders() {
            if let Some(name) = (self.class)(&name) {
                classes.entry(name).or_default().extend(folder::class(&dir, plan)?);
            }
        }
        Ok(())
    }

    /// Whether class folders lie in `folder`.
    fn has_classes(&self, folder: &Dir) -> bool {
        let folders = folder.folders();
        let classes = folders.iter().filter(|(name, _)| (self.class)(name).is_some()).count();
        // Of mini-ImageNet's ids one is enough: nothing else is called so.
        classes > 0
            && (self.least == 1 || (classes >= self.least.min(folders.len()) && classes * 2 > folders.len()))
            && !(self.cifar && folders.iter().all(|(name, _)| folder::part(name).is_some()))
    }
}

/// Whether a name is a WordNet id: `n` and eight digits.
fn is_wnid(name: &str) -> bool {
    name.len() == 9 && name.starts_with('n') && name[1..].bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod cifar_tests;
#[cfg(test)]
mod tests;
