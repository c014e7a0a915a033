//! MAML and its kin: full-batch gradient descent on the support set, then an outer Adam on the gradient of a
//! separate query set's loss (Finn, Abbeel, Levine 2017, arXiv 1703.03400, algorithm 2; settings of cbfinn/maml).
//!
//! Kin differ in what they take for the gradient of the initialisation, a [`MetaGradient`], and in which parameters the inner
//! steps move. [`exact`] is MAML's own, [`through_the_heads_steps`] the same where they move the head alone.

mod curvature;
mod head;
mod unrolled;

use candle_core::Tensor;

pub use self::curvature::Curvature;
pub use self::head::through_the_heads_steps;
pub use self::unrolled::Unrolled;
use crate::adapted::{Adapted, Mode};
use crate::algorithm::{Algorithm, Cost, Progress, Scalars, Update, mean_scalars};
use crate::batches::MiniBatches;
use crate::context::{Context, Protocol};
use crate::episode::{Draw, Labeled, Sampling, Task};
use crate::error::Result;
use crate::halves::Halves;
use crate::inner::{InnerLoop, Learner, Pool};
use crate::loss::Reduction;
use crate::model::{Group, Model};
use crate::optimizer::{Moments, Optimizer};
use crate::outer;
use crate::params::Params;
use crate::rng::Stream;
use crate::settings::{self as fields, COUNT, POSITIVE, RATE, Rate, Settings as _, TEST_RATE};
use crate::state::State;
use crate::together::Together;

crate::settings! {
    /// Settings of the family. Defaults are Finn's 5-way 1-shot Omniglot ones (MAML paper, appendix A.1).
    pub struct Settings {
        /// steps in training
        pub inner_steps: usize = 1 => COUNT;
        /// of a step, on the mean loss: cbfinn/maml divides the summed loss by the shots only, so this is ways times its flag
        pub inner_lr: f64 = 2.0 => TEST_RATE, both;
        /// support images a class in training
        pub train_shots: usize = 1 => COUNT;
        /// query images a class in training
        pub train_queries: usize = 1 => COUNT;
        /// tasks a meta-iteration
        pub meta_batch: usize = 32 => COUNT;
        /// rate of the outer Adam
        pub meta_lr: f64 = 1e-3 => RATE;
        /// steps at test
        pub eval_steps: usize = 3 => COUNT, test;
        /// meta-gradients are cut to ±clip, element by element
        pub clip: Option<f64> = None => POSITIVE;
    }
}

/// What a method of the family has of its own. A function that gives a task's query loss and its gradient by the
/// initialisation, `Fn(&Maml, &Params, &Task, &mut Stream) -> Result<(f64, Params)>`, is one.
pub trait MetaGradient: Send + Sync {
    /// What a task contributes at the initialisation `params`. Pure.
    fn contribution(&self, method: &Maml, params: &Params, task: &Task, rng: &mut Stream) -> Result<Update>;

    /// The gradient of the initialisation `params` from the contributions of a meta-batch, in task order: one tensor a
    /// parameter. As it stands, the mean of the role `gradient`.
    fn gradient(&self, params: &Params, updates: &[Update]) -> Result<Params> {
        let _ = params;
        outer::mean_gradient(updates)
    }

    /// How often a task is learned for its contribution.
    fn tries(&self) -> usize {
        1
    }

    /// What is logged of a meta-batch.
    fn scalars(&self, updates: &[Update]) -> Scalars {
        mean_scalars(updates)
    }
}

impl<F> MetaGradient for F
where
    F: Fn(&Maml, &Params, &Task, &mut Stream) -> Result<(f64, Params)> + Send + Sync,
{
    fn contribution(&self, method: &Maml, params: &Params, task: &Task, rng: &mut Stream) -> Result<Update> {
        let (loss, gradient) = self(method, params, task, rng)?;
        Ok(Update::default().with("gradient", gradient).scalar("query_loss", loss))
    }
}

/// The gradient of the query loss with respect to the initialisation, second derivatives included (equation 1 of the paper).
/// The query gradient itself is first order, so it is taken by the fast kernels; [`Unrolled`] pulls it back through the
/// inner steps.
pub fn exact(method: &Maml, params: &Params, task: &Task, _: &mut Stream) -> Result<(f64, Params)> {
    let unrolled = method.unroll(params, &task.support)?;
    let at = method.model.loss_grad(unrolled.params(), &task.query, Reduction::Mean)?;
    Ok((at.loss, unrolled.pull_back(&at.grads)?))
}

/// A method of the family.
pub struct Maml {
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
    own: Box<dyn MetaGradient>,
}

impl Maml {
    /// A method whose inner steps move `trains`. Errors if the model does not fit its input.
    pub fn new(settings: Settings, context: &Context, trains: Group, own: impl MetaGradient + 'static) -> Result<Self> {
        let inner = InnerLoop::new(Optimizer::sgd(settings.inner_lr), Reduction::Mean).only(trains);
        let outer = Optimizer::adam(settings.meta_lr, 0.9);
        let halves = Halves::read_from(&[Settings::FIELDS]);
        Ok(Maml { inner, outer, model: context.episode_model()?, settings, halves, own: Box::new(own) })
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

    /// The descent of a training task, `inner_steps` on its support set: where it ends.
    pub fn learn(&self, params: &Params, support: &Labeled, rng: &mut Stream) -> Result<Adapted> {
        Ok(self.descend(params, support, &[self.settings.inner_steps], rng)?.remove(0))
    }

    /// The same descent, kept so that it can be differentiated.
    pub fn unroll(&self, params: &Params, support: &Labeled) -> Result<Unrolled<'_>> {
        let mut unrolled = Unrolled::new(&self.model, params, self.settings.inner_lr, self.inner.trains);
        for _ in 0..self.settings.inner_steps {
            unrolled.step(support)?;
        }
        Ok(unrolled)
    }
}

impl Algorithm for Maml {
    fn sampling(&self) -> Sampling {
        let (shots, queries) = (self.settings.train_shots, self.settings.train_queries);
        Sampling::independent(Draw::Episode { ways: None, shots, queries }, self.settings.meta_batch)
    }

    fn test_steps(&self) -> usize {
        self.settings.eval_steps
    }

    fn cost(&self, protocol: &Protocol) -> Cost {
        let Settings { inner_steps, train_shots, train_queries, eval_steps, .. } = self.settings;
        let images = |a_class: usize| (protocol.ways * a_class) as f64;
        let task = images(train_shots) * inner_steps as f64 + images(train_queries);
        Cost { task: task * self.own.tries() as f64, episode: images(train_shots) * eval_steps as f64 }
    }

    fn rates(&self) -> Vec<Rate> {
        fields::rates(&self.settings)
    }

    fn halves(&self) -> Option<Halves> {
        Some(self.halves.clone())
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        outer::start(self.model.init(rng)?)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        self.own.contribution(self, &state.params, task, rng)
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, _: Progress) -> Result<Scalars> {
        let mut gradient = self.own.gradient(&state.params, &updates)?;
        if let Some(limit) = self.settings.clip {
            gradient = gradient.map(|tensor| tensor.clamp(-limit, limit))?;
        }
        outer::step(state, self.outer, &gradient)?;
        Ok(self.own.scalars(&updates))
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
