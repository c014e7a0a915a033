//! Anybody's images: one folder a class, with or without a level `train`, `val`, `test` above.

use std::collections::BTreeMap;
use std::path::Path;

use harness_core::{ClassSplit, Error, Result};

use crate::files::{Entry, entries, is_image};
use crate::plan::{Place, Plan};
use crate::search::{Located, Shape};

/// Names that the parts of a split go by. `None`: not a part.
pub(crate) fn part(name: &str) -> Option<Part> {
    match name.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Part::Train),
        "val" | "valid" | "validation" => Some(Part::Val),
        "test" | "testing" => Some(Part::Test),
        _ => None,
    }
}

/// A part of a class split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Train,
    Val,
    Test,
}

impl Part {
    /// The classes of this part of `split`.
    pub fn of(self, split: &mut ClassSplit) -> &mut Vec<String> {
        match self {
            Part::Train => &mut split.train,
            Part::Val => &mut split.val,
            Part::Test => &mut split.test,
        }
    }
}

/// Where it is: the folder itself. Errors: [`Error::Data`] when there is no such folder.
pub(crate) fn locate(path: &Path) -> Result<Located> {
    if path.is_dir() {
        return Ok(Located { shape: Shape::Folders, paths: vec![path.to_path_buf()] });
    }
    Err(Error::data(format!("{}: no such folder; a folder data set has one folder of images a class", path.display())))
}

/// Classes by name, images by file name; the split where there is a level of parts.
///
/// Errors: [`Error::Data`] for a folder without classes, a class without images, and a class in two parts.
pub(crate) fn plan(path: &Path) -> Result<Plan> {
    locate(path)?;
    let name = path.file_name().map_or("folder".into(), |name| name.to_string_lossy().into_owned());
    let folders = subfolders(path)?;
    let parts: Vec<(Part, &Entry)> = folders.iter().filter_map(|entry| Some((part(&entry.name)?, entry))).collect();
    let mut plan = Plan { name, ..Plan::default() };
    let mut classes = BTreeMap::new();
    if parts.is_empty() || parts.len() < folders.len() {
        for folder in &folders {
            classes.insert(folder.name.clone(), images(folder)?);
        }
    } else {
        let mut split = ClassSplit::default();
        for (part, folder) in parts {
            for class in subfolders(&folder.path)? {
                if classes.insert(class.name.clone(), images(&class)?).is_some() {
                    return Err(Error::data(format!(
                        "{}: class {} is in more than one of train, val and test; few-shot splits are by class",
                        path.display(),
                        class.name
                    )));
                }
                part.of(&mut split).push(class.name);
            }
        }
        plan.split = Some(split);
    }
    if classes.is_empty() {
        return Err(Error::data(format!("{}: no folders of images, one a class, are in it", path.display())));
    }
    plan.classes = classes.into_iter().collect();
    Ok(plan)
}

pub(crate) fn subfolders(path: &Path) -> Result<Vec<Entry>> {
    Ok(entries(path)?.into_iter().filter(|entry| entry.is_dir).collect())
}

/// The images of a class, by file name. Errors: [`Error::Data`] when there are none.
pub(crate) fn images(class: &Entry) -> Result<Vec<Place>> {
    let images: Vec<Place> = entries(&class.path)?
        .into_iter()
        .filter(|entry| !entry.is_dir && is_image(&entry.name))
        .map(|entry| Place::File { path: entry.path, stamp: entry.stamp })
        .collect();
    if images.is_empty() {
        return Err(Error::data(format!("{}: no PNG or JPEG images are in it", class.path.display())));
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Filter;
    use crate::dataset::Dataset;
    use crate::fixtures::{jpeg, png_grey};
    use crate::loader::Loader;
    use crate::search::SearchPath;
    use std::fs;

    fn write(root: &Path, path: &str, bytes: &[u8]) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn load(root: &Path, channels: usize) -> Result<crate::Loaded> {
        let dataset = Dataset::Folder { path: root.to_path_buf(), channels };
        Loader::new(SearchPath::default()).load(&dataset, 4, Filter::Nearest)
    }

    #[test]
    fn a_folder_a_class_with_and_without_parts() {
        let (flat, split) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (part, class, shade) in [("train", "cat", 10), ("train", "dog", 90), ("test", "bee", 200)] {
            for i in 0..2 {
                let png = png_grey(4, 4, &[shade + i; 16]);
                write(flat.path(), &format!("{class}/{i}.png"), &png);
                write(split.path(), &format!("{part}/{class}/{i}.png"), &png);
            }
            write(flat.path(), &format!("{class}/notes.txt"), b"not an image");
        }
        write(flat.path(), "dog/2.JPG", &jpeg(8, 8, |_, _| [40; 3]));
        let one = load(flat.path(), 1).unwrap();
        let names: Vec<(&str, usize)> =
            one.images.classes.iter().map(|class| (class.name.as_str(), class.images.len())).collect();
        assert_eq!(names, [("bee", 2), ("cat", 2), ("dog", 3)]);
        assert_eq!(one.images.image(2), [10; 16]);
        assert!(one.split.is_none());
        let two = load(split.path(), 3).unwrap();
        assert_eq!(two.images.image(0), [200; 48]);
        assert_eq!(two.split.unwrap().to_string(), "train cat\ntrain dog\ntest bee\n");
    }

    #[test]
    fn what_cannot_be_a_data_set_is_named() {
        let error = |root: &Path, channels| load(root, channels).err().unwrap().to_string();
        let dir = tempfile::tempdir().unwrap();
        assert!(error(&dir.path().join("absent"), 1).contains("absent: no such folder"));
        assert!(error(dir.path(), 1).contains("no folders of images"));
        fs::create_dir(dir.path().join("empty")).unwrap();
        assert!(error(dir.path(), 1).contains("empty: no PNG or JPEG"));
        assert!(error(dir.path(), 2).contains("2 channels; choose 1"));
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "train/cat/1.png", &png_grey(1, 1, &[0]));
        write(dir.path(), "test/cat/1.png", &png_grey(1, 1, &[0]));
        assert!(error(dir.path(), 1).contains("class cat is in more than one"));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_holds_itself_ends() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "cat/1.png", &png_grey(2, 2, &[9; 4]));
        std::os::unix::fs::symlink("..", dir.path().join("cat/up")).unwrap();
        assert_eq!(load(dir.path(), 1).unwrap().images.len(), 1);
    }
}
