//! Every fault that a network can have, against a real server on loopback: each ends in verified data or in a clear
//! error within a stated time, no bad byte gets a name, and the next run against a healthy server completes.

mod faults;
mod kill;
mod server;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use harness_core::{Error, Result};
use sha2::{Digest, Sha256};

use super::fetch::fetch_checked;
use super::*;
use crate::dataset::Dataset;
use crate::fixtures::{Row, hub_row, omniglot, real_data, unpack_omniglot, write_parquet, zip_of};
use crate::progress::Step;
use server::{Reply, Request, Server};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const FILES: [&str; 2] = ["data/full-00000-of-00002-aa.parquet", "data/full 2%#.parquet"];
/// Longest that a fetch may take here, whatever the server does.
const TIME: Duration = Duration::from_secs(8);

/// The repository of a small Omniglot in two files.
#[derive(Clone)]
struct Repository {
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Repository {
    fn new() -> Self {
        let rows: Vec<Row> = omniglot(3).iter().map(hub_row).collect();
        Self::of(&rows, 4)
    }

    /// The rows in two files, `group` a group.
    fn of(rows: &[Row], group: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let half = rows.len() / 2;
        let file = |(i, name)| {
            let path = dir.path().join(format!("{i}.parquet"));
            write_parquet(&path, &rows[half * i..half * (i + 1)], None, group);
            (name, fs::read(path).unwrap())
        };
        Repository { files: FILES.into_iter().enumerate().map(file).collect() }
    }

    fn listing(&self) -> serde_json::Value {
        let file = |(name, bytes): &(&str, Vec<u8>)| {
            let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::json!({"rfilename": name, "size": bytes.len(), "lfs": {"sha256": sha256, "size": bytes.len()}})
        };
        let mut siblings: Vec<_> = self.files.iter().map(file).collect();
        siblings.push(serde_json::json!({"rfilename": "README.md", "size": 3}));
        serde_json::json!({"sha": COMMIT, "siblings": siblings})
    }

    /// A healthy answer: the listing, a redirect to the store, the store's bytes.
    fn answer(&self, request: &Request) -> Reply {
        let path = request.path.as_str();
        if path == "/api/datasets/GATE-engine/omniglot/revision/main?blobs=true" {
            return Reply::new(200, self.listing().to_string());
        }
        for (i, (_, bytes)) in self.files.iter().enumerate() {
            let name = ["data/full-00000-of-00002-aa.parquet", "data/full%202%25%23.parquet"][i];
            if path == format!("/datasets/GATE-engine/omniglot/resolve/{COMMIT}/{name}") {
                let etag = format!("\"{i}\"");
                return Reply::new(302, "").header("Location", format!("/store/{i}?signed=1")).header("ETag", etag);
            }
            if path == format!("/store/{i}?signed=1") {
                return Reply::range(request, bytes);
            }
        }
        Reply::new(404, "<html>no such page</html>")
    }
}

fn remote(url: &str) -> Remote {
    let ms = Duration::from_millis;
    Remote {
        endpoint: url.into(),
        official: format!("{url}/official"),
        token: Some("secret".into()),
        hub_cache: None,
        offline: false,
        limits: Limits {
            connect: ms(500),
            silence: ms(300),
            stall: Duration::from_secs(3),
            crawl: ms(500),
            attempts: 4,
            pause: ms(5),
            longest_pause: ms(300),
        },
    }
}

/// What the fetched files must be together: the small Omniglot.
fn whole(search: &crate::SearchPath) -> Result<()> {
    crate::omniglot::count(&crate::omniglot::plan(search)?, 4, 3)
}

fn fetch_from(url: &str, dir: &Path) -> Result<Fetched> {
    fetch_with(&remote(url), dir)
}

fn fetch_with(remote: &Remote, dir: &Path) -> Result<Fetched> {
    fetch_checked(&Dataset::OMNIGLOT, dir, remote, false, &crate::silent, &whole)
}

/// That a fetch from a healthy server completes in `dir`, whatever lies there, with the right bytes.
fn completes(repository: &Repository, dir: &Path) -> Fetched {
    let healthy = repository.clone();
    let server = Server::start(move |request, _| healthy.answer(request));
    let fetched = fetch_from(&server.url, dir).unwrap();
    for (name, bytes) in &repository.files {
        assert!(fs::read(fetched.path.join(name)).unwrap() == *bytes, "{name}");
    }
    assert!(!dir.join(".fetch-omniglot-GATE-engine--omniglot").exists());
    fetched
}

/// No file below `dir` has its final name unless its bytes are right.
fn nothing_bad(repository: &Repository, dir: &Path) {
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "parquet") {
                let bytes = fs::read(&entry).unwrap();
                assert!(repository.files.iter().any(|(_, right)| *right == bytes), "{}", entry.display());
            }
        }
    }
}

