//! Supervised training on all training classes at once, or on regression on points of many tasks: features that something is
//! made of at test. One meta-iteration is one Adam step on a batch drawn over all classes (Chen et al. 2019, arXiv
//! 1904.04232).
//!
//! A member gives what becomes of the features at test ([`AtTest`]), and a head of its own where it has one ([`Head`]).

use candle_core::{DType, Tensor};

use crate::adapted::{Adapted, Mode};
use crate::algorithm::{Algorithm, Cost, Progress, Scalars, Update};
use crate::context::{Context, Problem, Protocol};
use crate::episode::{Draw, Labeled, Sampling, Task};
use crate::error::Result;
use crate::halves::Halves;
use crate::loss::{self, Reduction};
use crate::model::{Features, Group, Model, Norm, Statistics};
use crate::optimizer::{Moments, Optimizer};
use crate::outer;
use crate::params::Params;
use crate::rng::Stream;
use crate::settings::{self, Rate, Settings};
use crate::state::State;

/// What becomes of what was learned when a support set arrives: of [`Supervised::for_evaluation`], where on classification there is no
/// head, as an episode's classes are others.
pub trait AtTest: Send + Sync {
    /// As [`Algorithm::test_steps`].
    fn steps(&self) -> usize;

    /// As [`Cost::episode`].
    fn passes(&self, protocol: &Protocol) -> f64 {
        (protocol.ways * (protocol.shots + protocol.queries)) as f64
    }

    /// As [`Algorithm::adapt`].
    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>>;

    /// As [`Algorithm::answers_alone`].
    fn answers_alone(&self, adapted: &Adapted) -> bool {
        Norm::told_by(&adapted.buffers).is_running()
    }

    /// As [`Algorithm::score`].
    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor>;
}

/// A head other than a network's dense layer.
#[derive(Clone, Copy)]
pub struct Head {
    /// Fresh parameters for so many features and so many classes, in this order; names begin with `head.`, type and device are
    /// those of the tensor.
    pub init: fn(usize, usize, &Tensor, &mut Stream) -> Result<Params>,
    /// What it reads of features `[n, features]`.
    pub prepared: fn(&Tensor) -> Result<Tensor>,
    /// Logits `[n, classes]` of prepared features, differentiable by both.
    pub logits: fn(&Tensor, &Params) -> Result<Tensor>,
}

/// A method of the family.
pub struct Supervised {
    batch: usize,
    outer: Optimizer,
    /// With one output a training class, or the values of a regression; with one output where the head is a method's own.
    pub model: Model,
    classes: Option<usize>,
    norm: Statistics,
    /// A network's dense layer where there is none.
    head: Option<Head>,
    test: Box<dyn AtTest>,
    rates: Vec<Rate>,
    halves: Halves,
    keeps_mean: bool,
}

/// The buffer with the mean feature of the training images, `[features]`: see [`Supervised::keeping_the_mean`].
pub const MEAN: &str = "features.mean";

/// What a method says of its training.
pub struct Training {
    batch: usize,
    lr: f64,
    norm: Statistics,
    rates: Vec<Rate>,
    halves: Halves,
}

impl Training {
    /// Batches of so many images, or points, with Adam's rate `lr`; `norm` says whether running statistics are kept. Of `settings`
    /// are the rates and what the test reads.
    pub fn new<S: Settings>(settings: &S, batch: usize, lr: f64, norm: Statistics) -> Self {
        Training { batch, lr, norm, rates: settings::rates(settings), halves: Halves::read_from(&[S::FIELDS]) }
    }
}

impl Supervised {
    /// A method whose head is the network's. Errors if the model does not fit its input.
    pub fn new(training: Training, context: &Context, test: impl AtTest + 'static) -> Result<Self> {
        let (classes, model) = match context.problem {
            Problem::Classification { train_classes } => (Some(train_classes), context.model(train_classes)?),
            Problem::Regression { .. } => (None, context.episode_model()?),
        };
        Ok(Self::with(training, model, classes, None, Box::new(test)))
    }

    /// A method with a head of its own. Errors: as [`Supervised::new`], and on regression.
    pub fn with_head(training: Training, context: &Context, head: Head, test: impl AtTest + 'static) -> Result<Self> {
        let classes = Some(context.train_classes()?);
        Ok(Self::with(training, context.model(1)?, classes, Some(head), Box::new(test)))
    }

