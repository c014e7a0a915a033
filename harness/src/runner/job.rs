//! One run to do, checked before anything is spent.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use candle_core::Device;
use harness_core::{Algorithm, Context, Draw, Entry, Error, Mode, Problem, Protocol, Result, Split, TaskSource, View};

use super::event::Observer;
use super::hash::sha256_json;
use super::in_order::Workers;
use super::stop::Stop;
use super::training::Kinship;
use crate::benchmark::{Benchmark, Budget, MethodBlock};
use crate::identity::Identity;
use crate::registry;
use crate::results::metric::{ACCURACY, MSE, Metric};
use crate::results::run_dir::RunDir;

/// What is trained and measured: a method of a benchmark at a budget. Its seeds have it in common.
pub struct Cell {
    pub benchmark: Arc<Benchmark>,
    pub method: MethodBlock,
    /// Position of the method in the benchmark's file.
    pub order: usize,
    pub budget: Budget,
    pub meta_iters: u64,
    pub eval_episodes: usize,
    pub source: Arc<dyn TaskSource>,
    pub algorithm: Arc<dyn Algorithm>,
    /// Where models compute; tasks are drawn on the CPU and moved there.
    pub device: Device,
}

/// One run: a cell with a seed, where it lies, and what it is recognised by.
#[derive(Clone)]
pub struct Job {
    pub cell: Arc<Cell>,
    pub seed: u64,
    pub dir: RunDir,
    /// The numbers that were overridden, in words: `protocol.ways=10`. A run with any never gets a verdict.
    pub overrides: Vec<String>,
    /// What determines the numbers: benchmark, method, budget, seed.
    pub config: serde_json::Value,
    pub data_digest: String,
    /// sha256 over classes that are drawn from each part; empty for functions.
    pub classes: String,
    /// Which training it is of, and which evaluation.
    pub kinship: Kinship,
    /// The code that would train and evaluate it.
    pub code: Identity,
    /// What is to be done where another build has made something of the run.
    pub other_build: OtherBuild,
}

impl Deref for Job {
    type Target = Cell;

    fn deref(&self) -> &Cell {
        &self.cell
    }
}

/// What is to be done with a run that another build finished or began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherBuild {
    /// A finished one is refused; a stopped one goes on if this build repeats its last stretch.
    #[default]
    Prove,
    /// It goes on from this step, up to which this build was seen to repeat it.
    Proved(u64),
    /// It is done again.
    StartOver,
    /// A finished one is shown as it is, marked.
    Keep,
}

/// What all runs of one call share.
pub struct Shared<'a> {
    pub pool: &'a rayon::ThreadPool,
    /// The pool's threads, or those of all ranks.
    pub workers: Workers<'a>,
    pub stop: Stop,
    pub observer: &'a dyn Observer,
    pub checkpoint_every: Duration,
    /// Start over whatever is on disk.
    pub fresh: bool,
}

impl Job {
    /// A run that lies nowhere and is compared with nothing: to time a cell, or to try one.
    pub fn nowhere(cell: Cell) -> Job {
        Job {
            cell: Arc::new(cell),
            seed: 0,
            dir: RunDir::default(),
            overrides: Vec::new(),
            config: serde_json::Value::Null,
            data_digest: String::new(),
            classes: String::new(),
            kinship: Kinship::default(),
            code: Identity::default(),
            other_build: OtherBuild::default(),
        }
    }

    /// `omniglot-5w1s reptile seed 0`, as messages name a run.
    pub fn name(&self) -> String {
        format!("{} {} seed {}", self.benchmark.name, self.method.label, self.seed)
    }

    /// `quick`, `short`, `paper` or `custom-<8 hex digits>`.
    pub fn budget_dir(&self) -> &str {
        self.dir.budget().and_then(|budget| budget.file_name()?.to_str()).unwrap_or_default()
    }

    /// sha256 (hex) of the config.
    pub fn config_hash(&self) -> String {
        sha256_json(&self.config)
    }
}

impl Cell {
    /// The draw of an evaluation episode.
    pub fn episode(&self) -> Draw {
        let Protocol { shots, queries, .. } = self.benchmark.protocol;
        Draw::Episode { ways: None, shots, queries }
    }