#[test]
fn a_healthy_hub_gives_all_and_is_not_asked_twice() {
    let repository = Repository::new();
    let dir = tempfile::tempdir().unwrap();
    let healthy = repository.clone();
    let server = Server::start(move |request, _| healthy.answer(request));
    let steps = Mutex::new(0);
    let fetched = fetch_checked(
        &Dataset::OMNIGLOT,
        dir.path(),
        &remote(&server.url),
        false,
        &|step| {
            *steps.lock().unwrap() += usize::from(matches!(step, Step::Downloading { .. }));
        },
        &whole,
    )
    .unwrap();
    let total: usize = repository.files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!((fetched.files, fetched.received), (2, total as u64));
    assert!(*steps.lock().unwrap() >= 2);
    assert_eq!(Dataset::OMNIGLOT.locate(&crate::SearchPath::only([dir.path()])).unwrap().form(), "parquet");
    let before = server.requests.lock().unwrap().len();
    assert_eq!(fetch_from(&server.url, dir.path()).unwrap().received, 0);
    // The listing alone.
    assert_eq!(server.requests.lock().unwrap().len(), before + 1);
}

#[test]
fn what_lies_elsewhere_is_found_and_what_was_fetched_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let search = crate::SearchPath::only([dir.path()]);
    let elsewhere = || elsewhere(&Dataset::OMNIGLOT, &search, dir.path());
    assert_eq!(elsewhere().unwrap(), None);
    completes(&Repository::new(), dir.path());
    assert_eq!(elsewhere().unwrap(), None, "a fetch checks it again");
    let home = dir.path().join("omniglot");
    fs::remove_dir_all(&home).unwrap();
    // As many empty drawings as there are: they are counted, not decoded.
    let names: Vec<String> =
        (0..1623 * 20).map(|i| format!("images_background/A/{:04}/{:02}.png", i / 20, i % 20)).collect();
    let zip = zip_of(names.iter().map(|name| (name.as_str(), &b""[..])));
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("images_background.zip"), zip).unwrap();
    fs::create_dir_all(home.join("images_evaluation")).unwrap();
    let found = elsewhere().unwrap().unwrap();
    assert_eq!((found.form().as_str(), &found.paths[0]), ("zip and folders", &home.join("images_background.zip")));
    fs::create_dir_all(home.join("images_evaluation/A/9999")).unwrap();
    fs::write(home.join("images_evaluation/A/9999/01.png"), "").unwrap();
    let error = elsewhere().unwrap_err().to_string();
    assert!(error.contains("omniglot: A/9999 has 1 drawings where 20 belong"), "{error}");
    assert!(error.contains("remove it, or fetch into another folder with --data-dir DIR"), "{error}");
}

#[test]
fn of_two_fetches_at_once_the_second_waits_and_uses_what_the_first_brought() {
    let repository = Repository::new();
    let slow = repository.clone();
    let server = Server::start(move |request, _| {
        let reply = slow.answer(request);
        Reply { crawl: Some((500, Duration::from_millis(3))), ..reply }
    });
    let dir = tempfile::tempdir().unwrap();
    let both = std::thread::scope(|scope| {
        let fetch = || fetch_from(&server.url, dir.path()).unwrap().received;
        let both = [scope.spawn(fetch), scope.spawn(fetch)];
        both.map(|fetch| fetch.join().unwrap())
    });
    let total: usize = repository.files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(both.iter().sum::<u64>(), total as u64);
    nothing_bad(&repository, dir.path());
}

