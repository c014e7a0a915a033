//! A few images of one's own as a trained network sees them: read and resized by the code that reads data sets, each with
//! the name of its file.

use std::path::Path;
use std::sync::Mutex;

use harness_core::{Error, ImageSet, Result};

use crate::cache;
use crate::dataset::Dataset;
use crate::decode::{Filter, Spec};
use crate::folder;
use crate::plan::{Place, Plan};
use crate::progress::silent;
use crate::search::expand_home;
use crate::tree::Dir;

/// Levels of folders below which nobody looks for an image.
const MAX_DEPTH: usize = 8;

/// How a folder of images must be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One folder of images a class.
    Classes,
    /// The same, or images alone.
    Any,
}

/// What the images must become.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Height and width in pixels.
    pub side: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Whether an image in colour is turned grey where one channel is asked for, as the data set `folder` does; else it is
    /// refused.
    pub greyed: bool,
}

/// Images with their files.
pub struct Pictures {
    /// By class in the order of the names, then by file name. Images without classes are one class without a name.
    pub images: ImageSet,
    /// Path of each image below the folder.
    pub files: Vec<String>,
    /// What lies among them and was not read, one line a folder.
    pub left_out: Vec<String>,
}

impl Pictures {
    /// Whether the images came without classes.
    pub fn flat(&self) -> bool {
        self.images.classes.len() == 1 && self.images.classes[0].name.is_empty()
    }
}

/// The images of a folder or archive.
///
/// # Errors
/// [`Error::Usage`] for a size that cannot be, for parts train, val and test, and for images in colour where grey ones are
/// asked for; [`Error::Data`] for a folder that is not there or has no images, a class without images, an image that
/// does not decode, and images beside folders of images.
pub fn pictures(path: &Path, size: Size, layout: Layout) -> Result<Pictures> {
    let path = &expand_home(path);
    let spec =
        Dataset::Folder { path: path.to_path_buf(), channels: size.channels }.spec(size.side, Filter::Nearest)?;
    let plan = match layout {
        Layout::Classes => folder::plan(path)?,
        Layout::Any => flat(path)?.map_or_else(|| folder::plan(path), Ok)?,
    };
    // A part alone, as an archive of it holds, means its classes.
    let parts = plan.split.iter().flat_map(|split| [&split.train, &split.val, &split.test]);
    if parts.filter(|part| !part.is_empty()).count() > 1 {
        return Err(Error::usage(format!(
            "{}: holds parts such as train and test, not classes: name one of them",
            path.display()
        )));
    }
    let images = cache::in_memory(&plan, &spec, &silent)?;
    if size.channels == 1 && !size.greyed {
        grey(&plan, &spec)?;
    }
    let left = plan.left_out.iter().filter(|left| left.maybe_images);
    let left_out = left.map(ToString::to_string).collect();
    let files = plan.places().into_iter().map(|place| below(path, &plan, place)).collect();
    Ok(Pictures { images, files, left_out })
}

/// The images of a folder that holds them itself, as one class; None where it holds folders.
fn flat(path: &Path) -> Result<Option<Plan>> {
    folder::there(path)
        .map_err(|why| Error::data(format!("{}: {why}; name a folder or an archive of images", path.display())))?;
    let dir = if path.is_dir() { Dir::Disk(path.to_path_buf()) } else { Dir::archive(path)? };
    let classes = dir.folders().into_iter().find(|(_, below)| folder::holds_images(below, MAX_DEPTH));
    match (folder::holds_images(&dir, 0), classes) {
        (true, Some((name, _))) => Err(Error::data(format!(
            "{}: holds images, and folders of images such as {name}; leave one kind there",
            path.display()
        ))),
        (false, Some(_)) => Ok(None),
        // Where there is no image at all, the error says what lies there.
        (_, None) => {
            let mut plan = Plan { name: path.display().to_string(), ..Plan::default() };
            let places = folder::class(&dir, &mut plan)?;
            plan.classes.push((String::new(), places));
            Ok(Some(plan))
        }
    }
}

/// Errors with the first image whose colours differ in any pixel.
fn grey(plan: &Plan, spec: &Spec) -> Result<()> {
    let first = Mutex::new(None::<usize>);
    plan.decode_each(&Spec { channels: 3, ..*spec }, &silent, &|visit| {
        if visit.source.is_ok()
            && visit.pixels.chunks_exact(3).any(|pixel| pixel[0] != pixel[1] || pixel[1] != pixel[2])
        {
            let mut first = first.lock().expect("nobody panics with it");
            *first = Some(first.map_or(visit.index, |at| at.min(visit.index)));
        }
    })?;
    match first.into_inner().expect("nobody panics with it") {
        None => Ok(()),
        Some(index) => Err(Error::usage(format!(
            "{}: is in colour, three channels, and grey images are asked for: convert it",
            plan.describe(plan.places()[index])
        ))),
    }
}

