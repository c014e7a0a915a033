//! `harness eval` and `harness export`: what a checkpoint holds can be used again.

use std::fs;
use std::path::Path;
use std::process::Command;

use safetensors::SafeTensors;
use serde_json::Value;

use crate::bench::{Bench, REPTILE, TRANSFER, binary, folder};
use crate::compare::newest;
use crate::process::{Ended, done, run};

fn harness(bench: &Bench, args: &[&str]) -> Command {
    let mut command = binary(bench.dir.path());
    command.args(args);
    command
}

fn json(ended: Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap()
}

/// Values of the final evaluation in metrics.csv, in the order of the modes.
fn finals(dir: &Path) -> Vec<f64> {
    let text = fs::read_to_string(dir.join("metrics.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let modes = if rows.iter().any(|row| row[5] == "inductive") { 2 } else { 1 };
    rows[rows.len() - modes..].iter().map(|row| row[7].parse().unwrap()).collect()
}

/// A target that was wrong in the file, and is corrected there, counts: nothing is trained again for it.
#[test]
fn a_run_that_is_complete_is_judged_by_what_the_file_says_now() {
    let bench = Bench::glyphs("[method.untrained]\nalgorithm = \"reptile\"\nmeta_iters = 0\neval_iters = 2\n");
    let text = fs::read_to_string(bench.file()).unwrap();
    let target = |value: f64, tolerance: f64| {
        let row = format!("value = {value:.1}\ntolerance = {tolerance:.1}\nsource = \"a paper\"\n");
        fs::write(bench.file(), format!("{text}[[published]]\nlabel = \"untrained\"\nmode = \"inductive\"\n{row}"))
            .unwrap();
    };
    let out = bench.out("out");
    let again = || run(bench.reproduce(&out, &["--budget", "paper"]));
    target(50.0, 50.0);
    assert!(again().expect(0, "").out.contains("reproduced"));
    target(99.0, 0.5);
    let judged =
        again().expect(3, "complete already, kept; its published values are now those of the benchmark's file");
    assert!(
        judged.out.contains("99.00") && judged.out.contains("below") && !judged.out.contains("reproduced"),
        "{judged:?}"
    );
    assert!(!again().expect(3, "complete already, kept").err.contains("published values"));
}

#[test]
fn eval_repeats_a_runs_numbers_and_takes_other_counts() {
    let rows = "[method.reptile]\nmeta_iters = 3\neval_iters = 5\n[method.transfer]\nmeta_iters = 3\ntune_steps = 3\n";
    let bench = Bench::glyphs(rows);
    let out = bench.out("out");
    done(bench.reproduce(&out, &[]));
    for label in ["reptile", "transfer"] {
        let dir = folder(&out, label);
        let checkpoint = newest(&dir);
        let checkpoint = checkpoint.to_str().unwrap();
        let same = json(done(harness(&bench, &["eval", checkpoint, "b.toml", "--format", "json"])));
        let values: Vec<f64> = same.as_array().unwrap().iter().map(|row| row["value"].as_f64().unwrap()).collect();
        assert_eq!(values, finals(&dir), "{label}");
        let args = ["eval", checkpoint, "b.toml", "--eval-episodes", "7", "--episodes-csv", "e.csv", "--threads", "1"];
        let table = done(harness(&bench, &args)).out;
        assert!(table.contains("7 test episodes") && table.contains(&format!("\n{label} ")), "{table}");
        assert!(table.contains("b: accuracy, % · seed 0 at meta-iteration 3 · "), "{table}");
        let exact =
            |mode: &str| same.as_array().unwrap().iter().find(|row| row["mode"] == mode).unwrap()["value"].as_f64();
        let markdown = done(harness(&bench, &["eval", checkpoint, "b.toml", "--format", "markdown"])).out;
        let cell = format!("| {label} | inductive | {:.2} ±", exact("inductive").unwrap());
        assert!(markdown.contains(&cell), "two decimals as in every table: {markdown}");
        let latex = done(harness(&bench, &["eval", checkpoint, "b.toml", "--format", "latex"])).out;
        assert!(latex.contains("\\begin{tabular}{llr}") && latex.contains("transductive"), "{latex}");
        let csv = fs::read_to_string(bench.dir.path().join("e.csv")).unwrap();
        assert!(csv.starts_with("episode,mode,correct,n,loss\n0,transductive,"), "{csv}");
        assert_eq!(csv.lines().count(), 1 + 2 * 7);
    }
}

#[test]
fn eval_refuses_what_does_not_fit() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 3\n{TRANSFER}meta_iters = 3\n"));
    let out = bench.out("out");
    done(bench.reproduce(&out, &["--method", "reptile"]));
    let checkpoint = newest(&folder(&out, "reptile"));
    let checkpoint = checkpoint.to_str().unwrap();
    let eval = |args: &[&str]| run(harness(&bench, &[&["eval", checkpoint], args].concat()));
    eval(&["sine"]).expect(2, "does not fit sine reptile: params/dense1.bias is [40] there, [64] here");
    eval(&["glyphs-5w1s"]).expect(2, "does not fit glyphs-5w1s reptile: params/");
    eval(&["b.toml", "--method", "reptil"]).expect(2, "unknown method \"reptil\"; did you mean \"reptile\"?");
    eval(&["sin"]).expect(2, "did you mean \"sine\"?");
    eval(&["b.toml", "--episodes-csv", "b.toml/x.csv"])
        .expect(2, "b.toml/x.csv: a file lies where its folder should be; move it or choose another folder");
    eval(&["b.toml", "--method", "transfer"]).expect(0, "trained by another recipe (method.");
    run(harness(&bench, &["eval", "none.safetensors", "sine"])).expect(2, "none.safetensors: there is no such file");
}

#[test]
fn a_checkpoint_cut_at_every_percent_is_data_that_is_damaged() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 3\n"));
    let out = bench.out("out");
    done(bench.reproduce(&out, &[]));
    let bytes = fs::read(newest(&folder(&out, "reptile"))).unwrap();
    for percent in 0..100 {
        fs::write(bench.out("cut.safetensors"), &bytes[..bytes.len() * percent / 100]).unwrap();
        let ended = run(harness(&bench, &["eval", "cut.safetensors", "b.toml"]));
        let ended = ended.expect(6, "error: cut.safetensors: not a whole checkpoint (");
        assert_eq!(ended.err.lines().count(), 1, "cut at {percent} %: {}", ended.err);
    }
    run(harness(&bench, &["export", "cut.safetensors"])).expect(6, "not a whole checkpoint");
}

