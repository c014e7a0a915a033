//! `harness compare A B`: a folder with itself, and one that is worse somewhere.

use std::fs;
use std::path::Path;

use harness::results::episodes::{self, Outcome};
use serde_json::Value;

use crate::bench::{Bench, REPTILE, TRANSFER};
use crate::process::{Ended, done, run};
use crate::{copy, harness};

const GLYPHS: &str =
    "[method.reptile]\nmeta_iters = 3\neval_iters = 5\n[method.transfer]\nmeta_iters = 3\ntune_steps = 3\n";

/// A bench with results in `a` and the same in `b`.
fn twice(bench: Bench, args: &[&str]) -> Bench {
    done(bench.reproduce(&bench.out("a"), args));
    copy(&bench.out("a"), &bench.out("b"));
    bench
}

fn compare(bench: &Bench, args: &[&str]) -> Ended {
    run(harness(bench, &[&["compare"], args].concat()))
}

fn json(bench: &Bench, code: i32, args: &[&str]) -> Value {
    let ended = compare(bench, &[args, &["--format", "json"]].concat()).expect(code, "");
    serde_json::from_str(&ended.out).unwrap()
}

fn cell<'a>(json: &'a Value, method: &str, mode: &str) -> &'a Value {
    let cells = json["cells"].as_array().unwrap();
    cells.iter().find(|cell| cell["method"] == method && cell["mode"] == mode).unwrap()
}

/// Changes the episodes of one run in one mode.
fn edit(bench: &Bench, run: &str, mode: &str, change: impl Fn(usize, &mut Outcome)) {
    let path = bench.out("b").join("quick/b").join(run).join("episodes.parquet");
    let mut all = episodes::read(&path).unwrap();
    let (_, outcomes) = all.iter_mut().find(|(other, _)| other.as_str() == mode).unwrap();
    outcomes.iter_mut().enumerate().for_each(|(i, outcome)| change(i, outcome));
    episodes::write(&path, &all).unwrap();
}

#[test]
fn a_folder_with_itself_is_the_same_and_one_worse_cell_is_named() {
    let bench = twice(Bench::glyphs(GLYPHS), &[]);
    let same = json(&bench, 0, &["a", "a"]);
    assert_eq!(same["cells"].as_array().unwrap().len(), 4);
    for cell in same["cells"].as_array().unwrap() {
        let zero = |key: &str| cell[key].as_f64() == Some(0.0);
        assert!(zero("delta") && zero("ci95_episodes") && cell["paired"] == true && cell["change"] == "same", "{cell}");
    }
    let table = compare(&bench, &["a", "b"]).expect(0, "").out;
    assert_eq!(table.matches("0.00 ±0.00").count(), 4, "{table}");

    // Five points: one of five queries in each fourth of a hundred episodes, where there is one to lose.
    let lost = std::cell::Cell::new(0);
    edit(&bench, "reptile/seed-0", "inductive", |_, outcome| {
        if outcome.correct > 0 && lost.get() < 25 {
            outcome.correct -= 1;
            lost.set(lost.get() + 1);
        }
    });
    assert_eq!(lost.get(), 25);
    let worse = json(&bench, 3, &["a", "b"]);
    let reptile = cell(&worse, "reptile", "inductive");
    assert_eq!((&reptile["delta"], &reptile["change"]), (&Value::from(-5.0), &Value::from("worse")));
    // 25 differences of -20 and 75 of 0: s² = 7500/99.
    let half = 1.96 * (7500.0f64 / 99.0 / 100.0).sqrt();
    assert!((reptile["ci95_episodes"].as_f64().unwrap() - half).abs() < 1e-6, "{reptile}");
    assert!(worse["cells"].as_array().unwrap().iter().filter(|cell| cell["change"] == "worse").count() == 1);

    let text = compare(&bench, &["a", "b"]).expect(3, "B is significantly worse in 1 of 4 cells");
    let line = text.out.lines().skip_while(|line| *line != "significantly worse in B:").nth(1).unwrap();
    assert!(line.starts_with("  quick b reptile inductive: ") && line.ends_with("(-5.00 ±1.71)"), "{line}");
    // The other way round it is better, which is no failure.
    assert_eq!(cell(&json(&bench, 0, &["b", "a"]), "reptile", "inductive")["change"], "better");
}

