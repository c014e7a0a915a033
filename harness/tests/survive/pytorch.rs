//! `harness export`: the module of PyTorch gives our logits. Needs Python with torch and safetensors, `HARNESS_PYTHON` says
//! which one; without them the test says that it is skipped.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::process::Command;

use candle_core::{Device, Tensor};
use harness_core::{Model, Norm, Params};
use serde_json::Value;

use crate::bench::{Bench, binary};
use crate::compare::newest;
use crate::process::done;

/// Answers `[n, outputs]` of the exported module to what `x.safetensors` holds, as JSON.
const ASK: &str = "import json, net
from safetensors.torch import load_file
def ask(**how):
    return net.Network('net.safetensors', **how)(load_file('x.safetensors')['x']).tolist()
network = net.Network('net.safetensors')
network(load_file('x.safetensors')['x']).sum().backward()
learned = sum(p.grad is not None for p in network.parameters())
print(json.dumps([ask(), ask(running=True) if any('mean' in name for name, _ in network.named_buffers()) else None, learned]))";

fn python() -> Option<String> {
    let python = std::env::var("HARNESS_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import torch, safetensors.torch"]).output();
    if there.is_ok_and(|there| there.status.success()) {
        return Some(python);
    }
    // Straight to the terminal: what a passing test prints is kept from it.
    let why = format!("{python} has no torch and safetensors; set HARNESS_PYTHON to one that has");
    let _ = writeln!(std::io::stderr(), "SKIPPED a test: {why}");
    None
}

/// The largest difference between ours and theirs, as a share of the largest answer.
fn apart(ours: &Tensor, theirs: &Value) -> f32 {
    let ours: Vec<Vec<f32>> = ours.to_vec2().unwrap();
    let theirs: Vec<Vec<f32>> = serde_json::from_value(theirs.clone()).unwrap();
    assert_eq!((ours.len(), ours[0].len()), (theirs.len(), theirs[0].len()));
    let largest = ours.iter().flatten().fold(0f32, |largest, value| largest.max(value.abs()));
    let pairs = ours.iter().flatten().zip(theirs.iter().flatten());
    pairs.fold(0f32, |most, (ours, theirs)| most.max((ours - theirs).abs())) / largest
}

#[test]
fn the_pytorch_module_gives_our_logits() {
    let Some(python) = python() else { return };
    let network = |words: &str| {
        let text = fs::read_to_string(
            Bench::glyphs("[method.transfer]\nmeta_iters = 3\ntune_steps = 1\nnorm = \"running\"\n").file(),
        );
        text.unwrap().replace("network = \"reptile-omniglot\"", words)
    };
    let wave = Bench::sine("[method.transfer]\nmeta_iters = 3\ntune_steps = 1\n");
    let networks = ["reptile-omniglot", "finn-omniglot", "reptile-mini", "finn-mini", "conv4"];
    let texts = networks.map(|name| (name, network(&format!("network = \"{name}\""))));
    let plain = ("mlp", fs::read_to_string(wave.file()).unwrap());
    for (name, text) in texts.into_iter().chain([plain]) {
        let bench = Bench::glyphs("");
        fs::write(bench.file(), text).unwrap();
        let out = bench.out("out");
        done(bench.reproduce(&out, &["--eval-episodes", "2"]));
        let budget = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        let budget = budget.into_iter().find(|path| path.join("b").is_dir()).unwrap();
        let checkpoint = newest(&budget.join("b/transfer/seed-0"));
        let mut export = binary(bench.dir.path());
        export.args(["export", checkpoint.to_str().unwrap(), "--out", "net.safetensors"]);
        done(export);

        let card: Value = serde_json::from_str(&fs::read_to_string(bench.out("net.json")).unwrap()).unwrap();
        let input: Vec<usize> = serde_json::from_value(card["input"]["shape"].clone()).unwrap();
        let all = candle_core::safetensors::load(bench.out("net.safetensors"), &Device::Cpu).unwrap();
        let kept = |name: &str| name.ends_with(".mean") || name.ends_with(".var");
        let part = |wanted: bool| all.clone().into_iter().filter(|(name, _)| kept(name) == wanted).collect::<Params>();
        let (params, statistics) = (part(false), part(true));
        let outputs = params.get("head.bias").unwrap().elem_count();
        let benchmark = serde_json::from_value(card["config"]["model"].clone()).unwrap();
        let model = Model::new(&benchmark, &input, outputs, &Device::Cpu).unwrap();
        let shape = [&[7], input.as_slice()].concat();
        let count: usize = shape.iter().product();
        let pixels = (0..count).map(|at| ((at * at % 1009) as f32 / 1009.0).fract());
        let x = Tensor::from_iter(pixels, &Device::Cpu).unwrap().reshape(shape).unwrap();
        candle_core::safetensors::save(&HashMap::from([("x", x.clone())]), bench.out("x.safetensors")).unwrap();

        let asked = Command::new(&python).args(["-c", ASK]).current_dir(bench.dir.path()).output().unwrap();
        assert!(asked.status.success(), "{name}: {}", String::from_utf8_lossy(&asked.stderr));
        let answers: Value = serde_json::from_slice(&asked.stdout).unwrap();
        let batch = apart(&model.logits(&params, &x, &Norm::Batch).unwrap(), &answers[0]);
        assert!(batch < 1e-5, "{name}: {batch} of the largest logit");
        assert_eq!(answers[2].as_u64(), Some(params.iter().count() as u64), "{name}: every parameter learns");
        if name != "mlp" {
            let kept = apart(&model.logits(&params, &x, &Norm::Running(statistics)).unwrap(), &answers[1]);
            assert!(kept < 1e-5, "{name}: {kept} of the largest logit with kept statistics");
        }
    }
}
