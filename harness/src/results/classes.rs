//! `classes.json` of a run: which classes its state is trained on and chosen by, each with marks of some of its images.
//! Who evaluates that state later learns from it whether a class is new to it, whatever became of the data since.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use harness_core::{Error, ImageClass, ImageSet, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::disk;

/// Images of a class that are marked, at most.
const MOST: usize = 20;
/// Images of all classes together that are marked, at most, unless each class has but one.
const MOST_IN_ALL: usize = 4000;

/// Classes by their names, each with marks of its images, parted by spaces.
pub type Marks = BTreeMap<String, String>;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes {
    /// sha256 of the run's config, as in run.json: whose classes they are.
    pub config_hash: String,
    /// Height of the images that are marked, in pixels.
    pub side: usize,
    /// Trained on.
    pub train: Marks,
    /// Those on which the reported state is chosen, where it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub val: Marks,
}

impl Classes {
    /// Reads the file; None: there is none. Errors ([`Error::Data`]) name it if it is damaged.
    pub fn read(path: &Path) -> Result<Option<Classes>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(path, error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|why| {
            let at = path.display();
            Error::data(format!("{at}: not what a run notes of its classes ({why}): put back the file, or delete it"))
        })
    }

    /// Writes the file in one step.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).expect("classes are plain data");
        disk::write(path, format!("{text}\n").as_bytes())
    }
}

/// What an image is known by: twelve hexadecimal digits of a sha256 over its height, width, channels and pixels.
pub fn mark(set: &ImageSet, image: usize) -> String {
    let mut hash = Sha256::new();
    for n in [set.height, set.width, set.channels] {
        hash.update((n as u64).to_le_bytes());
    }
    hash.update(set.image(image));
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The classes at these places of a set, each with marks of images that lie evenly among its own.
pub fn marks(set: &ImageSet, classes: &[usize]) -> Marks {
    let most = (MOST_IN_ALL / classes.len().max(1)).clamp(1, MOST);
    let marked = |class: &usize| {
        let ImageClass { name, images } = &set.classes[*class];
        let apart = images.len().div_ceil(most).max(1);
        let marks: Vec<String> = images.clone().step_by(apart).map(|image| mark(set, image)).collect();
        (name.clone(), marks.join(" "))
    };
    classes.iter().map(marked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classes `c0`, `c1` … of so many images of one pixel, which is the image's place.
    fn set(sizes: &[usize]) -> ImageSet {
        let (mut classes, mut next) = (Vec::new(), 0);
        for (class, size) in sizes.iter().enumerate() {
            classes.push(ImageClass { name: format!("c{class}"), images: next..next + size });
            next += size;
        }
        let pixels: Vec<u8> = (0..next).map(|image| image as u8).collect();
        ImageSet::new("toy", [1, 1, 1], classes, Box::new(pixels)).unwrap()
    }

    #[test]
    fn a_mark_is_of_size_and_pixels() {
        // printf '\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2' | sha256sum
        assert_eq!(mark(&set(&[3]), 2), "4c2bacb03716");
        let wide =
            ImageSet::new("toy", [1, 2, 1], vec![ImageClass { name: "c".into(), images: 0..1 }], Box::new([2u8, 2]));
        assert_ne!(mark(&wide.unwrap(), 0), mark(&set(&[3]), 2));
    }

    #[test]
    fn large_classes_have_twenty_marks_at_most_and_small_ones_all() {
        let set = set(&[3, 50, 1]);
        let marks = marks(&set, &[1, 2]);
        let of = |name: &str| marks[name].split(' ').map(str::to_owned).collect::<Vec<_>>();
        // 50 images, every third from the first one on.
        let every: Vec<String> = (0..50).step_by(3).map(|image| mark(&set, 3 + image)).collect();
        assert_eq!((of("c1"), of("c2"), marks.len()), (every, vec![mark(&set, 53)], 2));
        let many: Vec<usize> = vec![1; 2000];
        assert_eq!(super::marks(&set, &many)["c1"].split(' ').count(), 2, "4,000 marks in all");
    }

    #[test]
    fn what_was_written_is_read_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("classes.json");
        assert_eq!(Classes::read(&path).unwrap(), None);
        let train = Marks::from([("a, \"b\" c".to_owned(), "0a 1b".to_owned())]);
        let classes = Classes { config_hash: "x".into(), side: 28, train, val: Marks::new() };
        classes.write(&path).unwrap();
        assert_eq!(Classes::read(&path).unwrap(), Some(classes));
        std::fs::write(&path, "{}").unwrap();
        let error = Classes::read(&path).unwrap_err().to_string();
        assert!(error.contains("classes.json: not what a run notes of its classes (missing field"), "{error}");
    }
}
