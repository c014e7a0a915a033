use std::fs;
use std::path::Path;

use harness_core::{ImageSet, Split};

use super::*;
use crate::dataset::Dataset;
use crate::decode::Filter;
use crate::fixtures::{Row, mini_imagenet, write_parquet};

type Image = (String, String, Vec<u8>);
type Writer = fn(&Path, &[Image]);

/// Ten classes of four images: six to train, two to validate, two to test.
const SMALL: (usize, usize) = (10, 4);

fn load(home: &Path) -> Result<(ImageSet, Plan)> {
    let plan = MINI_IMAGENET.plan(&SearchPath::only([home]))?;
    MINI_IMAGENET.count(&plan, SMALL.0, SMALL.1..=SMALL.1)?;
    let spec = Dataset::MINI_IMAGENET.spec(84, Filter::Nearest)?;
    Ok((crate::cache::in_memory(&plan, &spec, &crate::progress::silent)?, plan))
}

fn error(home: &Path) -> String {
    let error = load(home).err().expect("the data is bad").to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

fn part_of(class: usize) -> Split {
    match class {
        0..6 => Split::Train,
        6..8 => Split::Val,
        _ => Split::Test,
    }
}

const NAMES: [&str; 3] = ["train", "val", "test"];

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn write_parts(home: &Path, images: &[Image]) {
    for (i, (wnid, file, bytes)) in images.iter().enumerate() {
        write(&home.join(NAMES[part_of(i / SMALL.1) as usize]).join(wnid).join(file), bytes);
    }
}

fn write_classes(home: &Path, images: &[Image]) {
    for (wnid, file, bytes) in images {
        write(&home.join(wnid).join(file), bytes);
    }
}

fn write_csv(home: &Path, images: &[Image]) {
    let mut lists = ["filename,label\n"; 3].map(String::from);
    for (i, (wnid, file, bytes)) in images.iter().enumerate() {
        lists[part_of(i / SMALL.1) as usize] += &format!("{file},{wnid}\r\n");
        write(&home.join("images").join(file), bytes);
    }
    for (name, list) in NAMES.iter().zip(lists) {
        fs::write(home.join(format!("{name}.csv")), list).unwrap();
    }
}

/// Class-disjoint, each part counting its labels from 0, without names of labels, two files a part.
fn write_disjoint(home: &Path, images: &[Image]) {
    for (part, first, folder) in [(Split::Train, 0, "train"), (Split::Val, 6, "validation"), (Split::Test, 8, "test")] {
        let row = |(i, (_, file, bytes)): (usize, &Image)| (bytes.clone(), file.clone(), (i / SMALL.1 - first) as i64);
        let all = images.iter().enumerate().filter(|(i, _)| part_of(i / SMALL.1) == part);
        // Images of the classes take turns, as after a shuffle.
        let mut rows: Vec<Row> = all.map(row).collect();
        rows.sort_by(|a, b| a.1[9..].cmp(&b.1[9..]));
        let (one, two) = rows.split_at(rows.len() / 2);
        write_parquet(&home.join(format!("default/{folder}/0000.parquet")), one, None, 3);
        write_parquet(&home.join(format!("default/{folder}/0001.parquet")), two, None, 100);
    }
}

/// The same classes in every part, with names: three images of a class in train, one in validation, another in test.
fn write_pooled(home: &Path, images: &[Image]) {
    let mut names: Vec<String> = images.iter().map(|image| image.0.clone()).collect();
    names.dedup();
    let row = |(i, (_, file, bytes)): (usize, &Image)| (bytes.clone(), file.clone(), (i / SMALL.1) as i64);
    let of = |want: fn(usize) -> bool| -> Vec<Row> {
        images.iter().enumerate().filter(|(i, _)| want(i % SMALL.1)).map(row).collect()
    };
    write_parquet(&home.join("data/train-00000-of-00001.parquet"), &of(|i| i < 3), Some(&names), 7);
    write_parquet(&home.join("data/validation-00000-of-00001.parquet"), &of(|i| i == 3), Some(&names), 7);
    write_parquet(&home.join("data/test-00000-of-00001.parquet"), &of(|i| i == 0), Some(&names), 7);
}

#[test]
fn every_form_gives_the_same_images() {
    let images = mini_imagenet(SMALL.0, SMALL.1);
    let forms: [(&str, Writer); 4] =
        [("parts", write_parts), ("classes", write_classes), ("csv", write_csv), ("pooled", write_pooled)];
    let mut digests = Vec::new();
    for (form, write) in forms {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("mini-imagenet"), &images);
        let (set, plan) = load(dir.path()).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert!(plan.split.is_none(), "{form} has names: the benchmark's list of them splits it");
        assert_eq!((set.classes[3].name.as_str(), set.classes[3].images.clone()), ("n01443791", 12..16), "{form}");
        digests.push((form, set.digest));
    }
    assert!(digests.iter().all(|(_, digest)| *digest == digests[0].1), "{digests:?}");
}

