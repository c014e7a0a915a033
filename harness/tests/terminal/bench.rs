//! `harness bench`: which figures a row has, whatever this machine makes of them.

use serde_json::Value;

use crate::binary::Place;

/// The rows of a short measurement.
fn rows(more: &str) -> Vec<Value> {
    let shortest = "bench --network omniglot --seconds 0.01 --rounds 1 --threads 1 --format json";
    let said = Place::new().run(&format!("{shortest} {more}"));
    assert_eq!(said.code, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

/// That a row has these figures, all of them positive, and null for every other one.
#[track_caller]
fn assert_figures(row: &Value, what: &str, figures: &[&str]) {
    assert_eq!((&row["network"], &row["what"], &row["threads"]), (&"omniglot".into(), &what.into(), &1.into()));
    assert!(row["instruction_set"].is_string(), "{row}");
    let named = ["network", "what", "threads", "instruction_set"];
    for (key, value) in row.as_object().unwrap().iter().filter(|(key, _)| !named.contains(&key.as_str())) {
        match figures.contains(&key.as_str()) {
            true => assert!(value.as_f64().is_some_and(|figure| figure > 0.0), "{key}: {row}"),
            false => assert!(value.is_null(), "{key}: {row}"),
        }
    }
    assert!(figures.iter().all(|figure| row.get(*figure).is_some()), "{row}");
}

const STEP: [&str; 7] = [
    "inner_step_ms",
    "inner_steps_per_s",
    "gflops",
    "matmul_share",
    "matmul_gflops",
    "tasks_per_s",
    "end_to_end_share",
];
const PASS: [&str; 4] = ["inner_step_ms", "inner_steps_per_s", "gradients", "matmul_gflops"];

#[test]
fn a_step_stands_beside_stock_and_a_pass_beside_a_gradient() {
    let rows = rows("--what train --what features --without-memory");
    let [train, features] = &rows[..] else { panic!("{rows:?}") };
    assert_figures(train, "train", &[&STEP[..], &["stock_ms", "ratio"]].concat());
    assert_figures(features, "features", &PASS);
    let [ours, stock, ratio] = ["inner_step_ms", "stock_ms", "ratio"].map(|key| train[key].as_f64().unwrap());
    assert!((ratio * ours / stock - 1.0).abs() < 1e-9, "{train}");
}

#[test]
fn stock_and_memory_are_left_out_on_request() {
    let rows = rows("--what train --without-stock --without-memory");
    let [train] = &rows[..] else { panic!("{rows:?}") };
    assert_figures(train, "train", &STEP);
}

/// Only Linux tells what a process takes; stock has no pass to features.
#[test]
fn memory_is_that_of_a_process_of_its_own() {
    let rows = rows("--what features");
    let [features] = &rows[..] else { panic!("{rows:?}") };
    let memory: &[&str] = if cfg!(target_os = "linux") { &["peak_mb"] } else { &[] };
    assert_figures(features, "features", &[&PASS[..], memory].concat());
}
