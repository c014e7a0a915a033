use candle_core::{Device, Tensor};
use harness_core::conformance::regression;
use harness_core::{Draw, Purpose, Split, TaskSource, View, sources::Sine};

use super::*;

#[test]
fn conforms() {
    harness_core::conformance::check(&ENTRY);
}

fn built(text: &str) -> Box<dyn Algorithm> {
    build(&text.parse().unwrap(), &regression(1, &[8], 4)).unwrap()
}

fn stream(index: u64) -> Stream {
    Stream::new(3, Purpose::TrainMethod, 0, index)
}

fn task(index: u64) -> Task {
    let draw = Draw::Episode { ways: None, shots: 4, queries: 4 };
    Sine.task(Split::Train, &draw, 1, &View::default(), &mut Stream::new(0, Purpose::TrainTask, 0, index)).unwrap()
}

fn dot(a: &Params, b: &Params) -> f64 {
    f64::from(a.dot(b).unwrap().to_scalar::<f32>().unwrap())
}

#[test]
fn an_update_is_two_losses_and_a_key() {
    let method = built("train_shots = 4\ntrain_queries = 4\ninner_lr = 0.02");
    let state = method.init(&mut stream(0)).unwrap();
    let update = method.task_update(&state, &task(0), &mut stream(0)).unwrap();
    assert_eq!((update.tensors.len(), update.scalars.len(), update.keys.len(), update.bytes()), (0, 2, 1, 24));
    assert_ne!(update.scalars["plus"], update.scalars["minus"]);
}

#[test]
fn the_fold_makes_each_perturbation_again() {
    let like: Params = [("a", vec![3usize]), ("b", vec![9, 11])]
        .map(|(name, shape)| (name.to_owned(), Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap()))
        .into_iter()
        .collect();
    let noise = perturbation::signs(&like, 5).unwrap();
    for (name, tensor) in noise.iter() {
        assert_eq!(tensor.shape(), like.get(name).unwrap().shape());
    }
    let flat: Vec<f32> = noise.iter().flat_map(|(_, t)| t.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect();
    assert!(flat.iter().all(|sign| sign.abs() == 1.0));
    // 102 fair coins: 51 heads with a standard deviation of 5.
    assert!((30..72).contains(&flat.iter().filter(|sign| **sign > 0.0).count()));
    assert!(!noise.same_bits(&perturbation::signs(&like, 6).unwrap()).unwrap());
    let (a, b) = (perturbation::signs(&like, 1).unwrap(), perturbation::signs(&like, 2).unwrap());
    let by_hand = a.scale(3.0).unwrap().axpy(-1.0, &b).unwrap().scale(0.5).unwrap();
    assert!(perturbation::mean(&like, [(1, 3.0), (2, -1.0)]).unwrap().same_bits(&by_hand).unwrap());
}

#[test]
fn ranks_keep_signs_and_order() {
    assert_eq!(perturbation::ranks(&[0.1, -900.0, 0.0, 2.0]), [0.5, -1.0, 0.0, 0.75]);
}

/// With small steps and many perturbations the first outer step goes downhill: along the exact gradient, not just anywhere.
#[test]
fn many_perturbations_point_along_the_gradient() {
    let method =
        built("train_shots = 4\ntrain_queries = 4\ninner_lr = 1e-9\nsigma = 1e-3\nmeta_batch = 512\nmeta_lr = 1e-3");
    let start = method.init(&mut stream(0)).unwrap();
    let updates = (0..512).map(|i| method.task_update(&start, &task(0), &mut stream(i)).unwrap()).collect();
    let mut state = start.clone();
    method.outer_update(&mut state, updates, Progress { iteration: 0, total: 1 }).unwrap();
    let first = state.slot("outer.first").unwrap();
    let model = regression(1, &[8], 4).episode_model().unwrap();
    // Without a noticeable inner step the adapted loss is the query loss itself.
    let exact = model.loss_grad(&start.params, &task(0).query, Reduction::Mean).unwrap().grads;
    let cosine = dot(first, &exact) / (dot(first, first) * dot(&exact, &exact)).sqrt();
    // 25 parameters: √(512/537) = 0.98 if differences were not ranked.
    assert!(cosine > 0.9, "{cosine}");
}

#[test]
fn wrong_settings_are_named() {
    let error = |text: &str| build(&text.parse().unwrap(), &regression(1, &[8], 4)).err().unwrap().to_string();
    assert!(error("sigmma = 1.0").contains("did you mean \"sigma\"?"));
    assert!(error("inner_stepz = 1").contains("did you mean \"inner_steps\"?"));
    assert!(error("sigma = 0.0").starts_with("sigma = 0: it must be above 0"));
}
