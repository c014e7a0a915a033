use candle_core::Device;
use harness_core::Purpose;
use harness_core::conformance::{Toy, check, check_with, classification, matrix, regression, start_at};

use super::*;

#[test]
fn conforms() {
    check(&ENTRY);
}

#[test]
fn the_other_normalisations_conform() {
    for normalisation in ["un", "l2n"] {
        check_with(&ENTRY, &format!("normalisation = \"{normalisation}\""));
    }
}

/// A network whose features are relu(x) of two numbers, without norm layers.
fn plain(text: &str) -> (Box<dyn Algorithm>, State) {
    let method = build(&text.parse().unwrap(), &classification(2, 3)).unwrap();
    let state = start_at(method.as_ref(), [[1.0, 0.0], [0.0, 1.0]]);
    (method, state)
}

fn stream() -> Stream {
    Stream::new(0, Purpose::Init, 0, 0)
}

/// Support (3, 4) and (0, 2) of class 0, (8, 6) of class 1, the query (6, 8), the training mean (0, 4). UN: the means (1.5, 3) and (8, 6)
/// are −45.25 and −8 away. L2N: (0.6, 0.8) against ((0.6, 0.8) + (0, 1))/2 and (0.8, 0.6): −0.1 and −0.08. CL2N: (6, 4)/√52 against
/// ((1, 0) + (0, −1))/2 and (8, 2)/√68.
#[test]
fn three_normalisations_by_hand() {
    let support = Labeled::new(matrix([[3.0, 4.0], [8.0, 6.0], [0.0, 2.0]]), Targets::Classes(vec![0, 1, 0])).unwrap();
    let away = |a: [f32; 2], b: [f32; 2]| -((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2));
    let (query, other) = ([6.0 / 52f32.sqrt(), 4.0 / 52f32.sqrt()], [8.0 / 68f32.sqrt(), 2.0 / 68f32.sqrt()]);
    for (normalisation, want) in
        [("un", [-45.25, -8.0]), ("l2n", [-0.1, -0.08]), ("cl2n", [away(query, [0.5, -0.5]), away(query, other)])]
    {
        let (method, mut state) = plain(&format!("normalisation = \"{normalisation}\""));
        state.buffers.insert(MEAN, Tensor::new(&[0f32, 4.0], &Device::Cpu).unwrap());
        let adapted = method.adapt(&state, &support, &[0], &mut stream()).unwrap().remove(0);
        for mode in [Mode::Transductive, Mode::Inductive] {
            let got = method.score(&adapted, &support, &matrix([[6.0, 8.0]]), mode).unwrap();
            let got = got.to_vec2::<f32>().unwrap().remove(0);
            assert!(
                got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-4),
                "{normalisation}: {got:?}, not {want:?}"
            );
        }
    }
}

/// A batch of (1, 0) and (3, 4) has the mean (2, 2): a tenth of it joins the running mean, which starts at 0, and what was there
/// keeps nine tenths. With a rate of next to nothing the features stay what they are.
#[test]
fn the_mean_is_a_running_one() {
    let (method, mut state) = plain("batch = 2\nlr = 1e-12");
    let batch = Labeled::new(matrix([[1.0, 0.0], [3.0, 4.0]]), Targets::Classes(vec![0, 2])).unwrap();
    let query = Labeled::new(matrix([[1.0, 0.0]]), Targets::Classes(vec![0])).unwrap();
    let task = Task { support: batch, query };
    for want in [0.2, 0.38] {
        let update = method.task_update(&state, &task, &mut stream()).unwrap();
        let progress = Progress { iteration: state.step, total: 9 };
        method.outer_update(&mut state, vec![update], progress).unwrap();
        state.step += 1;
        let mean = state.buffers.get(MEAN).unwrap().to_vec1::<f32>().unwrap();
        assert!(mean.iter().all(|x| (x - want).abs() < 1e-5), "{mean:?}, not {want}");
    }
    let kept = method.for_evaluation(&state);
    assert!(kept.buffers.same_bits(&state.buffers).unwrap() && Group::Head.part(&kept.params).is_empty());
}

#[test]
fn wrong_settings_are_named() {
    let context = Toy::new().context();
    let error = |text: &str, context: &Context| build(&text.parse().unwrap(), context).err().unwrap().to_string();
    assert!(error("normalisation = \"cl2\"", &context).contains("did you mean \"cl2n\"?"));
    assert!(error("", &regression(1, &[3], 4)).contains("no training classes"));
}
