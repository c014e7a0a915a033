use harness_core::Purpose;
use harness_core::conformance::{Toy, check};

use super::*;

#[test]
fn conforms() {
    check(&ENTRY);
}

#[test]
fn a_linear_head_on_frozen_features_conforms() {
    let toy = "batch = 32\nlr = 0.01\ntune = \"head\"\nnorm = \"running\"\ntune_steps = 60\ntune_batch = 4\n\
               tune_optimizer = \"sgd\"\ntune_lr = 0.05\ntune_momentum = 0.9\ntune_dampening = 0.9\n\
               tune_weight_decay = 0.001";
    check(&Entry { toy, ..ENTRY });
}

/// Eight features and three ways: before any step a head of zeros says nothing, PyTorch's lies within 1/√8, and Glorot's
/// weights within √(6/11).
#[test]
fn the_new_head_starts_as_told() {
    let toy = Toy::new();
    let support = toy.episode(0).unwrap().support;
    let largest = |init: &str| {
        let settings = format!("head_init = \"{init}\"").parse().unwrap();
        let method = build(&settings, &toy.context()).unwrap();
        let rng = || Stream::new(0, Purpose::EvalMethod, 0, 0);
        let state = method.for_evaluation(&method.init(&mut rng()).unwrap());
        let head = method.adapt(&state, &support, &[0], &mut rng()).unwrap().remove(0).params;
        ["head.weight", "head.bias"].map(|name| {
            let values = head.get(name).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            values.iter().fold(0f32, |largest, value| largest.max(value.abs()))
        })
    };
    assert_eq!(largest("zeros"), [0.0, 0.0]);
    let close_below = |value: f32, bound: f32| (0.8 * bound..=bound).contains(&value);
    let [weight, bias] = largest("fan-in");
    assert!(close_below(weight, 1.0 / 8f32.sqrt()) && bias > 0.0 && bias <= 1.0 / 8f32.sqrt(), "{weight} {bias}");
    let [weight, bias] = largest("glorot");
    assert!(close_below(weight, (6f32 / 11.0).sqrt()) && bias == 0.0, "{weight} {bias}");
}
