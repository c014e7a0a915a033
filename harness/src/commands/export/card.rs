//! The model card: what the parameters are, what goes in, layer by layer what is computed, and how good it was.

use candle_core::Device;
use harness_core::{Entry, Error, Model, ModelSpec, Result, State, View};
use harness_data::{Input, find};
use harness_kernels::{Layer, Padding};
use serde_json::{Value, json};

use crate::registry;
use crate::results::checkpoint::Checkpoint;
use crate::results::metric::{ACCURACY, MSE};
use crate::results::run_dir::RunDir;
use crate::results::run_json::{RunRecord, Status};
use crate::runner::{Outcomes, aggregate};

/// Version of the card's layout.
const FORMAT: u32 = 1;

/// The run that a checkpoint is of, where it lies in that run's folder.
type Run = (RunDir, RunRecord);

/// The card of a checkpoint. Errors if its config does not say which network it is, or does not fit its parameters.
pub fn card(checkpoint: &Checkpoint, run: Option<&Run>, algorithms: &[Entry]) -> Result<Value> {
    let (config, state) = (&checkpoint.meta.config, &checkpoint.state);
    let algorithm = config["algorithm"].as_str().unwrap_or_default();
    let entry = registry::find(algorithms, algorithm).ok();
    let commit =
        run.and_then(|(_, record)| Some(json!({ "commit": record.git_commit.as_ref()?, "dirty": record.git_dirty })));
    let metrics = metrics(checkpoint, run);
    let mut card = json!({
        "format": FORMAT,
        "benchmark": config["benchmark"],
        "method": config["label"],
        "algorithm": algorithm,
        "summary": entry.map(|entry| entry.summary),
        "paper": entry.map(|entry| entry.paper),
        "seed": config["seed"],
        "step": checkpoint.meta.step,
        "meta_iters": config["meta_iters"],
        "ways": config["protocol"]["ways"],
        "shots": config["protocol"]["shots"],
        "input": input(config)?,
        "layers": layers(config, state)?,
        "parameters": state.params.count(),
        "buffers": state.buffers.names().collect::<Vec<_>>(),
        "metrics": metrics.as_deref().unwrap_or_default(),
        "config": config,
        "config_sha256": checkpoint.meta.config_hash,
        "data_sha256": checkpoint.meta.data_digest,
        "code": checkpoint.meta.code(),
        "git": commit,
    });
    if let Err(why) = metrics {
        card["no_metrics"] = json!(why);
    }
    Ok(card)
}

fn part<T: serde::de::DeserializeOwned>(config: &Value, key: &str) -> Result<T> {
    serde_json::from_value(config[key].clone())
        .map_err(|error| Error::data(format!("the checkpoint's config does not tell its {key}: {error}")))
}

/// What one input is: its shape, its numbers, and which of them is ink.
fn input(config: &Value) -> Result<Value> {
    let (shape, view): (Vec<usize>, View) = (part(config, "input")?, part(config, "view")?);
    let set = find(config["data"]["dataset"].as_str().unwrap_or_default());
    let polarity = match (set.map_or(&Input::Brightness, |set| &set.input), view.invert) {
        (Input::Coordinate { axes, range }, _) => {
            return Ok(json!({ "shape": shape, "axes": axes, "range": range }));
        }
        (Input::Ink, true) => "ink is 1, paper is 0",
        (Input::Ink, false) => "ink is 0, paper is 1",
        (Input::Brightness, true) => "1 - pixel / 255",
        (Input::Brightness, false) => "pixel / 255",
    };
    Ok(json!({ "shape": shape, "axes": "height, width, channels", "range": [0, 1], "polarity": polarity }))
}

/// Each layer with what it computes and the shapes of its parameters. A checkpoint without a dense head, or whose method
/// has another kind of head, ends at the features.
fn layers(config: &Value, state: &State) -> Result<Vec<Value>> {
    let (benchmark, shape): (ModelSpec, Vec<usize>) = (part(config, "model")?, part(config, "input")?);
    let head = state.params.get("head.bias").ok().map(|bias| bias.elem_count());
    let model = Model::new(&benchmark, &shape, head.unwrap_or(1), &Device::Cpu)?;
    let describe = |(name, layer): &(String, Layer)| {
        let own = format!("{name}.");
        let shapes = state.params.iter().filter(|(param, _)| param.starts_with(&own));
        let shapes: serde_json::Map<String, Value> =
            shapes.map(|(param, tensor)| (param.to_owned(), json!(tensor.dims()))).collect();
        let mut told = operation(layer);
        told["name"] = json!(name);
        told["computes"] = json!(computes(layer));
        told["parameters"] = json!(shapes);
        told
    };
    let (last, body) = model.layers().split_last().expect("every network ends in a head");
    Ok(body.iter().chain(head.map(|_| last)).map(describe).collect())
}

