//! What Reptile and its relatives share: openai/supervised-reptile's inner loop, Adam's moments on their way from task to
//! task, adaptation at test, and the outer step towards the mean result.

mod moments;
mod settings;

use candle_core::Tensor;

pub use self::settings::{Inner, Settings};
use crate::algorithm::{Adapted, Cost, Mode, Progress, Scalars, Update, mean_scalars};
use crate::batches::MiniBatches;
use crate::context::Context;
use crate::episode::{Labeled, Task};
use crate::error::Result;
use crate::halves::Halves;
use crate::learner::{InnerLoop, Learner, Moments, Pool};
use crate::model::Model;
use crate::params::Params;
use crate::rng::Stream;
use crate::settings::Rate;
use crate::state::State;

/// Shared settings made ready for one benchmark.
pub struct Recipe {
    /// As the benchmark's block says.
    pub settings: Settings,
    /// With one output a way, or the values of a regression.
    pub model: Model,
    /// How inner steps are taken.
    pub steps: InnerLoop,
}

/// Slots are `adam.second`; the step count follows from the state's.
const SLOT: &str = "adam";

impl Recipe {
    /// Errors if the model does not fit its input.
    pub fn new(settings: Settings, context: &Context) -> Result<Self> {
        let steps = InnerLoop::new(settings.optimizer(), settings.reduction);
        Ok(Recipe { model: context.episode_model()?, steps, settings })
    }

    /// Image passes of a training task and of an evaluation episode.
    pub fn cost(&self) -> Cost {
        Cost {
            task: (self.settings.inner_iters * self.settings.inner_batch) as f64,
            episode: (self.settings.eval_iters * self.settings.eval_batch) as f64,
        }
    }

    /// The step sizes.
    pub fn rates(&self) -> Vec<Rate> {
        crate::settings::rates(&self.settings)
    }

    /// The test takes the training's inner steps, from the moments that so many of them have left; `own` are keys of the
    /// method that both read.
    pub fn halves(&self, own: &[&'static str]) -> Halves {
        let both = ["lr", "optimizer", "reduction", "replacement", "inner_iters", "meta_batch"];
        Halves { test: vec!["eval_iters", "eval_batch"], both: [&both, own].concat(), ways: true, shots: false }
    }

    /// Fresh parameters, with a second moment of zero where Adam keeps one.
    pub fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = State::new(self.model.init(rng)?);
        if self.settings.optimizer == Inner::Adam {
            let zero = Moments { second: Some(state.params.zeros_like()?), ..Moments::default() };
            state.slots = zero.to_slots(SLOT);
        }
        Ok(state)
    }

    /// The second moment and step count that training has left at `state`: they live on across tasks and are those with
    /// which an evaluation episode starts.
    pub fn moments(&self, state: &State) -> Moments {
        let per_iteration = self.settings.inner_iters * self.settings.meta_batch;
        Moments::from_slots(&state.slots, SLOT, state.step * per_iteration as u64)
    }

    /// Training mini-batches of a pool.
    pub fn batches<'a>(&self, pool: &Pool, rng: &'a mut Stream) -> MiniBatches<'a> {
        MiniBatches::new(pool.len(), self.settings.inner_batch, self.settings.replacement, rng)
    }

    /// A learner at the initialisation.
    pub fn learner(&self, state: &State, moments: &Moments) -> Result<Learner<'_>> {
        Learner::new(&self.model, &state.params, &self.steps, moments)
    }

    /// Learns one task from the initialisation. The update says where that led (role `params`) and the mean `loss`.
    pub fn learn(&self, state: &State, task: &Task, moments: &Moments, rng: &mut Stream) -> Result<(Update, Moments)> {
        let pool = Pool::new(&task.support)?;
        let mut batches = self.batches(&pool, rng);
        let mut learner = self.learner(state, moments)?;
        let loss = learner.run(&pool, &mut batches, self.settings.inner_iters)?;
        let update = Update::default().with("params", learner.params()?).scalar("loss", loss);
        Ok((update, learner.moments()?))
    }

    /// Moves the initialisation by this meta-iteration's step along the mean of `role` over the updates, less the
    /// initialisation itself where `role` holds parameters rather than changes. Returns the mean scalars and the step.
    pub fn outer_step(&self, state: &mut State, updates: &[Update], role: Role, at: Progress) -> Result<Scalars> {
        let mut scalars = mean_scalars(updates);
        let meta_step = at.anneal(self.settings.meta_step, self.settings.meta_step_final);
        let each = updates.iter().map(|update| update.role(role.name())).collect::<Result<Vec<&Params>>>()?;
        let mean = Params::mean(each)?;
        let direction = match role {
            Role::Params => mean.sub(&state.params)?,
            Role::Delta => mean,
        };
        state.params = state.params.axpy(meta_step, &direction)?;
        scalars.insert("meta_step".into(), meta_step);
        Ok(scalars)
    }

    /// Inner steps on the support set, with what is known at each of `steps`.
    pub fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), self.settings.eval_batch, self.settings.replacement, rng);
        self.learner(state, &self.moments(state))?.snapshots(&pool, &mut batches, steps, &Params::new())
    }

    /// The network's answers.
    pub fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}

/// What a task's update holds for the outer step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Where the task ended.
    Params,
    /// How far it went.
    Delta,
}

impl Role {
    /// The role's name in an [`Update`].
    pub fn name(self) -> &'static str {
        match self {
            Role::Params => "params",
            Role::Delta => "delta",
        }
    }
}
