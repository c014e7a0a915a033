//! What a run's config says of it: all that it takes to build its method again, without the benchmark's file
//! and without its data.

use std::path::Path;
use std::sync::Arc;

use candle_core::Device;
use harness_core::{Algorithm, Entry, Error, Mode, ModelSpec, Problem, Protocol, Result, TaskSource, View};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::benchmark::{Benchmark, Budget, DataBlock, EvalBlock, MethodBlock};
use crate::registry;
use crate::runner::{CLASSES, Cell, Job};

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
        registry::find(algorithms, &self.algorithm)
    }

    /// The method as it was trained, for inputs and episodes that may be others.
    pub fn build(&self, entry: &Entry, input: &[usize], protocol: Protocol) -> Result<Box<dyn Algorithm>> {
        // The head of the training classes is none that a test reads.
        let problem = Problem::Classification { train_classes: protocol.ways };
        let context = registry::on_cpu(self.model.clone(), input.to_vec(), problem, protocol);
        (entry.build)(&self.settings, &context)
    }

    /// The evaluation of its state at `step` on other data: a run of a benchmark that is its own but for the data.
    pub fn on(
        &self,
        data: DataBlock,
        source: Arc<dyn TaskSource>,
        algorithm: Arc<dyn Algorithm>,
        step: u64,
        episodes: usize,
    ) -> Job {
        let method = MethodBlock {
            label: self.label.clone(),
            algorithm: self.algorithm.clone(),
            view: self.view,
            settings: self.settings.clone(),
            ..MethodBlock::default()
        };
        let benchmark = Benchmark {
            name: format!("{} → {}", self.benchmark, data.dataset),
            title: String::new(),
            data,
            model: self.model.clone(),
            protocol: self.protocol,
            eval: EvalBlock { modes: self.modes.clone(), seed: self.episodes_seed, ..EvalBlock::default() },
            figure: None,
            methods: vec![method.clone()],
            published: Vec::new(),
        };
        let cell = Cell {
            benchmark: Arc::new(benchmark),
            method,
            order: 0,
            budget: Budget::Paper,
            meta_iters: step,
            eval_episodes: episodes,
            source,
            algorithm,
            device: Device::Cpu,
        };
        Job { seed: self.seed, ..Job::nowhere(cell) }
    }
}

fn of<T: DeserializeOwned>(value: &Value, key: &str, path: &Path) -> Result<T> {
    serde_json::from_value(value.clone()).map_err(|error| {
        let at = path.display();
        Error::usage(format!("{at}: this build does not know its {key} ({error}): use the build that wrote it"))
    })
}