    /// Whether answers are values rather than classes.
    pub fn regression(&self) -> bool {
        self.source.train_classes(&self.method.view).is_none()
    }

    pub fn metric(&self) -> Metric {
        if self.regression() { MSE } else { ACCURACY }
    }

    /// The modes in which episodes are scored.
    pub fn modes(&self) -> Vec<Mode> {
        if self.regression() { vec![Mode::Pointwise] } else { self.benchmark.eval.modes.clone() }
    }
}

/// Errors on a key of the block's table `test` that training reads too: a file must not say otherwise.
fn of_the_test(algorithm: &dyn Algorithm, method: &MethodBlock) -> Result<()> {
    let halves = algorithm.halves();
    match method.test.iter().find(|key| halves.as_ref().is_none_or(|halves| halves.trains(key))) {
        None => Ok(()),
        Some(key) => Err(Error::usage(format!(
            "test.{key}: {} reads it in training, or does not say that it does not: write it in the block itself",
            method.algorithm
        ))),
    }
}

/// A training episode may hold what no file says: the method's own settings stand behind it, defaults too.
fn of_training(draw: &Draw, error: Error) -> Error {
    match (draw, error) {
        (Draw::Episode { ways, shots, queries }, Error::Usage(message)) => {
            let ways = ways.map(|ways| format!("train_ways = {ways}, ")).unwrap_or_default();
            let queries = if *queries > 0 { format!(", train_queries = {queries}") } else { String::new() };
            Error::Usage(format!(
                "{message}; in training these are the method's own: {ways}train_shots = {shots}{queries}, defaults where the \
                 block does not say"
            ))
        }
        (_, other) => other,
    }
}

/// Builds the method of a block for a source, and checks everything that can be checked without computing: the
/// algorithm's name and keys, the model's shapes, ways and shots against the data.
pub fn build(
    algorithms: &[Entry],
    benchmark: &Benchmark,
    method: &MethodBlock,
    source: &dyn TaskSource,
    device: &Device,
) -> Result<Arc<dyn Algorithm>> {
    let of_protocol = |error: Error| match error {
        Error::Usage(message) => Error::Usage(format!("{}, [protocol]: {message}", benchmark.name)),
        other => other,
    };
    let at = |error: Error| match error {
        Error::Usage(message) => Error::Usage(format!("{}, [method.{}]: {message}", benchmark.name, method.label)),
        other => other,
    };
    let entry = registry::find(algorithms, &method.algorithm).map_err(at)?;
    let problem = match source.train_classes(&method.view) {
        Some(train_classes) => Problem::Classification { train_classes },
        None => Problem::Regression { outputs: 1 },
    };
    let context = Context {
        model: benchmark.model_of(method).clone(),
        input: source.input(),
        problem,
        protocol: benchmark.protocol,
        device: device.clone(),
        plain: false,
    };
    let algorithm = (entry.build)(&method.settings, &context).map_err(at)?;
    of_the_test(algorithm.as_ref(), method).map_err(at)?;
    if method.select.is_some() && !source.has(Split::Val) {
        let name = &benchmark.data.dataset;
        return Err(at(Error::usage(format!(
            "select = \"val\", but {name} has no validation classes here: name a split that holds some out, or leave select out"
        ))));
    }
    let sampling = algorithm.sampling();
    let in_training = |error: Error| at(of_training(&sampling.draw, error));
    source.check(Split::Train, &sampling.draw, benchmark.protocol.ways, &method.view).map_err(in_training)?;
    let Protocol { ways, shots, queries } = benchmark.protocol;
    let episode = Draw::Episode { ways: None, shots, queries };
    // The learning curve measures every split that there is.
    for split in [Split::Train, Split::Val, Split::Test].into_iter().filter(|split| source.has(*split)) {
        source.check(split, &episode, ways, &View::default()).map_err(of_protocol)?;
    }
    source.check(Split::Test, &episode, ways, &View::default()).map_err(of_protocol)?;
    if let Some(split) = benchmark.eval.curve_splits.iter().flatten().find(|split| !source.has(**split)) {
        let (name, split) = (&benchmark.data.dataset, split.as_str());
        return Err(Error::usage(format!("{}: eval.curve_splits: {name} has no {split} classes", benchmark.name)));
    }
    Ok(Arc::from(algorithm))
}
