//! `reproduce --shard I/N`: several processes fill one folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::{Bench, REPTILE, TRANSFER};
use crate::harness;
use crate::process::{done, end, run, start};

/// Two methods on waves, to be run with two seeds: four runs.
fn bench() -> Bench {
    Bench::sine(&format!("{REPTILE}meta_iters = 20\n{TRANSFER}meta_iters = 20\n"))
}

/// Everything that a report writes below the budget folder, by name, but for what draws or tells how long runs took.
fn tables(budget: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = |folder: &Path| fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
    let timed = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with("spending-");
    let mut all = files(&budget.join("plots"));
    all.retain(|path| !timed(path));
    all.extend(["summary.csv", "summary.md", "plan.json"].map(|name| budget.join(name)));
    all.into_iter().map(|path| (path.strip_prefix(budget).unwrap().to_owned(), fs::read(&path).unwrap())).collect()
}

#[track_caller]
fn assert_same_tables(whole: &Path, parts: &Path) {
    let (whole, parts) = (tables(&whole.join("quick")), tables(&parts.join("quick")));
    assert!(whole.len() > 5, "{:?}", whole.keys());
    assert!(whole.keys().eq(parts.keys()), "{:?} and {:?}", whole.keys(), parts.keys());
    for (name, bytes) in &whole {
        assert!(*bytes == parts[name], "{} differs", name.display());
    }
}

/// The runs of a shard, as `--dry-run` lists them.
fn listed(bench: &Bench, shard: &str) -> Vec<String> {
    let args = ["--seeds", "2", "--shard", shard, "--dry-run", "--format", "json"];
    let text = done(bench.reproduce(&bench.out("parts"), &args)).out;
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    rows.iter().map(|row| format!("{} {}", row["method"].as_str().unwrap(), row["seed"])).collect()
}

#[test]
fn two_shards_one_after_the_other_give_the_tables_of_one_run() {
    let bench = bench();
    let (whole, parts) = (bench.out("whole"), bench.out("parts"));
    done(bench.reproduce(&whole, &["--seeds", "2"]));
    assert_eq!(listed(&bench, "1/2"), ["reptile 0", "transfer 0"]);

    let first = done(bench.reproduce(&parts, &["--seeds", "2", "--shard", "1/2"]));
    assert!(first.err.contains("2 runs: 0 complete"), "{}", first.err);
    let missing = ["b reptile seed 1: missing", "b transfer seed 1: missing"];
    assert!(first.err.contains(&format!("shard 1/2 done; missing: {}\n", missing.join(", "))), "{}", first.err);
    let report = done(harness(&bench, &["report", "parts"]));
    let json = done(harness(&bench, &["report", "parts", "--format", "json"]));
    for line in missing {
        assert!(report.out.contains(&format!("\n  {line}\n")), "{}", report.out);
        assert!(json.err.contains(line) && !json.out.contains(line), "{}", json.err);
    }

    // What is done changes nothing in who does what.
    assert_eq!(listed(&bench, "1/2"), ["reptile 0", "transfer 0"]);
    assert_eq!(listed(&bench, "2/2"), ["reptile 1", "transfer 1"]);
    let second = done(bench.reproduce(&parts, &["--seeds", "2", "--shard", "2/2"]));
    assert!(second.err.contains("shard 2/2 done, and nothing is missing"), "{}", second.err);
    assert_same_tables(&whole, &parts);
}

#[test]
fn shards_at_once_end_in_the_same_tables() {
    let bench = bench();
    let (whole, parts) = (bench.out("whole"), bench.out("parts"));
    done(bench.reproduce(&whole, &["--seeds", "2"]));
    let shard = |index: usize| {
        let shard = format!("{index}/4");
        start(bench.reproduce(&parts, &["--seeds", "2", "--threads", "1", "--shard", &shard]))
    };
    let all: Vec<_> = (1..=4).map(shard).collect();
    let ended: Vec<_> = all.into_iter().map(|child| end(child).expect(0, "shard ")).collect();
    assert!(ended.iter().any(|shard| shard.err.contains("nothing is missing")), "the last one saw all: {ended:?}");
    assert_same_tables(&whole, &parts);
}

#[test]
fn reports_at_once_do_not_disturb_each_other() {
    let bench = bench();
    let out = bench.out("out");
    done(bench.reproduce(&out, &["--seeds", "2", "--parquet", "--tensorboard"]));
    let before = tables(&out.join("quick"));
    // What each of them finds stale, another may have removed.
    for name in ["plots/curves-old.svg", "plots/results-old.png"] {
        fs::write(out.join("quick").join(name), "old").unwrap();
    }
    let all: Vec<_> = (0..4).map(|_| start(harness(&bench, &["report", "out"]))).collect();
    all.into_iter().for_each(|child| drop(end(child).expect(0, "files written")));
    assert!(before == tables(&out.join("quick")));
}

#[test]
fn shards_that_cannot_be_are_refused() {
    let bench = bench();
    let out = bench.out("out");
    for (shard, part) in [
        ("0/2", "shards count from 1: 1/2 to 2/2"),
        ("3/2", "shards count from 1: 1/2 to 2/2"),
        ("2", "write it as I/N, such as 1/4"),
    ] {
        run(bench.reproduce(&out, &["--shard", shard])).expect(2, part);
    }
    run(bench.reproduce(&out, &["--shard", "3/3"])).expect(4, "shard 3/3 holds none of the 2 runs");
    assert!(!out.exists());
}

#[test]
fn a_damaged_plan_is_named_before_anything_is_spent() {
    let bench = bench();
    let out = bench.out("out");
    done(bench.reproduce(&out, &["--method", "reptile"]));
    fs::write(out.join("quick/plan.json"), "{").unwrap();
    run(bench.reproduce(&out, &[])).expect(6, "plan.json: not a plan");
    run(harness(&bench, &["report", "out"])).expect(6, "delete it");
    assert!(!out.join("quick/b/transfer").exists());
}