#[test]
fn a_larger_error_is_worse() {
    let bench = twice(Bench::sine(&format!("{REPTILE}meta_iters = 3\n")), &[]);
    edit(&bench, "reptile/seed-0", "-", |_, outcome| outcome.loss *= 1.2);
    let worse = json(&bench, 3, &["a", "b"]);
    assert_eq!(worse["cells"][0]["metric"], "mse");
    assert!(worse["cells"][0]["delta"].as_f64().unwrap() > 0.0);
    assert_eq!(cell(&json(&bench, 0, &["b", "a"]), "reptile", "-")["change"], "better");
    // Of other data the episodes are others too: what is told is the cause.
    let record = bench.out("b/quick/b/reptile/seed-0/run.json");
    let text = ["data_digest", "episode_hash"].iter().fold(fs::read_to_string(&record).unwrap(), |text, key| {
        text.replace(&format!("\"{key}\": \""), &format!("\"{key}\": \"0"))
    });
    fs::write(&record, text).unwrap();
    compare(&bench, &["a", "b"]).expect(2, "met different test episodes (from other data)");
}

#[test]
fn seeds_are_paired_and_averaged() {
    let bench = twice(Bench::sine(&format!("{REPTILE}meta_iters = 3\n")), &["--seeds", "2"]);
    // Up for one seed and down for the other: the mean over seeds is what it was.
    edit(&bench, "reptile/seed-0", "-", |_, outcome| outcome.loss += 0.25);
    edit(&bench, "reptile/seed-1", "-", |_, outcome| outcome.loss -= 0.25);
    let got = json(&bench, 0, &["a", "b"]);
    let cell = &got["cells"][0];
    assert!(cell["delta"].as_f64().unwrap().abs() < 1e-9, "{cell}");
    assert_eq!((cell["seeds"][0]["delta"].as_f64(), cell["seeds"][1]["delta"].as_f64()), (Some(0.25), Some(-0.25)));
    // Two deltas half apart: s = 0.35355, t(0.975, 1) = 12.706205, /√2.
    assert!((cell["ci95_seeds"].as_f64().unwrap() - 12.706_205 * 0.25).abs() < 1e-5, "{cell}");
    let table = compare(&bench, &["a", "b"]).expect(0, "").out;
    assert!(table.contains("mean of 2") && table.contains("± seeds"), "{table}");
    fs::remove_dir_all(bench.out("b").join("quick/b/reptile/seed-1")).unwrap();
    let one = json(&bench, 3, &["a", "b"]);
    assert_eq!(one["not_compared"][0]["why"], "only in A");
    assert_eq!((&one["not_compared"][0]["seed"], &one["cells"][0]["ci95_seeds"]), (&Value::from(1), &Value::Null));
}

#[test]
fn other_episodes_are_refused_without_force_and_marked_with_it() {
    let bench = Bench::glyphs(GLYPHS);
    done(bench.reproduce(&bench.out("a"), &[]));
    done(bench.reproduce(&bench.out("a"), &["--eval-episodes", "50"]));
    let custom = fs::read_dir(bench.out("a")).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let custom = format!("a/{}", custom.into_iter().find(|name| name.starts_with("custom-")).unwrap());
    let refused = "b reptile seed 0 and 1 more: A and B met different test episodes (100 in A, 50 in B)";
    compare(&bench, &["a/quick", &custom]).expect(2, refused);
    let ended = compare(&bench, &["a/quick", &custom, "--force"]);
    assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    assert_eq!(ended.out.matches("100 and 50 unpaired").count(), 4, "{}", ended.out);
    assert!(ended.out.contains("other settings (eval.episodes: 100 in A, 50 in B)"), "{}", ended.out);
    let ended = compare(&bench, &["a/quick", &custom, "--force", "--format", "markdown"]);
    assert_eq!(ended.out.lines().filter(|line| line.starts_with("| ") && line.contains(" unpaired ")).count(), 4);
    // A budget folder finds its like in a results folder; two results folders pair by name.
    compare(&bench, &["a/quick", "a"]).expect(0, "");
    compare(&bench, &["a", &custom]).expect(0, "");
    assert_eq!(json(&bench, 0, &["a", "a"])["cells"].as_array().unwrap().len(), 8);
}

#[test]
fn what_is_on_one_side_only_or_unfinished_is_listed() {
    let bench = twice(Bench::sine(&format!("{REPTILE}meta_iters = 3\n{TRANSFER}meta_iters = 3\n")), &["--seeds", "2"]);
    let b = bench.out("b/quick/b");
    fs::remove_dir_all(b.join("reptile/seed-1")).unwrap();
    let record = b.join("transfer/seed-0/run.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("\"status\": \"complete\"", "\"status\": \"running\"")).unwrap();
    copy(&b.join("transfer"), &b.join("new"));
    for seed in [0, 1] {
        let record = b.join(format!("new/seed-{seed}/run.json"));
        let text = fs::read_to_string(&record).unwrap();
        fs::write(&record, text.replace("\"label\": \"transfer\"", "\"label\": \"new\"")).unwrap();
    }
    let check = |word: &str| {
        let table = compare(&bench, &["a", "b"]).expect(0, "").out;
        let listed: Vec<&str> = table.lines().skip_while(|line| *line != "not compared:").skip(1).take(4).collect();
        let transfer = format!("  quick b transfer seed 0: {word} in B");
        let others = ["  quick b new seed 0: only in B", "  quick b new seed 1: only in B"];
        assert_eq!(listed, [&["  quick b reptile seed 1: only in A", &transfer][..], &others].concat());
    };
    // Under way is what a process has in hand; a run whose process is gone was interrupted.
    check("interrupted");
    let lock = fs::File::create(b.join("transfer/seed-0/run.lock")).unwrap();
    lock.lock().unwrap();
    check("running");
    // Where nothing is left, both sides are told.
    fs::create_dir_all(bench.out("c/quick/b")).unwrap();
    copy(&b.join("new"), &bench.out("c/quick/b/new"));
    let both = "no complete run in common (quick b reptile seed 0: only in A; quick b new seed 0: only in B)";
    compare(&bench, &["a", "c"]).expect(2, both);
}

