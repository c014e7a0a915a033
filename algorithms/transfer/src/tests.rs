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

/// As Ravi and Larochelle have it, with a decaying rate.
#[test]
fn running_statistics_that_follow_the_support_set_conform() {
    let toy = "batch = 32\nlr = 0.01\nnorm = \"running\"\ntune_norm = \"batch\"\ntune_steps = 15\ntune_batch = 6\n\
               tune_optimizer = \"sgd\"\ntune_lr = 0.1\ntune_lr_decay = 0.1\nhead_init = \"fan-in\"";
    check(&Entry { toy, ..ENTRY });
}

/// With a rate of next to nothing only the statistics move: three steps on the whole support set, whose share is a quarter each time.
#[test]
fn the_support_sets_statistics_join_the_running_ones() {
    let toy = Toy::new();
    let support = toy.episode(0).unwrap().support;
    let adapted = |settings: &str| {
        let settings = format!("{settings}\ntune_steps = 3\ntune_batch = 6\ntune_optimizer = \"sgd\"\ntune_lr = 1e-30");
        let method = build(&settings.parse().unwrap(), &toy.context()).unwrap();
        let mut rng = Stream::new(0, Purpose::Init, 0, 0);
        let state = method.for_evaluation(&method.init(&mut rng).unwrap());
        method.adapt(&state, &support, &[0, 1, 3], &mut rng).unwrap()
    };
    let all = adapted("norm = \"running\"\ntune_norm = \"batch\"\ntune_norm_momentum = 0.25");
    let model = toy.context().episode_model().unwrap();
    let batch = model.loss_grad(&all[0].params, &support, Reduction::Mean).unwrap().stats;
    for (adapted, share) in all.iter().zip([0.0, 0.25, 1.0 - 0.75f64.powi(3)]) {
        let want = model.initial_stats().unwrap().scale(1.0 - share).unwrap().axpy(share, &batch).unwrap();
        let gap = want.sub(&adapted.buffers).unwrap();
        assert!(gap.dot(&gap).unwrap().to_scalar::<f32>().unwrap() < 1e-8, "a share of {share}");
    }
    let still = adapted("norm = \"running\"");
    assert!(still[2].buffers.same_bits(&model.initial_stats().unwrap()).unwrap());
}

#[test]
fn settings_that_do_not_go_together_are_named() {
    let error = |text: &str| build(&text.parse().unwrap(), &Toy::new().context()).err().unwrap().to_string();
    assert!(error("tune_norm = \"running\"").contains("needs norm = \"running\""));
    assert!(error("tune_lr_decay = 0.1").contains("tune_optimizer = \"sgd\""));
    for name in ["tune_momentum", "tune_dampening", "tune_weight_decay"] {
        assert_eq!(error(&format!("{name} = 0.1")), format!("{name} is of tune_optimizer = \"sgd\""));
    }
    assert!(error("tune_norm = \"runing\"").contains("did you mean \"running\"?"));
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
