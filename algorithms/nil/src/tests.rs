use candle_core::Device;
use harness_core::Purpose;
use harness_core::conformance::{Toy, check, check_with, classification, matrix, regression, start_at};

use super::*;

#[test]
fn conforms() {
    check(&ENTRY);
}

#[test]
fn conforms_where_it_is_trained_as_maml() {
    check_with(&ENTRY, "train_as = \"maml\"");
}

fn stream(purpose: Purpose) -> Stream {
    Stream::new(0, purpose, 0, 0)
}

/// A network whose features are relu(x) of two numbers, without norm layers.
fn plain() -> (Box<dyn Algorithm>, State) {
    let method = build(&toml::Table::new(), &classification(2, 9)).unwrap();
    let state = start_at(method.as_ref(), [[1.0, 0.0], [0.0, 1.0]]);
    (method, state)
}

/// The query (3, 4) has the cosines 0.6 and 0.8 with (1, 0) and (0, 2) of class 0, and 1 and 0.96 with (6, 8) and (4, 3) of class 1,
/// whatever their lengths: the labels' weights are exp(0.6) + exp(0.8) and exp(1) + exp(0.96). The head plays no part.
#[test]
fn cosines_weight_the_support_labels() {
    let (method, mut state) = plain();
    let x = matrix([[1.0, 0.0], [6.0, 8.0], [0.0, 2.0], [4.0, 3.0]]);
    let support = Labeled::new(x, Targets::Classes(vec![0, 1, 0, 1])).unwrap();
    let want = [(0.6f32.exp() + 0.8f32.exp()).ln(), (1f32.exp() + 0.96f32.exp()).ln()];
    for head in [1.0, -100.0] {
        state.params.insert("head.weight", Tensor::full(head as f32, (2, 2), &Device::Cpu).unwrap());
        let adapted = method.adapt(&state, &support, &[0], &mut stream(Purpose::EvalMethod)).unwrap().remove(0);
        assert!(Group::Head.part(&adapted.params).is_empty());
        for mode in [Mode::Transductive, Mode::Inductive] {
            let answers = method.score(&adapted, &support, &matrix([[3.0, 4.0]]), mode).unwrap();
            let got = answers.to_vec2::<f32>().unwrap().remove(0);
            assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-4), "{got:?}, not {want:?}");
        }
    }
}

/// Training is ANIL's or MAML's to the bit, and says so.
#[test]
fn training_is_that_of_the_other_method() {
    let toy = Toy::new();
    let table = |text: &str| format!("{text}\ninner_steps = 2").parse::<toml::Table>().unwrap();
    let others =
        [anil::ENTRY, maml::ENTRY].map(|entry| (entry.name, (entry.build)(&table(""), &toy.context()).unwrap()));
    let task = toy.episode(0).unwrap();
    let gradients = others.map(|(name, other)| {
        let method = build(&table(&format!("train_as = \"{name}\"")), &toy.context()).unwrap();
        assert_eq!(method.halves().unwrap().trains_as, Some(TrainsAs { method: name, own: vec!["train_as"] }));
        let state = method.init(&mut stream(Purpose::Init)).unwrap();
        assert!(state.same_bits(&other.init(&mut stream(Purpose::Init)).unwrap()).unwrap());
        // What is kept of a run serves both.
        assert!(method.for_evaluation(&state).same_bits(&other.for_evaluation(&state)).unwrap());
        let of = |method: &dyn Algorithm| {
            let update = method.task_update(&state, &task, &mut stream(Purpose::TrainMethod)).unwrap();
            update.role("gradient").unwrap().clone()
        };
        assert!(of(method.as_ref()).same_bits(&of(other.as_ref())).unwrap(), "{name}");
        of(other.as_ref())
    });
    assert!(!gradients[0].same_bits(&gradients[1]).unwrap());
}

#[test]
fn wrong_settings_are_named() {
    let error = |text: &str, context: &Context| build(&text.parse().unwrap(), context).err().unwrap().to_string();
    assert!(error("train_as = \"mamal\"", &Toy::new().context()).contains("did you mean \"maml\"?"));
    assert!(error("", &regression(1, &[3], 4)).contains("no form for regression"));
}
