use candle_core::{DType, Device, Tensor};

use super::*;
use crate::model::ModelSpec;
use crate::rng::{Purpose, Stream};

fn toy() -> (Model, Params, Labeled) {
    let model = Model::new(&ModelSpec::ReptileOmniglot { filters: 8 }, &[12, 12, 1], 3, &Device::Cpu).unwrap();
    let mut rng = Stream::new(1, Purpose::Init, 0, 0);
    let params = model.init(&mut rng).unwrap();
    let pixels: Vec<f32> = (0..9 * 144).map(|_| rng.unit() as f32).collect();
    let x = Tensor::from_vec(pixels, (9, 12, 12, 1), &Device::Cpu).unwrap();
    let labeled = Labeled::new(x, Targets::Classes((0..9).map(|i| i % 3).collect())).unwrap();
    (model, params, labeled)
}

fn run(model: &Model, params: &Params, labeled: &Labeled, loop_: &InnerLoop) -> (Params, Moments) {
    let pool = Pool::new(labeled).unwrap();
    let mut learner = Learner::new(model, params, loop_, &Moments::default()).unwrap();
    for step in 0..5 {
        let rows: Vec<usize> = (0..6).map(|i| (i * 2 + step) % 9).collect();
        learner.step(&pool, &rows).unwrap();
    }
    (learner.params().unwrap(), learner.moments().unwrap())
}

/// The largest relative difference, by parameter norm. Convolution biases before a norm layer are left out: their true
/// gradient is zero, so Adam amplifies rounding noise that has no effect on any answer.
fn difference(a: &Params, b: &Params) -> f64 {
    let norm = |t: &Tensor| {
        t.sqr().unwrap().sum_all().unwrap().to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap().sqrt()
    };
    let pairs = a.iter().filter(|(name, _)| !(name.starts_with("conv") && name.ends_with(".bias")));
    pairs.map(|(name, t)| norm(&(t - b.get(name).unwrap()).unwrap()) / norm(t).max(1e-3)).fold(0.0, f64::max)
}

#[test]
fn fused_and_tape_agree_over_an_inner_loop() {
    let (model, params, labeled) = toy();
    let sgd = Optimizer::Sgd { lr: 0.05, momentum: 0.9, dampening: 0.9, weight_decay: 0.001, lr_decay: 0.2 };
    for (optimizer, tolerance) in [(Optimizer::sgd(0.05), 1e-4), (sgd, 1e-4), (Optimizer::adam(1e-3, 0.0), 1e-3)] {
        for trains in [Group::All, Group::Head, Group::Weights] {
            let loop_ = InnerLoop::new(optimizer, Reduction::Mean).only(trains);
            let (fused, _) = run(&model, &params, &labeled, &loop_);
            let (tape, _) = run(&model.clone().stock(), &params, &labeled, &loop_);
            assert!(difference(&fused, &params) > 1e-3, "{loop_:?} moved nothing");
            let apart = difference(&fused, &tape);
            assert!(apart < tolerance, "{loop_:?}: {apart}");
        }
    }
}

#[test]
fn only_the_chosen_group_learns() {
    let (model, params, labeled) = toy();
    let loop_ = InnerLoop::new(Optimizer::sgd(0.1), Reduction::Sum).only(Group::Head);
    let (after, _) = run(&model, &params, &labeled, &loop_);
    let body = |params: &Params| params.filter(|name| Group::Body.holds(name));
    assert!(body(&after).same_bits(&body(&params)).unwrap());
    assert!(!after.same_bits(&params).unwrap());
}

#[test]
fn moments_carry_over_as_if_the_learner_had_gone_on() {
    let (model, params, labeled) = toy();
    let pool = Pool::new(&labeled).unwrap();
    let loop_ = InnerLoop::new(Optimizer::adam(1e-3, 0.5), Reduction::Sum);
    let mut whole = Learner::new(&model, &params, &loop_, &Moments::default()).unwrap();
    whole.step(&pool, &[0, 1, 2]).unwrap();
    let slots = whole.moments().unwrap().to_slots("adam");
    let moments = Moments::from_slots(&slots, "adam", 1);
    let mut second = Learner::new(&model, &whole.params().unwrap(), &loop_, &moments).unwrap();
    whole.step(&pool, &[3, 4, 5]).unwrap();
    second.step(&pool, &[3, 4, 5]).unwrap();
    assert!(whole.params().unwrap().same_bits(&second.params().unwrap()).unwrap());
}

