use candle_core::{Device, Tensor};
use harness_core::conformance::regression;
use harness_core::{Labeled, Purpose, Targets};

use super::*;

#[test]
fn conforms() {
    harness_core::conformance::check(&ENTRY);
}

#[test]
fn the_closed_form_holds() {
    harness_core::conformance::check_closed_form(&ENTRY, &harness_core::conformance::EXACT_MAML);
}

/// y = w·x + b at w = b = 0 on y = 2x; support x = ±1, query x = ±2. One step of rate 0.1 takes w to 0.4 and leaves b;
/// the query gradient there is −12.8 in w. The support loss's Hessian is 2·mean(x²) = 2 in w, so the meta-gradient is
/// −12.8·(1 − 0.1·2) = −10.24.
#[test]
fn the_meta_gradient_of_a_line_by_hand() {
    let context = regression(1, &[], 2);
    let points = |x: [f32; 2]| {
        let column = |values: [f32; 2]| Tensor::from_vec(values.to_vec(), (2, 1), &Device::Cpu).unwrap();
        Labeled::new(column(x), Targets::Values(column(x.map(|x| 2.0 * x)))).unwrap()
    };
    let table = "inner_lr = 0.1\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 1".parse().unwrap();
    let method = build(&table, &context).unwrap();
    let mut rng = Stream::new(0, Purpose::Init, 0, 0);
    let mut state = method.init(&mut rng).unwrap();
    state.params = state.params.zeros_like().unwrap();
    let task = Task { support: points([1.0, -1.0]), query: points([2.0, -2.0]) };
    let update = method.task_update(&state, &task, &mut rng).unwrap();
    let slope = update.role("gradient").unwrap().get("head.weight").unwrap().to_vec2::<f32>().unwrap();
    assert!((slope[0][0] + 10.24).abs() < 1e-4, "{slope:?}");
}
