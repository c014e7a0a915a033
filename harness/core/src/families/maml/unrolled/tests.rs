use candle_core::{DType, Device, Tensor};

use super::*;
use crate::conformance::Differences;
use crate::episode::Targets;
use crate::loss::{Reduction, loss};
use crate::model::{Activation, ModelSpec, Norm};

const SIDE: usize = 12;

fn noise(shape: &[usize], seed: usize) -> Tensor {
    let n = shape.iter().product::<usize>();
    let value = |i: usize| (((i * 7919 + seed * 104_729 + 13) % 9973) as f64 / 4986.5) - 1.0;
    Tensor::from_vec((0..n).map(value).collect::<Vec<f64>>(), shape, &Device::Cpu).unwrap()
}

/// Four blocks of convolution, norm, pool and ReLU and a dense head: in f64, so that differences are exact enough.
fn network() -> Model {
    Model::new(&ModelSpec::ReptileMini { filters: 3 }, &[SIDE, SIDE, 1], 3, &Device::Cpu).unwrap()
}

fn params(model: &Model) -> Params {
    let layout = model.network.layout().iter().enumerate();
    layout.map(|(seed, spec)| (spec.name.clone(), (noise(&spec.shape, seed + 3) * 0.7).unwrap())).collect()
}

fn batch(n: usize, seed: usize) -> Labeled {
    Labeled::new(noise(&[n, SIDE, SIDE, 1], seed), Targets::Classes((0..n).map(|i| (i % 3) as u32).collect())).unwrap()
}

const RATE: f64 = 0.05;
const STEPS: usize = 3;

/// The query loss after three inner steps, each on its own support batch.
fn adapted<'m>(model: &'m Model, start: &Params, trains: Group) -> Unrolled<'m> {
    let mut unrolled = Unrolled::new(model, start, RATE, trains);
    for step in 0..STEPS {
        unrolled.step(&batch(6, 20 + step)).unwrap();
    }
    unrolled
}

fn query_loss(model: &Model, params: &Params) -> f64 {
    let query = batch(6, 40);
    let value = loss(&model.logits(params, &query.x, &Norm::Batch).unwrap(), &query.y, Reduction::Mean).unwrap();
    value.to_scalar::<f64>().unwrap()
}

/// The largest gap between `grad` and central differences over some entries of every parameter, relative to the
/// largest difference.
fn gap(model: &Model, start: &Params, trains: Group, grad: &Params) -> f64 {
    differences(start, grad, |start| query_loss(model, adapted(model, start, trains).params()))
}

fn differences(start: &Params, grad: &Params, value: impl Fn(&Params) -> f64) -> f64 {
    let wanted = Differences::new(start, 12, value);
    wanted.gap(grad) / wanted.largest()
}

#[test]
fn the_meta_gradient_is_exact_and_the_first_order_one_is_not() {
    let model = network();
    let start = params(&model);
    for trains in [Group::All, Group::Weights, Group::Head] {
        let unrolled = adapted(&model, &start, trains);
        let outer = model.loss_grad(unrolled.params(), &batch(6, 40), Reduction::Mean).unwrap().grads;
        let exact = gap(&model, &start, trains, &unrolled.pull_back(&outer).unwrap());
        assert!(exact < 1e-6, "{trains:?}: {exact}");
        let first_order = gap(&model, &start, trains, &outer);
        assert!(first_order > 1e-2, "{trains:?}: the check has no power, {first_order}");
    }
}

/// Rates of their own for all entries, differentiated: by the initialisation and by the rates.
#[test]
fn a_rate_an_entry_is_differentiated_exactly() {
    let model = network();
    let start = params(&model);
    let rates: Params = start
        .iter()
        .zip(100..)
        .map(|((name, tensor), seed)| (name.to_owned(), ((noise(tensor.dims(), seed) * 0.03).unwrap() + 0.05).unwrap()))
        .collect();
    let descended = |start: &Params, rates: &Params| {
        let mut unrolled = Unrolled::new(&model, start, 9.0, Group::Weights);
        for step in 0..STEPS {
            unrolled.step_by(&batch(6, 20 + step), rates).unwrap();
        }
        unrolled
    };
    let unrolled = descended(&start, &rates);
    let outer = model.loss_grad(unrolled.params(), &batch(6, 40), Reduction::Mean).unwrap().grads;
    let (by_start, by_rates) = unrolled.pull_back_both(&outer).unwrap();
    assert!(by_rates.names().eq(rates.names().filter(|name| Group::Weights.holds(name))));
    let at = |start: &Params| query_loss(&model, descended(start, &rates).params());
    let gap = differences(&start, &by_start, at);
    assert!(gap < 1e-6, "{gap}");
    assert!(differences(&start, &outer, at) > 1e-2, "the check has no power");
    let moving = rates.filter(|name| Group::Weights.holds(name));
    let gap = differences(&moving, &by_rates, |rates| query_loss(&model, descended(&start, rates).params()));
    assert!(gap < 1e-6, "{gap}");
}

/// y = w·x on one point x = 1 with target 0, mean squared error: L = w², g = 2w, so one step of rate α takes w to
/// (1 − 2α)·w and the query gradient 2w' comes back as 2w'·(1 − 2α).
#[test]
fn a_quadratic_by_hand() {
    let linear = ModelSpec::Mlp { hidden: vec![], activation: Activation::Tanh };
    let model = Model::new(&linear, &[1], 1, &Device::Cpu).unwrap();
    let one = |value: f64, shape: &[usize]| Tensor::full(value, shape, &Device::Cpu).unwrap();
    let start: Params =
        [("head.weight".into(), one(3.0, &[1, 1])), ("head.bias".into(), one(0.0, &[1]))].into_iter().collect();
    let point = Labeled::new(one(1.0, &[1, 1]), Targets::Values(one(0.0, &[1, 1]))).unwrap();
    let weight = |params: &Params| params.get("head.weight").unwrap().to_vec2::<f64>().unwrap()[0][0];
    let mut unrolled = Unrolled::new(&model, &start, 0.1, Group::Weights);
    assert!((unrolled.step(&point).unwrap() - 9.0).abs() < 1e-12);
    // The bias moves too: (w, b) = (3, 0) − 0.1·(6, 6).
    assert!((weight(unrolled.params()) - 2.4).abs() < 1e-12);
    let outer: Params =
        [("head.weight".into(), one(3.6, &[1, 1])), ("head.bias".into(), one(3.6, &[1]))].into_iter().collect();
    // The Hessian is 2·[[1, 1], [1, 1]]: 3.6 − 0.1·2·(3.6 + 3.6).
    assert!((weight(&unrolled.pull_back(&outer).unwrap()) - 2.16).abs() < 1e-12);
    assert_eq!(unrolled.params().get("head.bias").unwrap().dtype(), DType::F64);
}