#[test]
fn export_writes_plain_tensors_and_a_card() {
    let bench = Bench::glyphs("[method.transfer]\nmeta_iters = 3\ntune_steps = 3\nnorm = \"running\"\n");
    let out = bench.out("out");
    done(bench.reproduce(&out, &[]));
    let dir = folder(&out, "transfer");
    let checkpoint = newest(&dir);
    let ended = done(harness(&bench, &["export", checkpoint.to_str().unwrap()]));
    assert_eq!(ended.out, "b-transfer-seed-0.safetensors\nb-transfer-seed-0.json\nb-transfer-seed-0.py\n");
    let bytes = fs::read(bench.out("b-transfer-seed-0.safetensors")).unwrap();
    let plain = SafeTensors::deserialize(&bytes).unwrap();
    let source = fs::read(&checkpoint).unwrap();
    let source = SafeTensors::deserialize(&source).unwrap();
    for (name, view) in plain.tensors() {
        let same = ["params/", "buffers/"].iter().find_map(|kind| source.tensor(&format!("{kind}{name}")).ok());
        assert_eq!(same.expect(&name).data(), view.data(), "{name}");
    }
    let card: Value = serde_json::from_str(&fs::read_to_string(bench.out("b-transfer-seed-0.json")).unwrap()).unwrap();
    let kernels = &card["layers"][0]["parameters"]["conv1.weight"];
    assert_eq!(*kernels, serde_json::json!([3, 3, 1, 4]));
    assert_eq!(card["input"]["shape"], serde_json::json!([28, 28, 1]));
    assert_eq!(card["input"]["polarity"], "ink is 0, paper is 1");
    assert_eq!((&card["ways"], &card["step"]), (&Value::from(5), &Value::from(3)));
    assert!(card["paper"].as_str().unwrap().contains("arXiv 1904.04232"));
    assert_eq!(card["metrics"][1]["value"].as_f64().unwrap(), finals(&dir)[1]);
    assert_eq!(card["config"]["label"], "transfer");
    let wrong = ["export", checkpoint.to_str().unwrap(), "--out", "b.toml/x.safetensors"];
    run(harness(&bench, &wrong)).expect(2, "b.toml/x.safetensors: a file lies where its folder should be");
    let below = ["export", checkpoint.to_str().unwrap(), "--out", "models/x.safetensors"];
    assert_eq!(done(harness(&bench, &below)).out, "models/x.safetensors\nmodels/x.json\nmodels/x.py\n");
}

/// Evaluation from a trimmed checkpoint gives the same numbers; the slots and the training head are gone.
#[test]
fn a_trimmed_checkpoint_evaluates_the_same() {
    let bench = Bench::glyphs(
        "[method.reptile]\nmeta_iters = 2\nmeta_batch = 2\neval_iters = 3\n[method.transfer]\nmeta_iters = 3\ntune_steps = 3\n",
    );
    let out = bench.out("out");
    done(bench.reproduce(&out, &[]));
    for (label, dropped) in [("reptile", None), ("transfer", Some("params/head.weight"))] {
        let whole = newest(&folder(&out, label));
        let whole = whole.to_str().unwrap();
        let ended = done(harness(&bench, &["export", whole, "--trim", "--out", "kept/trimmed.safetensors"]));
        assert_eq!(ended.out, "kept/trimmed.safetensors\n");
        let eval = |checkpoint| json(done(harness(&bench, &["eval", checkpoint, "b.toml", "--format", "json"])));
        assert_eq!(eval("kept/trimmed.safetensors"), eval(whole), "{label}");
        let bytes = fs::read(bench.out("kept/trimmed.safetensors")).unwrap();
        let kept = SafeTensors::deserialize(&bytes).unwrap();
        assert!(dropped.is_none_or(|name| kept.tensor(name).is_err()), "{label}");
        assert!(kept.names().iter().all(|name| !name.starts_with("evaluation/")), "{label}");
        assert_eq!(kept.names().iter().any(|name| name.starts_with("slots/")), label == "reptile");
    }
}
