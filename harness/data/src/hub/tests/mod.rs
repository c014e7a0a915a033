//! Every fault that a network can have, against a real server on loopback: each ends in verified data or in a clear
//! error within a stated time, no bad byte gets a name, and the next run against a healthy server completes.

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
use crate::fixtures::{Row, omniglot, write_parquet};
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
        let dir = tempfile::tempdir().unwrap();
        let row = |(_, path, bytes): &(&str, String, Vec<u8>)| -> Row {
            let file = path.rsplit('/').next().unwrap();
            (bytes.clone(), file.to_string(), file[..4].parse::<i64>().unwrap() - 1)
        };
        let rows: Vec<Row> = omniglot(3).iter().map(row).collect();
        let file = |(i, name)| {
            let path = dir.path().join(format!("{i}.parquet"));
            write_parquet(&path, &rows[6 * i..6 * i + 6], None, 4);
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
    fetch_checked(&Dataset::Omniglot, dir, &remote(url), false, &crate::silent, &whole)
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

/// How a fault ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The fetch gets through in spite of it.
    Through,
    /// An error that contains this.
    Refused(&'static str),
}

/// A fault on requests whose path contains `at`: `fault` makes the reply of the healthy one, given how many requests for
/// that path came before; none leaves it alone.
fn with_fault(
    name: &str,
    at: &'static str,
    end: End,
    fault: impl Fn(Reply, usize) -> Option<Reply> + Send + Sync + 'static,
) {
    let repository = Repository::new();
    let dir = tempfile::tempdir().unwrap();
    let healthy = repository.clone();
    let server = Server::start(move |request, before| {
        let reply = healthy.answer(request);
        let faulty = request.path.contains(at).then(|| fault(reply.clone(), before)).flatten();
        faulty.unwrap_or(reply)
    });
    let start = Instant::now();
    let result = fetch_from(&server.url, dir.path());
    assert!(start.elapsed() < TIME, "{name} took {:?}", start.elapsed());
    drop(server);
    nothing_bad(&repository, dir.path());
    match (end, result) {
        (End::Through, Ok(_)) => {}
        (End::Refused(what), Err(error)) => {
            let text = error.to_string();
            assert!(matches!(error, Error::Data(_)), "{name}: {error:?}");
            assert!(text.contains(what) && text.lines().count() == 1, "{name}: {text}");
            assert!(!text.contains("secret") && !text.contains("signed"), "{name}: {text}");
            assert!(whole(&crate::SearchPath::only([dir.path()])).is_err(), "{name}: a half-fetched set is found");
        }
        (_, result) => panic!("{name}: {result:?}"),
    }
    let fetched = completes(&repository, dir.path());
    assert!(end != End::Through || fetched.received == 0, "{name}: fetched again");
}

#[test]
fn a_healthy_hub_gives_all_and_is_not_asked_twice() {
    let repository = Repository::new();
    let dir = tempfile::tempdir().unwrap();
    let healthy = repository.clone();
    let server = Server::start(move |request, _| healthy.answer(request));
    let steps = Mutex::new(0);
    let fetched = fetch_checked(
        &Dataset::Omniglot,
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
    assert_eq!(crate::locate_omniglot(&crate::SearchPath::only([dir.path()])).unwrap().shape, crate::Shape::Parquet);
    let before = server.requests.lock().unwrap().len();
    assert_eq!(fetch_from(&server.url, dir.path()).unwrap().received, 0);
    // The listing alone.
    assert_eq!(server.requests.lock().unwrap().len(), before + 1);
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
fn passing_faults_are_got_through() {
    use End::Through;
    let half = |reply: Reply| reply.body.len() / 2;
    with_fault("429 with Retry-After", "/store/0", Through, |_, n| {
        (n == 0).then(|| Reply::new(429, "").header("Retry-After", "1"))
    });
    with_fault("listing 503", "/api/", Through, |_, n| (n < 2).then(|| Reply::new(503, "")));
    with_fault("resolve 500", "/resolve/", Through, |_, n| (n < 2).then(|| Reply::new(500, "")));
    with_fault("cut at half", "/store/", Through, move |reply, n| {
        (n == 0).then(|| Reply { cut: Some(half(reply.clone())), ..reply })
    });
    with_fault("cut on every attempt but the last", "/store/0", Through, |reply, n| {
        (n < 3).then_some(Reply { cut: Some(reply.body.len() / 3), ..reply })
    });
    with_fault("shorter than its length", "/store/1", Through, |reply, n| {
        (n == 0).then(|| Reply { says: Some(reply.body.len() + 10), ..reply })
    });
    with_fault("well-formed with half the bytes", "/store/1", Through, |reply, n| {
        (n == 0).then(|| Reply::new(200, &reply.body[..reply.body.len() / 2]))
    });
    with_fault("empty body", "/store/1", Through, |_, n| (n == 0).then(|| Reply::new(200, "")));
    with_fault("one flipped bit", "/store/1", Through, |mut reply, n| {
        reply.body[77] ^= 8;
        (n == 0).then_some(reply)
    });
    with_fault("web page", "/store/1", Through, |_, n| (n == 0).then(|| Reply::new(200, "<html>log in</html>")));
    with_fault("web page as listing", "/api/", Through, |_, n| (n == 0).then(|| Reply::new(200, "<html></html>")));
    with_fault("stalled at the first byte", "/store/0", Through, |reply, n| {
        (n == 0).then_some(Reply { stall: Some(0), ..reply })
    });
    with_fault("stalled at half", "/store/0", Through, |reply, n| {
        (n == 0).then_some(Reply { stall: Some(reply.body.len() / 2), ..reply })
    });
    with_fault("crawling", "/store/0", Through, |reply, n| {
        (n == 0).then(|| Reply { crawl: Some((1, Duration::from_millis(20))), ..reply })
    });
    with_fault("longer than listed", "/store/0", Through, |mut reply, n| {
        reply.body.extend([0; 99]);
        (n == 0).then_some(reply)
    });
    with_fault("ignores the range after a cut", "/store/0", Through, {
        let whole = Repository::new().files[0].1.clone();
        move |reply, n| match n {
            0 => Some(Reply { cut: Some(reply.body.len() / 2), ..reply }),
            1 => Some(Reply::new(200, whole.clone())),
            _ => None,
        }
    });
    with_fault("another range than asked for", "/store/0", Through, |reply, n| match n {
        0 => Some(Reply { cut: Some(reply.body.len() / 2), ..reply }),
        1 => Some(Reply::new(206, reply.body).header("Content-Range", "bytes 3-9/10")),
        _ => None,
    });
    with_fault("416 after a cut", "/store/0", Through, |reply, n| match n {
        0 => Some(Reply { cut: Some(reply.body.len() / 2), ..reply }),
        1 => Some(Reply::new(416, "")),
        _ => None,
    });
}

#[test]
fn lasting_faults_end_in_an_error_that_says_what() {
    use End::Refused;
    with_fault("401", "/api/", Refused("HF_TOKEN"), |_, _| Some(Reply::new(401, "")));
    with_fault("403 of a file", "/resolve/", Refused("terms accepted"), |_, _| Some(Reply::new(403, "")));
    with_fault("404", "/api/", Refused("not found (404)"), |_, _| Some(Reply::new(404, "")));
    with_fault("404 of a file", "/resolve/", Refused("not found (404)"), |_, _| Some(Reply::new(404, "")));
    with_fault("always 429", "/store/", Refused("said 429"), |_, _| {
        Some(Reply::new(429, "").header("Retry-After", "99999"))
    });
    with_fault("always 500", "/api/", Refused("said 500"), |_, _| Some(Reply::new(500, "")));
    with_fault("always half", "/store/1", Refused("gave up after 4 attempts"), |reply, _| {
        Some(Reply::new(200, &reply.body[..reply.body.len() / 2]))
    });
    with_fault("always a flipped bit", "/store/1", Refused("another checksum"), |mut reply, _| {
        let last = reply.body.len() - 9;
        reply.body[last] ^= 1;
        Some(reply)
    });
    with_fault("always a web page", "/store/1", Refused("a web page instead"), |_, _| {
        Some(Reply::new(200, "<html>log in</html>"))
    });
    with_fault("an LFS pointer instead", "/store/1", Refused("ended at byte"), |_, _| {
        Some(Reply::new(200, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"))
    });
    with_fault("always stalled", "/store/1", Refused("cut off at byte"), |reply, _| {
        Some(Reply { stall: Some(9), ..reply })
    });
    with_fault("listing stalled", "/api/", Refused("gave up"), |reply, _| Some(Reply { stall: Some(9), ..reply }));
    with_fault("redirect loop", "/store/1", Refused("more than 8 redirects"), |_, _| {
        Some(Reply::new(302, "").header("Location", "/store/1?signed=1"))
    });
    with_fault("relative redirect loop", "/store/1", Refused("redirects"), |_, _| {
        Some(Reply::new(307, "").header("Location", "1?signed=1"))
    });
    with_fault("redirect to nowhere", "/resolve/", Refused("redirect to nowhere"), |_, _| Some(Reply::new(302, "")));
    with_fault("redirect to a file", "/resolve/", Refused("not a web address"), |_, _| {
        Some(Reply::new(302, "").header("Location", "file:///etc/passwd"))
    });
    with_fault("a branch instead of a commit", "/api/", Refused("without a commit"), |reply, _| {
        let text = String::from_utf8(reply.body).unwrap().replace(COMMIT, "main");
        Some(Reply::new(200, text))
    });
    for name in ["../../evil.parquet", "/tmp/evil.parquet", "a\\\\b.parquet", "a\\nb.parquet", "a\\u0000.parquet"] {
        with_fault(name, "/api/", Refused("unsafe file name"), move |reply, _| {
            Some(Reply::new(200, String::from_utf8(reply.body).unwrap().replace(FILES[0], name)))
        });
    }
}

#[test]
fn an_endless_listing_is_cut_and_a_server_that_is_not_there_is_named() {
    with_fault("endless listing", "/api/", End::Refused("not a listing"), |_, _| {
        Some(Reply::new(200, vec![b' '; 17 << 20]))
    });
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    // A port that was free a moment ago.
    let url = Server::start(|_, _| Reply::new(200, "")).url.clone();
    std::thread::sleep(Duration::from_millis(50));
    let error = fetch_from(&url, dir.path()).unwrap_err().to_string();
    assert!(error.contains(&url) && error.contains("harness data fetch omniglot"), "{error}");
    assert!(start.elapsed() < TIME);
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
    let fetched = fetch_checked(&Dataset::Omniglot, &dir.path().join("data"), &remote, false, &crate::silent, &whole);
    assert_eq!(fetched.unwrap().received, repository.files[1].1.len() as u64);
}

#[test]
fn offline_and_without_a_licence_no_socket_is_opened() {
    let server = Server::start(|_, _| Reply::new(500, ""));
    let dir = tempfile::tempdir().unwrap();
    let offline = Remote { offline: true, ..remote(&server.url) };
    let error = fetch(&Dataset::Omniglot, dir.path(), &offline, false, &crate::silent).unwrap_err().to_string();
    assert!(error.contains("--offline"), "{error}");
    let error = fetch(&Dataset::MiniImagenet, dir.path(), &remote(&server.url), false, &crate::silent).unwrap_err();
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
    let error = load(&Dataset::Omniglot, &remote(&server.url));
    assert!(error.starts_with("omniglot is not here") && error.contains("fetching it failed"), "{error}");
    let before = server.requests.lock().unwrap().len();
    assert!(before > 0);
    // What is large or has terms never comes by itself, and offline nothing does.
    assert!(load(&Dataset::MiniImagenet, &remote(&server.url)).starts_with("mini-imagenet is not here"));
    let error = load(&Dataset::Omniglot, &Remote { offline: true, ..remote(&server.url) });
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
