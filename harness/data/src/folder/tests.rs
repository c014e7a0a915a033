use super::*;
use crate::Filter;
use crate::dataset::Dataset;
use crate::fixtures::encoded;
use crate::fixtures::{jpeg, png_grey, tar_gz_of, tar_of, zip_of};
use crate::loader::Loader;
use crate::search::SearchPath;
use image::{ColorType, ImageFormat};
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

#[cfg(unix)]
#[test]
fn folders_that_link_to_each_other_are_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let png = png_grey(2, 2, &[9; 4]);
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, dir.path().join(at)).unwrap();
    // Inside a class, where a link may come before the folder it leads to.
    for path in ["cat/0.png", "cat/x/0.png", "cat/y/0.png", "dog/0.png", "owl/0.png"] {
        write(dir.path(), path, &png);
    }
    link("../y", "cat/x/i");
    link("../x", "cat/y/i");
    link("y", "cat/a");
    // Between classes: both have both images.
    link("../owl", "dog/more");
    link("../dog", "owl/more");
    let plan = plan(dir.path()).unwrap();
    let shown = |class: usize| -> Vec<String> {
        let of = |place| plan.describe(place).strip_prefix(&format!("{}/", dir.path().display())).unwrap().to_string();
        plan.classes[class].1.iter().map(of).collect()
    };
    assert_eq!(shown(0), ["cat/0.png", "cat/x/0.png", "cat/y/0.png"]);
    assert_eq!(shown(1), ["dog/0.png", "dog/more/0.png"]);
    assert_eq!(shown(2), ["owl/0.png", "owl/more/0.png"]);
    let left: Vec<&str> = plan.left_out.iter().map(|left| left.why.as_str()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    for name in ["folder a, ", "folder x/i, ", "folder y/i, "] {
        assert!(left[0].contains(name), "{}", left[0]);
    }
    assert!(left[1].contains("folder more/more, ") && left[2].contains("folder more/more, "), "{left:?}");
}

/// Without a memory of where it was a walk of this would take hours.
#[cfg(unix)]
#[test]
fn a_web_of_links_ends() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..12).map(|i| format!("f{i:02}")).collect();
    for name in &names {
        fs::create_dir_all(dir.path().join("cat").join(name)).unwrap();
        for to in names.iter().filter(|to| *to != name) {
            std::os::unix::fs::symlink(format!("../{to}"), dir.path().join("cat").join(name).join(to)).unwrap();
        }
    }
    assert!(!holds_images(&Dir::Disk(dir.path().to_path_buf()), MAX_DEPTH));
    write(dir.path(), "cat/f11/1.png", &png_grey(2, 2, &[9; 4]));
    assert!(holds_images(&Dir::Disk(dir.path().join("cat/f00")), 1), "by a link");
    assert!(!holds_images(&Dir::Disk(dir.path().join("cat")), 0));
    let mut plan = Plan::default();
    assert_eq!(class(&Dir::Disk(dir.path().join("cat")), &mut plan).unwrap().len(), 1);
}

/// Names and numbers of images.
type Counts = Vec<(String, usize)>;

/// The classes, and the report's list of what was left out.
fn classes(root: &Path) -> Result<(Counts, Vec<LeftOut>)> {
    let plan = plan(root)?;
    Ok((plan.classes.iter().map(|(name, images)| (name.clone(), images.len())).collect(), plan.left_out))
}

fn counts(found: &[(String, usize)]) -> Vec<(&str, usize)> {
    found.iter().map(|(name, images)| (name.as_str(), *images)).collect()
}

