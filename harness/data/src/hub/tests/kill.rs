//! kill -9 at random moments of a fetch: whatever is left, the next run completes.

use super::*;
use crate::fixtures::child;
use harness_core::{Purpose, Stream};

/// What the killed process does: not a test of its own.
#[test]
#[ignore = "run by the test below"]
fn fetches() {
    if let Some([url, dir]) = child::arguments() {
        let _ = fetch_from(&url, Path::new(&dir));
    }
}

#[test]
fn a_fetch_that_is_killed_at_any_moment_is_completed_by_the_next() {
    let repository = Repository::new();
    let slow = repository.clone();
    let server = Server::start(move |request, _| {
        let reply = slow.answer(request);
        Reply { crawl: Some((300, Duration::from_millis(4))), ..reply }
    });
    let mut moments = Stream::new(9, Purpose::Data, 0, 0);
    let mut unfinished = 0;
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let arguments = [server.url.as_str(), dir.path().to_str().unwrap()];
        child::kill_after(Duration::from_millis(5 + moments.below(140) as u64), "hub::tests::kill::fetches", arguments);
        nothing_bad(&repository, dir.path());
        unfinished += usize::from(whole(&crate::SearchPath::only([dir.path()])).is_err());
        completes(&repository, dir.path());
    }
    // Else the moments were badly chosen and nothing was tested.
    assert!(unfinished >= 5, "{unfinished} of 20 were killed before they were done");
}
