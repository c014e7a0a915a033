//! A method that is another one but for what it says itself.

use candle_core::Tensor;

use crate::adapted::{Adapted, Mode};
use crate::algorithm::{Algorithm, Cost, Progress, Scalars, Update};
use crate::context::Protocol;
use crate::episode::{Labeled, Sampling, Task};
use crate::error::Result;
use crate::halves::Halves;
use crate::rng::Stream;
use crate::settings::Rate;
use crate::state::State;
use crate::together::Together;

/// An [`Algorithm`] by what it changes of another one: each function is the other's unless it has its own.
///
/// A [family](crate::families) with a step of its own, here Reptile with momentum in the outer step:
///
/// ```
/// use harness_core::families::reptile::{Reptile, Settings};
/// use harness_core::prelude::*;
///
/// settings! {
///     struct Own {
///         /// Share of the last step that is taken once more.
///         momentum: f64 = 0.5 => BELOW_ONE;
///     }
/// }
///
/// struct Momentum {
///     reptile: Reptile,
///     momentum: f64,
/// }
///
/// impl Variant for Momentum {
///     fn base(&self) -> &dyn Algorithm {
///         &self.reptile
///     }
///
///     fn init(&self, rng: &mut Stream) -> Result<State> {
///         let mut state = self.reptile.init(rng)?;
///         state.slots.insert("velocity".into(), state.params.zeros_like()?);
///         Ok(state)
///     }
///
///     fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
///         let before = state.params.clone();
///         let scalars = self.reptile.outer_update(state, updates, progress)?;
///         let step = state.params.sub(&before)?;
///         let velocity = state.slot("velocity")?.scale(self.momentum)?.axpy(1.0, &step)?;
///         state.params = before.axpy(1.0, &velocity)?;
///         state.slots.insert("velocity".into(), velocity);
///         Ok(scalars)
///     }
/// }
///
/// fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
///     let (settings, own) = parse_parts::<Settings, Own>(table)?;
///     Ok(Box::new(Momentum { reptile: Reptile::new(settings, context)?, momentum: own.momentum }))
/// }
/// # let entry = Entry { name: "momentum", summary: "", paper: "", build, settings: &[], readme: "", code: "",
/// #     toy: "inner_batch = 6\nlr = 0.003\ntrain_shots = 4\neval_iters = 20\nmeta_batch = 3\nmeta_step = 0.5" };
/// # harness_core::conformance::check(&entry);
/// ```
pub trait Variant: Send + Sync {
    /// The other one.
    fn base(&self) -> &dyn Algorithm;

    /// As [`Algorithm::sampling`].
    fn sampling(&self) -> Sampling {
        self.base().sampling()
    }

    /// As [`Algorithm::test_steps`].
    fn test_steps(&self) -> usize {
        self.base().test_steps()
    }

    /// As [`Algorithm::cost`].
    fn cost(&self, protocol: &Protocol) -> Cost {
        self.base().cost(protocol)
    }

    /// As [`Algorithm::rates`]: of the other one's settings alone.
    fn rates(&self) -> Vec<Rate> {
        self.base().rates()
    }

    /// As [`Algorithm::halves`]: of the other one's settings alone.
    fn halves(&self) -> Option<Halves> {
        self.base().halves()
    }

    /// As [`Algorithm::init`].
    fn init(&self, rng: &mut Stream) -> Result<State> {
        self.base().init(rng)
    }

    /// As [`Algorithm::task_update`].
    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        self.base().task_update(state, task, rng)
    }

    /// As [`Algorithm::chain_update`]. Whoever has a `task_update` of its own, and tasks that hand something on, has this
    /// too: the other one's knows nothing of it.
    fn chain_update(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        match tasks {
            [(task, rng)] => Ok(vec![Variant::task_update(self, state, task, rng)?]),
            _ => self.base().chain_update(state, tasks),
        }
    }

    /// As [`Algorithm::outer_update`].
    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        self.base().outer_update(state, updates, progress)
    }

    /// As [`Algorithm::for_evaluation`].
    fn for_evaluation(&self, state: &State) -> State {
        self.base().for_evaluation(state)
    }

    /// As [`Algorithm::adapt`].
    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.base().adapt(state, support, steps, rng)
    }

    /// As [`Algorithm::together`].
    fn together(&self) -> Together {
        self.base().together()
    }

    /// As [`Algorithm::answers_alone`]. Whoever has a `score` of its own in which queries see each other says so here.
    fn answers_alone(&self, adapted: &Adapted) -> bool {
        self.base().answers_alone(adapted)
    }

    /// As [`Algorithm::score`].
    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.base().score(adapted, support, query, mode)
    }
}

impl<V: Variant> Algorithm for V {
    fn sampling(&self) -> Sampling {
        Variant::sampling(self)
    }

    fn test_steps(&self) -> usize {
        Variant::test_steps(self)
    }

    fn cost(&self, protocol: &Protocol) -> Cost {
        Variant::cost(self, protocol)
    }

    fn rates(&self) -> Vec<Rate> {
        Variant::rates(self)
    }

    fn halves(&self) -> Option<Halves> {
        Variant::halves(self)
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        Variant::init(self, rng)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        Variant::task_update(self, state, task, rng)
    }

    fn chain_update(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        Variant::chain_update(self, state, tasks)
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        Variant::outer_update(self, state, updates, progress)
    }

    fn for_evaluation(&self, state: &State) -> State {
        Variant::for_evaluation(self, state)
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        Variant::adapt(self, state, support, steps, rng)
    }

    fn together(&self) -> Together {
        Variant::together(self)
    }

    fn answers_alone(&self, adapted: &Adapted) -> bool {
        Variant::answers_alone(self, adapted)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        Variant::score(self, adapted, support, query, mode)
    }
}
