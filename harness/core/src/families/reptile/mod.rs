//! Reptile and its kin: learn a task in a few optimiser steps on mini-batches, then move the initialisation a little along
//! what that came to (Nichol, Achiam, Schulman 2018, arXiv 1803.02999; openai/supervised-reptile).
//!
//! The family is Reptile itself. Kin change how inner steps are taken ([`Reptile::inner`]) or what a task is worth
//! ([`Reptile::learning`]).

mod moments;
mod settings;

use candle_core::Tensor;

pub use self::moments::SecondMoment;
pub use self::settings::{Inner, Settings};
use crate::adapted::{Adapted, Mode};
use crate::algorithm::{Algorithm, Cost, Progress, Scalars, Update, mean_scalars};
use crate::batches::MiniBatches;
use crate::context::{Context, Problem, Protocol};
use crate::episode::{Draw, Labeled, Sampling, Task};
use crate::error::{Error, Result};
use crate::halves::Halves;
use crate::inner::{InnerLoop, Learner, Pool};
use crate::model::{Group, Model};
use crate::optimizer::Moments;
use crate::params::Params;
use crate::rng::Stream;
use crate::settings::{self as fields, Rate, Settings as _};
use crate::state::State;

/// What a task makes the initialisation do.
pub enum Move {
    /// Go towards these parameters.
    To(Params),
    /// Go along this change.
    By(Params),
}

/// Learns `task` with a learner that stands at the initialisation: what comes of it, and the mean loss. Pure.
pub type Learn = dyn Fn(&Reptile, &mut Learner<'_>, &Task, &mut Stream) -> Result<(Move, f64)> + Send + Sync;

/// A method of the family.
pub struct Reptile {
    /// As the benchmark's block says.
    pub settings: Settings,
    /// With one output a way of the test, or the values of a regression.
    pub model: Model,
    /// With one output a class of a training task: the same, but where `train_ways` says otherwise.
    training: Model,
    /// How inner steps are taken, in training and at test.
    pub inner: InnerLoop,
    /// How Adam's second moment passes from task to task.
    pub second_moment: SecondMoment,
    /// Of `train_shots`, images a class that are set aside: they come as a training task's queries.
    pub set_aside: usize,
    /// Kin whose test reads keys of their own add to `both`.
    pub halves: Halves,
    learn: Box<Learn>,
}

/// Slots are `adam.second`; the step count follows from the state's.
const SLOT: &str = "adam";
/// Roles of an update: [`Move::To`] and [`Move::By`].
const TO: &str = "params";
const BY: &str = "delta";

impl Reptile {
    /// Reptile with folded moments. Errors if the model does not fit its input, or on ways of a regression.
    pub fn new(settings: Settings, context: &Context) -> Result<Self> {
        let training = match (settings.train_ways, context.problem) {
            (None, _) => context.episode_model()?,
            (Some(ways), Problem::Classification { .. }) => context.model(ways)?,
            (Some(_), Problem::Regression { .. }) => {
                return Err(Error::usage("train_ways: a regression has no classes: leave it out here"));
            }
        };
        Ok(Reptile {
            model: context.episode_model()?,
            training,
            inner: InnerLoop::new(settings.optimizer(), settings.reduction),
            second_moment: SecondMoment::Folded,
            set_aside: 0,
            halves: Halves::read_from(&[Settings::FIELDS]),
            learn: Box::new(towards_the_end),
            settings,
        })
    }

    /// The same, but `learn` says what comes of a task.
    pub fn learning(
        self,
        learn: impl Fn(&Reptile, &mut Learner<'_>, &Task, &mut Stream) -> Result<(Move, f64)> + Send + Sync + 'static,
    ) -> Self {
        Reptile { learn: Box::new(learn), ..self }
    }

    /// Training mini-batches of a pool.
    pub fn batches<'a>(&self, pool: &Pool, rng: &'a mut Stream) -> MiniBatches<'a> {
        MiniBatches::new(pool.len(), self.settings.inner_batch, self.settings.replacement, rng)
    }

    /// The second moment and step count that training has left at `state`: they live on across tasks and are those with
    /// which an evaluation episode starts.
    fn moments(&self, state: &State) -> Moments {
        let per_iteration = self.settings.inner_iters * self.settings.meta_batch;
        Moments::from_slots(&state.slots, SLOT, state.step * per_iteration as u64)
    }

    /// The state with a new head of the test's ways, and a second moment of zero for it. Adam's correction counts the steps
    /// of training, so that the head's first steps are some thirty rates long.
    fn with_new_head(&self, state: &State, rng: &mut Stream) -> Result<State> {
        let head = self.model.head()?.init(rng)?;
        let new = |old: &Params, head: &Params| Group::Body.part(old).merged(head);
        let zeros = head.zeros_like()?;
        let slots = state.slots.iter().map(|(name, old)| (name.clone(), new(old, &zeros))).collect();
        Ok(State { params: new(&state.params, &head), slots, ..state.clone() })
    }

    /// One task's update, and the moments after it.
    fn learned(&self, state: &State, task: &Task, moments: &Moments, rng: &mut Stream) -> Result<(Update, Moments)> {
        let mut learner = Learner::new(&self.training, &state.params, &self.inner, moments)?;
        let (moved, loss) = (self.learn)(self, &mut learner, task, rng)?;
        let update = match moved {
            Move::To(params) => Update::default().with(TO, params),
            Move::By(change) => Update::default().with(BY, change),
        };
        Ok((update.scalar("loss", loss), learner.moments()?))
    }
}

