use super::*;
use crate::cache::Cache;
use crate::dataset::Dataset;
use crate::decode::Filter;
use crate::fixtures::{
    Row, hub_row, omniglot, tar_gz_of, tar_of, unpack_omniglot, write_folders, write_parquet, write_zips, zip_of,
};
use crate::loader::Loader;
use crate::progress::Step;
use harness_core::ImageSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The small Omniglot of the fixtures: 4 characters, `drawings` each.
fn load_small(dir: &Path, drawings: usize) -> Result<ImageSet> {
    let plan = plan(&SearchPath::only([dir]))?;
    count(&plan, 4, drawings)?;
    crate::cache::in_memory(&plan, &Dataset::OMNIGLOT.spec(28, Filter::Nearest)?, &crate::progress::silent)
}

fn error(dir: &Path) -> String {
    let error = load_small(dir, 3).err().expect("the data is bad").to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn zips_folders_and_one_merged_folder_give_the_same_digest() {
    let files = omniglot(3);
    let dir = tempfile::tempdir().unwrap();
    let homes = ["zips", "folders", "merged"].map(|shape| dir.path().join(shape));
    write_zips(&homes[0].join("omniglot"), &files);
    write_folders(&homes[1].join("omniglot"), &files);
    for (_, path, bytes) in &files {
        let path = homes[2].join("omniglot").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let sets = homes.map(|home| load_small(&home, 3).unwrap());
    assert_eq!(sets[0].digest, sets[1].digest);
    assert_eq!(sets[0].digest, sets[2].digest);
    let names: Vec<&str> = sets[0].classes.iter().map(|class| class.name.as_str()).collect();
    assert_eq!(
        names,
        ["Alphabet_of_the_Magi/character01", "Angelic/character01", "Greek/character02", "Tibetan/character10"]
    );
    // Third drawing of the second class in order: Angelic, id 965, by the fixture's formula at the centre pixels.
    let ink = |x: usize, y: usize| (x * (965 % 13 + 1) + y * 3).is_multiple_of(11);
    for (i, value) in sets[0].image(5).iter().enumerate() {
        let [x, y] = [i % 28, i / 28].map(|i| (2 * i + 1) * 105 / 56);
        assert_eq!(*value, if ink(x, y) { 0 } else { 255 });
    }
}

/// As halves and as a whole, each alone in its archive or below folders of the archive's own.
#[test]
fn every_archive_gives_the_digest_of_the_folders() {
    let files = omniglot(3);
    let dir = tempfile::tempdir().unwrap();
    write_folders(&dir.path().join("folders/omniglot"), &files);
    let wanted = load_small(&dir.path().join("folders"), 3).unwrap().digest;
    let packed = |ending: &str, keep: &str, above: &str| {
        let files = files.iter().filter(|(half, ..)| half.starts_with(keep));
        let named: Vec<(String, &[u8])> =
            files.map(|(half, path, bytes)| (format!("{above}{half}/{path}"), bytes.as_slice())).collect();
        let named = named.iter().map(|(name, bytes)| (name.as_str(), *bytes));
        match ending {
            "zip" => zip_of(named),
            "tar" => tar_of(named),
            _ => tar_gz_of(named),
        }
    };
    for ending in ["zip", "tar", "tar.gz"] {
        for (name, parts) in [
            (
                "halves",
                vec![("omniglot/images_background", "images_b", ""), ("omniglot/images_evaluation", "images_e", "")],
            ),
            ("whole", vec![("omniglot", "", "")]),
            ("inside", vec![("omniglot/omniglot", "", "omniglot/python/")]),
        ] {
            let home = dir.path().join(format!("{name}-{ending}"));
            for (path, keep, above) in parts {
                let path = home.join(format!("{path}.{ending}"));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, packed(ending, keep, above)).unwrap();
            }
            assert_eq!(load_small(&home, 3).unwrap().digest, wanted, "{name} {ending}");
        }
    }
}

#[test]
fn a_class_with_a_drawing_too_few_or_a_missing_class_is_named() {
    let mut files = omniglot(3);
    files.remove(4);
    let dir = tempfile::tempdir().unwrap();
    write_folders(&dir.path().join("omniglot"), &files);
    assert!(error(dir.path()).contains("Greek/character02 has 2 drawings where 3 belong"));
    let dir = tempfile::tempdir().unwrap();
    write_folders(&dir.path().join("omniglot"), &omniglot(3)[3..]);
    assert!(error(dir.path()).contains("3 characters where 4 belong"));
}

#[test]
fn a_zip_cut_in_half_an_empty_one_and_a_web_page_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("omniglot");
    write_zips(&home, &omniglot(3));
    let path = home.join("images_evaluation.zip");
    let whole = fs::read(&path).unwrap();
    for (bytes, what) in [
        (&whole[..whole.len() / 2], "is truncated or not a zip"),
        (b"", "is truncated or not a zip"),
        (b"<html>404</html>", "is a web page"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = error(dir.path());
        assert!(error.contains(&path.display().to_string()) && error.contains(what), "{error}");
        assert!(error.contains("fetch it again"), "{error}");
    }
}

#[test]
fn any_flipped_byte_of_a_zip_is_an_error_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("omniglot");
    write_zips(&home, &omniglot(3));
    let drawings = |set: &ImageSet| {
        let mut drawings: Vec<Vec<u8>> = (0..set.len()).map(|i| set.image(i).to_vec()).collect();
        drawings.sort();
        drawings
    };
    let right = drawings(&load_small(dir.path(), 3).unwrap());
    let path = home.join("images_background.zip");
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(7) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x55;
        fs::write(&path, &flipped).unwrap();
        match load_small(dir.path(), 3) {
            // The archive's directory has no checksum: a name may change, and with it the order, but no pixel.
            Ok(set) => assert!(drawings(&set) == right, "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused * 7 > whole.len() / 2, "{refused} of {}", whole.len() / 7);
}

#[test]
fn drawings_that_are_noise_are_named_and_counted() {
    let mut files = omniglot(3);
    files[4].2 = b"noise".to_vec();
    files[7].2.truncate(60);
    for write in [write_zips, write_folders] {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("omniglot"), &files);
        let error = error(dir.path());
        // The first in the set's order is Angelic's, the second in the order of the files.
        assert!(error.contains("Angelic/character01/0965_02.png does not decode"), "{error}");
        assert!(error.contains("and 1 more of 12 images are bad"), "{error}");
    }
}

#[test]
fn parquet_gives_the_digest_of_the_zips() {
    let files = omniglot(3);
    let dir = tempfile::tempdir().unwrap();
    write_zips(&dir.path().join("zips/omniglot"), &files);
    let zips = load_small(&dir.path().join("zips"), 3).unwrap();
    // With the names of the files in any order, and without names in the order of the drawings.
    let mut rows: Vec<Row> = files.iter().map(hub_row).collect();
    let nameless: Vec<Row> = rows.iter().map(|(bytes, _, label)| (bytes.clone(), String::new(), *label)).collect();
    rows.reverse();
    for (shape, rows) in [("named", rows), ("nameless", nameless)] {
        let home = dir.path().join(shape);
        write_parquet(&home.join("omniglot/data/full-00000-of-00001-0123abcd.parquet"), &rows, None, 5);
        assert_eq!(load_small(&home, 3).unwrap().digest, zips.digest, "{shape}");
    }
}

#[test]
fn shards_without_names_are_read_in_their_order() {
    let files = omniglot(3);
    let dir = tempfile::tempdir().unwrap();
    write_zips(&dir.path().join("zips/omniglot"), &files);
    let rows: Vec<Row> = files.iter().map(hub_row).map(|(bytes, _, label)| (bytes, String::new(), label)).collect();
    // The first drawing of each character in the first file, and so on: their rows have the same numbers.
    for shard in 0..3 {
        let rows: Vec<Row> = rows.iter().skip(shard).step_by(3).cloned().collect();
        let file = format!("shards/omniglot/data/full-{shard:05}-of-00003.parquet");
        write_parquet(&dir.path().join(file), &rows, None, 5);
    }
    let [zips, shards] = ["zips", "shards"].map(|form| load_small(&dir.path().join(form), 3).unwrap().digest);
    assert_eq!(zips, shards);
}

#[test]
fn a_label_that_is_no_character_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("omniglot/full.parquet");
    let mut rows: Vec<Row> = omniglot(3).iter().map(hub_row).collect();
    for label in [i64::MAX, i64::MIN, -1, 1623] {
        rows[3].2 = label;
        rows[3].1 = "0395_01.png".into();
        write_parquet(&path, &rows, None, 5);
        assert!(load_small(dir.path(), 3).is_ok(), "the name of the file says which character it is");
        rows[3].1.clear();
        write_parquet(&path, &rows, None, 5);
        let wanted = format!("{}: row 3 has label {label}, and Omniglot's are 0 to 1622", path.display());
        assert!(error(dir.path()).starts_with(&wanted), "{}", error(dir.path()));
    }
}

