use std::fs;
use std::path::Path;

use harness_core::{ClassSplit, ImageSet};
use image::{ColorType, ImageFormat};

use super::*;
use crate::dataset::Dataset;
use crate::decode::Filter;
use crate::fixtures::pickles::{STYLES, Style, Written, pickled, text};
use crate::fixtures::{Row, encoded, tar_gz_of, tar_of, write_columns, write_parquet, zip_of};

const NAMES: [&str; 6] = ["apple", "aquarium_fish", "baby", "bear", "beaver", "train"];
const EACH: usize = 4;

/// Image `i` of class `class` as red, green, blue, in no order.
fn rgb(class: usize, i: usize) -> Vec<u8> {
    (0..32 * 32 * 3).map(|at| ((at * (3 + class) / 7 + 97 * (i * 5 % EACH) + 31 * class) % 256) as u8).collect()
}

fn planes(rgb: &[u8]) -> Vec<u8> {
    (0..3).flat_map(|colour| rgb.iter().skip(colour).step_by(3).copied()).collect()
}

fn png(class: usize, i: usize) -> Vec<u8> {
    encoded(ImageFormat::Png, 32, 32, ColorType::Rgb8, &rgb(class, i))
}

/// Classes and numbers of all images, those of one class apart from one another.
fn all() -> Vec<(usize, usize)> {
    (0..EACH).flat_map(|i| (0..NAMES.len()).map(move |class| (class, i))).collect()
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn label(class: usize) -> i64 {
    // Of the hundred names, sorted.
    let all = ClassSplit::parse(include_str!("../../../../benchmarks/splits/cifar-fs.txt")).unwrap();
    let mut all = [all.train, all.val, all.test].concat();
    all.sort();
    all.iter().position(|name| name == NAMES[class]).unwrap() as i64
}

fn load(root: &Path) -> Result<(ImageSet, Plan)> {
    let plan = CIFAR_FS.plan(&SearchPath::only([root]))?;
    CIFAR_FS.count(&plan, NAMES.len(), EACH..=EACH)?;
    let spec = Dataset::CIFAR_FS.spec(32, Filter::Nearest)?;
    Ok((crate::cache::in_memory(&plan, &spec, &crate::silent)?, plan))
}

/// A file of the author's archive: Python 2's pickle.
fn original(style: Style, images: &[(usize, usize)]) -> Vec<u8> {
    let data: Vec<u8> = images.iter().flat_map(|(class, i)| planes(&rgb(*class, *i))).collect();
    pickled(
        style,
        &Written::Dict(vec![
            (text("filenames"), Written::Texts(images.iter().map(|(class, i)| format!("{class}_{i}.png")).collect())),
            (text("batch_label"), text("training batch 1 of 1")),
            (text("fine_labels"), Written::Ints(images.iter().map(|(class, _)| label(*class)).collect())),
            (text("coarse_labels"), Written::Ints(vec![0; images.len()])),
            (text("data"), Written::Array(vec![images.len(), 3072], data)),
        ]),
    )
}

fn binary(images: &[(usize, usize)]) -> Vec<u8> {
    let row = |(class, i): &(usize, usize)| [vec![0, label(*class) as u8], planes(&rgb(*class, *i))].concat();
    images.iter().flat_map(row).collect()
}

/// A category-split pickle; with names or without.
fn split_pickle(style: Style, images: &[(usize, usize)], named: bool) -> Vec<u8> {
    let data: Vec<u8> = images.iter().flat_map(|(class, i)| rgb(*class, *i)).collect();
    let mut pairs = vec![
        (text("data"), Written::Array(vec![images.len(), 32, 32, 3], data)),
        (text("labels"), Written::Ints(images.iter().map(|(class, _)| 40 + *class as i64).collect())),
    ];
    if named {
        let names = NAMES.iter().enumerate().map(|(class, name)| (text(name), Written::Int(40 + class as i64)));
        pairs.push((text("catname2label"), Written::Dict(names.collect())));
    }
    pickled(style, &Written::Dict(pairs))
}

fn part(classes: std::ops::Range<usize>) -> Vec<(usize, usize)> {
    all().into_iter().filter(|(class, _)| classes.contains(class)).collect()
}

#[test]
fn every_form_of_cifar_has_one_digest() {
    let dir = tempfile::tempdir().unwrap();
    let root = |form: &str| dir.path().join(form);
    for (class, i) in all() {
        let name = format!("{}_s_{i:06}.png", NAMES[class]);
        write(&root("classes/cifar-100").join(NAMES[class]).join(&name), &png(class, i));
        // Training and test images of each class, names with blanks.
        let part = if i < 3 { "train" } else { "test" };
        let spaced = NAMES[class].replace('_', " ");
        write(&root("pooled/CIFAR100").join(part).join(spaced).join(&name), &png(class, i));
        let split = ["train", "val", "test"][class / 2];
        write(&root("parts/cifar-fs").join(split).join(NAMES[class]).join(&name), &png(class, i));
        write(&root("l2l/cifar100/data").join(NAMES[class]).join(&name), &png(class, i));
    }
    write(&root("l2l/cifar100/splits/bertinetto/train.txt"), b"apple\n");
    let (train, test): (Vec<_>, Vec<_>) = all().into_iter().partition(|(_, i)| *i < 3);
    for style in STYLES {
        let home = root(&format!("python-{style:?}/cifar-100/cifar-100-python"));
        write(&home.join("train"), &original(style, &train));
        write(&home.join("test"), &original(style, &test));
        let home = root(&format!("split-{style:?}/cifar-fs"));
        for (name, classes) in [("train", 0..3), ("val", 3..4), ("test", 4..6)] {
            write(&home.join(format!("CIFAR_FS_{name}.pickle")), &split_pickle(style, &part(classes), true));
        }
    }
    let (one, two) = (original(Style::Python2, &train), original(Style::Python2, &test));
    let files = [("cifar-100-python/train", &one[..]), ("cifar-100-python/test", &two[..])];
    write(&root("archive/cifar-100/cifar-100-python.tar.gz"), &tar_gz_of(files));
    write(&root("fetched/cifar-fs/official/cifar-100-python.tar.gz"), &tar_gz_of(files));
    write(&root("zipped/cifar-fs/data.zip"), &zip_of(files));
    let (one, two) = (binary(&train), binary(&test));
    let files = [("cifar-100-binary/train.bin", &one[..]), ("cifar-100-binary/test.bin", &two[..])];
    write(&root("binary/cifar-100.tar"), &tar_of(files));
    let row = |(class, i): &(usize, usize)| -> Row { (png(*class, *i), String::new(), label(*class)) };
    let names = ClassSplit::parse(include_str!("../../../../benchmarks/splits/fc100.txt")).unwrap();
    let mut names = [names.train, names.val, names.test].concat();
    names.sort();
    for (file, images) in [("train", &train), ("test", &test)] {
        let rows: Vec<Row> = images.iter().map(row).collect();
        let path = root("hub/cifar-fs/uoft--cifar100/cifar100").join(format!("{file}-00000-of-00001.parquet"));
        write_columns(&path, &rows, Some(&names), 5, ["img", "fine_label"]);
    }
    let (whole, _) = load(&root("classes")).unwrap();
    // By hand: the images of a class in the order of their pixels.
    let mut apples: Vec<Vec<u8>> = (0..EACH).map(|i| rgb(0, i)).collect();
    apples.sort();
    assert!((0..EACH).all(|i| whole.image(i) == apples[i]));
    assert_eq!(whole.classes[5].name, "train");
    let forms = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let forms: Vec<String> = forms.collect();
    assert_eq!(forms.len(), 15, "{forms:?}");
    for form in forms {
        let (set, plan) = load(&root(&form)).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(set.digest, whole.digest, "{form}");
        assert!(!plan.nameless && plan.split.is_none(), "{form}");
        let located = CIFAR_FS.locate(&SearchPath::only([root(&form)])).unwrap();
        assert!(!located.paths.is_empty(), "{form}");
        // What the cache on disk gives, and what verify says, are the same.
        let cache = crate::Cache::at(dir.path().join("classes/cache"));
        let spec = Dataset::CIFAR_FS.spec(32, Filter::Nearest).unwrap();
        assert_eq!(cache.open(&plan, &spec, &crate::silent).unwrap().digest, whole.digest, "{form}");
    }
    let loader = crate::Loader::new(SearchPath::only([root("python-New")]));
    let report = crate::verify(&loader, &Dataset::CIFAR_FS, 32, Filter::Nearest, None).unwrap();
    assert_eq!(report.digest.as_ref(), Some(&whole.digest));
    assert_eq!(report.known.map(|(good, _)| good), Some(false));
}

#[test]
fn labels_without_names_are_split_by_their_parts() {
    let dir = tempfile::tempdir().unwrap();
    for (name, classes) in [("train", 0..3), ("val", 3..4), ("test", 4..6)] {
        let pickle = split_pickle(Style::New, &part(classes.clone()), false);
        write(&dir.path().join(format!("pickles/cifar-fs/CIFAR_FS_{name}.pickle")), &pickle);
        let row =
            |(class, i): (usize, usize)| -> Row { (png(class, i), String::new(), (class - classes.start) as i64) };
        let rows: Vec<Row> = part(classes.clone()).into_iter().map(row).collect();
        write_parquet(&dir.path().join(format!("hub/cifar-fs/data/{name}-0.parquet")), &rows, None, 4);
    }
    let sets = ["pickles", "hub"].map(|form| load(&dir.path().join(form)).unwrap());
    for (set, plan) in &sets {
        assert!(plan.nameless);
        assert_eq!(plan.split.as_ref().unwrap().to_string().lines().last(), Some("test test/001"));
        assert_eq!(set.digest, sets[0].0.digest);
    }
}

#[test]
fn parts_without_names_are_those_of_their_own_set_alone() {
    let dir = tempfile::tempdir().unwrap();
    let put = |home: &str, stem: &str, named: bool| {
        for (name, classes) in [("train", 0..3), ("val", 3..4), ("test", 4..6)] {
            let pickle = split_pickle(Style::New, &part(classes), named);
            write(&dir.path().join(home).join(format!("cifar-100/{stem}_{name}.pickle")), &pickle);
        }
    };
    put("one", "CIFAR_FS", false);
    let search = SearchPath::only([dir.path().join("one")]);
    let (own, other) = (CIFAR_FS.plan(&search).unwrap(), FC100.plan(&search).err().unwrap().to_string());
    assert!(other.contains("CIFAR_FS_t") && other.contains("another split of these images than fc100"), "{other}");
    // Six classes that are to be a hundred: their numbers say whose parts they are.
    let family = Family { parts: [3, 1, 2], ..FC100 };
    assert!(family.count(&own, 6, EACH..=EACH).is_ok());
    let error = Family { parts: [2, 2, 2], ..FC100 }.count(&own, 6, EACH..=EACH).unwrap_err().to_string();
    assert!(error.starts_with("fc100: 3 train, 1 val and 2 test classes without names (like "), "{error}");
    assert!(error.contains("are not its split, 2 train, 2 val and 2 test"), "{error}");
    // Both lie there: each set has its own. Classes with names are anybody's.
    put("both", "FC100", false);
    put("both", "CIFAR_FS", false);
    put("named", "CIFAR_FS", true);
    for (home, family, file) in
        [("both", &CIFAR_FS, "CIFAR_FS_"), ("both", &FC100, "FC100_"), ("named", &FC100, "CIFAR_FS_")]
    {
        let search = SearchPath::only([dir.path().join(home)]);
        assert!(family.plan(&search).is_ok(), "{home}");
        let located = family.locate(&search).unwrap();
        assert!(located.paths.iter().all(|path| path.to_string_lossy().contains(file)), "{:?}", located.paths);
    }
}

#[test]
fn what_is_wrong_with_a_file_is_named() {
    let good = all();
    let wrong = |name: &str, bytes: &[u8], other: &[u8]| {
        let dir = tempfile::tempdir().unwrap();
        let (home, ending) = (dir.path().join("cifar-100"), name.strip_prefix("train").unwrap());
        write(&home.join(name), bytes);
        write(&home.join(format!("test{ending}")), other);
        let error = load(dir.path()).err().expect("bad data").to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    let whole = original(Style::New, &good);
    assert!(wrong("train", &whole[..whole.len() - 40], &whole).contains("train is a damaged pickle"));
    assert!(wrong("train", b"cos\nsystem\n(S'x'\ntR.", &whole).contains("would run os.system"));
    assert!(wrong("train", b"}.", &whole).contains("has no fine_labels"));
    let twice = wrong("train", &whole, &whole);
    assert!(twice.contains("cifar-fs: class apple has 8 images where 4 belong"), "{twice}");
    let rows = binary(&good);
    assert!(wrong("train.bin", &rows[..rows.len() - 1], &rows).contains("no whole number of rows"));
    let mut bad = rows.clone();
    bad[1] = 100;
    assert!(wrong("train.bin", &bad, &rows).contains("a label 100 where 0 to 99 belong"));
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("fc100/FC100.npz"), b"PK");
    let error = FC100.plan(&SearchPath::only([dir.path()])).err().unwrap().to_string();
    assert!(
        error.starts_with("fc100 is not here") && error.contains("FC100.npz, which is not read: convert it"),
        "{error}"
    );
}

#[test]
fn mini_imagenet_s_pickles_are_its_classes() {
    let names = ["n01440764", "n02074367", "n03888605"];
    let image = |class: usize, i: usize| -> Vec<u8> {
        (0..84 * 84 * 3).map(|at| (at * (class + 2) / 5 + i * 40) as u8).collect()
    };
    let dir = tempfile::tempdir().unwrap();
    for style in STYLES {
        for (class, name) in ["train", "val", "test"].into_iter().enumerate() {
            let data: Vec<u8> = (0..3).flat_map(|i| image(class, i)).collect();
            let array = || Written::Array(vec![3, 84, 84, 3], data.clone());
            let cache = Written::Dict(vec![
                (text("image_data"), array()),
                (text("class_dict"), Written::Dict(vec![(text(names[class]), Written::Ints(vec![0, 1, 2]))])),
            ]);
            let ren = ["train", "validation", "test"][class];
            let home = dir.path().join(format!("ren-{style:?}/mini-imagenet"));
            write(&home.join(format!("mini-imagenet-cache-{ren}.pkl")), &pickled(style, &cache));
            let split = Written::Dict(vec![
                (text("data"), array()),
                (text("labels"), Written::Ints(vec![64, 64, 64])),
                (text("catname2label"), Written::Dict(vec![(text(names[class]), Written::Int(64))])),
            ]);
            let home = dir.path().join(format!("split-{style:?}/miniImageNet"));
            let file = if class == 0 { "train_phase_train" } else { name };
            write(&home.join(format!("miniImageNet_category_split_{file}.pickle")), &pickled(style, &split));
            write(&home.join("miniImageNet_category_split_train_phase_val.pickle"), b"not read");
        }
    }
    let mut digests = Vec::new();
    for form in fs::read_dir(dir.path()).unwrap() {
        let search = SearchPath::only([form.unwrap().path()]);
        let plan = MINI_IMAGENET.plan(&search).unwrap();
        let found: Vec<(&str, usize)> = plan.classes.iter().map(|(name, images)| (&**name, images.len())).collect();
        assert_eq!(found, names.map(|name| (name, 3)));
        let spec = Dataset::MINI_IMAGENET.spec(84, Filter::Nearest).unwrap();
        let set = crate::cache::in_memory(&plan, &spec, &crate::silent).unwrap();
        assert!(set.image(4) == image(1, 1));
        digests.push(set.digest);
    }
    assert_eq!(digests.len(), 6);
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    let bad = Written::Dict(vec![
        (text("image_data"), Written::Array(vec![1, 2, 2, 3], vec![0; 12])),
        (text("class_dict"), Written::Dict(vec![(text(names[0]), Written::Ints(vec![1]))])),
    ]);
    write(&dir.path().join("bad/mini-imagenet/mini-imagenet-cache-train.pkl"), &pickled(Style::New, &bad));
    let error = MINI_IMAGENET.plan(&SearchPath::only([dir.path().join("bad")])).err().unwrap().to_string();
    assert!(error.contains("mini-imagenet-cache-train.pkl has image 1 among 1"), "{error}");
}

/// The real images, where they are.
#[test]
fn the_real_cifar_100_is_known() {
    let Some(real) = crate::fixtures::real_data("cifar-100").filter(|real| real.join("cifar-100/apple").is_dir())
    else {
        return;
    };
    let split = ClassSplit::parse(include_str!("../../../../benchmarks/splits/fc100.txt")).unwrap();
    let loader = crate::Loader::new(SearchPath::only([real]));
    let dataset = Dataset::named("fc100").unwrap();
    let report = crate::verify(&loader, &dataset, 32, Filter::Nearest, Some(&split)).unwrap();
    println!("{report}");
    assert!(report.is_sound());
    assert_eq!(report.known, Some((true, "all of CIFAR-100, training and test images")));
    assert_eq!(report.parts["train"], (60, 36_000));
}
