use candle_core::{DType, Device};
use harness_core::conformance::{Differences, Toy, regression};
use harness_core::{Activation, ModelSpec, Purpose};

use super::*;

#[test]
fn conforms() {
    harness_core::conformance::check(&ENTRY);
}

fn stream(purpose: Purpose) -> Stream {
    Stream::new(0, purpose, 0, 0)
}

/// Norm layers, which MAML's inner loop leaves alone, are of the body; the head has the same bits before and after.
#[test]
fn the_head_is_what_it_was_after_adaptation() {
    let toy = Toy::new();
    let method = build(&"inner_lr = 0.5\neval_steps = 5".parse().unwrap(), &toy.context()).unwrap();
    let state = method.init(&mut stream(Purpose::Init)).unwrap();
    let task = toy.episode(0).unwrap();
    let adapted = method.adapt(&state, &task.support, &[0, 5], &mut stream(Purpose::EvalMethod)).unwrap();
    let same =
        |group: Group, index: usize| group.part(&adapted[index].params).same_bits(&group.part(&state.params)).unwrap();
    assert!(same(Group::Head, 0) && same(Group::Head, 1) && same(Group::Body, 0) && !same(Group::Body, 1));
    let gammas = |params: &Params| params.filter(|name| name.ends_with(".gamma"));
    assert!(!gammas(&adapted[1].params).same_bits(&gammas(&state.params)).unwrap());
}

/// The answer 2·relu(w·x + b) + 1 at w = 1, b = 0 to x = 1 is 3. Towards 0 the loss 9 has the slope 2·3·2 = 12 by w and by b: one step
/// of rate 0.05 takes them to 0.4 and −0.6, and the head, whose slopes are 6 and 6, stays.
#[test]
fn an_inner_step_by_hand() {
    let model = ModelSpec::Mlp { hidden: vec![1], activation: Activation::Relu };
    let context = Context { model, ..regression(1, &[1], 1) };
    let method = build(&"inner_lr = 0.05\neval_steps = 1".parse().unwrap(), &context).unwrap();
    let mut state = method.init(&mut stream(Purpose::Init)).unwrap();
    let one = |value: f32| Tensor::new(&[[value]], &Device::Cpu).unwrap();
    for (name, value) in [("dense1.weight", 1.0), ("head.weight", 2.0)] {
        state.params.insert(name, one(value));
    }
    for (name, value) in [("dense1.bias", 0.0), ("head.bias", 1.0)] {
        state.params.insert(name, one(value).reshape(1).unwrap());
    }
    let support = Labeled::new(one(1.0), Targets::Values(one(0.0))).unwrap();
    let adapted = method.adapt(&state, &support, &[1], &mut stream(Purpose::EvalMethod)).unwrap().remove(0).params;
    let read = |name: &str| adapted.get(name).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()[0];
    for (name, want) in [("dense1.weight", 0.4), ("dense1.bias", -0.6), ("head.weight", 2.0), ("head.bias", 1.0)] {
        assert!((read(name) - want).abs() < 1e-6, "{name}: {}", read(name));
    }
}

fn wide(labeled: &Labeled) -> Labeled {
    Labeled::new(labeled.x.to_dtype(DType::F64).unwrap(), labeled.y.clone()).unwrap()
}

/// The meta-gradient against central differences of the query loss after two inner steps in f64, by entries of every parameter:
/// of the head too, which the steps read and do not move.
#[test]
fn the_meta_gradient_is_exact() {
    let toy = Toy::new();
    let settings = Settings { inner_steps: 2, inner_lr: 0.3, ..Settings::default() };
    let method = method(settings, &toy.context()).unwrap();
    let start = method.model.init(&mut stream(Purpose::Init)).unwrap().to(DType::F64, &Device::Cpu).unwrap();
    let task = toy.episode(0).unwrap();
    let task = Task { support: wide(&task.support), query: wide(&task.query) };
    let (_, ours) = exact(&method, &start, &task, &mut stream(Purpose::TrainMethod)).unwrap();
    let query_loss = |start: &Params| {
        let end = method.learn(start, &task.support, &mut stream(Purpose::TrainMethod)).unwrap().params;
        method.model.loss_grad(&end, &task.query, Reduction::Mean).unwrap()
    };
    let first_order = query_loss(&start).grads;
    let wanted = Differences::new(&start, 6, |start| query_loss(start).loss);
    let (gap, first_gap, largest) = (wanted.gap(&ours), wanted.gap(&first_order), wanted.largest());
    assert!(gap < 1e-5 * largest, "{gap} of {largest}");
    assert!(first_gap > 1e-2 * largest, "the check has no power: {first_gap} of {largest}");
}