#[test]
fn labels_without_names_become_classes_of_their_part() {
    let images = mini_imagenet(SMALL.0, SMALL.1);
    let (parts, disjoint) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_parts(&parts.path().join("mini-imagenet"), &images);
    write_disjoint(&disjoint.path().join("mini-imagenet"), &images);
    let (by_name, by_part) = (load(parts.path()).unwrap().0, load(disjoint.path()).unwrap());
    let split = by_part.1.split.unwrap();
    assert_eq!([split.train.len(), split.val.len(), split.test.len()], [6, 2, 2]);
    assert_eq!(split.val, ["val/000", "val/001"]);
    assert_eq!(by_part.0.classes[6].name, "val/000");
    for image in 0..by_name.len() {
        assert!(by_name.image(image) == by_part.0.image(image), "image {image}");
    }
}

#[test]
fn pooled_parquet_without_names_cannot_be_split() {
    let rows: Vec<Row> =
        mini_imagenet(2, 2).into_iter().enumerate().map(|(i, (_, f, b))| (b, f, i as i64 / 2)).collect();
    let dir = tempfile::tempdir().unwrap();
    for part in ["train", "validation", "test"] {
        write_parquet(&dir.path().join(format!("mini-imagenet/{part}.parquet")), &rows, None, 10);
    }
    assert!(error(dir.path()).contains("without names of labels"));
}

#[test]
fn what_is_wrong_with_a_list_is_named_by_its_line() {
    let images = mini_imagenet(SMALL.0, SMALL.1);
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("mini-imagenet");
    write_csv(&home, &images);
    let list = home.join("val.csv");
    let right = fs::read_to_string(&list).unwrap();
    for (line, what) in [
        ("n0999999900000001.jpg,n09999999", "val.csv line 10: n0999999900000001.jpg is not in"),
        (&format!("{},{}", images[24].1, images[24].0), "is listed a second time"),
        ("../../etc/passwd,n09999999", "not a plain name"),
        ("one field", "1 fields where filename,label belong"),
    ] {
        fs::write(&list, format!("{right}{line}\n")).unwrap();
        let error = error(dir.path());
        assert!(error.contains(what), "{error}");
    }
    fs::write(&list, [0xff, 0xfe, 0x00]).unwrap();
    assert!(error(dir.path()).contains("val.csv is not UTF-8 text"));
}

#[test]
fn too_few_images_or_classes_and_bad_images_are_named() {
    let images = mini_imagenet(SMALL.0, SMALL.1);
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("mini-imagenet");
    write_parts(&home, &images);
    let last = home.join("test").join(&images[39].0).join(&images[39].1);
    for (bytes, what) in
        [(&images[39].2[..300], "is a truncated JPEG"), (b"", "is empty"), (b"<html>", "is a web page")]
    {
        fs::write(&last, bytes).unwrap();
        let error = error(dir.path());
        assert!(error.contains(what) && error.contains(&images[39].1), "{error}");
    }
    fs::remove_file(&last).unwrap();
    assert!(error(dir.path()).contains("has 3 images where 4 belong"));
    fs::remove_dir_all(last.parent().unwrap()).unwrap();
    assert!(error(dir.path()).contains("9 classes where 10 belong"));
}

