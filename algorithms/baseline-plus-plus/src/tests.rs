use candle_core::Device;
use harness_core::conformance::{check, classification, matrix};
use harness_core::{Protocol, Purpose, Targets};

use super::*;

#[test]
fn conforms() {
    check(&ENTRY);
}

/// Columns (2, 0) and (0, 3).
fn head(gains: [f32; 2]) -> Params {
    let gain = Tensor::new(&gains, &Device::Cpu).unwrap();
    let weight = matrix([[2.0, 0.0], [0.0, 3.0]]);
    [("head.weight".to_string(), weight), ("head.gain".to_string(), gain)].into_iter().collect()
}

fn close(got: &Tensor, want: &[f32]) {
    let got = got.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(got.len() == want.len() && got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-4), "{got:?} {want:?}");
}

/// (3, 4) has cosines 0.6 and 0.8 with the columns, whatever their lengths: scale 2, gains 2 and 1.
#[test]
fn an_answer_is_scale_times_gain_times_cosine() {
    let answers = logits(&directions(&matrix([[3.0, 4.0]])).unwrap(), &head([2.0, 1.0])).unwrap();
    close(&answers, &[2.4, 1.6]);
}

#[test]
fn the_scale_is_two_or_ten_by_the_number_of_classes() {
    let mut rng = Stream::new(0, Purpose::Init, 0, 0);
    let x = matrix([[1.0, 0.0]]);
    for (classes, scale) in [(200, 2.0), (201, 10.0)] {
        let head = new_head(2, classes, &x, &mut rng).unwrap();
        // At first the gain is the column's length, so the answer is scale times the plain product.
        let product = (head.get("head.weight").unwrap().narrow(0, 0, 1).unwrap() * scale).unwrap();
        close(&logits(&x, &head).unwrap(), &product.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    }
}

fn gradient(answers: &Tensor, targets: &Targets, vars: &Params) -> (f64, Params) {
    loss::gradient(&loss::loss(answers, targets, Reduction::Mean).unwrap(), vars).unwrap()
}

/// Direction (1, 0), class 0, gains 1: answers (2, 0), so class 1 has p = 1 / (1 + e²). Only what turns a column counts:
/// column 0 lies along the image and stays, column 1 (length 3) turns away by 2p/3; gain 0 grows by 2p.
#[test]
fn the_gradient_turns_columns_and_scales_gains() {
    let vars = head([1.0, 1.0]).to_vars().unwrap();
    let answers = logits(&matrix([[1.0, 0.0]]), &vars).unwrap();
    let (loss, grads) = gradient(&answers, &Targets::Classes(vec![0]), &vars);
    let p = 1.0 / (1.0 + 2f32.exp());
    assert!((loss + f64::from((1.0 - p).ln())).abs() < 1e-6);
    close(grads.get("head.gain").unwrap(), &[-2.0 * p, 0.0]);
    close(grads.get("head.weight").unwrap(), &[0.0, 2.0 * p / 3.0, 0.0, 0.0]);
}

#[test]
fn features_without_direction_have_a_finite_gradient() {
    let x = [("x".to_string(), matrix([[0.0, 0.0], [3.0, 4.0]]))].into_iter().collect::<Params>().to_vars().unwrap();
    let answers = logits(&directions(x.get("x").unwrap()).unwrap(), &head([1.0, 1.0])).unwrap();
    close(&answers, &[0.0, 0.0, 1.2, 1.6]);
    let (_, grads) = gradient(&answers, &Targets::Classes(vec![0, 1]), &x);
    assert_eq!(grads.not_finite().unwrap(), None);
}

/// 100 epochs in batches of 4: 2 steps each for 5 images, 7 for 25.
#[test]
fn an_epoch_ends_in_a_partial_batch() {
    for (shots, steps) in [(1, 200), (5, 700)] {
        let protocol = Protocol { ways: 5, shots, queries: 1 };
        let context = Context { protocol, ..classification(1, 9) };
        assert_eq!(build(&"".parse().unwrap(), &context).unwrap().test_steps(), steps);
    }
}
