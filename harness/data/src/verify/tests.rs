use std::fs;
use std::path::Path;

use super::*;
use crate::fixtures::{jpeg, omniglot, png_grey, write_folders};
use crate::search::SearchPath;

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn everything_odd_about_a_folder_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let photo = jpeg(20, 10, |x, y| [x as u8 * 9, y as u8 * 9, 3]);
    write(dir.path(), "train/cat/1.jpg", &photo);
    write(dir.path(), "train/cat/2.jpg", &photo);
    write(dir.path(), "train/dog/1.png", &png_grey(4, 4, &[7; 16]));
    write(dir.path(), "test/bee/1.jpg", &photo);
    write(dir.path(), "test/bee/2.jpg", &photo[..50]);
    let dataset = Dataset::Folder { path: dir.path().into(), channels: 3 };
    let loader = Loader::new(SearchPath::default());
    let report = verify(&loader, &dataset, 8, Filter::Nearest, None).unwrap();
    assert!(!report.is_sound());
    assert_eq!(report.parts, BTreeMap::from([("train", (2, 3)), ("test", (1, 2))]));
    assert_eq!(report.sizes, BTreeMap::from([((20, 10), 3), ((4, 4), 1)]));
    assert_eq!(report.modes, BTreeMap::from([("jpeg rgb", 3), ("png grey", 1)]));
    assert_eq!(report.undecodable.len(), 1);
    assert!(report.undecodable[0].0.ends_with("bee/2.jpg") && report.undecodable[0].1 == "is a truncated JPEG");
    assert!(report.constant.len() == 1 && report.constant[0].ends_with("dog/1.png"));
    assert_eq!(report.duplicates.len(), 1);
    assert!(report.duplicates[0].across_parts && report.duplicates[0].images.len() == 3);
    assert_eq!(report.digest, None);
    let text = report.to_string();
    assert!(text.contains("NOT SOUND") && text.contains("in two parts") && text.contains("jpeg rgb (3)"), "{text}");

    fs::remove_file(dir.path().join("test/bee/2.jpg")).unwrap();
    let report = verify(&loader, &dataset, 8, Filter::Nearest, None).unwrap();
    assert!(report.is_sound());
    assert_eq!(report.digest.unwrap(), loader.load(&dataset, 8, Filter::Nearest).unwrap().images.digest);
}

#[test]
fn a_count_that_is_wrong_is_in_the_report() {
    let dir = tempfile::tempdir().unwrap();
    write_folders(&dir.path().join("omniglot"), &omniglot(20));
    let loader = Loader::new(SearchPath::only([dir.path()]));
    let report = verify(&loader, &Dataset::OMNIGLOT, 28, Filter::Nearest, None).unwrap();
    assert!(report.miscounted.as_ref().unwrap().contains("4 characters where 1623 belong"));
    assert!(!report.is_sound() && report.images() == 80);
}

#[test]
fn the_real_omniglot_is_known_and_has_its_oddity() {
    let Some(real) = crate::fixtures::real_data("omniglot") else { return };
    let split = ClassSplit::parse(include_str!("../../../../benchmarks/splits/omniglot.txt")).unwrap();
    let loader = Loader::new(SearchPath::only([real]));
    let report = verify(&loader, &Dataset::OMNIGLOT, 28, Filter::Nearest, Some(&split)).unwrap();
    println!("{report}");
    assert!(report.is_sound());
    assert_eq!(report.known, Some((true, "all of Omniglot, background and evaluation")));
    assert_eq!(report.parts, BTreeMap::from([("train", (1200, 24_000)), ("test", (423, 8_460))]));
    assert_eq!(report.sizes, BTreeMap::from([((105, 105), 32_460)]));
    assert_eq!(report.modes, BTreeMap::from([("png grey 1-bit", 32_460)]));
    // One drawing is there twice under two names, of the same character.
    assert_eq!(report.duplicates.len(), 1);
    let images = &report.duplicates[0].images;
    assert!(images[0].ends_with("0192_03.png") && images[1].ends_with("0192_19.png"), "{images:?}");
    assert!(!report.duplicates[0].across_classes);
}

#[test]
fn one_colour_and_what_is_left_out_are_told() {
    use crate::fixtures::encoded;
    use image::{ColorType, ImageFormat};
    let dir = tempfile::tempdir().unwrap();
    let rgba = |pixels: [[u8; 4]; 2]| encoded(ImageFormat::Png, 2, 1, ColorType::Rgba8, &pixels.concat());
    // Black ink on nothing is a drawing; white ink on nothing is a white page, and a red page is one colour too.
    write(dir.path(), "a/ink.png", &rgba([[0, 0, 0, 255], [0, 0, 0, 0]]));
    write(dir.path(), "a/white.png", &rgba([[255, 255, 255, 255], [0, 0, 0, 0]]));
    write(dir.path(), "b/red.png", &rgba([[255, 0, 0, 255], [255, 0, 0, 255]]));
    write(dir.path(), "b/x.avif", b"\0\0\0\x20ftypavif");
    let dataset = Dataset::Folder { path: dir.path().into(), channels: 3 };
    let report = verify(&Loader::new(SearchPath::default()), &dataset, 2, Filter::Nearest, None).unwrap();
    let names: Vec<&str> = report.constant.iter().map(|image| image.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["white.png", "red.png"]);
    assert!(report.is_sound());
    let text = report.to_string();
    assert!(
        text.contains("one colour   2: ") && text.contains("left out     1: ") && text.contains("1 .avif"),
        "{text}"
    );
}
