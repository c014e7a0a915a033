//! What lies in somebody's folder, before a benchmark is written about it: classes with their images, the parts that it is
//! divided into, and how large its images are, by a look at some of them.

use std::path::Path;
use std::sync::Mutex;

use harness_core::{ClassSplit, Error, Result};

use crate::decode::{Filter, Spec};
use crate::folder;
use crate::plan::{Place, Plan};
use crate::progress::silent;

/// Images that are looked at, at most.
const LOOK: usize = 200;
/// Enough to see whether an image is grey.
const SIDE: usize = 8;

/// A folder of class folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Names with the number of their images, in order.
    pub classes: Vec<(String, usize)>,
    /// The parts train, val and test that it is divided into.
    pub split: Option<ClassSplit>,
    /// Images that were looked at.
    pub looked_at: usize,
    /// Width and height of the smallest and of the largest of them, by their shorter side.
    pub smallest: (u32, u32),
    pub largest: (u32, u32),
    /// Whether all of them are grey.
    pub grey: bool,
    /// What lies there and is not read, one line a folder.
    pub left_out: Vec<String>,
}

/// Looks at the folder or archive at `path`.
///
/// # Errors
/// [`Error::Data`] as for reading it: no such folder, a layout that is none, a class without images, an image that does not
/// decode among those that are looked at.
pub fn survey(path: &Path) -> Result<Survey> {
    let plan = folder::plan(path)?;
    let some = Plan { name: plan.name.clone(), classes: spread(&plan.classes), ..Plan::default() };
    let spec =
        Spec { side: SIDE, channels: 3, filter: Filter::Nearest, source_side: None, binary: false, upright: true };
    let seen = Mutex::new(Vec::new());
    some.decode_each(&spec, &silent, &|visit| {
        let grey = visit.pixels.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]);
        let source = visit.source.map(|source| ((source.width, source.height), grey));
        seen.lock().expect("nobody panics with it").push((visit.index, source));
    })?;
    let mut seen = seen.into_inner().expect("nobody panics with it");
    seen.sort_by_key(|(index, _)| *index);
    let mut sizes = Vec::new();
    let mut all_grey = true;
    for (index, source) in seen {
        let named = |what: String| Error::data(format!("{} {what}; replace it", some.describe(some.places()[index])));
        let (size, grey) = source.map_err(named)?;
        sizes.push(size);
        all_grey &= grey;
    }
    let shorter = |size: &(u32, u32)| (size.0.min(size.1), *size);
    let left = plan.left_out.iter().filter(|left| left.maybe_images);
    Ok(Survey {
        looked_at: sizes.len(),
        smallest: sizes.iter().copied().min_by_key(shorter).unwrap_or_default(),
        largest: sizes.iter().copied().max_by_key(shorter).unwrap_or_default(),
        grey: all_grey,
        left_out: left.map(ToString::to_string).collect(),
        classes: plan.classes.into_iter().map(|(name, places)| (name, places.len())).collect(),
        split: plan.split,
    })
}

/// At most [`LOOK`] images, spread evenly over the classes. Up to so many classes have one at least.
fn spread(classes: &[(String, Vec<Place>)]) -> Vec<(String, Vec<Place>)> {
    let n = classes.len();
    let some = |(class, (name, places)): (usize, &(String, Vec<Place>))| {
        let looks = (class + 1) * LOOK / n - class * LOOK / n;
        let some = positions(looks, places.len(), class, n).into_iter().map(|at| places[at].clone());
        (name.clone(), some.collect::<Vec<Place>>())
    };
    classes.iter().enumerate().map(some).filter(|(_, places)| !places.is_empty()).collect()
}

