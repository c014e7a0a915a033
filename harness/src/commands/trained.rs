//! What a run's config says of it: all that it takes to build its method again, without the benchmark's file
//! and without its data.

use std::path::Path;

use candle_core::Device;
use harness_core::error::unknown;
use harness_core::{Algorithm, Context, Entry, Error, Mode, ModelSpec, Problem, Protocol, Result, View};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::benchmark::DataBlock;
use crate::runner::CLASSES;

/// A run on images.
pub struct Trained {
    pub benchmark: String,
    pub label: String,
    pub seed: u64,
    pub algorithm: String,
    pub settings: toml::Table,
    pub model: ModelSpec,
    pub view: View,
    /// Height, width, channels; the first two are equal.
    pub input: Vec<usize>,
    /// Whose paths start nowhere: the file that named them is not known.
    pub data: DataBlock,
    /// Whether it tested on a fold of the classes and trained on all others.
    pub folded: bool,
    pub protocol: Protocol,
    pub modes: Vec<Mode>,
    /// Of the evaluation episodes.
    pub episodes_seed: u64,
}

impl Trained {
    /// Reads the config of a run, as its record and its checkpoints have it; `path` is where it was found. Errors: [`Error::Usage`] on a regression, on images that are not
    /// square, and on a config that this build does not know.
    pub fn read(config: &Value, path: &Path) -> Result<Trained> {
        let text = |key: &str| config[key].as_str().unwrap_or_default().to_owned();
        let input: Vec<usize> = of(&config["input"], "input", path)?;
        let &[height, width, _] = &input[..] else {
            return Err(Error::usage(format!(
                "{}: was trained on {}, which has no images: name a checkpoint of a run on images",
                path.display(),
                text("benchmark")
            )));
        };
        if height != width {
            return Err(Error::usage(format!("{}: was trained on images that are not square", path.display())));
        }
        let mut data = config["data"].clone();
        let mut taken = |key| data.as_object_mut().and_then(|data| data.remove(key));
        let (fold, _) = (taken("fold"), taken(CLASSES));
        Ok(Trained {
            benchmark: text("benchmark"),
            label: text("label"),
            seed: config["seed"].as_u64().unwrap_or_default(),
            algorithm: text("algorithm"),
            settings: of(&config["method"], "method", path)?,
            model: of(&config["model"], "model", path)?,
            view: of(&config["view"], "view", path)?,
            data: of(&data, "data", path)?,
            folded: fold.is_some(),
            protocol: of(&config["protocol"], "protocol", path)?,
            modes: of(&config["eval"]["modes"], "eval.modes", path)?,
            episodes_seed: config["eval"]["seed"].as_u64().unwrap_or_default(),
            input,
        })
    }

    /// `omniglot-5w1s reptile seed 0`.
    pub fn name(&self) -> String {
        format!("{} {} seed {}", self.benchmark, self.label, self.seed)
    }

    /// The method's line in the registry. Errors with the nearest name if it has none.
    pub fn entry<'a>(&self, algorithms: &'a [Entry]) -> Result<&'a Entry> {
        let found = algorithms.iter().find(|entry| entry.name == self.algorithm);
        found.ok_or_else(|| unknown("algorithm", &self.algorithm, algorithms.iter().map(|entry| entry.name)))
    }

    /// The method as it was trained, for inputs and episodes that may be others.
    pub fn build(&self, entry: &Entry, input: &[usize], protocol: Protocol) -> Result<Box<dyn Algorithm>> {
        let context = Context {
            model: self.model.clone(),
            input: input.to_vec(),
            // The head of the training classes is none that a test reads.
            problem: Problem::Classification { train_classes: protocol.ways },
            protocol,
            device: Device::Cpu,
            plain: false,
        };
        (entry.build)(&self.settings, &context)
    }
}

fn of<T: DeserializeOwned>(value: &Value, key: &str, path: &Path) -> Result<T> {
    serde_json::from_value(value.clone()).map_err(|error| {
        let at = path.display();
        Error::usage(format!("{at}: this build does not know its {key} ({error}): use the build that wrote it"))
    })
}
