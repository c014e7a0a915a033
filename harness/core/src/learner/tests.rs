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
    let sgd = Optimizer::Sgd { lr: 0.05, momentum: 0.9, dampening: 0.9, weight_decay: 0.001 };
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
