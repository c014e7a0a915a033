use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::dataset::Dataset;
use crate::fixtures::{child, omniglot, write_folders};
use crate::search::SearchPath;
use harness_core::{Purpose, Stream};
use std::time::Duration;

/// A small Omniglot in folders and a cache beside it.
struct Fixture {
    dir: tempfile::TempDir,
    cache: Cache,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_folders(&dir.path().join("omniglot"), &omniglot(3));
        let cache = Cache::at(dir.path().join("cache/decoded"));
        Fixture { dir, cache }
    }

    fn plan(&self) -> Plan {
        Dataset::OMNIGLOT.plan(&SearchPath::only([self.dir.path()])).unwrap()
    }

    fn spec(side: usize) -> Spec {
        Dataset::OMNIGLOT.spec(side, Filter::Nearest).unwrap()
    }

    /// Opens the cache; how many images were decoded for it, and the notes on the way.
    fn open(&self, side: usize) -> (ImageSet, usize, Vec<String>) {
        let (decoded, notes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let set = self.cache.open(&self.plan(), &Self::spec(side), &|step| match step {
            Step::Decoding { done, .. } => _ = decoded.fetch_max(done, Ordering::Relaxed),
            Step::Note(note) => notes.lock().unwrap().push(note.to_string()),
            _ => {}
        });
        (set.unwrap(), decoded.into_inner(), notes.into_inner().unwrap())
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let files = fs::read_dir(self.cache.dir().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
    }
}

fn same(a: &ImageSet, b: &ImageSet) -> bool {
    a.digest == b.digest && a.classes == b.classes && (0..a.len()).all(|i| a.image(i) == b.image(i))
}

#[test]
fn decoding_happens_once_and_gives_what_memory_gives() {
    let fixture = Fixture::new();
    let memory = in_memory(&fixture.plan(), &Fixture::spec(28), &crate::progress::silent).unwrap();
    let (first, decoded, notes) = fixture.open(28);
    assert_eq!((decoded, notes.len()), (12, 0), "{notes:?}");
    let (second, decoded, _) = fixture.open(28);
    assert_eq!(decoded, 0);
    assert!(same(&first, &memory) && same(&second, &memory));
    // Another size is another file; nothing half-written stays behind.
    assert_eq!(fixture.open(20).1, 12);
    assert_eq!((fixture.files("images").len(), fixture.files("part").len()), (2, 0));
}

#[test]
fn a_source_that_changed_is_decoded_anew() {
    let fixture = Fixture::new();
    let before = fixture.open(28).0;
    let mut files = omniglot(3);
    files[0].2 = files[5].2.clone();
    write_folders(&fixture.dir.path().join("omniglot"), &files);
    let (after, decoded, _) = fixture.open(28);
    assert_eq!(decoded, 12);
    assert_ne!(before.digest, after.digest);
}

#[test]
fn every_kind_of_damage_is_seen_and_mended() {
    let fixture = Fixture::new();
    let whole = fixture.open(28).0;
    let path = fixture.files("images").remove(0);
    let bytes = fs::read(&path).unwrap();
    let mut damages: Vec<Vec<u8>> = vec![vec![], bytes[..bytes.len() / 2].to_vec(), bytes[..bytes.len() - 1].to_vec()];
    // A bit in the first pixel, in the last, in the description and in the footer.
    for at in [0, 12 * 784 - 1, 12 * 784 + 40, bytes.len() - 30, bytes.len() - 20, bytes.len() - 14, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        damages.push(damaged);
    }
    for damaged in damages {
        // As a failing disk would: other bytes under the same name.
        fs::remove_file(&path).unwrap();
        fs::write(&path, &damaged).unwrap();
        let (set, decoded, notes) = fixture.open(28);
        assert_eq!(decoded, 12);
        assert!(notes[0].contains("built anew"), "{notes:?}");
        assert!(same(&set, &whole));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn what_a_killed_builder_left_is_overwritten() {
    let fixture = Fixture::new();
    fixture.open(28);
    let path = fixture.files("images").remove(0);
    fs::rename(&path, path.with_extension("part")).unwrap();
    let mut longer = fs::read(path.with_extension("part")).unwrap();
    longer.extend([7; 10_000]);
    fs::write(path.with_extension("part"), longer).unwrap();
    let (_, decoded, _) = fixture.open(28);
    assert_eq!((decoded, fixture.files("part").len()), (12, 0));
    assert_eq!(fixture.open(28).1, 0);
}

#[test]
fn of_builders_at_once_one_builds_and_all_read() {
    let fixture = Fixture::new();
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let (set, decoded, _) = fixture.open(28);
                results.lock().unwrap().push((set.digest, decoded));
            });
        }
    });
    let results = results.into_inner().unwrap();
    assert_eq!(results.iter().filter(|(_, decoded)| *decoded > 0).count(), 1, "{results:?}");
    assert!(results.iter().all(|(digest, _)| *digest == results[0].0));
}

#[test]
fn bad_data_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let bad = fixture.dir.path().join("omniglot/images_background/Greek/character02/0395_01.png");
    fs::write(&bad, b"noise").unwrap();
    let error = fixture.cache.open(&fixture.plan(), &Fixture::spec(28), &crate::progress::silent).err().unwrap();
    assert!(error.to_string().contains("0395_01.png is neither"), "{error}");
    assert_eq!((fixture.files("images").len(), fixture.files("part").len()), (0, 0));
}

#[test]
fn without_a_usable_folder_small_sets_stay_in_memory() {
    let fixture = Fixture::new();
    let file = fixture.dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let whole = fixture.open(28).0;
    for cache in [Cache::none(), Cache::at(file.join("below"))] {
        let set = cache.open(&fixture.plan(), &Fixture::spec(28), &crate::progress::silent).unwrap();
        assert!(same(&set, &whole));
    }
}

/// What the killed process does: not a test of its own.
#[test]
#[ignore = "run by the test below"]
fn builds() {
    if let Some([data, cache]) = child::arguments() {
        let plan = Dataset::OMNIGLOT.plan(&SearchPath::only([data])).unwrap();
        let _ = Cache::at(cache).open(&plan, &Fixture::spec(64), &crate::progress::silent);
    }
}

#[test]
fn a_build_that_is_killed_at_any_moment_is_completed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    write_folders(&dir.path().join("omniglot"), &omniglot(700));
    let plan = Dataset::OMNIGLOT.plan(&SearchPath::only([dir.path()])).unwrap();
    let whole = in_memory(&plan, &Fixture::spec(64), &crate::progress::silent).unwrap();
    let mut moments = Stream::new(3, Purpose::Data, 0, 0);
    let mut unfinished = 0;
    for round in 0..20 {
        let cache = dir.path().join(format!("cache-{round}"));
        let arguments = [dir.path().to_str().unwrap(), cache.to_str().unwrap()];
        child::kill_after(Duration::from_millis(10 + moments.below(150) as u64), "cache::tests::builds", arguments);
        let built = || {
            fs::read_dir(&cache)
                .into_iter()
                .flatten()
                .any(|entry| entry.unwrap().path().extension().is_some_and(|extension| extension == "images"))
        };
        unfinished += usize::from(!built());
        let set = Cache::at(&cache).open(&plan, &Fixture::spec(64), &crate::progress::silent).unwrap();
        assert!(same(&set, &whole));
        let left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{left:?}");
    }
    // Else the moments were badly chosen and nothing was tested.
    assert!(unfinished >= 5, "{unfinished} of 20 were killed before they were done");
}
