use candle_core::{DType, Device};
use harness_core::Purpose;
use harness_core::conformance::{Differences, Toy, iterate, regression};

use super::*;

#[test]
fn conforms() {
    harness_core::conformance::check(&ENTRY);
}

fn stream() -> Stream {
    Stream::new(0, Purpose::Init, 0, 0)
}

/// Points on y = 2x at x = ±`x`.
fn points(x: f32) -> Labeled {
    let column = |values: [f32; 2]| Tensor::from_vec(values.to_vec(), (2, 1), &Device::Cpu).unwrap();
    Labeled::new(column([x, -x]), Targets::Values(column([2.0 * x, -2.0 * x]))).unwrap()
}

/// y = w·x + b at w = b = 0 on y = 2x; support x = ±1, query x = ±2. The support gradient is −4 in w and 0 in b, so a step of rate 0.1
/// takes w to 0.4, where the query gradient is −12.8. By w it is −12.8·(1 − 0.1·2) = −10.24, as MAML's; by the rate of w it is
/// −(−4)·(−12.8) = −51.2; by the rate of b, which no gradient is multiplied by, 0.
#[test]
fn the_gradient_of_the_rates_by_hand() {
    let table = "inner_lr = 0.1\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 1\nmeta_lr = 0.5".parse().unwrap();
    let method = build(&table, &regression(1, &[], 2)).unwrap();
    let mut state = method.init(&mut stream()).unwrap();
    for name in ["head.weight", "head.bias"] {
        let zero = state.params.get(name).unwrap().zeros_like().unwrap();
        state.params.insert(name, zero);
    }
    let task = Task { support: points(1.0), query: points(2.0) };
    let update = method.task_update(&state, &task, &mut stream()).unwrap();
    let read = |params: &Params, name: &str| {
        f64::from(params.get(name).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()[0])
    };
    let names = [("head.weight", -10.24), ("head.bias", 0.0), ("rate.head.weight", -51.2), ("rate.head.bias", 0.0)];
    for (name, want) in names {
        let got = read(update.role("gradient").unwrap(), name);
        assert!((got - want).abs() < 1e-4, "{name}: {got}");
    }
    // Adam's first step is its rate long, along the rate of w too; at test the slope −3 at w = 0.5 takes w
    // to 0.5 + 0.6·3.
    method.outer_update(&mut state, vec![update], Progress { iteration: 0, total: 1 }).unwrap();
    assert!((read(&state.params, "rate.head.weight") - 0.6).abs() < 1e-5);
    let adapted = method.adapt(&state, &points(1.0), &[0, 1], &mut stream()).unwrap();
    let at = |index: usize| read(&adapted[index].params, "head.weight");
    assert!((at(0) - 0.5).abs() < 1e-5 && (at(1) - 2.3).abs() < 1e-4, "{} {}", at(0), at(1));
    assert_eq!(adapted[1].params.names().collect::<Vec<_>>(), ["head.bias", "head.weight"], "the network alone");
}

/// Every rate's gradient against central differences of the query loss after two steps, in f64, on a network with norm layers.
#[test]
fn the_gradient_of_the_rates_agrees_with_differences() {
    let toy = Toy::new();
    let settings = Settings { inner_steps: 2, inner_lr: 0.3, ..Settings::default() };
    let method = MetaSgd { maml: Maml::new(settings, &toy.context(), Group::All, by_learned_rates).unwrap() };
    let wide = |labeled: &Labeled| Labeled::new(labeled.x.to_dtype(DType::F64).unwrap(), labeled.y.clone()).unwrap();
    let start = Variant::init(&method, &mut stream()).unwrap().params.to(DType::F64, &Device::Cpu).unwrap();
    let task = toy.episode(0).unwrap();
    let task = Task { support: wide(&task.support), query: wide(&task.query) };
    let at = |params: &Params| by_learned_rates(&method.maml, params, &task, &mut stream()).unwrap();
    let (_, ours) = at(&start);
    let rates = start.filter(|name| name.starts_with(RATE_OF));
    let wanted = Differences::new(&rates, 5, |rates| at(&start.merged(rates)).0);
    let (gap, largest) = (wanted.gap(&ours), wanted.largest());
    assert!(largest > 1e-4 && gap < 1e-5 * largest, "{gap} of {largest}");
}

/// They start alike and end apart.
#[test]
fn rates_are_learned() {
    let toy = Toy::new();
    let method = (ENTRY.build)(&ENTRY.toy.parse().unwrap(), &toy.context()).unwrap();
    let mut state = method.init(&mut stream()).unwrap();
    let rates = |state: &State| state.params.stripped(RATE_OF).get("conv1.weight").unwrap().flatten_all().unwrap();
    assert!(rates(&state).to_vec1::<f32>().unwrap().iter().all(|rate| *rate == 0.3));
    for _ in 0..3 {
        iterate(&toy, method.as_ref(), &mut state, 3).unwrap();
    }
    let rates = rates(&state).to_vec1::<f32>().unwrap();
    assert!(rates.iter().any(|rate| *rate > 0.305) && rates.iter().any(|rate| *rate < 0.295), "{rates:?}");
    assert!(method.for_evaluation(&state).params.same_bits(&state.params).unwrap(), "the test reads them");
}
