//! What checkpoints cost: one save of the largest state there is, against the default minute between two.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, folder};
use crate::compare::newest;
use crate::process::done;

const ITERATIONS: f64 = 40.0;

#[test]
#[ignore = "timing: alone on the machine"]
fn a_checkpoint_a_minute_costs_less_than_a_hundredth() {
    // 4,800 classes (each one turned four ways), 64 filters, Adam's two moments and running statistics.
    let blocks = format!(
        "[method.transfer]\nmeta_iters = {ITERATIONS}\nmodel = {{ network = \"reptile-omniglot\" }}\nnorm = \"running\"\n\
         tune_steps = 1\nview = {{ rotations = \"as-classes\" }}\n"
    );
    let bench = Bench::glyphs(&blocks);
    let seconds = |name: &str, every: &str| {
        let out = bench.out(name);
        done(bench.reproduce(&out, &["--checkpoint-every", every]));
        let record = fs::read_to_string(folder(&out, "transfer").join("run.json")).unwrap();
        serde_json::from_str::<Value>(&record).unwrap()["seconds"].as_f64().unwrap()
    };
    let (without, with) = (seconds("without", "1000"), seconds("with", "0"));
    let bytes = size(&newest(&folder(&bench.out("with"), "transfer")));
    let save = (with - without) / ITERATIONS;
    println!("{without:.2} s without, {with:.2} s with {ITERATIONS} saves of {bytes} bytes: {:.1} ms each", save * 1e3);
    assert!(save < 0.6, "one save takes {save} s");
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}
