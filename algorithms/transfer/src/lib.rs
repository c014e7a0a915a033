//! Plain transfer: supervised training on all training classes at once, then fine-tuning on the support set.
//!
//! `tune = "all"` fine-tunes the whole network under a new head (Vinyals et al. 2016; Ravi and Larochelle 2017);
//! `tune = "head"` freezes the features and learns a new linear head (Chen et al. 2019, "Baseline"). On regression, where
//! there are no classes, training is joint training on points of many tasks and the output layer is kept.

use harness_core::families::supervised::{AtTest, Supervised, Training};
use harness_core::prelude::*;
use serde::Deserialize;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "transfer",
    summary: "supervised training on all classes, then fine-tuning of everything or of a new head",
    paper: "Chen et al. 2019, arXiv 1904.04232; Ravi & Larochelle 2017; Vinyals et al. 2016",
    build,
    toy: "batch = 32\nlr = 0.01\ntune_steps = 30\ntune_lr = 0.01\ntune_batch = 6",
    settings: &[settings::keys::<Config>],
    readme: include_str!("../README.md"),
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

settings! {
    /// Training as Ravi and Larochelle have it (batch 64, Adam 1e-3).
    struct Config {
        /// images a meta-iteration
        batch: usize = 64 => COUNT;
        /// Adam's rate
        lr: f64 = 1e-3 => RATE;
        /// what learns at test: `all` or a new `head`
        tune: Group = Group::All, test;
        /// statistics at test: `batch` or `running`, see above
        norm: Statistics = Statistics::Batch, both;
        /// statistics while tuning, as `norm` says where it is not set, see above
        tune_norm: Option<Statistics> = None, test;
        /// share of a step's statistics in the running ones
        tune_norm_momentum: f64 = 0.1 => PART, test;
        /// steps at test
        tune_steps: usize = 50 => COUNT, test;
        /// images of a step at test
        tune_batch: usize = 5 => COUNT, test;
        /// rate at test
        tune_lr: f64 = 1e-3 => TEST_RATE, test;
        /// δ of `sgd`: step t, counted from 1, has the rate `tune_lr`/(1 + (t − 1)·δ) (Torch's `learningRateDecay`)
        tune_lr_decay: f64 = 0.0 => NOT_NEGATIVE, test;
        /// `adam` (β₁ = 0.9) or `sgd`
        tune_optimizer: TuneOptimizer = TuneOptimizer::Adam, test;
        /// of `sgd`, in PyTorch's form
        tune_momentum: f64 = 0.0 => BELOW_ONE, test;
        /// of `sgd`, in PyTorch's form
        tune_dampening: f64 = 0.0 => SHARE, test;
        /// of `sgd`, in PyTorch's form
        tune_weight_decay: f64 = 0.0 => NOT_NEGATIVE, test;
        /// `zeros`; or `fan-in`: uniform in ±1/√features; or `glorot`: as the network draws its own head
        head_init: HeadInit = HeadInit::Zeros, test;
    }
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
    let of_sgd = [
        ("tune_momentum", config.tune_momentum),
        ("tune_dampening", config.tune_dampening),
        ("tune_weight_decay", config.tune_weight_decay),
    ];
    if config.tune_optimizer == TuneOptimizer::Adam
        && let Some((name, _)) = of_sgd.into_iter().find(|(_, value)| *value != 0.0)
    {
        return Err(Error::usage(format!("{name} is of tune_optimizer = \"sgd\"")));
    }
    let training = Training::new(&config, config.batch, config.lr, config.norm);
    let regression = matches!(context.problem, Problem::Regression { .. });
    let tuning = Tuning { model: context.episode_model()?, regression, config };
    Ok(Box::new(Supervised::new(training, context, tuning)?))
}

/// Fine-tuning on the support set.
struct Tuning {
    config: Config,
    /// With one output a way, or the values of a regression.
    model: Model,
    regression: bool,
}

impl AtTest for Tuning {
    fn steps(&self) -> usize {
        self.config.tune_steps
    }

    fn passes(&self, _: &Protocol) -> f64 {
        let steps = match self.config.tune {
            Group::Head => 1, // the features are computed once
            _ => self.config.tune_steps,
        };
        (steps * self.config.tune_batch) as f64
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let start = self.starting_point(state, rng)?;
        let Config { tune, norm, tune_norm, tune_norm_momentum, .. } = self.config;
        let while_tuning = tune_norm.unwrap_or(norm);
        if tune == Group::Head && while_tuning == Statistics::Running {
            return self.tune_head(state, &start, support, steps, rng);
        }
        let inner = InnerLoop {
            norm: match while_tuning {
                Statistics::Batch => Norm::Batch,
                Statistics::Running => Norm::told_by(&state.buffers),
            },
            ..InnerLoop::new(self.optimizer(), Reduction::Mean).only(tune)
        };
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), self.config.tune_batch, false, rng);
        let mut learner = Learner::new(&self.model, &start, &inner, &Moments::default())?;
        if while_tuning == Statistics::Batch && norm == Statistics::Running {
            learner = learner.updating(&state.buffers, tune_norm_momentum);
        }
        learner.snapshots(&pool, &mut batches, steps, &state.buffers)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}

impl Tuning {
    /// With running statistics frozen features do not depend on the mini-batch: they are computed once, and the head alone
    /// is a small linear model on them.
    fn tune_head(
        &self,
        state: &State,
        start: &Params,
        support: &Labeled,
        steps: &[usize],
        rng: &mut Stream,
    ) -> Result<Vec<Adapted>> {
        let features = self.model.embed(start, &support.x, &Norm::told_by(&state.buffers))?;
        let pool = Pool::new(&Labeled::new(features, support.y.clone())?)?;
        let mut batches = MiniBatches::new(pool.len(), self.config.tune_batch, false, rng);
        let (model, inner) = (self.model.head()?, InnerLoop::new(self.optimizer(), Reduction::Mean));
        let mut learner = Learner::new(&model, &Group::Head.part(start), &inner, &Moments::default())?;
        let adapted = learner.snapshots(&pool, &mut batches, steps, &state.buffers)?;
        Ok(adapted.into_iter().map(|head| Adapted { params: start.merged(&head.params), ..head }).collect())
    }

    /// The trained body under a new head for the episode's ways; on regression everything as trained.
    fn starting_point(&self, state: &State, rng: &mut Stream) -> Result<Params> {
        if self.regression {
            return Ok(state.params.clone());
        }
        let head = self.model.head()?;
        let head = match self.config.head_init {
            HeadInit::Zeros => head.init(rng)?.zeros_like()?,
            HeadInit::FanIn => head.init_fan_in(rng)?,
            HeadInit::Glorot => head.init(rng)?,
        };
        Ok(Group::Body.part(&state.params).merged(&head))
    }

    fn optimizer(&self) -> Optimizer {
        let Config { tune_lr: lr, tune_momentum, tune_dampening, tune_weight_decay, tune_lr_decay, .. } = self.config;
        match self.config.tune_optimizer {
            TuneOptimizer::Adam => Optimizer::adam(lr, 0.9),
            TuneOptimizer::Sgd => Optimizer::Sgd {
                lr,
                momentum: tune_momentum,
                dampening: tune_dampening,
                weight_decay: tune_weight_decay,
                lr_decay: tune_lr_decay,
            },
        }
    }
}

#[cfg(test)]
mod tests;
