//! Plain transfer: supervised training on all training classes at once, then fine-tuning on the support set.
//!
//! `tune = "all"` fine-tunes the whole network under a new head (Vinyals et al. 2016; Ravi and Larochelle 2017);
//! `tune = "head"` freezes the features and learns a new linear head (Chen et al. 2019, "Baseline"). On regression, where
//! there are no classes, training is joint training on points of many tasks and the output layer is kept.

mod tune;

use candle_core::Tensor;
use harness_core::settings::{self, BELOW_ONE, COUNT, NOT_NEGATIVE, RATE, Range, Rate, SHARE, TEST_RATE};
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Entry, Error, Group, Halves, Labeled, Mode, Model, Optimizer, Problem,
    Progress, Reduction, Result, Sampling, Scalars, State, Statistics, Stream, Task, Update, outer, parse_config,
};
use serde::Deserialize;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "transfer",
    summary: "supervised training on all classes, then fine-tuning of everything or of a new head",
    paper: "Chen et al. 2019, arXiv 1904.04232; Ravi & Larochelle 2017; Vinyals et al. 2016",
    build,
    toy: "batch = 32\nlr = 0.01\ntune_steps = 30\ntune_lr = 0.01\ntune_batch = 6",
    code: harness_core::code!(),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HeadInit {
    /// Every class starts with the same answer. Random weights stay in the answers: few steps on few images move them in
    /// few directions.
    Zeros,
    /// Uniform in ±1/√features, biases too (PyTorch's `Linear`).
    FanIn,
    /// As the network's head.
    Glorot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TuneOptimizer {
    Sgd,
    Adam,
}

/// A part that counts.
const PART: Range = Range::new("above 0 and at most 1", |part| part > 0.0 && part <= 1.0);

harness_core::settings! {
    /// Training as Ravi and Larochelle have it (batch 64, Adam 1e-3).
    struct Config {
        batch: usize = 64 => COUNT;
        lr: f64 = 1e-3 => RATE;
        tune: Group = Group::All;
        norm: Statistics = Statistics::Batch;
        /// While tuning, where it is not as `norm` says: batch statistics then join the running ones.
        tune_norm: Option<Statistics> = None;
        /// The share of a step's statistics in the running ones.
        tune_norm_momentum: f64 = 0.1 => PART;
        tune_steps: usize = 50 => COUNT;
        tune_batch: usize = 5 => COUNT;
        tune_lr: f64 = 1e-3 => TEST_RATE;
        tune_lr_decay: f64 = 0.0 => NOT_NEGATIVE;
        tune_optimizer: TuneOptimizer = TuneOptimizer::Adam;
        tune_momentum: f64 = 0.0 => BELOW_ONE;
        tune_dampening: f64 = 0.0 => SHARE;
        tune_weight_decay: f64 = 0.0 => NOT_NEGATIVE;
        head_init: HeadInit = HeadInit::Zeros;
    }
}

struct Transfer {
    config: Config,
    /// With one output a training class.
    training: Model,
    /// With one output a way; on regression the same as `training`.
    episode: Model,
    regression: bool,
    outer: Optimizer,
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    if !matches!(config.tune, Group::All | Group::Head) {
        return Err(Error::usage("tune is \"all\" or \"head\""));
    }
    if config.tune_norm == Some(Statistics::Running) && config.norm == Statistics::Batch {
        return Err(Error::usage("tune_norm = \"running\" needs norm = \"running\", which keeps such statistics"));
    }
    if config.tune_lr_decay != 0.0 && config.tune_optimizer == TuneOptimizer::Adam {
        return Err(Error::usage("tune_lr_decay is of tune_optimizer = \"sgd\""));
    }
    let regression = matches!(context.problem, Problem::Regression { .. });
    let episode = context.episode_model()?;
    let training = if regression { episode.clone() } else { context.model(context.train_classes()?)? };
    let outer = Optimizer::adam(config.lr, 0.9);
    Ok(Box::new(Transfer { training, episode, regression, outer, config }))
}

impl Algorithm for Transfer {
    fn sampling(&self) -> Sampling {
        Sampling::independent(Draw::Batch { size: self.config.batch }, 1)
    }

    fn test_steps(&self) -> usize {
        self.config.tune_steps
    }

    fn cost(&self) -> Cost {
        let steps = match self.config.tune {
            Group::Head => 1, // the features are computed once
            _ => self.config.tune_steps,
        };
        Cost { task: self.config.batch as f64, episode: (steps * self.config.tune_batch) as f64 }
    }

    fn rates(&self) -> Vec<Rate> {
        settings::rates(&self.config)
    }

    /// Training tells all classes apart, whatever an episode holds.
    fn halves(&self) -> Option<Halves> {
        let test = [
            "tune",
            "tune_norm",
            "tune_norm_momentum",
            "tune_steps",
            "tune_batch",
            "tune_lr",
            "tune_lr_decay",
            "tune_optimizer",
            "tune_momentum",
            "tune_dampening",
            "tune_weight_decay",
            "head_init",
        ];
        Some(Halves { test: test.to_vec(), both: vec!["norm"], ways: self.regression, shots: false })
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = outer::start(self.training.init(rng)?)?;
        if self.config.norm == Statistics::Running {
            state.buffers = self.training.initial_stats()?;
        }
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, _: &mut Stream) -> Result<Update> {
        let at = self.training.loss_grad(&state.params, &task.support, Reduction::Mean)?;
        Ok(Update::default().with("gradient", at.grads).with("stats", at.stats).scalar("loss", at.loss))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, _: Progress) -> Result<Scalars> {
        outer::descend(state, self.outer, &updates)
    }

    /// The head of the training classes gives way to a new one.
    fn for_evaluation(&self, state: &State) -> State {
        let params = match self.regression {
            true => state.params.clone(),
            false => Group::Body.part(&state.params),
        };
        State { params, slots: Default::default(), ..state.clone() }
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        tune::adapt(self, state, support, steps, rng)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.episode.predict(adapted, support, query, mode)
    }
}

#[cfg(test)]
mod tests;