#[test]
fn the_real_omniglot_is_whole_in_every_form_and_decoded_once() {
    let Some(real) = crate::fixtures::real_data("omniglot") else { return };
    let decoded = AtomicUsize::new(0);
    let progress = |step: Step<'_>| {
        if let Step::Decoding { done, .. } = step {
            decoded.fetch_max(done, Ordering::Relaxed);
        }
    };
    let load = |dir: &Path, cache: Cache| {
        let loader = Loader { cache, progress: &progress, ..Loader::new(SearchPath::only([dir])) };
        loader.load(&Dataset::OMNIGLOT, 28, Filter::Nearest).unwrap().images
    };
    let dir = crate::fixtures::roomy_tempdir();
    let set = load(&real, Cache::at(dir.path().join("cache")));
    assert_eq!((set.classes.len(), set.len()), (1623, 32_460));
    assert_eq!(decoded.swap(0, Ordering::Relaxed), 32_460);
    assert_eq!(set.classes[0].name, "Alphabet_of_the_Magi/character01");
    assert_eq!(set.classes[1622].name, "ULOG/character26");
    let white = (0..set.len()).flat_map(|i| set.image(i)).filter(|value| **value == 255).count();
    let share = white as f64 / (set.len() * 784) as f64;
    assert!((share - 0.919_489).abs() < 1e-6, "{share}");
    assert_eq!(set.digest, DIGEST_28);

    assert_eq!(load(&real, Cache::at(dir.path().join("cache"))).digest, DIGEST_28);
    assert_eq!(decoded.load(Ordering::Relaxed), 0, "a warm start decodes nothing");

    let files = unpack_omniglot(&real.join("omniglot"));
    write_folders(&dir.path().join("folders/omniglot"), &files);
    assert_eq!(load(&dir.path().join("folders"), Cache::none()).digest, DIGEST_28);
    let rows: Vec<Row> = files.iter().map(hub_row).collect();
    write_parquet(&dir.path().join("parquet/omniglot/full.parquet"), &rows, None, 1000);
    assert_eq!(load(&dir.path().join("parquet"), Cache::none()).digest, DIGEST_28);
}

/// Digest of all of Omniglot at 28x28, computed by another decoder (PNG by hand in Python, `hashlib.sha256`).
const DIGEST_28: &str = "6692c87e29fe6b766061240676732f94f87dffd73c0fffa6537b192d6b7bd97c";