    fn with(
        training: Training,
        model: Model,
        classes: Option<usize>,
        head: Option<Head>,
        test: Box<dyn AtTest>,
    ) -> Self {
        let Training { batch, lr, norm, rates, halves } = training;
        // Training tells all classes apart, whatever an episode holds.
        let halves = Halves { ways: classes.is_none(), shots: false, ..halves };
        let outer = Optimizer::adam(lr, 0.9);
        Supervised { batch, outer, model, classes, norm, head, test, rates, halves, keeps_mean: false }
    }

    /// The same, but the buffer [`MEAN`] keeps the mean feature of the training images for the test: each batch's mean joins it as the
    /// batch's statistics join the running ones. Panics unless the method has a head of its own and running statistics.
    pub fn keeping_the_mean(self) -> Self {
        assert!(
            self.head.is_some() && self.norm == Statistics::Running,
            "the mean is kept where features and buffers are"
        );
        Supervised { keeps_mean: true, ..self }
    }
}

impl Algorithm for Supervised {
    fn sampling(&self) -> Sampling {
        Sampling::independent(Draw::Batch { size: self.batch }, 1)
    }

    fn test_steps(&self) -> usize {
        self.test.steps()
    }

    fn cost(&self, protocol: &Protocol) -> Cost {
        Cost { task: self.batch as f64, episode: self.test.passes(protocol) }
    }

    fn rates(&self) -> Vec<Rate> {
        self.rates.clone()
    }

    fn halves(&self) -> Option<Halves> {
        Some(self.halves.clone())
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut params = self.model.init(rng)?;
        let features = params.get("head.weight")?.dim(0)?;
        if let (Some(head), Some(classes)) = (&self.head, self.classes) {
            let old = params.get("head.weight")?;
            let head = (head.init)(features, classes, old, rng)?;
            params = Group::Body.part(&params).merged(&head);
        }
        let mut state = outer::start(params)?;
        if self.norm == Statistics::Running {
            state.buffers = self.model.initial_stats()?;
        }
        if self.keeps_mean {
            state.buffers.insert(MEAN, Tensor::zeros(features, DType::F32, self.model.device())?);
        }
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, _: &mut Stream) -> Result<Update> {
        let (loss, gradient, stats) = match &self.head {
            None => {
                let at = self.model.loss_grad(&state.params, &task.support, Reduction::Mean)?;
                (at.loss, at.grads, at.stats)
            }
            Some(head) => {
                let features = self.model.features(&state.params, &task.support.x, &Norm::Batch)?;
                let (mut stats, vars) = (features.stats.clone(), Group::Head.part(&state.params).to_vars()?);
                if self.keeps_mean {
                    stats.insert(MEAN, features.values.detach().mean(0)?);
                }
                let answers = (head.logits)(&(head.prepared)(&features.values)?, &vars)?;
                let loss = loss::loss(&answers, &task.support.y, Reduction::Mean)?;
                let (loss, gradient) = Features::gradient(&loss, &vars, [features])?;
                (loss, gradient, stats)
            }
        };
        Ok(Update::default().with("gradient", gradient).with("stats", stats).scalar("loss", loss))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, _: Progress) -> Result<Scalars> {
        outer::descend(state, self.outer, &updates)
    }

    /// The head of the training classes is of no use at test.
    fn for_evaluation(&self, state: &State) -> State {
        let params = match self.classes {
            Some(_) => Group::Body.part(&state.params),
            None => state.params.clone(),
        };
        State { params, slots: Default::default(), ..state.clone() }
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.test.adapt(&self.for_evaluation(state), support, steps, rng)
    }

    fn answers_alone(&self, adapted: &Adapted) -> bool {
        self.test.answers_alone(adapted)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.test.score(adapted, support, query, mode)
    }
}

/// Learns `head` on prepared features that stay as they are, with mini-batches of rows from `next`: the head after each number
/// of `steps` (ascending).
pub fn tune_head(
    head: Head,
    start: Params,
    known: &Labeled,
    optimizer: Optimizer,
    mut next: impl FnMut() -> Vec<usize>,
    steps: &[usize],
) -> Result<Vec<Params>> {
    let (mut params, mut moments, mut all) = (start, Moments::default(), Vec::new());
    for wanted in steps {
        while (moments.steps as usize) < *wanted {
            let (batch, vars) = (known.select(&next())?, params.to_vars()?);
            let loss = loss::loss(&(head.logits)(&batch.x, &vars)?, &batch.y, Reduction::Mean)?;
            let (_, grads) = loss::gradient(&loss, &vars)?;
            (params, moments) = optimizer.apply(&params, &grads, &moments)?;
        }
        all.push(params.clone());
    }
    Ok(all)
}
