use candle_core::{Device, Tensor};
use harness_core::conformance::regression;
use harness_core::{Params, Purpose, Targets};

use super::*;

#[test]
fn conforms() {
    harness_core::conformance::check(&ENTRY);
}

/// Trained on tasks of eight classes and tested with a new head of the suite's ways.
#[test]
fn conforms_with_ways_of_its_own_in_training() {
    harness_core::conformance::check(&Entry {
        toy: "train_ways = 8\ninner_batch = 6\nlr = 0.003\ntrain_shots = 4\neval_iters = 20\nmeta_batch = 3",
        ..ENTRY
    });
}

#[test]
fn a_regression_has_no_ways() {
    let error = build(&"train_ways = 8".parse().unwrap(), &regression(1, &[4], 4)).err().unwrap().to_string();
    assert!(error.starts_with("train_ways: a regression"), "{error}");
}

fn task(slope: f32) -> Task {
    let column = |f: fn(f32, f32) -> f32| {
        let values: Vec<f32> = (0..4).map(|i| f(i as f32, slope)).collect();
        Tensor::from_vec(values, (4, 1), &Device::Cpu).unwrap()
    };
    let labeled = Labeled::new(column(|x, _| x), Targets::Values(column(|x, slope| slope * x))).unwrap();
    Task { support: labeled.clone(), query: labeled }
}

fn built(text: &str) -> Box<dyn Algorithm> {
    build(&text.parse().unwrap(), &regression(1, &[4], 4)).unwrap()
}

/// One meta-iteration on three tasks, as the runner would do it.
fn iterate(method: &dyn Algorithm, state: &mut State, total: u64) {
    let mut tasks: Vec<(Task, Stream)> =
        (0..3u64).map(|i| (task(i as f32), Stream::new(1, Purpose::TrainMethod, state.step, i))).collect();
    let chain = method.sampling().chain;
    let updates = tasks.chunks_mut(chain).flat_map(|part| method.chain_update(state, part).unwrap()).collect();
    method.outer_update(state, updates, Progress { iteration: state.step, total }).unwrap();
    state.step += 1;
}

#[test]
fn sequential_and_folded_differ_only_by_staleness() {
    let text = |second| {
        format!(
            "meta_batch = 3\ninner_batch = 2\ninner_iters = 2\ntrain_shots = 4\nlr = 1e-3\nsecond_moment = \"{second}\""
        )
    };
    let (folded, sequential) = (built(&text("folded")), built(&text("sequential")));
    let start = folded.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
    let (mut a, mut b) = (start.clone(), start.clone());
    // From a zero moment the first tasks differ most; after some iterations the moments must be close.
    for _ in 0..20 {
        iterate(folded.as_ref(), &mut a, 20);
        iterate(sequential.as_ref(), &mut b, 20);
    }
    let norm = |params: &Params| params.dot(params).unwrap().to_scalar::<f32>().unwrap().sqrt();
    let (va, vb) = (a.slot("adam.second").unwrap(), b.slot("adam.second").unwrap());
    let apart = norm(&va.sub(vb).unwrap()) / norm(vb);
    assert!(apart < 0.1, "second moments {apart} apart");
    assert!(!a.params.same_bits(&b.params).unwrap(), "the two are not the same procedure");
    let moved = norm(&a.params.sub(&start.params).unwrap());
    let apart = norm(&a.params.sub(&b.params).unwrap()) / moved;
    assert!(apart < 0.2, "parameters {apart} of the way apart");
}

#[test]
fn the_meta_step_interpolates_to_the_mean_result() {
    let method = built(
        "meta_batch = 3\ninner_batch = 4\ninner_iters = 1\ntrain_shots = 4\noptimizer = \"sgd\"\nmeta_step = 0.5",
    );
    let mut state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
    let before = state.params.clone();
    let ends: Vec<Params> = (0..3u64)
        .map(|i| {
            let mut rng = Stream::new(1, Purpose::TrainMethod, 0, i);
            let update = method.task_update(&state, &task(i as f32), &mut rng).unwrap();
            update.role("params").unwrap().clone()
        })
        .collect();
    iterate(method.as_ref(), &mut state, 10);
    let want = before.axpy(0.5, &Params::mean(&ends).unwrap().sub(&before).unwrap()).unwrap();
    let gap = want.sub(&state.params).unwrap();
    assert!(gap.dot(&gap).unwrap().to_scalar::<f32>().unwrap() < 1e-12);
}
