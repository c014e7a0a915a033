//! Reptile (Nichol, Achiam, Schulman 2018, "On First-Order Meta-Learning Algorithms", arXiv 1803.02999): learn a task
//! with a few optimiser steps, then move the initialisation a little towards where that led.
//!
//! The procedure is openai/supervised-reptile's: summed loss, Adam with β₁ = 0 whose second moment and step count live on
//! across tasks, shuffle-and-cycle mini-batches, meta-step annealed to 0. README.md tells of the one knowing
//! deviation, which `second_moment = "sequential"` takes away.

use candle_core::Tensor;
use harness_core::inner::{Recipe, Role, Settings};
use harness_core::settings::Rate;
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Entry, Halves, Labeled, Mode, Progress, Result, Sampling, Scalars, State,
    Stream, Task, Update, config,
};
use serde::Deserialize;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "reptile",
    summary: "a few inner steps a task, then the initialisation moves towards the mean result",
    paper: "Nichol et al. 2018, arXiv 1803.02999",
    build,
    toy: "inner_batch = 6\nlr = 0.003\ntrain_shots = 4\neval_iters = 20\nmeta_batch = 3",
    code: harness_core::code!(),
};

/// How the second moment of Adam passes from task to task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SecondMoment {
    /// Tasks of a meta-batch start from the same moment and are folded in task order.
    Folded,
    /// Tasks run one after the other, each from the moment that the one before left, as the original does.
    Sequential,
}

harness_core::settings! {
    /// What this method has beside the shared [`Settings`].
    struct Own {
        second_moment: SecondMoment = SecondMoment::Folded;
    }
}

struct Reptile {
    recipe: Recipe,
    second_moment: SecondMoment,
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = config::parse_parts::<Settings, Own>(table)?;
    Ok(Box::new(Reptile { recipe: Recipe::new(settings, context)?, second_moment: own.second_moment }))
}

impl Algorithm for Reptile {
    fn sampling(&self) -> Sampling {
        let Settings { train_shots, meta_batch, .. } = self.recipe.settings;
        let chain = match self.second_moment {
            SecondMoment::Folded => 1,
            SecondMoment::Sequential => meta_batch,
        };
        Sampling { draw: Draw::Episode { ways: None, shots: train_shots, queries: 0 }, meta_batch, chain }
    }

    fn test_steps(&self) -> usize {
        self.recipe.settings.eval_iters
    }

    fn cost(&self) -> Cost {
        self.recipe.cost()
    }

    fn rates(&self) -> Vec<Rate> {
        self.recipe.rates()
    }

    fn halves(&self) -> Option<Halves> {
        Some(self.recipe.halves(&[]))
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        self.recipe.init(rng)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let (update, moments) = self.recipe.learn(state, task, &self.recipe.moments(state), rng)?;
        Ok(Recipe::with_second(update, moments))
    }

    fn chain_update(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        match self.second_moment {
            SecondMoment::Folded => tasks.iter_mut().map(|(task, rng)| self.task_update(state, task, rng)).collect(),
            SecondMoment::Sequential => {
                self.recipe.in_order(state, tasks, |task, moments, rng| self.recipe.learn(state, task, moments, rng))
            }
        }
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let scalars = self.recipe.outer_step(state, &updates, Role::Params, progress)?;
        match self.second_moment {
            SecondMoment::Folded => self.recipe.fold_seconds(state, &updates)?,
            SecondMoment::Sequential => Recipe::keep_last_second(state, &updates),
        }
        Ok(scalars)
    }

    /// Adapting starts from the second moment that training left.
    fn for_evaluation(&self, state: &State) -> State {
        state.clone()
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.recipe.adapt(state, support, steps, rng)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.recipe.score(adapted, support, query, mode)
    }
}

#[cfg(test)]
mod closed_form;
#[cfg(test)]
mod tests;
