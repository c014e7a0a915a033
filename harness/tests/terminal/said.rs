//! What is said on stderr while a command runs, at each level; stdout holds the result alone.

use insta::assert_snapshot;

use crate::binary::{Place, Said};

const TINY: &str = "reproduce sine --method untrained --eval-episodes 5 --threads 1 --out out";

/// The tiny run, from the start, with more words and variables.
fn tiny(more: &str, variables: &[(&str, &str)]) -> Said {
    let place = Place::new();
    let output = place.command(&format!("{TINY} {more}")).envs(variables.iter().copied()).output().unwrap();
    let said = Said::new(output, place.dir.path());
    assert_eq!(said.code, 0, "{}", said.err);
    said
}

#[test]
fn progress_is_on_stderr_and_results_on_stdout() {
    let said = tiny("", &[]);
    assert_snapshot!("run", said.all());
    assert!(!said.all().contains('\u{1b}'));
}

#[test]
fn quiet_says_nothing_and_prints_the_same_result() {
    let (plain, quiet) = (tiny("", &[]), tiny("-q", &[]));
    assert_eq!((quiet.err.as_str(), quiet.out), ("", plain.out));
    let failed = Place::new().run("-q reproduce sin");
    assert!(failed.code == 2 && failed.err.contains("did you mean \"sine\"?"), "{}", failed.err);
}

#[test]
fn verbose_says_what_is_decided_and_twice_says_more() {
    let (once, twice) = (tiny("-v", &[]).err, tiny("-vv", &[]).err);
    for part in [
        "debug: planned sine untrained seed 0 (new): 0 meta-iterations",
        "debug: sine untrained seed 0: checkpoint written at step 0",
    ] {
        assert!(once.contains(part) && twice.contains(part), "{part} is not in:\n{once}");
    }
    assert!(!once.contains("trace: ") && twice.contains("trace: "), "{twice}");
}

#[test]
fn the_variable_decides_where_nothing_is_typed() {
    assert_eq!(tiny("", &[("RUST_LOG", "error")]).err, "");
    assert!(tiny("", &[("RUST_LOG", "harness::progress=debug")]).err.contains("debug: sine untrained"));
    assert!(tiny("-v", &[("RUST_LOG", "error")]).err.contains("debug: "));
    assert_eq!(tiny("-q", &[("RUST_LOG", "trace")]).err, "");
}

#[test]
fn a_dry_run_prints_its_plan() {
    let place = Place::new();
    let said = place.run("reproduce sine --seeds 2 --method reptile --method untrained --dry-run --out out");
    assert_snapshot!("dry-run", said.all());
}

#[test]
fn what_is_left_out_says_why_and_how_to_bring_it() {
    let place = Place::new();
    let said = place.run("reproduce --method untrained --dry-run --offline");
    assert_snapshot!("left-out", said.all());
    let quiet = place.run("-q reproduce --method untrained --dry-run --offline");
    assert!(quiet.err.is_empty() && quiet.code == 0, "{}", quiet.err);
}

#[test]
fn a_benchmark_that_is_through_is_shown_while_others_go_on() {
    let place = Place::new();
    let said = place.run("reproduce --method untrained --eval-episodes 5 --threads 1 --offline --out out");
    assert_eq!(said.code, 0, "{}", said.err);
    let first = said.err.find("sine: first tables and plots").unwrap_or_else(|| panic!("{}", said.err));
    let last = said.err.find("glyphs-5w1s untrained seed 0: done").unwrap();
    assert!(first < last && !said.err.contains("glyphs-5w1s: first tables"), "{}", said.err);
}