#[test]
fn fused_and_tape_agree_on_the_proximal_term() {
    let (model, params, labeled) = toy();
    for trains in [Group::All, Group::Head] {
        let free = InnerLoop::new(Optimizer::sgd(0.05), Reduction::Mean).only(trains);
        let held = free.clone().proximal(3.0);
        let (fused, _) = run(&model, &params, &labeled, &held);
        let (tape, _) = run(&model.clone().stock(), &params, &labeled, &held);
        let apart = difference(&fused, &tape);
        assert!(apart < 1e-4, "{trains:?}: {apart}");
        let (without, _) = run(&model, &params, &labeled, &free);
        let (near, far) = (difference(&params, &fused), difference(&params, &without));
        assert!(near < 0.9 * far, "{trains:?}: {near} with the pull, {far} without");
    }
}

/// y = w·x + b at w = b = 0 on (1, 2) and (−1, −2), rate 0.1, λ = 1. The loss's slope is dL/dw = 2·(w − 2), b stays 0.
/// w₁ = 0.4, where the pull is still 0 at the start; w₂ = 0.4 − 0.1·(2·(0.4 − 2) + 1·0.4) = 0.68.
#[test]
fn the_proximal_pull_by_hand() {
    let spec = ModelSpec::Mlp { hidden: vec![], activation: crate::model::Activation::Tanh };
    let model = Model::new(&spec, &[1], 1, &Device::Cpu).unwrap();
    let params = model.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap().zeros_like().unwrap();
    let column = |values: [f32; 2]| Tensor::from_vec(values.to_vec(), (2, 1), &Device::Cpu).unwrap();
    let labeled = Labeled::new(column([1.0, -1.0]), Targets::Values(column([2.0, -2.0]))).unwrap();
    for model in [model.clone(), model.stock()] {
        let loop_ = InnerLoop::new(Optimizer::sgd(0.1), Reduction::Mean).proximal(1.0);
        let pool = Pool::new(&labeled).unwrap();
        let mut learner = Learner::new(&model, &params, &loop_, &Moments::default()).unwrap();
        let losses = [learner.step(&pool, &[0, 1]).unwrap(), learner.step(&pool, &[0, 1]).unwrap()];
        let slope = learner.params().unwrap().get("head.weight").unwrap().to_vec2::<f32>().unwrap()[0][0];
        assert!((slope - 0.68).abs() < 1e-6, "{slope}");
        // Losses are the data's alone: 2² and 1.6².
        assert!((losses[0] - 4.0).abs() < 1e-6 && (losses[1] - 2.56).abs() < 1e-6, "{losses:?}");
    }
}

/// Each step's mini-batch joins the running statistics, on both paths alike: after one step they are 0.75 of what they were and a
/// quarter of the batch's.
#[test]
fn running_statistics_follow_the_steps() {
    let (model, params, labeled) = toy();
    let pool = Pool::new(&labeled).unwrap();
    let loop_ = InnerLoop::new(Optimizer::sgd(0.05), Reduction::Mean);
    let start = model.initial_stats().unwrap();
    let plain = model.clone().stock();
    let mut ends = Vec::new();
    for model in [&model, &plain] {
        let mut rng = Stream::new(1, Purpose::TrainMethod, 0, 0);
        let mut batches = MiniBatches::new(pool.len(), pool.len(), false, &mut rng);
        let mut learner = Learner::new(model, &params, &loop_, &Moments::default()).unwrap().updating(&start, 0.25);
        let after = learner.snapshots(&pool, &mut batches, &[0, 1, 3], &Params::new()).unwrap();
        assert!(after[0].buffers.same_bits(&start).unwrap());
        let batch = model.loss_grad(&params, &labeled, Reduction::Mean).unwrap().stats;
        let want = start.scale(0.75).unwrap().axpy(0.25, &batch).unwrap();
        assert!(difference(&want, &after[1].buffers) < 1e-5);
        assert!(difference(&after[1].buffers, &after[2].buffers) > 1e-2);
        ends.push(after[2].buffers.clone());
    }
    assert!(difference(&ends[0], &ends[1]) < 1e-4);
}
