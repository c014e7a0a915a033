use candle_core::{DType, Device};
use harness_core::conformance::{EXACT_MAML, Toy, check_closed_form};
use harness_core::families::maml::Unrolled;
use harness_core::{Activation, Draw, Labeled, Model, ModelSpec, Purpose, Split, TaskSource, View};

use super::*;

#[test]
fn conforms() {
    harness_core::conformance::check(&ENTRY);
}

const STEPS: usize = 3;

/// On quadratic tasks the model is a head and nothing else.
#[test]
fn the_closed_form_is_that_of_exact_maml() {
    check_closed_form(&ENTRY, &EXACT_MAML);
}

/// The largest difference between two gradients, relative to the largest entry of a parameter.
fn apart(a: &Params, b: &Params) -> f64 {
    let largest = |tensor: &Tensor| {
        let flat = tensor.to_dtype(DType::F64).unwrap().abs().unwrap().flatten_all().unwrap();
        flat.max(0).unwrap().to_scalar::<f64>().unwrap()
    };
    let scale = a.iter().map(|(_, tensor)| largest(tensor)).fold(0.0, f64::max);
    let gap = a.sub(b).unwrap();
    gap.iter().map(|(_, tensor)| largest(tensor)).fold(0.0, f64::max) / scale
}

fn settings() -> Settings {
    Settings { inner_steps: STEPS, inner_lr: 0.3, ..Settings::default() }
}

/// The written-out gradient against the tapes of every step with the group restricted.
fn agrees_with_the_tapes(model: &Model, params: &Params, task: &Task) {
    let mut method = Maml::new(settings(), &Toy::new().context(), Group::Head, through_the_heads_steps).unwrap();
    method.model = model.clone();
    let mut rng = Stream::new(0, Purpose::TrainMethod, 0, 0);
    let (_, ours) = through_the_heads_steps(&method, params, task, &mut rng).unwrap();
    let mut unrolled = Unrolled::new(model, params, settings().inner_lr, Group::Head);
    for _ in 0..STEPS {
        unrolled.step(&task.support).unwrap();
    }
    let first_order = model.loss_grad(unrolled.params(), &task.query, Reduction::Mean).unwrap().grads;
    let exact = unrolled.pull_back(&first_order).unwrap();
    assert!(apart(&exact, &ours) < 1e-9, "{}", apart(&exact, &ours));
    assert!(apart(&exact, &first_order) > 1e-2, "the check has no power");
    // In f32 the features go over the fused kernels.
    let narrow = |labeled: &Labeled| cast(labeled, DType::F32);
    let task = Task { support: narrow(&task.support), query: narrow(&task.query) };
    let (_, fused) =
        through_the_heads_steps(&method, &params.to(DType::F32, &Device::Cpu).unwrap(), &task, &mut rng).unwrap();
    let fused = fused.to(DType::F64, &Device::Cpu).unwrap();
    assert!(apart(&exact, &fused) < 1e-4, "{}", apart(&exact, &fused));
}

fn cast(labeled: &Labeled, dtype: DType) -> Labeled {
    let wide = |tensor: &Tensor| tensor.to_dtype(dtype).unwrap();
    let y = match &labeled.y {
        Targets::Values(values) => Targets::Values(wide(values)),
        classes => classes.clone(),
    };
    Labeled::new(wide(&labeled.x), y).unwrap()
}

fn wide(task: Task) -> Task {
    Task { support: cast(&task.support, DType::F64), query: cast(&task.query, DType::F64) }
}

#[test]
fn the_meta_gradient_is_exact_on_classes() {
    let toy = Toy::new();
    let model = toy.context().episode_model().unwrap();
    let params = model.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap().to(DType::F64, &Device::Cpu).unwrap();
    agrees_with_the_tapes(&model, &params, &wide(toy.episode(0).unwrap()));
}

#[test]
fn the_meta_gradient_is_exact_on_values() {
    let spec = ModelSpec::Mlp { hidden: vec![6], activation: Activation::Tanh };
    let model = Model::new(&spec, &[1], 1, &Device::Cpu).unwrap();
    let params = model.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap().to(DType::F64, &Device::Cpu).unwrap();
    let draw = Draw::Episode { ways: None, shots: 5, queries: 5 };
    let mut rng = Stream::new(0, Purpose::TrainTask, 0, 0);
    let task = harness_core::sources::Sine.task(Split::Train, &draw, 1, &View::default(), &mut rng).unwrap();
    agrees_with_the_tapes(&model, &params, &wide(task));
}

#[test]
fn the_body_stays_as_it_is_in_the_inner_loop() {
    let toy = Toy::new();
    let method = build(&"eval_steps = 5".parse().unwrap(), &toy.context()).unwrap();
    let state = method.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
    let task = toy.episode(0).unwrap();
    let mut rng = Stream::new(0, Purpose::EvalMethod, 0, 0);
    let adapted = method.adapt(&state, &task.support, &[5], &mut rng).unwrap();
    let part = |params: &Params, group: Group| params.filter(|name| group.holds(name));
    let same = |group| part(&adapted[0].params, group).same_bits(&part(&state.params, group)).unwrap();
    assert!(same(Group::Body) && !same(Group::Head));
}
