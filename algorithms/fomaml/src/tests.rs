use candle_core::{Device, Tensor};
use harness_core::conformance::{check, check_with, regression};
use harness_core::{Labeled, Progress, Purpose, Stream, Targets, Task};

use super::*;

#[test]
fn finns_variant_conforms() {
    check(&ENTRY);
}

#[test]
fn the_variant_with_each_query_alone_conforms() {
    check_with(&ENTRY, "variant = \"query-alone\"");
}

#[test]
fn the_last_step_variant_conforms() {
    check(&LAST_STEP);
}

fn points(x: [f32; 2], slope: f32) -> Labeled {
    let column = |values: [f32; 2]| Tensor::from_vec(values.to_vec(), (2, 1), &Device::Cpu).unwrap();
    Labeled::new(column(x), Targets::Values(column(x.map(|x| slope * x)))).unwrap()
}

/// The slope's gradient of a linear model y = w·x + b at w = b = 0 on y = 2x; support x = ±1, query x = ±2, one step of
/// rate 0.1: dL/dw = mean(2·(0 − 2x)·x) = −4, so w = 0.4 where the query gradient is taken.
fn query_gradient(variant: &str) -> f32 {
    let table = "inner_lr = 0.1\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 1";
    let table = format!("variant = \"{variant}\"\n{table}").parse().unwrap();
    let method = build(&table, &regression(1, &[], 2)).unwrap();
    let mut rng = Stream::new(0, Purpose::Init, 0, 0);
    let mut state = method.init(&mut rng).unwrap();
    state.params = state.params.zeros_like().unwrap();
    let task = Task { support: points([1.0, -1.0], 2.0), query: points([2.0, -2.0], 2.0) };
    let update = method.task_update(&state, &task, &mut rng).unwrap();
    let slope = update.role("gradient").unwrap().get("head.weight").unwrap().to_vec2::<f32>().unwrap();
    slope[0][0]
}

/// mean(2·(0.4 − 2)·x²) over x = ±2 is −12.8.
#[test]
fn the_query_gradient_is_taken_at_the_adapted_parameters() {
    let slope = query_gradient("query");
    assert!((slope + 12.8).abs() < 1e-4, "{slope}");
}

/// The same over x = 1, −1, 2 is −6.4, and over 1, −1, −2.
#[test]
fn each_query_alone_is_in_a_batch_with_the_support_set() {
    let slope = query_gradient("query-alone");
    assert!((slope + 6.4).abs() < 1e-4, "{slope}");
}

#[test]
fn the_last_step_alone_is_the_update() {
    let text = "variant = \"last-step\"\noptimizer = \"sgd\"\nlr = 0.1\nreduction = \"mean\"\ninner_iters = 3\n\
                inner_batch = 2\ntrain_shots = 2\nmeta_batch = 1\nmeta_step = 1.0\nmeta_step_final = 1.0";
    let method = build(&text.parse().unwrap(), &regression(1, &[], 2)).unwrap();
    let mut rng = Stream::new(0, Purpose::Init, 0, 0);
    let mut state = method.init(&mut rng).unwrap();
    let start = state.params.zeros_like().unwrap();
    state.params = start.clone();
    let task = Task { support: points([1.0, -1.0], 2.0), query: points([1.0, -1.0], 2.0) };
    let update = method.task_update(&state, &task, &mut rng).unwrap();
    method.outer_update(&mut state, vec![update], Progress { iteration: 0, total: 1 }).unwrap();
    // Full batches: w goes 0 → 0.4 → 0.72 → 0.976; the last step alone moves the start by 0.256.
    let slope = state.params.get("head.weight").unwrap().to_vec2::<f32>().unwrap()[0][0];
    assert!((slope - 0.256).abs() < 1e-5, "{slope}");
}

#[test]
fn wrong_settings_are_named() {
    let error = |text: &str| build(&text.parse().unwrap(), &regression(1, &[], 2)).err().unwrap().to_string();
    assert!(error("variant = \"last\"").contains("did you mean \"last-step\"?"));
    assert!(error("inner_stepz = 1").contains("did you mean \"inner_steps\"?"));
    assert!(error("variant = \"last-step\"\ntail = \"separate\"").starts_with("tail_shots = 0 does not fit"));
    assert!(error("meta_batch = 0").contains("meta_batch"));
}