#[test]
fn every_image_of_a_class_is_used_or_named() {
    let dir = tempfile::tempdir().unwrap();
    let png = png_grey(4, 4, &[9; 16]);
    let kinds = [ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Pnm, ImageFormat::Gif];
    for (i, (kind, ending)) in kinds.into_iter().zip(["WEBP", "bmp", "tif", "ppm", "gif"]).enumerate() {
        let rgb: Vec<u8> = (0..48).map(|j| (i * 48 + j) as u8).collect();
        write(dir.path(), &format!("cat/{i}.{ending}"), &encoded(kind, 4, 4, ColorType::Rgb8, &rgb));
    }
    write(dir.path(), "cat/plain.png", &png);
    // Neither the ending nor the depth hides an image.
    write(dir.path(), "cat/no ending", &png);
    write(dir.path(), "cat/more/and/more/deep.png", &png);
    write(dir.path(), "cat/photo.heic", b"\0\0\0\x18ftypheic");
    write(dir.path(), "cat/photo2.heic", b"\0\0\0\x18ftypheic");
    write(dir.path(), "cat/about.txt", b"cats");
    write(dir.path(), "cat/.hidden.png", b"litter");
    write(dir.path(), "__MACOSX/cat/._plain.png", b"litter");
    write(dir.path(), "dog/1.png", &png);
    write(dir.path(), "loose.jpg", &png);
    let (found, left) = classes(dir.path()).unwrap();
    assert_eq!(counts(&found), [("cat", 8), ("dog", 1)]);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left[0].why.contains("beside the class folders") && left[0].why.contains("loose.jpg") && left[0].files == 1
    );
    assert_eq!((left[1].files, left[1].maybe_images), (3, true));
    for part in ["2 .heic", "photo.heic", "1 .txt", "convert"] {
        assert!(left[1].to_string().contains(part), "{}", left[1]);
    }
    // The note when it is loaded, and what is loaded.
    let notes = std::sync::Mutex::new(Vec::new());
    let progress = |step: crate::Step<'_>| {
        if let crate::Step::Note(note) = step {
            notes.lock().unwrap().push(note.to_string());
        }
    };
    let loader = Loader { progress: &progress, ..Loader::new(SearchPath::default()) };
    let loaded = loader.load(&Dataset::Folder { path: dir.path().into(), channels: 3 }, 4, Filter::Nearest).unwrap();
    assert_eq!(loaded.images.len(), 9);
    let notes = notes.into_inner().unwrap();
    assert!(notes[0].contains("4 files in 2 folders"), "{notes:?}");
    // Four of the images are one shade of grey, and that is said too.
    assert!(notes.iter().any(|note| note.contains("4 of 9 images are of one colour")), "{notes:?}");
}

#[test]
fn layouts_that_people_have_are_read() {
    let png = png_grey(2, 2, &[1, 2, 3, 4]);
    let read = |paths: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        paths.iter().for_each(|path| write(dir.path(), path, &png));
        let plan = plan(dir.path()).unwrap_or_else(|error| panic!("{paths:?}: {error}"));
        let split = plan.split.map(|split| split.to_string().replace('\n', "; "));
        (
            plan.classes.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" "),
            split.unwrap_or_default(),
            plan.left_out,
        )
    };
    for (paths, names, split) in [
        (&["wrap/a/1.png", "wrap/b/1.png"][..], "a b", ""),
        (&["x/y/a/1.png", "x/y/b/1.png"], "a b", ""),
        (&["wrap/train/a/1.png", "wrap/test/b/1.png"], "a b", "train a; test b; "),
        (&["base/a/1.png", "val/c/1.png", "novel/b/1.png"], "a b c", "train a; val c; test b; "),
        (&["meta-train/a/1.png", "meta_val/c/1.png", "metatest/b/1.png"], "a b c", "train a; val c; test b; "),
        (&["images_background/a/1.png", "images_evaluation/b/1.png"], "a b", "train a; test b; "),
        (&["Training_Set/a/1.png", "validation/c/1.png", "Test set/b/1.png"], "a b c", "train a; val c; test b; "),
        // tiny-imagenet's habit: a folder in each class.
        (&["train/a/images/1.png", "train/a/images/2.png", "val/b/images/1.png"], "a b", "train a; val b; "),
        (
            &["train/images/a/1.png", "train/images/b/1.png", "test/images/c/1.png"],
            "a b c",
            "train a; train b; test c; ",
        ),
        (&["train/a/1.png", "train/b/1.png"], "a b", "train a; train b; "),
        // A class may be called train.
        (&["train/1.png", "bus/1.png"], "bus train", ""),
        (&["__MACOSX/._x", "a/1.png", "b/1.png", "Thumbs.db"], "a b", ""),
    ] {
        let found = read(paths);
        assert_eq!((found.0.as_str(), found.1.as_str()), (names, split), "{paths:?}");
        assert_eq!(found.2, [], "{paths:?}");
    }
    let (names, split, left) = read(&["train/a/1.png", "test/b/1.png", "notes/x/1.png", "docs/readme.txt"]);
    assert_eq!((names.as_str(), split.as_str()), ("a b", "train a; test b; "));
    assert_eq!(left.len(), 2);
    assert!(left[1].folder.ends_with("notes") && left[1].maybe_images && !left[0].maybe_images, "{left:?}");
}

