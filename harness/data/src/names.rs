//! What the images of a set are called: the names of their files, where they lie in files in the set's order.

use harness_core::{ImageClass, ImageSet, Result};

use crate::dataset::Dataset;
use crate::plan::{Place, Plan};
use crate::search::SearchPath;

/// Classes and images of a set, by their positions in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// In the order of their images.
    pub classes: Vec<ImageClass>,
    /// A file's path below the folder of its class, or `#3` for the third image of a class where nothing else tells them apart.
    pub images: Vec<String>,
}

impl Names {
    /// The class of an image. Panics on one that is not there.
    pub fn class(&self, image: usize) -> &str {
        let at = self.classes.partition_point(|class| class.images.end <= image);
        &self.classes[at].name
    }
}

impl From<&ImageSet> for Names {
    /// Of a set that lies in no files.
    fn from(set: &ImageSet) -> Names {
        Names { images: numbered(&set.classes), classes: set.classes.clone() }
    }
}

/// The names of a data set's images in the order in which [`Loader::load`](crate::Loader::load) has them.
///
/// Errors: as those of loading, without decoding: the data is missing or miscounted.
pub fn names(dataset: &Dataset, search: &SearchPath) -> Result<Names> {
    let plan = dataset.plan(search)?;
    dataset.count(&plan)?;
    let classes = plan.image_classes();
    let images = match plan.by_pixels {
        true => numbered(&classes),
        false => plan.classes.iter().flat_map(|(class, places)| of_class(&plan, class, places)).collect(),
    };
    Ok(Names { classes, images })
}

fn numbered(classes: &[ImageClass]) -> Vec<String> {
    classes.iter().flat_map(|class| (1..=class.images.len()).map(|number| format!("#{number}"))).collect()
}

fn of_class(plan: &Plan, class: &str, places: &[Place]) -> Vec<String> {
    let folder = format!("/{class}/");
    let name = |(number, place): (usize, &Place)| match place {
        Place::File(file) => {
            let shown = plan.describe(place).replace(std::path::MAIN_SEPARATOR, "/");
            shown.rsplit_once(&folder).map_or_else(|| file.name(), |(_, below)| below.to_owned())
        }
        Place::Row { .. } | Place::Pixels { .. } => format!("#{number}"),
    };
    (1..).zip(places).map(name).collect()
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::*;

    #[test]
    fn images_are_called_as_their_files_below_their_class() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["train/cat/2.png", "train/cat/1.png", "test/dog/old/1.png", "test/dog/3.png"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            GrayImage::from_pixel(2, 2, Luma([0])).save(path).unwrap();
        }
        let folder = Dataset::Folder { path: dir.path().to_path_buf(), channels: 1 };
        let found = names(&folder, &SearchPath::default()).unwrap();
        assert_eq!(found.images, ["1.png", "2.png", "3.png", "old/1.png"]);
        let classes: Vec<&str> = (0..4).map(|image| found.class(image)).collect();
        assert_eq!(classes, ["cat", "cat", "dog", "dog"]);
    }

    #[test]
    fn what_lies_in_no_files_is_numbered_by_class() {
        let class = |name: &str, images| ImageClass { name: name.into(), images };
        let set =
            ImageSet::new("toy", [1, 1, 1], vec![class("a", 0..2), class("b", 2..3)], Box::new(vec![0u8; 3])).unwrap();
        let found = Names::from(&set);
        assert_eq!((found.images.join(" "), found.class(1), found.class(2)), ("#1 #2 #1".into(), "a", "b"));
    }
}