/// Reptile's own: where all inner steps on the support set lead.
fn towards_the_end(method: &Reptile, learner: &mut Learner<'_>, task: &Task, rng: &mut Stream) -> Result<(Move, f64)> {
    let pool = Pool::new(&task.support)?;
    let loss = learner.run(&pool, &mut method.batches(&pool, rng), method.settings.inner_iters)?;
    Ok((Move::To(learner.params()?), loss))
}

/// The mean over tasks of where the initialisation is to go, from where it is.
fn direction(from: &Params, updates: &[Update]) -> Result<Params> {
    let mean = |role| Params::mean(updates.iter().map(|update| update.role(role)).collect::<Result<Vec<_>>>()?);
    match updates.iter().any(|update| update.tensors.contains_key(BY)) {
        true => mean(BY),
        false => mean(TO)?.sub(from),
    }
}

impl Algorithm for Reptile {
    fn sampling(&self) -> Sampling {
        let Settings { train_ways: ways, train_shots, meta_batch, .. } = self.settings;
        let draw = Draw::Episode { ways, shots: train_shots - self.set_aside, queries: self.set_aside };
        let chain = match self.second_moment {
            SecondMoment::Folded => 1,
            SecondMoment::Sequential => meta_batch,
        };
        Sampling { draw, meta_batch, chain }
    }

    fn test_steps(&self) -> usize {
        self.settings.eval_iters
    }

    fn cost(&self, _: &Protocol) -> Cost {
        Cost {
            task: (self.settings.inner_iters * self.settings.inner_batch) as f64,
            episode: (self.settings.eval_iters * self.settings.eval_batch) as f64,
        }
    }

    fn rates(&self) -> Vec<Rate> {
        fields::rates(&self.settings)
    }

    fn halves(&self) -> Option<Halves> {
        // Ways of its own leave training nothing to read of the protocol.
        Some(Halves { ways: self.halves.ways && self.settings.train_ways.is_none(), ..self.halves.clone() })
    }

    /// Fresh parameters, with a second moment of zero where Adam keeps one.
    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = State::new(self.training.init(rng)?);
        if self.settings.optimizer == Inner::Adam {
            let zero = Moments { second: Some(state.params.zeros_like()?), ..Moments::default() };
            state.slots = zero.to_slots(SLOT);
        }
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let (update, moments) = self.learned(state, task, &self.moments(state), rng)?;
        Ok(moments::with_second(update, moments))
    }

    fn chain_update(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        match self.second_moment {
            SecondMoment::Folded => tasks.iter_mut().map(|(task, rng)| self.task_update(state, task, rng)).collect(),
            SecondMoment::Sequential => self.in_order(state, tasks),
        }
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let mut scalars = mean_scalars(&updates);
        let meta_step = progress.anneal(self.settings.meta_step, self.settings.meta_step_final);
        state.params = state.params.axpy(meta_step, &direction(&state.params, &updates)?)?;
        self.keep_seconds(state, &updates)?;
        scalars.insert("meta_step".into(), meta_step);
        Ok(scalars)
    }

    /// Adapting starts from the second moment that training left.
    fn for_evaluation(&self, state: &State) -> State {
        state.clone()
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let headed = self.settings.train_ways.map(|_| self.with_new_head(state, rng)).transpose()?;
        let state = headed.as_ref().unwrap_or(state);
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), self.settings.eval_batch, self.settings.replacement, rng);
        let mut learner = Learner::new(&self.model, &state.params, &self.inner, &self.moments(state))?;
        learner.snapshots(&pool, &mut batches, steps, &Params::new())
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}
