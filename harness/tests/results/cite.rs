//! `harness cite` of results folders.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::binary;
use crate::copy;
use crate::process::{done, run};

#[test]
fn a_folder_is_cited_by_the_methods_and_data_of_its_runs_and_noted_by_where_they_were_made() {
    let dir = tempfile::tempdir().unwrap();
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference");
    let cite = |args: &[&str]| {
        let mut command = binary(dir.path());
        command.arg("cite").args(args);
        done(command).out
    };
    copy(&reference.join("paper/quadratic"), &dir.path().join("out/paper/quadratic"));
    let entries = cite(&["out"]);
    for key in ["nichol2018first", "finn2017model", "zhou2019efficient"] {
        assert_eq!(entries.matches(&format!("{{{key},")).count(), 1, "{key} in {entries}");
    }
    for other in ["{snell2017prototypical,", "{lake2015human,", "no entry is known"] {
        assert!(!entries.contains(other), "{other} in {entries}");
    }
    copy(&reference.join("paper/omniglot-20w1s"), &dir.path().join("more/paper/omniglot-20w1s"));
    assert!(cite(&["more"]).contains("{lake2015human,"), "the data set");

    let note = cite(&["out", "--note"]);
    let record = fs::read_to_string(dir.path().join("out/paper/quadratic/reptile/seed-0/run.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let commit = &record["git_commit"].as_str().unwrap()[..12];
    for part in [" of them with a training of their own, took ", record["cpu"].as_str().unwrap(), commit] {
        assert!(note.contains(part), "{part} in {note}");
    }
    assert!(note.lines().count() == 1 && !note.contains('{'), "{note}");
}

#[test]
fn a_note_is_of_results_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = binary(dir.path());
    command.args(["cite", "sine", "--note"]);
    run(command).expect(2, "sine: no folder with results, so there is nothing to note");
}

#[test]
fn what_cannot_be_cited_is_told_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let cite = |args: &[&str]| {
        let mut command = binary(dir.path());
        command.arg("cite").args(args);
        run(command)
    };
    cite(&[]).expect(2, "results/runs: no such folder: name the --out of `harness reproduce`, or a benchmark");
    cite(&["--note"]).expect(2, "results/runs: no folder with results, so there is nothing to note: name the --out");
    cite(&["sin"]).expect(2, "did you mean \"sine\"?");
    fs::create_dir(dir.path().join("empty")).unwrap();
    cite(&["empty"]).expect(2, "no runs under empty: name the --out of `harness reproduce`, or a budget folder inside");
    fs::create_dir_all(dir.path().join("new/quick/sine/reptile/seed-0")).unwrap();
    cite(&["new"]).expect(2, "new: no run there has begun: `harness reproduce` completes them");
    cite(&["new", "--note"]).expect(2, "new: no run there is complete: `harness reproduce` completes them");

    // A budget folder is cited as the folder above it.
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference");
    copy(&reference.join("paper/quadratic"), &dir.path().join("out/paper/quadratic"));
    let whole = cite(&["out"]).expect(0, "").out;
    assert!(whole.contains("{nichol2018first,"), "{whole}");
    assert_eq!(cite(&["out/paper"]).expect(0, "").out, whole);
}
