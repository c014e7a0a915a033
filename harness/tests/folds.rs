//! Cross-validation through the real binary: `reproduce --folds K`.

#[allow(dead_code)]
#[path = "survive/bench.rs"]
mod bench;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use bench::binary;

fn reproduce(dir: &Path, args: &[&str]) -> Output {
    binary(dir).arg("reproduce").args(args).args(["--out", "out", "--offline"]).output().unwrap()
}

const SMALL: &str = r#"
title = "Small glyphs"
data = { dataset = "glyphs" }
model = { network = "reptile-omniglot", filters = 2 }
protocol = { ways = 5, shots = 1, queries = 1 }
eval = { episodes = 20, modes = ["transductive", "inductive"], curve_points = 2, curve_episodes = 2 }
method.reptile = { meta_iters = 2, meta_batch = 2, eval_iters = 3 }
"#;

#[test]
fn each_fold_is_a_benchmark_of_its_own_and_their_mean_is_a_row() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("b.toml"), SMALL).unwrap();
    let ended = reproduce(dir.path(), &["b.toml", "--folds", "3"]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let table = String::from_utf8(ended.stdout).unwrap();
    for part in ["b@folds-3", "mean over 3 folds", " · 3 runs · ", "± folds", "± folds: 95 %"] {
        assert!(table.contains(part), "{part} in {table}");
    }
    assert!(!table.contains("± seeds"), "one seed has no interval over seeds: {table}");

    let summary = fs::read_to_string(dir.path().join("out/quick/summary.csv")).unwrap();
    let mut lines = summary.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    let mut means: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    let mut hashes = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let (name, mode) = (cells[at("benchmark")].to_owned(), cells[at("mode")].to_owned());
        assert_eq!((cells[at("verdict")], cells[at("published")]), ("no target", ""));
        if name == "b@folds-3" {
            assert!(!cells[at("ci95_seeds")].is_empty(), "an interval over folds: {line}");
        }
        let family = if name.contains("@fold-") { "fold" } else { "mean" };
        means.entry((family.into(), mode)).or_default().push(cells[at("mean")].parse().unwrap());
    }
    for mode in ["transductive", "inductive"] {
        let folds = &means[&("fold".into(), mode.into())];
        let mean = &means[&("mean".into(), mode.into())];
        assert_eq!((folds.len(), mean.len()), (3, 1));
        assert!((folds.iter().sum::<f64>() / 3.0 - mean[0]).abs() < 1e-6, "{mode}: {folds:?} {mean:?}");
    }
    for fold in 1..=3 {
        let record = fs::read_to_string(dir.path().join(format!("out/quick/b@fold-{fold}of3/reptile/seed-0/run.json")));
        let record: serde_json::Value = serde_json::from_str(&record.unwrap()).unwrap();
        assert_eq!(record["config"]["data"]["fold"]["index"], fold);
        hashes.push(record["episode_hash"].to_string());
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 3, "each fold tests on classes of its own");

    // A fold's state has seen most of what the benchmark tests on.
    let state = dir.path().join("out/quick/b@fold-1of3/reptile/seed-0/checkpoint-2.safetensors");
    let eval = |split: &str| {
        let ended = binary(dir.path()).arg("eval").arg(&state).args(["b.toml", "--split", split]).output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    let (code, said) = eval("test");
    assert!(code == Some(2) && said.contains("trained as a fold") && said.contains("--split train"), "{said}");
    assert_eq!(eval("train").0, Some(0));

    // Two of three folds are no mean, and the report says so.
    fs::remove_dir_all(dir.path().join("out/quick/b@fold-2of3")).unwrap();
    let report = binary(dir.path()).args(["report", "out"]).output().unwrap();
    let report = String::from_utf8(report.stdout).unwrap();
    assert!(report.contains("b@folds-3 reptile: 2 of 3 folds are there, no mean"), "{report}");

    // Nor are three folds that were not made alike.
    let whole = reproduce(dir.path(), &["b.toml", "--folds", "3"]);
    assert!(String::from_utf8(whole.stdout).unwrap().contains("mean over 3 folds"));
    fs::write(dir.path().join("b.toml"), SMALL.replace("eval_iters = 3", "eval_iters = 4")).unwrap();
    let mixed = reproduce(dir.path(), &["b.toml", "--folds", "3", "--fresh", "--shard", "1/3"]);
    let mixed = String::from_utf8(mixed.stdout).unwrap();
    let why = "b@folds-3 reptile: its folds were not made alike (settings, data or code), no mean";
    assert!(mixed.matches(why).count() == 1 && !mixed.contains("mean over 3 folds"), "{mixed}");
}

#[test]
fn what_has_no_classes_or_too_few_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    for (args, why) in [
        (["sine", "--folds", "3"], "error: sine: sine has no classes to deal into folds\n"),
        (["glyphs-5w1s", "--folds", "1"], "invalid value '1' for '--folds <K>'"),
        (["glyphs-5w1s", "--folds", "900"], "ways"),
    ] {
        let ended = reproduce(dir.path(), &args);
        let message = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{message}");
        assert!(message.contains(why), "{args:?}: {message}");
    }
}
