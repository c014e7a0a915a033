//! What MAML and its kin share: full-batch gradient descent on the support set, then an outer Adam on the gradient of a
//! separate query set's loss (Finn, Abbeel, Levine 2017, arXiv 1703.03400, algorithm 2; settings of cbfinn/maml).
//!
//! Kin differ in what they take for the gradient of the initialisation: that is a [`TaskGradient`], and which
//! parameters the inner steps move. A method's crate gives both and has the rest from here.

mod curvature;
mod unrolled;

use candle_core::Tensor;

pub use self::curvature::Curvature;
pub use self::unrolled::Unrolled;
use crate::algorithm::{Adapted, Algorithm, Cost, Mode, Progress, Scalars, Update, mean_scalars};
use crate::batches::MiniBatches;
use crate::context::Context;
use crate::episode::{Draw, Labeled, Sampling, Task};
use crate::error::{Error, Result};
use crate::halves::Halves;
use crate::learner::{InnerLoop, Learner, Moments, Optimizer, Pool};
use crate::loss::Reduction;
use crate::model::{Group, Model};
use crate::outer;
use crate::params::Params;
use crate::rng::Stream;
use crate::settings::{self, COUNT, POSITIVE, RATE, Rate, TEST_RATE};
use crate::state::State;
use crate::together::Together;

crate::settings! {
    /// Settings of the family. Defaults are Finn's 5-way 1-shot Omniglot ones (MAML paper, appendix A.1).
    pub struct Settings {
        /// Steps in training.
        pub inner_steps: usize = 1 => COUNT;
        /// On the mean loss: cbfinn/maml divides the summed loss by the shots only, so this is ways × its flag.
        pub inner_lr: f64 = 2.0 => TEST_RATE;
        /// Support images a class in training.
        pub train_shots: usize = 1 => COUNT;
        /// Query images a class in training.
        pub train_queries: usize = 1 => COUNT;
        /// Tasks a meta-iteration.
        pub meta_batch: usize = 32 => COUNT;
        /// Rate of the outer Adam.
        pub meta_lr: f64 = 1e-3 => RATE;
        /// Steps at test.
        pub eval_steps: usize = 3 => COUNT;
        /// Meta-gradients are cut to ±clip, element by element.
        pub clip: Option<f64> = None => POSITIVE;
    }
}

/// A task's query loss and what stands for its gradient with respect to the initialisation `params`, one tensor a
/// parameter. Pure.
pub type TaskGradient = dyn Fn(&Descent, &Params, &Task, &mut Stream) -> Result<(f64, Params)> + Send + Sync;

/// A method of the family.
pub struct Descent {
    /// As the benchmark's block says.
    pub settings: Settings,
    /// With one output a way, or the values of a regression.
    pub model: Model,
    /// Plain gradient descent on the mean loss.
    pub inner: InnerLoop,
    /// What turns the mean meta-gradient into a step: Adam with TensorFlow's settings.
    pub outer: Optimizer,
    /// Kin whose test reads more than the inner rate add to `both`.
    pub halves: Halves,
    gradient: Option<Box<TaskGradient>>,
}

impl Descent {
    /// A method whose inner steps move `trains`. Errors if the model does not fit its input.
    pub fn new(
        settings: Settings,
        context: &Context,
        trains: Group,
        gradient: impl Fn(&Descent, &Params, &Task, &mut Stream) -> Result<(f64, Params)> + Send + Sync + 'static,
    ) -> Result<Self> {
        Ok(Descent { gradient: Some(Box::new(gradient)), ..Self::without_gradient(settings, context, trains)? })
    }

    /// All but the gradient: for a method that makes one of its own and hands it to [`Descent::outer_step`].
    pub fn without_gradient(settings: Settings, context: &Context, trains: Group) -> Result<Self> {
        let inner = InnerLoop::new(Optimizer::sgd(settings.inner_lr), Reduction::Mean).only(trains);
        let outer = Optimizer::adam(settings.meta_lr, 0.9);
        let halves = Halves { test: vec!["eval_steps"], both: vec!["inner_lr"], ways: true, shots: false };
        Ok(Descent { inner, outer, model: context.episode_model()?, settings, halves, gradient: None })
    }

    /// Full-batch gradient descent on the support set, as far as each of `steps` (ascending).
    pub fn descend(
        &self,
        params: &Params,
        support: &Labeled,
        steps: &[usize],
        rng: &mut Stream,
    ) -> Result<Vec<Adapted>> {
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), pool.len(), false, rng);
        let mut learner = Learner::new(&self.model, params, &self.inner, &Moments::default())?;
        learner.snapshots(&pool, &mut batches, steps, &Params::new())
    }

    /// One step of the outer Adam along `grad`, cut to ±clip first where the settings say so.
    pub fn outer_step(&self, state: &mut State, grad: &Params) -> Result<()> {
        let mut grad = grad.clone();
        if let Some(limit) = self.settings.clip {
            grad = grad.map(|tensor| tensor.clamp(-limit, limit))?;
        }
        outer::step(state, self.outer, &grad)
    }

    /// The same descent in training, kept so that it can be differentiated: `inner_steps` on the support set.
    pub fn unroll(&self, params: &Params, support: &Labeled) -> Result<Unrolled<'_>> {
        let mut unrolled = Unrolled::new(&self.model, params, self.settings.inner_lr, self.inner.trains);
        for _ in 0..self.settings.inner_steps {
            unrolled.step(support)?;
        }
        Ok(unrolled)
    }
}

impl Algorithm for Descent {
    fn sampling(&self) -> Sampling {
        let (shots, queries) = (self.settings.train_shots, self.settings.train_queries);
        Sampling::independent(Draw::Episode { ways: None, shots, queries }, self.settings.meta_batch)
    }

    fn test_steps(&self) -> usize {
        self.settings.eval_steps
    }

    fn cost(&self) -> Cost {
        // The model's own ways are not needed for an estimate to the right order: images a class times outputs.
        let ways = self.model.outputs() as f64;
        let support = ways * self.settings.train_shots as f64;
        let task = support * self.settings.inner_steps as f64 + ways * self.settings.train_queries as f64;
        Cost { task, episode: support * self.settings.eval_steps as f64 }
    }

    fn rates(&self) -> Vec<Rate> {
        settings::rates(&self.settings)
    }

    fn halves(&self) -> Option<Halves> {
        Some(self.halves.clone())
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        outer::start(self.model.init(rng)?)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let gradient = self.gradient.as_ref().ok_or_else(|| Error::usage("this method makes its updates itself"))?;
        let (loss, gradient) = gradient(self, &state.params, task, rng)?;
        Ok(Update::default().with("gradient", gradient).scalar("query_loss", loss))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, _: Progress) -> Result<Scalars> {
        self.outer_step(state, &outer::mean_gradient(&updates)?)?;
        Ok(mean_scalars(&updates))
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.descend(&state.params, support, steps, rng)
    }

    /// cbfinn/maml tests an episode's queries in one batch.
    fn together(&self) -> Together {
        Together::All
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}
