//! The faults, one by one: what passes is got through, what lasts ends in an error that says what.

use super::*;

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

/// A hub that begins to answer and falls silent is waited for as long as is said for all attempts together, and what arrived
/// is there for the next time.
#[test]
fn a_hub_that_stalls_is_given_up_after_its_time_in_all() {
    let repository = Repository::new();
    let dir = tempfile::tempdir().unwrap();
    let healthy = repository.clone();
    let server = Server::start(move |request, _| match healthy.answer(request) {
        // A little more arrives on each attempt, so that the part grows.
        reply if request.path.contains("/store/1") => Reply { stall: Some(7), ..reply },
        reply => reply,
    });
    let ms = Duration::from_millis;
    let mut remote = remote(&server.url);
    remote.limits = Limits { silence: ms(200), stall: ms(500), attempts: 1000, ..remote.limits };
    let start = Instant::now();
    let error = fetch_with(&remote, dir.path()).unwrap_err().to_string();
    assert!(start.elapsed() < ms(2500), "{:?}", start.elapsed());
    assert!(
        error.contains("gave up after 500ms without an answer") && error.contains("what arrived is kept"),
        "{error}"
    );
    let asked = server.requests.lock().unwrap().iter().filter(|request| request.path.contains("/store/1")).count();
    assert!((2..=4).contains(&asked), "{asked} attempts");
    drop(server);
    nothing_bad(&repository, dir.path());
    let whole: usize = repository.files.iter().map(|(_, bytes)| bytes.len()).sum();
    let (rest, whole) = (completes(&repository, dir.path()).received, whole as u64);
    assert!(rest < whole, "{rest} of {whole} bytes came again");
}
