//! Every row of every benchmark of ours can be built: its algorithm is registered and knows each of its keys.

use harness::benchmark::Benchmark;
use harness::registry::ALGORITHMS;
use harness_core::{Context, Problem};

#[test]
fn every_block_is_accepted_by_its_algorithm() {
    let all = [Benchmark::all(&[]), Benchmark::figures(&[])]
        .map(|benchmarks| benchmarks.unwrap_or_else(|error| panic!("{error}")));
    for benchmark in all.into_iter().flatten() {
        let regression = benchmark.data.is_regression();
        for method in &benchmark.methods {
            let context = Context {
                model: benchmark.model_of(method).clone(),
                input: match benchmark.data.dataset.as_str() {
                    "sine" => vec![1],
                    "quadratic" => vec![2],
                    _ => vec![28, 28, 1],
                },
                problem: match regression {
                    true => Problem::Regression { outputs: 1 },
                    false => Problem::Classification { train_classes: 4800 },
                },
                protocol: benchmark.protocol,
                device: candle_core::Device::Cpu,
                plain: false,
            };
            let entry = ALGORITHMS.iter().find(|entry| entry.name == method.algorithm).expect("registered");
            let built = (entry.build)(&method.settings, &context);
            assert!(built.is_ok(), "{} {}: {}", benchmark.name, method.label, built.err().expect("an error"));
        }
    }
}

#[test]
fn a_wrong_key_of_a_method_names_the_nearest_right_one() {
    let set = [("method.reptile.iner_iters".to_string(), "3".to_string())];
    let benchmark = Benchmark::find("sine", &set).unwrap_or_else(|error| panic!("{error}"));
    let method = benchmark.method("reptile").expect("a row of sine");
    let context = Context {
        model: benchmark.model.clone(),
        input: vec![1],
        problem: Problem::Regression { outputs: 1 },
        protocol: benchmark.protocol,
        device: candle_core::Device::Cpu,
        plain: false,
    };
    let built = (reptile::ENTRY.build)(&method.settings, &context);
    let error = built.err().expect("an error").to_string();
    assert!(error.contains("unknown key \"iner_iters\"; did you mean \"inner_iters\"?"), "{error}");
}