/// Settings were changed, and one seed of two was trained again: what the report keeps apart is averaged nowhere.
#[test]
fn seeds_that_were_made_otherwise_are_no_seeds_of_one_mean() {
    let row = |method: &str, label: &str| format!("[method.{label}]\nlike = \"{method}\"\n");
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 3\n{}", row("reptile", "twin")));
    done(bench.reproduce(&bench.out("a"), &["--seeds", "2"]));
    let text = fs::read_to_string(bench.file()).unwrap();
    fs::write(bench.file(), text.replace("meta_iters = 3", "meta_iters = 6")).unwrap();
    done(bench.reproduce(&bench.out("a"), &["--fresh", "--seeds", "1", "--method", "reptile"]));

    let against = compare(&bench, &["a", "--against", "twin"]).expect(0, "").out;
    assert!(against.contains("reptile seed 1: not as its other seeds were made"), "{against}");
    let against = run(harness(&bench, &["compare", "a", "--against", "twin", "--format", "json"])).expect(0, "").out;
    let rows: Value = serde_json::from_str(&against).unwrap();
    let reptile = &rows["tables"][0]["rows"].as_array().unwrap().iter().find(|row| row["method"] == "reptile").unwrap();
    assert_eq!(reptile["common_seeds"].as_array().unwrap().len(), 1, "{reptile}");

    copy(&bench.out("a"), &bench.out("b"));
    let cells = json(&bench, 0, &["a", "b"]);
    let seeds = |method: &str| -> Vec<usize> {
        let cells = cells["cells"].as_array().unwrap().iter().filter(|cell| cell["method"] == method);
        cells.map(|cell| cell["seeds"].as_array().unwrap().len()).collect()
    };
    assert_eq!((seeds("twin"), seeds("reptile")), (vec![2], vec![1, 1]));
}

#[test]
fn wrong_folders_and_damage_have_their_codes() {
    let bench = twice(Bench::sine(&format!("{REPTILE}meta_iters = 3\n")), &[]);
    let missing = compare(&bench, &["a", "nowhere"]).expect(2, "nowhere: no such folder: name the --out of");
    assert_eq!(missing.err.lines().count(), 1);
    fs::create_dir(bench.out("empty")).unwrap();
    compare(&bench, &["empty", "b"]).expect(2, "no runs under empty");
    compare(&bench, &["b.toml", "b"]).expect(2, "b.toml: is not a folder");
    copy(&bench.out("a/quick"), &bench.out("copy"));
    compare(&bench, &["copy", "b/quick"]).expect(0, "");
    compare(&bench, &["copy", "b"]).expect(2, "copy is a budget folder, and b holds no copy, only quick");
    fs::create_dir_all(bench.out("other/quick")).unwrap();
    copy(&bench.out("a/quick/b"), &bench.out("other/quick/b"));
    fs::rename(bench.out("other/quick/b/reptile/seed-0"), bench.out("other/quick/b/reptile/seed-7")).unwrap();
    compare(&bench, &["a", "other"]).expect(6, "lies in another run's folder");

    let parquet = bench.out("b/quick/b/reptile/seed-0/episodes.parquet");
    let bytes = fs::read(&parquet).unwrap();
    damaged(&bench, &parquet, &bytes[..bytes.len() / 2], "episodes.parquet: cut off");
    damaged(
        &bench,
        &parquet,
        &[&bytes[..bytes.len() / 2], b"PAR1"].concat(),
        "episodes.parquet: cannot be read as parquet",
    );
    fs::remove_file(&parquet).unwrap();
    compare(&bench, &["a", "b"]).expect(6, "missing, although the run is complete");
}

fn damaged(bench: &Bench, path: &Path, bytes: &[u8], part: &str) {
    fs::write(path, bytes).unwrap();
    run(harness(bench, &["compare", "a", "b"])).expect(6, part);
}