/// The layer for programs: what it is, and the numbers that its parameters do not tell.
fn operation(layer: &Layer) -> Value {
    match layer {
        Layer::Conv { stride, .. } => json!({ "op": "conv", "stride": stride }),
        Layer::Norm { eps, .. } => json!({ "op": "norm", "eps": eps }),
        Layer::Relu => json!({ "op": "relu" }),
        Layer::Tanh => json!({ "op": "tanh" }),
        Layer::MaxPool { padding } => json!({ "op": "max-pool", "padding": word(*padding) }),
        Layer::SpatialMean => json!({ "op": "spatial-mean" }),
        Layer::Flatten => json!({ "op": "flatten" }),
        Layer::Dense { .. } => json!({ "op": "dense" }),
    }
}

fn word(padding: Padding) -> &'static str {
    if padding == Padding::Same { "same" } else { "valid" }
}

fn computes(layer: &Layer) -> String {
    match layer {
        Layer::Conv { filters, stride } => format!(
            "convolution 3x3, {filters} filters, stride {stride}, padding \"same\" as TensorFlow's, weight [3, 3, in, out]"
        ),
        Layer::Norm { scale, eps } => {
            let then = if *scale { "gamma and beta" } else { "beta" };
            format!("normalisation of each channel over batch and pixels, epsilon {eps}, then {then}")
        }
        Layer::Relu => "relu".into(),
        Layer::Tanh => "tanh".into(),
        Layer::MaxPool { padding } => {
            format!("max pool 2x2, stride 2, padding \"{}\"", word(*padding))
        }
        Layer::SpatialMean => "mean over height and width".into(),
        Layer::Flatten => "flatten height, width, channels".into(),
        Layer::Dense { outputs } => format!("dense, {outputs} outputs, weight [in, out]"),
    }
}

/// The final evaluation of the checkpoint's own state, if it or its run holds all of it: where a state was chosen on validation
/// classes, that one's numbers are not the last one's. The error says in a sentence why there is none.
fn metrics(checkpoint: &Checkpoint, run: Option<&Run>) -> Result<Vec<Value>, String> {
    let config = &checkpoint.meta.config;
    let total = config["eval"]["episodes"].as_u64();
    let set = config["data"]["dataset"].as_str().and_then(harness_data::find);
    let regression = set.is_some_and(harness_data::Set::is_regression);
    let metric = if regression { MSE } else { ACCURACY };
    let own = if checkpoint.last.is_empty() { &checkpoint.outcomes } else { &checkpoint.last };
    let is_whole = |outcomes: &Outcomes| {
        !outcomes.is_empty() && outcomes.iter().all(|(_, outcomes)| Some(outcomes.len() as u64) == total)
    };
    let of_run = if is_whole(own) { None } else { Some(of_run(checkpoint, run)?) };
    let outcomes = of_run.as_ref().unwrap_or(own);
    let numbers = outcomes.iter().map(|(mode, outcomes)| (mode, aggregate(*mode, outcomes)));
    // The last state may have diverged where another one is reported.
    let number = numbers.filter(|(_, number)| number.value.is_finite()).map(|(mode, number)| {
        json!({
            "split": "test", "mode": mode.as_str(), "metric": metric, "value": number.value,
            "ci95_episodes": number.interval(), "episodes": number.episodes,
        })
    });
    let numbers: Vec<Value> = number.collect();
    if numbers.is_empty() { Err("this state diverged in evaluation".to_owned()) } else { Ok(numbers) }
}

/// What the run measured with the state that it reports, if that is the checkpoint's.
fn of_run(checkpoint: &Checkpoint, run: Option<&Run>) -> Result<Outcomes, String> {
    let Some((dir, record)) = run else {
        return Err("the file holds no whole evaluation, and the record of its run is not beside it".to_owned());
    };
    let reported = record.reported_step();
    if record.status != Status::Complete {
        return Err("the evaluation of its run is not finished".to_owned());
    }
    if reported != checkpoint.meta.step {
        return Err(format!(
            "the run reports the state of meta-iteration {reported}, and has no test numbers of this one"
        ));
    }
    dir.episodes().map_err(|why| why.to_string())
}