#[test]
fn a_damaged_file_in_its_place_is_mended() {
    let repository = Repository::new();
    let dir = tempfile::tempdir().unwrap();
    let place = completes(&repository, dir.path()).path;
    let path = place.join(FILES[0]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(completes(&repository, dir.path()).received, bytes.len() as u64);
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let repository = Repository::new();
    let store = repository.clone();
    let store = Server::start(move |request, _| store.answer(request));
    let (elsewhere, healthy) = (store.url.clone(), repository.clone());
    let hub = Server::start(move |request, _| {
        let mut reply = healthy.answer(request);
        for (name, value) in &mut reply.headers {
            if name == "Location" {
                *value = format!("{elsewhere}{value}");
            }
        }
        reply
    });
    let dir = tempfile::tempdir().unwrap();
    fetch_from(&hub.url, dir.path()).unwrap();
    assert!(hub.requests.lock().unwrap().iter().all(|request| request.authorized));
    let store = store.requests.lock().unwrap();
    assert!(store.len() == 2 && store.iter().all(|request| !request.authorized));
}

#[test]
fn what_the_hubs_own_programs_fetched_is_checked_and_used() {
    let repository = Repository::new();
    let dir = tempfile::tempdir().unwrap();
    let blobs = dir.path().join("hub/datasets--GATE-engine--omniglot/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let listing = repository.listing();
    for (i, (_, bytes)) in repository.files.iter().enumerate() {
        let sha256 = listing["siblings"][i]["lfs"]["sha256"].as_str().unwrap();
        // The second is damaged, and so fetched.
        fs::write(blobs.join(sha256), if i == 0 { bytes } else { &bytes[1..] }).unwrap();
    }
    let healthy = repository.clone();
    let server = Server::start(move |request, _| healthy.answer(request));
    let remote = Remote { hub_cache: Some(dir.path().join("hub")), ..remote(&server.url) };
    let fetched = fetch_checked(&Dataset::OMNIGLOT, &dir.path().join("data"), &remote, false, &crate::silent, &whole);
    assert_eq!(fetched.unwrap().received, repository.files[1].1.len() as u64);
}

#[test]
fn offline_and_without_a_licence_no_socket_is_opened() {
    let server = Server::start(|_, _| Reply::new(500, ""));
    let dir = tempfile::tempdir().unwrap();
    let offline = Remote { offline: true, ..remote(&server.url) };
    let error = fetch(&Dataset::OMNIGLOT, dir.path(), &offline, false, &crate::silent).unwrap_err().to_string();
    assert!(error.contains("--offline"), "{error}");
    let error = fetch(&Dataset::MINI_IMAGENET, dir.path(), &remote(&server.url), false, &crate::silent).unwrap_err();
    assert!(matches!(error, Error::Usage(_)) && error.to_string().contains("--accept-license"), "{error}");
    assert!(server.requests.lock().unwrap().is_empty());
}

#[test]
fn what_comes_by_itself_says_why_it_did_not() {
    let server = Server::start(|_, _| Reply::new(404, ""));
    let dir = tempfile::tempdir().unwrap();
    let loader = crate::Loader::new(crate::SearchPath::only([dir.path()]));
    let load = |dataset: &Dataset, remote: &Remote| {
        loader.load_or_fetch(dataset, 28, crate::Filter::Nearest, remote).err().unwrap().to_string()
    };
    let error = load(&Dataset::OMNIGLOT, &remote(&server.url));
    assert!(error.starts_with("omniglot is not here") && error.contains("fetching it failed"), "{error}");
    let before = server.requests.lock().unwrap().len();
    assert!(before > 0);
    // What is large or has terms never comes by itself, and offline nothing does.
    assert!(load(&Dataset::MINI_IMAGENET, &remote(&server.url)).starts_with("mini-imagenet is not here"));
    let error = load(&Dataset::OMNIGLOT, &Remote { offline: true, ..remote(&server.url) });
    assert!(error.starts_with("omniglot is not here") && !error.contains("fetching"), "{error}");
    assert_eq!(server.requests.lock().unwrap().len(), before);
}

#[test]
fn when_the_hub_fails_the_authors_archives_are_asked_and_their_md5_decides() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/official/images_background.zip" | "/official/images_evaluation.zip" => {
            Reply::new(200, "PK\u{3} not the archive")
        }
        _ => Reply::new(404, ""),
    });
    let dir = tempfile::tempdir().unwrap();
    let error = fetch_from(&server.url, dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("not found (404)") && error.contains("images_background.zip: what arrived has another checksum")
    );
    // The hub's listing was asked for once, the archive as often as it was wrong.
    let requests = server.requests.lock().unwrap();
    let archive = requests.iter().filter(|request| request.path.ends_with("background.zip")).collect::<Vec<_>>();
    assert_eq!((archive.len(), archive.iter().any(|request| request.authorized)), (4, false));
}

#[test]
fn the_real_omniglot_is_fetched_and_labels_in_another_order_are_not() {
    let Some(real) = real_data("omniglot") else { return };
    let mut rows: Vec<Row> = unpack_omniglot(&real.join("omniglot")).iter().map(hub_row).collect();
    let fetch_rows = |rows: &[Row], dir: &Path| {
        let repository = Repository::of(rows, 1000);
        let server = Server::start(move |request, _| repository.answer(request));
        fetch(&Dataset::OMNIGLOT, dir, &remote(&server.url), false, &crate::silent)
    };
    let dir = tempfile::tempdir().unwrap();
    let fetched = fetch_rows(&rows, dir.path()).unwrap();
    println!("{fetched:?}");
    assert_eq!(Dataset::OMNIGLOT.locate(&crate::SearchPath::only([dir.path()])).unwrap().paths.len(), 2);
    // Complete, each file with its right checksum, and yet the characters bear other names.
    for (_, path, label) in &mut rows {
        path.clear();
        *label = (*label + 1) % 1623;
    }
    let dir = tempfile::tempdir().unwrap();
    let error = fetch_rows(&rows, dir.path()).unwrap_err().to_string();
    assert!(error.contains("complete, and yet not all of Omniglot"), "{error}");
    assert!(!dir.path().join(".fetch-omniglot-GATE-engine--omniglot").exists());
    assert!(Dataset::OMNIGLOT.locate(&crate::SearchPath::only([dir.path()])).is_err());
}