/// A place's path below the folder or archive.
fn below(root: &Path, plan: &Plan, place: &Place) -> String {
    // As it is shown, which is another path where a name is no UTF-8.
    let (shown, root) = (plan.describe(place), root.display().to_string());
    match (shown.strip_prefix(&format!("{root}: ")), Path::new(&shown).strip_prefix(&root)) {
        // As `tar -C DIR .` writes names.
        (Some(below), _) => below.trim_start_matches("./").to_owned(),
        (None, Ok(below)) => below.display().to_string(),
        (None, Err(_)) => shown,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    const GREY: Size = Size { side: 2, channels: 1, greyed: false };
    const COLOUR: Size = Size { side: 2, channels: 3, greyed: false };

    fn put(path: &Path, value: u8) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_pixel(2, 2, Luma([value])).save(path).unwrap();
    }

    fn error(path: &Path, size: Size, layout: Layout) -> Error {
        pictures(path, size, layout).err().expect("it is refused")
    }

    #[test]
    fn classes_and_files_come_by_name_and_a_flat_folder_has_no_class() {
        let dir = tempfile::tempdir().unwrap();
        for (name, value) in [("b/2.png", 4), ("b/1.png", 3), ("a/x.png", 1), ("a/y.png", 2)] {
            put(&dir.path().join(name), value);
        }
        let two = pictures(dir.path(), GREY, Layout::Classes).unwrap();
        assert_eq!(two.files, ["a/x.png", "a/y.png", "b/1.png", "b/2.png"]);
        let names: Vec<&str> = two.images.classes.iter().map(|class| class.name.as_str()).collect();
        assert_eq!((names, two.flat()), (vec!["a", "b"], false));
        assert_eq!((two.images.image(0), two.images.image(3)), (&[1u8; 4][..], &[4u8; 4][..]));
        assert_eq!(pictures(dir.path(), GREY, Layout::Any).unwrap().files, two.files);
        let one = pictures(&dir.path().join("b"), COLOUR, Layout::Any).unwrap();
        assert!(one.flat() && one.files == ["1.png", "2.png"]);
        assert_eq!(one.images.image(1), [4; 12]);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let said = |name: &str, size, layout| error(&at(name), size, layout).to_string();
        put(&at("mixed/a/1.png"), 0);
        put(&at("mixed/2.png"), 0);
        assert!(said("mixed", GREY, Layout::Any).contains("holds images, and folders of images such as a"));
        put(&at("parts/train/a/1.png"), 0);
        put(&at("parts/test/b/1.png"), 0);
        assert!(said("parts", GREY, Layout::Classes).contains("name one of them"));
        put(&at("bare/1.png"), 0);
        assert!(said("bare", GREY, Layout::Classes).contains("put each class into a folder of its own"));
        fs::create_dir_all(at("none")).unwrap();
        assert!(matches!(error(&at("none"), GREY, Layout::Any), Error::Data(_)));
        put(&at("gap/a/1.png"), 0);
        fs::create_dir_all(at("gap/b")).unwrap();
        assert!(said("gap", GREY, Layout::Classes).contains("gap/b: no PNG or JPEG images are in it"));
        put(&at("torn/a/1.png"), 0);
        fs::write(at("torn/a/2.png"), b"\x89PNG\r\n").unwrap();
        let torn = error(&at("torn"), GREY, Layout::Classes);
        assert!(matches!(torn, Error::Data(_)) && torn.to_string().contains("torn/a/2.png"), "{torn}");
    }

    #[test]
    fn colour_is_no_grey_unless_it_may_be_turned_so() {
        let dir = tempfile::tempdir().unwrap();
        put(&dir.path().join("1.png"), 7);
        RgbImage::from_pixel(2, 2, Rgb([255, 0, 0])).save(dir.path().join("2.png")).unwrap();
        let refused = error(dir.path(), GREY, Layout::Any);
        assert!(matches!(refused, Error::Usage(_)), "{refused}");
        assert!(refused.to_string().contains("2.png: is in colour"), "{refused}");
        let turned = pictures(dir.path(), Size { greyed: true, ..GREY }, Layout::Any).unwrap();
        // 255 · 19,595 / 65,536 = 76.2: the weight of red.
        assert_eq!((turned.images.image(0), turned.images.image(1)), (&[7u8; 4][..], &[76u8; 4][..]));
        assert!(pictures(dir.path(), COLOUR, Layout::Any).is_ok());
    }
    #[test]
    fn a_part_alone_is_its_classes_and_a_packed_name_is_plain() {
        use crate::fixtures::{png_grey, zip_of};
        let dir = tempfile::tempdir().unwrap();
        let png = png_grey(2, 2, &[1, 2, 3, 4]);
        let write = |name: &str, files: &[(&str, &[u8])]| {
            let path = dir.path().join(name);
            fs::write(&path, zip_of(files.iter().copied())).unwrap();
            path
        };
        let part = write("part.zip", &[("test/a/1.png", &png), ("test/b/1.png", &png)]);
        assert_eq!(pictures(&part, GREY, Layout::Classes).unwrap().files, ["test/a/1.png", "test/b/1.png"]);
        let flat = write("flat.zip", &[("./1.png", &png), ("./2.png", &png)]);
        let flat = pictures(&flat, GREY, Layout::Any).unwrap();
        assert!(flat.flat() && flat.files == ["1.png", "2.png"], "{:?}", flat.files);
        fs::write(dir.path().join("1.png"), &png).unwrap();
        let said = error(&dir.path().join("1.png"), GREY, Layout::Any).to_string();
        assert!(said.ends_with("1.png: not a folder, .zip, .tar or .tar.gz; name a folder or an archive of images"));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_whose_name_is_no_utf_8_is_read() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join(std::ffi::OsStr::from_bytes(b"new\xff"));
        put(&home.join("1.png"), 1);
        assert_eq!(pictures(&home, GREY, Layout::Any).unwrap().files, ["1.png"]);
    }
}