#[test]
fn parquet_that_is_cut_or_flipped_is_an_error_and_never_a_panic() {
    let images = mini_imagenet(SMALL.0, SMALL.1);
    let dir = tempfile::tempdir().unwrap();
    write_pooled(&dir.path().join("mini-imagenet"), &images);
    let path = dir.path().join("mini-imagenet/data/train-00000-of-00001.parquet");
    let whole = fs::read(&path).unwrap();
    for cut in [0, 3, 11, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(error(dir.path()).contains("fetch it again"), "cut at {cut}");
    }
    fs::write(&path, b"<!DOCTYPE html><html></html>").unwrap();
    assert!(error(dir.path()).contains("is a web page"));
    fs::write(&path, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n").unwrap();
    assert!(error(dir.path()).contains("LFS pointer"));
    // The footer, where a flipped bit may contradict the rest; pages themselves are the hub's sha256's to guard.
    for at in (whole.len() - 1200..whole.len()).step_by(13) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        let _ = load(dir.path());
    }
}

#[test]
fn nothing_there_says_where_and_how() {
    let dir = tempfile::tempdir().unwrap();
    // Lists alone, as the project's own data folder has them, are not the data.
    fs::create_dir_all(dir.path().join("mini-imagenet/splits")).unwrap();
    fs::write(dir.path().join("mini-imagenet/splits/train.csv"), "filename,label\n").unwrap();
    let error = error(dir.path());
    assert!(error.starts_with("mini-imagenet is not here"), "{error}");
    for way in ["data fetch mini-imagenet", "train.csv", "HARNESS_DATA_DIR"] {
        assert!(error.contains(way), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn what_lies_about_in_a_data_folder_disturbs_nobody() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let images = mini_imagenet(SMALL.0, SMALL.1);
    std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
    std::os::unix::fs::symlink(".", dir.path().join("loop")).unwrap();
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xff")), b"").unwrap();
    fs::write(dir.path().join("other.parquet"), b"").unwrap();
    assert!(error(dir.path()).starts_with("mini-imagenet is not here"));
    // Not in a folder of its own: the class folders lie beside the rest.
    write_parts(dir.path(), &images);
    assert_eq!(load(dir.path()).unwrap().0.len(), 40);
}

/// The real number of images, and the times that are promised.
#[test]
#[ignore = "60,000 images: about a minute"]
fn at_full_size_a_cold_start_uses_all_cores_and_a_warm_one_is_at_once() {
    let dir = crate::fixtures::roomy_tempdir();
    let images = mini_imagenet(100, 600);
    for (wnid, file, bytes) in &images {
        write(&dir.path().join("folders/mini-imagenet").join(wnid).join(file), bytes);
    }
    let names: Vec<String> = images.chunks(600).map(|class| class[0].0.clone()).collect();
    let row = |(i, (_, file, bytes)): (usize, &Image)| (bytes.clone(), file.clone(), (i / 600) as i64);
    let (train, val): (Vec<_>, Vec<_>) = images.iter().enumerate().partition(|(i, _)| i % 600 < 500);
    let home = dir.path().join("parquet/mini-imagenet/data");
    let train: Vec<Row> = train.into_iter().map(row).collect();
    write_parquet(&home.join("train-00000-of-00002.parquet"), &train[..25_000], Some(&names), 1000);
    write_parquet(&home.join("train-00001-of-00002.parquet"), &train[25_000..], Some(&names), 1000);
    let val: Vec<Row> = val.into_iter().map(row).collect();
    write_parquet(&home.join("validation-00000-of-00001.parquet"), &val, Some(&names), 1000);
    drop((images, train, val));
    // Beyond the page cache; the fixtures' own memory is in the first number.
    let memory = || {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.map_or("?".to_string(), |line| line.trim().to_string())
    };
    println!("memory before: {}", memory());
    let mut digests = Vec::new();
    for form in ["folders", "parquet"] {
        for start in ["cold", "warm", "warm"] {
            let loader = crate::Loader {
                cache: crate::Cache::at(dir.path().join("cache")),
                ..crate::Loader::new(SearchPath::only([dir.path().join(form)]))
            };
            let begin = std::time::Instant::now();
            let set = loader.load(&Dataset::MINI_IMAGENET, 84, Filter::Nearest).unwrap().images;
            let seconds = begin.elapsed().as_secs_f64();
            println!("{form} {start}: {seconds:.3} s, memory {}", memory());
            assert_eq!(set.len(), 60_000);
            assert!(start == "cold" || seconds < 0.5, "{form} {start}: {seconds} s");
            digests.push(set.digest);
        }
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}
