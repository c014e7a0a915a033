use harness_core::conformance::{ClosedForm, Matrix, Outer, check_closed_form, left_by_proximal_descent, regression};
use harness_core::sources::Bowl;
use harness_core::{Params, Purpose};

use super::*;

#[test]
fn conforms() {
    harness_core::conformance::check(&ENTRY);
}

const LAMBDA: f64 = 0.7;
const STEPS: usize = 5;

/// φ ← φ + ε·mean Pᵢ(cᵢ − φ), where I − Pᵢ is what the proximal steps leave, with the fixed point φ* = (Σ Pᵢ)⁻¹ Σ Pᵢcᵢ.
/// Adaptation at test has the pull too.
#[test]
fn the_closed_form_holds() {
    check_closed_form(
        &ENTRY,
        &ClosedForm {
            config: |rate| {
                format!(
                    "lambda = {LAMBDA}\noptimizer = \"sgd\"\nreduction = \"mean\"\nlr = {rate}\n\
                     inner_iters = {STEPS}\ninner_batch = 4\ntrain_shots = 4\nmeta_batch = 3\nmeta_step = 0.5\n\
                     eval_batch = 4"
                )
            },
            pull: |bowl, rate| Matrix::unit() - left_by_proximal_descent(bowl, rate, LAMBDA, STEPS),
            left: |bowl, rate, steps| left_by_proximal_descent(bowl, rate, LAMBDA, steps),
            outer: Outer::Step(0.5),
        },
    );
}

#[test]
fn a_stronger_pull_keeps_a_task_nearer() {
    let bowl = Bowl { centre: [2.0, -1.0, 0.5], ..Bowl::PLAIN };
    let points = bowl.points(&[0, 1, 2, 3]).unwrap();
    let task = Task { support: points.clone(), query: points };
    let distance = |lambda: f64| {
        let text = format!("lambda = {lambda:?}\ninner_iters = 20\noptimizer = \"sgd\"\nlr = 0.02");
        let method = build(&text.parse().unwrap(), &regression(2, &[4], 4)).unwrap();
        let state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
        let update = method.task_update(&state, &task, &mut Stream::new(0, Purpose::TrainMethod, 0, 0)).unwrap();
        let away: Params = update.role("params").unwrap().sub(&state.params).unwrap();
        away.dot(&away).unwrap().to_scalar::<f32>().unwrap()
    };
    let distances = [0.0, 0.5, 5.0].map(distance);
    assert!(distances[0] > 1.02 * distances[1] && distances[1] > 1.2 * distances[2], "{distances:?}");
}

#[test]
fn wrong_settings_are_named() {
    let error = |text: &str| build(&text.parse().unwrap(), &regression(2, &[4], 4)).err().unwrap().to_string();
    assert!(error("lamda = 1.0").contains("did you mean \"lambda\"?"));
    assert!(error("iner_iters = 1").contains("did you mean \"inner_iters\"?"));
    assert!(error("lambda = -1.0").starts_with("lambda = -1: it must be 0 or more"));
    assert!(error("meta_batch = 0").contains("meta_batch"));
}
