use harness_core::conformance::{check, check_with, classification, matrix, regression, start_at};
use harness_core::{Purpose, Targets};

use super::*;

#[test]
fn conforms() {
    check(&ENTRY);
}

#[test]
fn batch_statistics_conform() {
    check_with(&ENTRY, "norm = \"batch\"");
}

/// A network whose one feature is relu(w·x + b), without norm layers.
fn method(text: &str) -> Result<Box<dyn Algorithm>> {
    build(&text.parse().unwrap(), &classification(1, 9))
}

#[test]
fn a_prototype_is_its_classs_mean() {
    let features = matrix([[0.0, 2.0], [5.0, 5.0], [4.0, 6.0]]);
    let means = prototypes(&features, &[1, 0, 1]).unwrap();
    assert_eq!(means.to_vec2::<f32>().unwrap(), [[5.0, 5.0], [2.0, 4.0]]);
}

#[test]
fn an_answer_is_the_negative_squared_distance() {
    let answers = logits(&matrix([[1.0, 2.0]]), &matrix([[4.0, 6.0], [1.0, 2.0], [0.0, 0.0]])).unwrap();
    assert_eq!(answers.to_vec2::<f32>().unwrap(), [[-25.0, 0.0, -5.0]]);
}

/// At w = 1, b = 0 the prototypes of 1 and 3 are w and 3w, and the query 1.5 is 0.5w and 1.5w away. With d² the loss is
/// ln(1 + exp(−2w²)), whose slope is −4w / (1 + exp(2w²)); a shift of all features changes nothing.
#[test]
fn the_gradient_goes_through_prototypes_and_queries() {
    let method = method("train_ways = 2\ntrain_queries = 1").unwrap();
    let mut rng = Stream::new(0, Purpose::Init, 0, 0);
    let state = start_at(method.as_ref(), [[1.0]]);
    assert_eq!(state.params.names().collect::<Vec<_>>(), ["dense1.bias", "dense1.weight"], "no head is learned");
    let support = Labeled::new(matrix([[1.0], [3.0]]), Targets::Classes(vec![0, 1])).unwrap();
    let query = Labeled::new(matrix([[1.5]]), Targets::Classes(vec![0])).unwrap();
    let update = method.task_update(&state, &Task { support, query }, &mut rng).unwrap();
    let slope = |name| update.role("gradient").unwrap().get(name).unwrap().flatten_all().unwrap().to_vec1::<f32>();
    let e2 = 2f64.exp();
    assert!((f64::from(slope("dense1.weight").unwrap()[0]) + 4.0 / (1.0 + e2)).abs() < 1e-6);
    assert!(slope("dense1.bias").unwrap()[0].abs() < 1e-6);
    assert!((update.scalars["loss"] - (1.0 + 1.0 / e2).ln()).abs() < 1e-6);
}

/// 2,000 episodes to a halving where the run has 20,000, as the paper; a shorter run has the same levels.
#[test]
fn the_rate_is_halved_at_equal_distances() {
    let method = method("train_ways = 2\ntrain_queries = 1").unwrap();
    let start = method.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
    let rate = |iteration, total| {
        let update = Update::default().with("gradient", start.params.zeros_like().unwrap());
        let progress = Progress { iteration, total };
        method.outer_update(&mut start.clone(), vec![update], progress).unwrap()["lr"]
    };
    assert_eq!([0, 1999, 2000, 19_999].map(|i| rate(i, 20_000)), [1e-3, 1e-3, 5e-4, 1e-3 / 512.0]);
    assert_eq!([0, 5, 49].map(|i| rate(i, 50)), [1e-3, 5e-4, 1e-3 / 512.0]);
}

#[test]
fn what_cannot_be_meant_is_named() {
    let error = |text| method(text).err().unwrap().to_string();
    assert!(error("train_ways = 1").contains("train_ways = 1"));
    assert!(error("train_shots = 0").contains("train_shots"));
    assert!(error("norm = \"runing\"").contains("did you mean \"running\"?"));
    let error = build(&toml::Table::new(), &regression(1, &[1], 1)).err().unwrap().to_string();
    assert!(error.contains("no form for regression"));
}
