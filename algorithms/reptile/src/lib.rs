//! Reptile (Nichol, Achiam, Schulman 2018, "On First-Order Meta-Learning Algorithms", arXiv 1803.02999): learn a task
//! with a few optimiser steps, then move the initialisation a little towards where that led.
//!
//! The procedure is openai/supervised-reptile's: summed loss, Adam with β₁ = 0 whose second moment and step count live on
//! across tasks, shuffle-and-cycle mini-batches, meta-step annealed to 0. README.md lists the one knowing deviation.

mod fold;

use candle_core::Tensor;
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Entry, InnerLoop, Labeled, Learner, MiniBatches, Mode, Model, Moments,
    Optimizer, Params, Pool, Progress, Reduction, Result, Sampling, Scalars, State, Stream, Task, Update, mean_scalars,
    parse_config,
};
use serde::Deserialize;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "reptile",
    summary: "a few inner steps a task, then the initialisation moves towards the mean result",
    paper: "Nichol et al. 2018, arXiv 1803.02999",
    build,
    toy: "inner_batch = 6\nlr = 0.003\ntrain_shots = 4\neval_iters = 20\nmeta_batch = 3",
};

/// How the second moment of Adam passes from task to task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SecondMoment {
    /// Tasks of a meta-batch start from the same moment and are folded in task order ([`fold`]).
    Folded,
    /// Tasks run one after the other, each from the moment that the one before left, as the original does.
    Sequential,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Inner {
    /// β₁ = 0, as the original has it.
    Adam,
    Sgd,
}

/// Defaults are the paper's 5-way 1-shot Omniglot settings (openai/supervised-reptile README).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    inner_iters: usize,
    inner_batch: usize,
    lr: f64,
    optimizer: Inner,
    reduction: Reduction,
    meta_batch: usize,
    meta_step: f64,
    meta_step_final: f64,
    train_shots: usize,
    eval_iters: usize,
    eval_batch: usize,
    replacement: bool,
    second_moment: SecondMoment,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            inner_iters: 5,
            inner_batch: 10,
            lr: 1e-3,
            optimizer: Inner::Adam,
            reduction: Reduction::Sum,
            meta_batch: 5,
            meta_step: 1.0,
            meta_step_final: 0.0,
            train_shots: 10,
            eval_iters: 50,
            eval_batch: 5,
            replacement: false,
            second_moment: SecondMoment::Folded,
        }
    }
}

struct Reptile {
    config: Config,
    model: Model,
    inner: InnerLoop,
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    harness_core::config::at_least_one(&[
        ("inner_iters", config.inner_iters),
        ("inner_batch", config.inner_batch),
        ("meta_batch", config.meta_batch),
        ("train_shots", config.train_shots),
        ("eval_batch", config.eval_batch),
    ])?;
    let optimizer = match config.optimizer {
        Inner::Adam => Optimizer::adam(config.lr, 0.0),
        Inner::Sgd => Optimizer::sgd(config.lr),
    };
    let inner = InnerLoop::new(optimizer, config.reduction);
    Ok(Box::new(Reptile { inner, model: context.episode_model()?, config }))
}

impl Reptile {
    /// The second moment and step count that training has left at `state`.
    fn moments(&self, state: &State) -> Moments {
        let per_iteration = self.config.inner_iters * self.config.meta_batch;
        Moments::from_slots(&state.slots, SLOT, state.step * per_iteration as u64)
    }

    /// Learns one task from `state.params` and returns where that led.
    fn learn(&self, state: &State, task: &Task, moments: &Moments, rng: &mut Stream) -> Result<(Update, Moments)> {
        let pool = Pool::new(&task.support)?;
        let mut batches = MiniBatches::new(pool.len(), self.config.inner_batch, self.config.replacement, rng);
        let mut learner = Learner::new(&self.model, &state.params, &self.inner, moments)?;
        let loss = learner.run(&pool, &mut batches, self.config.inner_iters)?;
        let update = Update::default().with("params", learner.params()?).scalar("loss", loss);
        Ok((update, learner.moments()?))
    }
}

const SLOT: &str = "adam";

impl Algorithm for Reptile {
    fn sampling(&self) -> Sampling {
        let draw = Draw::Episode { ways: None, shots: self.config.train_shots, queries: 0 };
        let chain = match self.config.second_moment {
            SecondMoment::Folded => 1,
            SecondMoment::Sequential => self.config.meta_batch,
        };
        Sampling { draw, meta_batch: self.config.meta_batch, chain }
    }

    fn test_steps(&self) -> usize {
        self.config.eval_iters
    }

    fn cost(&self) -> Cost {
        Cost {
            task: (self.config.inner_iters * self.config.inner_batch) as f64,
            episode: (self.config.eval_iters * self.config.eval_batch) as f64,
        }
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = State::new(self.model.init(rng)?);
        if matches!(self.config.optimizer, Inner::Adam) {
            let zero = Moments { second: Some(state.params.zeros_like()?), ..Moments::default() };
            state.slots = zero.to_slots(SLOT);
        }
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let (update, moments) = self.learn(state, task, &self.moments(state), rng)?;
        Ok(match moments.second {
            Some(second) => update.with("second", second),
            None => update,
        })
    }

    fn chain_update(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        if self.config.second_moment == SecondMoment::Folded {
            return tasks.iter_mut().map(|(task, rng)| self.task_update(state, task, rng)).collect();
        }
        let mut moments = self.moments(state);
        let mut updates = Vec::with_capacity(tasks.len());
        for (task, rng) in tasks.iter_mut() {
            let (update, after) = self.learn(state, task, &moments, rng)?;
            updates.push(update);
            moments = after;
        }
        if let (Some(last), Some(second)) = (updates.last_mut(), moments.second) {
            last.tensors.insert("second".into(), second);
        }
        Ok(updates)
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let mut scalars = mean_scalars(&updates);
        let meta_step = progress.anneal(self.config.meta_step, self.config.meta_step_final);
        let ends = updates.iter().map(|update| update.role("params")).collect::<Result<Vec<&Params>>>()?;
        let towards = Params::mean(ends)?.sub(&state.params)?;
        state.params = state.params.axpy(meta_step, &towards)?;
        if let Optimizer::Adam { beta2, .. } = self.inner.optimizer {
            let seconds: Vec<&Params> = updates.iter().filter_map(|update| update.tensors.get("second")).collect();
            let folded = match self.config.second_moment {
                SecondMoment::Folded => fold::second_moments(
                    state.slot("adam.second")?,
                    &seconds,
                    beta2.powi(self.config.inner_iters as i32),
                )?,
                SecondMoment::Sequential => (*seconds.last().expect("the last task of a chain carries it")).clone(),
            };
            state.slots.insert("adam.second".into(), folded);
        }
        scalars.insert("meta_step".into(), meta_step);
        Ok(scalars)
    }

    /// Adapting starts from the second moment that training left.
    fn for_evaluation(&self, state: &State) -> State {
        state.clone()
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), self.config.eval_batch, self.config.replacement, rng);
        let mut learner = Learner::new(&self.model, &state.params, &self.inner, &self.moments(state))?;
        learner.snapshots(&pool, &mut batches, steps, &Params::new())
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}

#[cfg(test)]
mod tests;
