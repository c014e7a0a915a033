use harness_core::Purpose;
use harness_core::conformance::{Toy, check, check_with, classification, matrix, start_at};

use super::*;

#[test]
fn conforms() {
    check(&ENTRY);
}

#[test]
fn batch_statistics_conform() {
    check_with(&ENTRY, "norm = \"batch\"");
}

/// A network whose two features are relu(W·x), without norm layers.
fn method(text: &str) -> Box<dyn Algorithm> {
    build(&text.parse().unwrap(), &classification(2, 9)).unwrap()
}

fn stream() -> Stream {
    Stream::new(0, Purpose::Init, 0, 0)
}

fn state(method: &dyn Algorithm, weight: [[f32; 2]; 2]) -> State {
    let state = start_at(method, weight);
    assert_eq!(state.params.names().collect::<Vec<_>>(), ["dense1.bias", "dense1.weight"], "no head is learned");
    state
}

const UNIT: [[f32; 2]; 2] = [[1.0, 0.0], [0.0, 1.0]];

/// Two images of class 0 and one of class 1, at cosines 0.6, 0.8 and 1 from the query (3, 4): probabilities are (e^0.6s + e^0.8s)/Z and
/// e^s/Z, whatever the lengths. Plain cosines let two images outvote the nearest one; a scale of 10 does not.
#[test]
fn attention_by_hand() {
    let support =
        Labeled::new(matrix([[2.0, 0.0], [0.0, 1.0], [30.0, 40.0]]), Targets::Classes(vec![0, 0, 1])).unwrap();
    for (scale, class) in [(1.0, 0), (10.0, 1)] {
        let method = method(&format!("scale = {scale:.1}"));
        let state = state(method.as_ref(), UNIT);
        let adapted = method.adapt(&state, &support, &[0], &mut stream()).unwrap().remove(0);
        let answers = method.score(&adapted, &support, &matrix([[3.0, 4.0]]), Mode::Inductive).unwrap();
        let answers = answers.to_vec2::<f32>().unwrap().remove(0);
        let weights = [0.6, 0.8, 1.0].map(|cosine| (scale * cosine as f32).exp());
        let want = (weights[0] + weights[1]) / weights.iter().sum::<f32>();
        let got = answers[0].exp() / (answers[0].exp() + answers[1].exp());
        assert!((got - want).abs() < 1e-4, "scale {scale}: {got}, not {want}");
        assert_eq!(usize::from(answers[1] > answers[0]), class, "scale {scale}");
    }
}

/// At cosines 0 and 1 and a scale of 100 the far class has probability e⁻¹⁰⁰, and its answer is ln 1e-6.
#[test]
fn a_far_class_has_a_floor() {
    let support = Labeled::new(matrix([[2.0, 0.0], [0.0, 3.0]]), Targets::Classes(vec![0, 1])).unwrap();
    let method = method("scale = 100.0");
    let state = state(method.as_ref(), UNIT);
    let adapted = method.adapt(&state, &support, &[0], &mut stream()).unwrap().remove(0);
    let answers = method.score(&adapted, &support, &matrix([[0.0, 5.0]]), Mode::Inductive).unwrap();
    let answers = answers.to_vec2::<f32>().unwrap().remove(0);
    assert!((answers[0] + 13.8155).abs() < 1e-3 && answers[1].abs() < 1e-4, "{answers:?}");
}

/// The loss of an episode is −ln of the attention on the true class, and its gradient by the weights agrees with central differences.
#[test]
fn the_gradient_of_an_episode_agrees_with_differences() {
    let method = method("scale = 3.0");
    let support = Labeled::new(matrix([[2.0, 0.5], [0.3, 1.0], [1.0, 1.0]]), Targets::Classes(vec![0, 1, 1])).unwrap();
    let query = Labeled::new(matrix([[1.5, 1.0], [0.2, 0.9]]), Targets::Classes(vec![0, 1])).unwrap();
    let task = Task { support, query };
    let weight = [[1.0, 0.2], [-0.1, 0.7]];
    let update =
        |weight: [[f32; 2]; 2]| method.task_update(&state(method.as_ref(), weight), &task, &mut stream()).unwrap();
    let ours = update(weight).role("gradient").unwrap().get("dense1.weight").unwrap().to_vec2::<f32>().unwrap();
    for row in 0..2 {
        for column in 0..2 {
            let at = |by: f32| {
                let mut moved = weight;
                moved[row][column] += by;
                update(moved).scalars["loss"]
            };
            let want = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!(
                (f64::from(ours[row][column]) - want).abs() < 2e-3,
                "{row} {column}: {} and {want}",
                ours[row][column]
            );
            assert!(want.abs() > 1e-2, "the check has no power");
        }
    }
}

#[test]
fn what_cannot_be_meant_is_named() {
    let context = Toy::new().context();
    let error = |text: &str| build(&text.parse().unwrap(), &context).err().unwrap().to_string();
    assert!(error("scale = 0.0").starts_with("scale = 0: it must be above 0"));
    assert!(error("scal = 1.0").contains("did you mean \"scale\"?"));
}
