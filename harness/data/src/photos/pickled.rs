//! The pickles that few-shot code passes around: Ren's caches (`image_data`, `class_dict`) and the files of one part each
//! of Gidaris' code and its heirs (`data`, `labels`, perhaps `catname2label`).

use std::collections::BTreeMap;

use harness_core::{ClassSplit, Error, Result, Split};

use super::Family;
use crate::folder::{classes_in, part};
use crate::pickle::{Id, Pickle};
use crate::plan::{Block, Classes, Place, Plan};
use crate::tree::FileRef;

/// Endings of the names of pickles.
const ENDINGS: [&str; 3] = ["pkl", "pickle", "p"];

/// The part of a pickle by its name, and what its name is without it; none for another file. Files of further images
/// of the training classes (`train_phase_val`) are no part.
pub(super) fn part_of(name: &str) -> Option<(Split, String)> {
    let (stem, ending) = name.rsplit_once('.')?;
    if !ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
        return None;
    }
    let stem = stem.to_lowercase();
    let stem = match stem.split_once("train_phase_") {
        Some((before, "train")) => format!("{before}train"),
        Some(_) => return None,
        None => stem,
    };
    let at = stem.rfind(['-', '_', '.']).map_or(0, |at| at + 1);
    Some((part(&stem[at..])?, stem[..at].to_string()))
}

/// What a file holds.
struct Held {
    block: Block,
    /// Name or number of each class, and its images.
    classes: BTreeMap<String, Vec<usize>>,
    /// Whether the classes have the names that the set's classes have.
    named: bool,
}

/// Lists the images of `files`. Where their classes have names these are the classes, else each part's labels are, and
/// the parts are the split. Errors: [`Error::Data`] naming a file that is no such pickle.
pub(super) fn list(family: &Family, files: &[(Split, FileRef)], plan: &mut Plan) -> Result<()> {
    let mut all = Vec::new();
    for (part, file) in files {
        let held = read(family, file).map_err(|what| Error::data(format!("{} {what}", file.show())))?;
        all.push((*part, held));
    }
    let named = all.iter().all(|(_, held)| held.named);
    let (mut classes, mut split) = (Classes::new(), ClassSplit::default());
    for (part, held) in all {
        let block = plan.blocks.len();
        plan.blocks.push(held.block);
        let own = classes_in(part, &mut split);
        for (name, indices) in held.classes {
            let images = indices.into_iter().map(|index| Place::Pixels { block, index });
            if named {
                classes.entry(name).or_default().extend(images);
            } else {
                let name = format!("{}/{:03}", part.as_str(), own.len());
                own.push(name.clone());
                plan.classes.push((name, images.collect()));
            }
        }
    }
    if named {
        plan.classes = classes.into_iter().collect();
    } else {
        if let Some((_, file)) = files.iter().find(|(_, file)| family.is_sisters(&file.name())) {
            return Err(Error::data(format!(
                "{}: its classes have no names, and by its name it holds another split of these images than {}; put the \
                 files of {} there, or a form whose classes have names",
                file.show(),
                family.name,
                family.name
            )));
        }
        plan.split = Some(split);
        plan.nameless = true;
    }
    Ok(())
}

fn read(family: &Family, file: &FileRef) -> Result<Held, String> {
    let (bytes, offset, len) = file.open()?;
    let pickle = Pickle::read(bytes, offset, len)?;
    let root = pickle.root();
    let data = ["image_data", "data", "images"].iter().find_map(|key| pickle.get(root, key));
    let pixels = pickle.pixels(data.ok_or("has no image_data and no data: it is no set of images")?);
    let pixels = pixels.ok_or("has images that are no array")??;
    let [count, height, width, 3] = pixels.shape[..] else {
        return Err(format!("has images of shape {:?} where [n, height, width, 3] belongs", pixels.shape));
    };
    if height == 0 || width == 0 || height > 4096 || width > 4096 {
        return Err(format!("has images of {width}x{height} pixels"));
    }
    let classes = match (pickle.get(root, "class_dict"), pickle.get(root, "labels")) {
        (Some(dict), _) => by_dict(&pickle, dict, count)?,
        (None, Some(labels)) => by_labels(&pickle, root, labels, count)?,
        (None, None) => return Err("has no class_dict and no labels: nobody can tell its classes".into()),
    };
    let known: Option<BTreeMap<String, Vec<usize>>> =
        classes.iter().map(|(name, images)| Some(((family.class)(name)?, images.clone()))).collect();
    let block = Block {
        file: file.clone(),
        bytes: pixels.bytes,
        offset: pixels.offset,
        step: (height * width * 3) as u64,
        count,
        width: width as u32,
        height: height as u32,
        planes: false,
    };
    // Two names of one class would be one class less.
    let known = known.filter(|known| known.len() == classes.len());
    Ok(match known {
        Some(classes) => Held { block, classes, named: true },
        None => Held { block, classes, named: false },
    })
}

/// A dict of the images of each class.
fn by_dict(pickle: &Pickle, dict: Id, count: usize) -> Result<BTreeMap<String, Vec<usize>>, String> {
    let mut classes = BTreeMap::new();
    let mut seen = vec![false; count];
    for (name, indices) in pickle.pairs(dict).ok_or("has a class_dict that is no dict")? {
        let name = match pickle.int(*name) {
            Some(number) => format!("{number:06}"),
            None => pickle.text(*name).ok_or("has a class without a name")?,
        };
        let indices = pickle.ints(*indices).ok_or_else(|| format!("has a class {name} that is no list"))?;
        let mut images = Vec::with_capacity(indices.len());
        for index in indices {
            match usize::try_from(index).ok().filter(|index| *index < count) {
                Some(index) if !seen[index] => {
                    seen[index] = true;
                    images.push(index);
                }
                Some(_) => return Err(format!("has image {index} in two classes")),
                None => return Err(format!("has image {index} among {count}")),
            }
        }
        images.sort_unstable();
        if !images.is_empty() {
            classes.insert(name, images);
        }
    }
    Ok(classes)
}

/// A label for each image, perhaps with the names of the labels.
fn by_labels(pickle: &Pickle, root: Id, labels: Id, count: usize) -> Result<BTreeMap<String, Vec<usize>>, String> {
    let labels = pickle.ints(labels).ok_or("has labels that are no numbers")?;
    if labels.len() != count {
        return Err(format!("has {} labels for {count} images", labels.len()));
    }
    let mut names: BTreeMap<i64, String> = BTreeMap::new();
    let pairs = |key: &str| pickle.get(root, key).and_then(|dict| pickle.pairs(dict)).unwrap_or_default();
    for (name, label) in pairs("catname2label") {
        names.extend(pickle.int(*label).zip(pickle.text(*name)));
    }
    for (label, name) in pairs("label2catname") {
        names.extend(pickle.int(*label).zip(pickle.text(*name)));
    }
    let mut numbered: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (index, label) in labels.into_iter().enumerate() {
        numbered.entry(label).or_default().push(index);
    }
    let all = numbered.keys().all(|label| names.contains_key(label));
    let name = |label: i64| match names.get(&label).filter(|_| all) {
        Some(name) => name.clone(),
        // Sorted as numbers are.
        None => format!("{:020}", i128::from(label) - i128::from(i64::MIN)),
    };
    let mut classes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    numbered.into_iter().for_each(|(label, images)| classes.entry(name(label)).or_default().extend(images));
    Ok(classes)
}