/// Which of a class's `len` images are looked at: the first, the last and evenly between.
fn positions(looks: usize, len: usize, class: usize, classes: usize) -> Vec<usize> {
    match looks.min(len) {
        0 => Vec::new(),
        // The first of the first class, the last of the last: first images may all differ from the others.
        1 => vec![class * (len - 1) / (classes - 1).max(1)],
        looks => (0..looks).map(|look| look * (len - 1) / (looks - 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    #[test]
    fn classes_sizes_and_parts_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        GrayImage::from_pixel(20, 30, Luma([9])).save(at("train/a/1.png")).unwrap();
        GrayImage::from_pixel(50, 40, Luma([9])).save(at("train/b/1.png")).unwrap();
        GrayImage::from_pixel(90, 90, Luma([9])).save(at("train/b/2.png")).unwrap();
        GrayImage::from_pixel(30, 31, Luma([9])).save(at("test/c/1.png")).unwrap();
        let found = survey(dir.path()).unwrap();
        let classes: Vec<(&str, usize)> = found.classes.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        assert_eq!(classes, [("a", 1), ("b", 2), ("c", 1)]);
        assert_eq!((found.smallest, found.largest, found.looked_at, found.grey), ((20, 30), (90, 90), 4, true));
        let split = found.split.unwrap();
        assert_eq!(
            (split.train, split.val.len(), split.test),
            (vec!["a".to_owned(), "b".into()], 0, vec!["c".to_owned()])
        );
        RgbImage::from_pixel(20, 20, Rgb([1, 2, 3])).save(at("test/d/1.png")).unwrap();
        assert!(!survey(dir.path()).unwrap().grey);
        std::fs::write(at("test/d/0.png"), "no image").unwrap();
        let error = survey(dir.path()).unwrap_err().to_string();
        assert!(error.contains("test/d/0.png") && error.ends_with("; replace it"), "{error}");
    }

    #[test]
    fn a_grey_first_image_does_not_speak_for_its_class() {
        let dir = tempfile::tempdir().unwrap();
        for class in 0..6 {
            let home = dir.path().join(format!("c{class}"));
            std::fs::create_dir(&home).unwrap();
            GrayImage::from_pixel(20, 20, Luma([9])).save(home.join("0.png")).unwrap();
            for image in 1..10 {
                RgbImage::from_pixel(20, 20 + image, Rgb([1, 2, 3])).save(home.join(format!("{image}.png"))).unwrap();
            }
        }
        let found = survey(dir.path()).unwrap();
        assert_eq!((found.grey, found.looked_at, found.largest), (false, 60, (20, 29)));
    }

    /// Class and position of every look at `n` classes of `images` each.
    fn looks(n: usize, images: usize) -> Vec<(usize, usize)> {
        let class = |class| {
            let places = (0..images).map(|row| Place::Row { table: class, row });
            (format!("{class:04}"), places.collect::<Vec<_>>())
        };
        let classes: Vec<_> = (0..n).map(class).collect();
        let places = spread(&classes).into_iter().flat_map(|(_, places)| places);
        let at = |place: Place| match place {
            Place::Row { table, row } => (table, row),
            other => panic!("{other:?}"),
        };
        places.map(at).collect()
    }

    #[test]
    fn looks_are_spread_over_all_classes_and_all_of_a_class() {
        assert_eq!(looks(2, 3), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
        let rows: Vec<usize> = looks(1, 1000).into_iter().map(|(_, row)| row).collect();
        assert_eq!((rows.len(), rows[0], rows[199]), (200, 0, 999));
        assert!(rows.windows(2).all(|pair| (4..=6).contains(&(pair[1] - pair[0]))), "{rows:?}");
        // Every class is seen, and more than its first image.
        let all = looks(150, 10);
        let seen: std::collections::BTreeSet<usize> = all.iter().map(|(class, _)| *class).collect();
        assert_eq!((all.len(), seen.len()), (200, 150));
        let one_each = looks(200, 10);
        assert_eq!((one_each.len(), one_each[0], one_each[199]), (200, (0, 0), (199, 9)));
        // Of more classes than looks, every fifth.
        let some = looks(1000, 10);
        assert_eq!(some.len(), 200);
        assert!(some.windows(2).all(|pair| pair[1].0 - pair[0].0 == 5), "{some:?}");
        assert!(some.iter().any(|(_, row)| *row == 0) && some.iter().any(|(_, row)| *row == 9), "{some:?}");
    }
}
