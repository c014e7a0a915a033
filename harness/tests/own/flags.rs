//! Flags that say where and by which instructions a run and its evaluations are computed, and which runs are meant.

use std::fs;

use serde_json::Value;

use crate::across::on_folder;
use crate::{Own, TABLE};

fn rows(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn each_flag_has_its_effect() {
    let own = Own::new();
    own.write("b.toml", TABLE);
    let trained = own.done("reproduce b.toml --method protonet --out out --threads 2 --device cpu --format json");
    let checkpoint = own.checkpoint("protonet");
    let eval = |more: &str| own.run(&format!("eval {checkpoint} b.toml {more}"));

    // `eval` computes on the processor.
    let again = rows(&eval("--format json --episodes-csv widest.csv").expect(0, "").out);
    let trained = rows(&trained.out);
    assert_eq!((trained.len(), again.len()), (2, 2));
    for (row, again) in trained.iter().zip(&again) {
        assert_eq!(row["mode"], again["mode"]);
        let [mean, value] = [&row["mean"], &again["value"]].map(|number| number.as_f64().unwrap());
        assert!((mean - value).abs() < 1e-6, "{row} {again}");
    }
    if cfg!(not(feature = "cuda")) {
        own.run("reproduce b.toml --out out --device cuda").expect(2, "built without cuda");
    }

    // Without fused multiply-add a product is rounded before it is added.
    eval("--instruction-set scalar --episodes-csv plain.csv").expect(0, "");
    let losses = |file: &str| -> Vec<f64> {
        own.read(file).lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
    };
    let (widest, plain) = (losses("widest.csv"), losses("plain.csv"));
    assert_eq!((widest.len(), plain.len()), (2 * 12, 2 * 12));
    assert_eq!(widest == plain, harness_kernels::instruction_set() == "scalar");
    assert!(widest.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-3), "{widest:?} {plain:?}");
    eval("--instruction-set avx1024").expect(2, "no such set; this machine has scalar");

    on_folder(&own);
    let across = |more: &str| own.run(&format!("across out --to mine.toml --eval-episodes 3 {more}"));
    across("--budget paper").expect(4, "nothing to show");
    assert!(!own.path("out/across.csv").exists());
    let one = across("--budget quick --threads 1").expect(0, "episode 3/3").out;
    assert!(one.contains("\nprotonet "), "{one}");
    let kept = own.read("out/across.csv");
    fs::remove_file(own.path("out/across.csv")).unwrap();
    assert_eq!(across("--threads 2").expect(0, "episode 3/3").out, one);
    assert_eq!(own.read("out/across.csv"), kept);
    across("--threads 0").expect(2, "'--threads <N>': at least 1");
}
