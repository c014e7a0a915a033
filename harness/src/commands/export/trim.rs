//! A checkpoint that evaluation can read and training cannot go on from: a fraction of the size.

use harness_core::{Context, Entry, Error, ModelSpec, Problem, Protocol, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::commands::export::Export;
use crate::console;
use crate::exit::Exit;
use crate::registry;
use crate::results::checkpoint::Checkpoint;

/// Writes what the checkpoint's own method says that evaluation reads, and prints the path.
pub fn run(args: &Export, checkpoint: &Checkpoint, algorithms: &[Entry]) -> Result<Exit> {
    let config = &checkpoint.meta.config;
    let entry = registry::find(algorithms, config["algorithm"].as_str().unwrap_or_default())?;
    let method = (entry.build)(&read(config, "method")?, &context(config)?)?;
    let state = method.for_evaluation(&checkpoint.state);
    let trimmed = Checkpoint { log: checkpoint.log.clone(), ..Checkpoint::state_alone(state, checkpoint.meta.clone()) };
    let named = || format!("checkpoint-{}.safetensors", checkpoint.meta.step).into();
    let out = args.out.clone().unwrap_or_else(named);
    super::refuse_a_runs_file(&out, &args.checkpoint)?;
    super::super::make_room_for(&out)?;
    trimmed.write(&out)?;
    console::print(&format!("{}\n", out.display())).map(|()| Exit::Done)
}

/// What the method was built from. The number of training classes only shapes what is left out.
fn context(config: &Value) -> Result<Context> {
    let model: ModelSpec = read(config, "model")?;
    let problem = match model {
        ModelSpec::Mlp { .. } => Problem::Regression { outputs: 1 },
        _ => Problem::Classification { train_classes: 1 },
    };
    let protocol: Protocol = read(config, "protocol")?;
    Ok(registry::on_cpu(model, read(config, "input")?, problem, protocol))
}

fn read<T: DeserializeOwned>(config: &Value, key: &str) -> Result<T> {
    serde_json::from_value(config[key].clone())
        .map_err(|error| Error::data(format!("the checkpoint's config has no usable \"{key}\": {error}")))
}
