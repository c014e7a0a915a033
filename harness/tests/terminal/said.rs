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

/// A dry run of whose times nobody asks.
fn dry(place: &Place, line: &str) -> Said {
    let mut command = place.command(&format!("reproduce {line} --dry-run"));
    Said::new(command.env("HARNESS_TEST_SAMPLE_MS", "50").output().unwrap(), place.dir.path())
}

#[test]
fn a_benchmark_without_the_row_is_passed_over_before_its_data_is_looked_for() {
    let place = Place::new();
    for line in ["--method descent", "omniglot-5w1s quadratic --method descent --shard 1/1"] {
        let said = dry(&place, &format!("{line} --offline"));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{line}");
        assert!(
            said.out.starts_with("quadratic descent seed 0 (new): ") && said.out.lines().count() == 2,
            "{}",
            said.out
        );
    }
    let nobody = dry(&place, "--method descnt --offline");
    assert!(nobody.code == 2 && nobody.err.starts_with("error: unknown method \"descnt\"; did you mean \"descent\"?"));
}

#[test]
fn the_folder_of_a_budget_is_not_taken_for_that_of_results() {
    let place = Place::new();
    let into = |out: &str| dry(&place, &format!("sine --method untrained --out {out}"));
    let meant = into("new/quick");
    let told = "--out new/quick: is named as the folder of one budget, and these runs go to new/quick/quick: was --out new \
                meant?\n";
    assert_eq!((meant.code, meant.err.as_str()), (0, told));
    std::fs::create_dir_all(place.dir.path().join("out/quick/sine/untrained/seed-0")).unwrap();
    let refused = into("out/quick");
    let told = "error: --out out/quick: is the folder of one budget, and these runs would go to out/quick/quick: give --out \
                out\n";
    assert_eq!((refused.code, refused.err.as_str()), (2, told));
    let above = into("out");
    assert_eq!((above.code, above.err.as_str()), (0, ""));
    // What was begun there goes on.
    std::fs::create_dir_all(place.dir.path().join("out/quick/quick/sine/untrained/seed-0")).unwrap();
    let begun = into("out/quick");
    assert_eq!((begun.code, begun.err.as_str()), (0, ""));
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