#[test]
fn layouts_that_could_mean_two_things_are_explained() {
    let png = png_grey(2, 2, &[1, 2, 3, 4]);
    for (paths, parts) in [
        (
            &["Greek/alpha/1.png", "Greek/beta/1.png", "Latin/a/1.png", "Latin/b/1.png"][..],
            &["Greek: holds folders (alpha, beta"][..],
        ),
        (&["train/a/1.png", "train/b/1.png", "cat/1.png"], &["train holds class folders and cat holds images"]),
        (&["1.png", "2.png"], &["holds 2 images and no folders"]),
        (&["a/1.png", "b/readme.txt"], &["b: no PNG or JPEG", "1 file left out", ".txt"]),
        (&["a/1.heic", "a/2.heic"], &["a: no PNG or JPEG", "2 .heic", "convert"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        paths.iter().for_each(|path| write(dir.path(), path, if path.ends_with("png") { &png } else { b"x" }));
        let error = plan(dir.path()).err().unwrap_or_else(|| panic!("{paths:?}")).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{paths:?}: {error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn a_packed_folder_has_the_digest_of_the_folder() {
    let shade = |i: usize| png_grey(3, 3, &[0, 1, 2, 3, 4, 5, 6, 7, i as u8]);
    let names =
        ["wrap/train/b\u{e4}r/1.png", "wrap/train/b\u{e4}r/2.png", "wrap/train/cat/1.png", "wrap/test/dog/1.png"];
    let images: Vec<Vec<u8>> = (0..4).map(shade).collect();
    let files: Vec<(&str, &[u8])> = names.into_iter().zip(images.iter().map(Vec::as_slice)).collect();
    let dir = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, bytes)| write(&dir.path().join("folder"), name, bytes));
    for (name, bytes) in [
        ("a.zip", zip_of(files.iter().copied())),
        ("b.tar", tar_of(files.iter().copied())),
        ("c.tar.gz", tar_gz_of(files.iter().copied())),
    ] {
        write(dir.path(), name, &bytes);
    }
    // Each part as an archive of its own, and names as macOS writes them.
    let part = |start: &str| -> Vec<(String, &[u8])> {
        let of = files.iter().filter(|(name, _)| name.starts_with(start));
        of.map(|(name, bytes)| (name[start.len()..].replace('\u{e4}', "a\u{308}"), *bytes)).collect()
    };
    for name in ["train", "test"] {
        let part = part(&format!("wrap/{name}/"));
        write(
            dir.path(),
            &format!("parts/{name}.tar"),
            &tar_of(part.iter().map(|(name, bytes)| (name.as_str(), *bytes))),
        );
    }
    let all = ["folder", "a.zip", "b.tar", "c.tar.gz", "parts"].map(|name| load(&dir.path().join(name), 1).unwrap());
    assert_eq!(all[0].images.len(), 4);
    for one in &all {
        assert_eq!(one.images.digest, all[0].images.digest);
        assert_eq!(one.split, all[0].split);
    }
    assert_eq!(all[0].split.as_ref().unwrap().train, ["b\u{e4}r", "cat"]);
    // Damage is named by the file in the archive.
    let mut bad = files.clone();
    bad[2].1 = b"noise";
    write(dir.path(), "bad.zip", &zip_of(bad));
    let error = load(&dir.path().join("bad.zip"), 1).err().unwrap().to_string();
    assert!(error.contains("bad.zip: wrap/train/cat/1.png is neither"), "{error}");
    write(dir.path(), "cut.zip", b"PK");
    assert!(load(&dir.path().join("cut.zip"), 1).err().unwrap().to_string().contains("cut.zip is truncated"));
    write(dir.path(), "x.7z", b"7z");
    assert!(load(&dir.path().join("x.7z"), 1).err().unwrap().to_string().contains("not a folder, .zip, .tar"));
}

#[test]
fn lists_beside_the_images_are_their_split() {
    let png = png_grey(2, 2, &[1, 2, 3, 4]);
    let dir = tempfile::tempdir().unwrap();
    for name in ["a1.png", "a2.png", "Cafe\u{301}.png", "c1.png"] {
        write(dir.path(), &format!("ravi/images/{name}"), &png);
    }
    write(dir.path(), "ravi/train.csv", b"\xef\xbb\xbf;\"filename\";label\r\n0;a1.png;a\r\n1;\"a2.png\";a\r\n");
    write(dir.path(), "ravi/val.csv", "filename,label\nCaf\u{e9}.png,b\n".as_bytes());
    write(dir.path(), "ravi/test.csv", b"0,c1.png,c\n");
    let plan = plan(&dir.path().join("ravi")).unwrap();
    assert_eq!(plan.split.unwrap().to_string(), "train a\nval b\ntest c\n");
    assert_eq!(plan.classes.iter().map(|(_, images)| images.len()).collect::<Vec<_>>(), [2, 1, 1]);

    for path in ["data/b\u{e4}r/1.png", "data/cat/1.png", "data/dog/1.png"] {
        write(dir.path(), &format!("r2d2/{path}"), &png);
    }
    for (part, list) in [("train", "ba\u{308}r\r\n"), ("val", "\u{feff}cat"), ("test", "\ndog\n")] {
        write(dir.path(), &format!("r2d2/splits/bertinetto/{part}.txt"), list.as_bytes());
    }
    let two = super::plan(&dir.path().join("r2d2")).unwrap();
    assert_eq!(two.split.unwrap().to_string(), "train b\u{e4}r\nval cat\ntest dog\n");
    for (part, list, before) in [("val", "dog", "cat"), ("test", "dog\ndog", "dog")] {
        write(dir.path(), &format!("r2d2/splits/bertinetto/{part}.txt"), list.as_bytes());
        let error = super::plan(&dir.path().join("r2d2")).err().unwrap().to_string();
        assert!(error.ends_with("bertinetto: class dog is named twice in train, val and test"), "{error}");
        write(dir.path(), &format!("r2d2/splits/bertinetto/{part}.txt"), before.as_bytes());
    }
    for part in ["train", "val", "test"] {
        write(dir.path(), &format!("r2d2/splits/mine/{part}.txt"), b"cat");
    }
    // Of several splits none is taken: data.split names one, and the classes are there for it.
    let several = super::plan(&dir.path().join("r2d2")).unwrap();
    assert!(several.split.is_none() && several.classes.len() == 3);
    let [left] = &several.left_out[..] else { panic!("{:?}", several.left_out) };
    assert_eq!((left.files, left.maybe_images), (6, true));
    for part in ["several splits", "splits/bertinetto", "splits/mine", "data.split"] {
        assert!(left.why.contains(part), "{left}");
    }
}

#[test]
fn listed_images_may_lie_in_folders_and_val_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let png = |shade: u8| png_grey(1, 1, &[shade]);
    for (name, shade) in [("ba\u{308}r/2.png", 2), ("ba\u{308}r/1.png", 1), ("cat/new/1.png", 3), ("odd/1.png", 4)] {
        write(dir.path(), &format!("images/{name}"), &png(shade));
    }
    // From above the folder, from below it, and as Windows writes it.
    write(dir.path(), "train.csv", "filename,label\nimages/b\u{e4}r/2.png,bear\n./b\u{e4}r/1.png,bear\n".as_bytes());
    write(dir.path(), "test.csv", b"filename,label\ncat\\new\\1.png,cat\n");
    let loaded = load(dir.path(), 1).unwrap();
    assert_eq!(loaded.split.unwrap().to_string(), "train bear\ntest cat\n");
    let shades: Vec<u8> = (0..loaded.images.len()).map(|image| loaded.images.image(image)[0]).collect();
    assert_eq!(shades, [1, 2, 3]);
    let left = classes(dir.path()).unwrap().1;
    assert!(
        matches!(&left[..], [one] if one.folder.ends_with("odd") && one.files == 1 && one.maybe_images),
        "{left:?}"
    );

    let error = |list: &str| {
        write(dir.path(), "test.csv", list.as_bytes());
        plan(dir.path()).err().unwrap().to_string()
    };
    assert!(error("cat/1.png,cat").contains("test.csv line 1: cat/1.png is not in "));
    assert!(error("../images/cat/new/1.png,cat").contains("line 1: a file that is not below its folder"));
    assert!(
        error("cat/new/1.png,cat\nimages/cat/new/1.png,cat").ends_with("line 2: cat/new/1.png is listed a second time")
    );
    // A class that is trained on is not tested on, without val too.
    assert!(error("cat/new/1.png,bear").contains("class bear is in more than one of train, val and test"));

    // Lists beside class folders are not read, and that is said with the way to have them read.
    let flat = tempfile::tempdir().unwrap();
    for (path, bytes) in
        [("a/1.png", &png(1)[..]), ("b/1.png", &png(2)), ("train.csv", b"a/1.png,a"), ("test.csv", b"b/1.png,b")]
    {
        write(flat.path(), path, bytes);
    }
    let (found, left) = classes(flat.path()).unwrap();
    assert_eq!(counts(&found), [("a", 1), ("b", 1)]);
    assert!(left[0].says().starts_with("2 files left out: lists such as train.csv count beside a folder images; move"));
}

#[test]
fn an_image_in_two_classes_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let put = |path: &str, shade: u8| {
        write(dir.path(), path, &png_grey(4, 4, &[shade, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]))
    };
    let notes = || {
        let notes = std::sync::Mutex::new(Vec::new());
        let progress = |step: crate::Step<'_>| {
            if let crate::Step::Note(note) = step {
                notes.lock().unwrap().push(note.to_string());
            }
        };
        let loader = Loader { progress: &progress, ..Loader::new(SearchPath::default()) };
        loader.load(&Dataset::Folder { path: dir.path().into(), channels: 1 }, 4, Filter::Nearest).unwrap();
        notes.into_inner().unwrap()
    };
    for (path, shade) in [("train/a/1.png", 1), ("train/a/2.png", 1), ("test/b/1.png", 2), ("test/b/2.png", 3)] {
        put(path, shade);
    }
    let said = |notes: &[String]| {
        notes.iter().filter(|note| note.contains("in more than one class")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(said(&notes()), [""; 0], "twice in one class is no leak");
    put("test/b/3.png", 1);
    put("test/c/1.png", 3);
    let all = said(&notes());
    let [told] = &all[..] else { panic!("{all:?}") };
    assert!(
        told.contains(": 5 images are in more than one class, such as ") && told.contains("train/a/1.png = "),
        "{told}"
    );
    assert!(told.contains("test/b/3.png; see `harness data verify`"), "{told}");
}

#[test]
fn what_lies_beside_the_listed_images_is_named() {
    let png = png_grey(2, 2, &[1, 2, 3, 4]);
    let dir = tempfile::tempdir().unwrap();
    for (part, name) in [("train", "a.png"), ("val", "b.png"), ("test", "c.png")] {
        write(dir.path(), &format!("images/{name}"), &png);
        write(dir.path(), &format!("{part}.csv"), format!("filename,label\n{name},{part} class\n").as_bytes());
    }
    let left = || classes(dir.path()).unwrap().1;
    assert_eq!(left(), []);
    write(dir.path(), "images/about.txt", b"images");
    assert!(matches!(&left()[..], [one] if one.files == 1 && !one.maybe_images), "{:?}", left());
    write(dir.path(), "images/e.png", &png);
    write(dir.path(), "images/d.png", &png);
    let all = left();
    assert!(matches!(&all[..], [one] if one.files == 3 && one.maybe_images), "{all:?}");
    let said = all[0].to_string();
    assert!(
        said.ends_with("images: 3 files left out: in none of the lists, such as d.png; list or remove them"),
        "{said}"
    );
    // Columns that contradict one another are refused with the list and its line.
    let list = b"filename,class,species\na.png,bird,wren\nd.png,bird,robin\n";
    write(dir.path(), "train.csv", list);
    let error = plan(dir.path()).err().unwrap().to_string();
    assert!(error.contains("train.csv line 1: the columns class and species") && error.ends_with("remove one of them"));
}
