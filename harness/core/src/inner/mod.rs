//! The inner loop: a private copy of the parameters that takes optimiser steps on mini-batches of one task.
//!
//! On the CPU in f32 a step is one pass of the fused kernels over flat vectors, with no allocation; elsewhere the same
//! step is taken on candle's graph. The two agree (see the tests) and are the same to a method.

mod fused;
mod tape;

use crate::adapted::Adapted;
use crate::batches::MiniBatches;
use crate::episode::{Labeled, Targets};
use crate::error::Result;
use crate::loss::Reduction;
use crate::model::{Group, Model, Norm, values};
use crate::optimizer::{Moments, Optimizer};
use crate::params::Params;

/// How inner steps are taken.
#[derive(Clone, Debug)]
pub struct InnerLoop {
    /// What turns a gradient into a step.
    pub optimizer: Optimizer,
    /// Over the mini-batch: `Sum` is what openai/supervised-reptile does (its loss is a vector).
    pub reduction: Reduction,
    /// Which parameters learn; the others stay as they are.
    pub trains: Group,
    /// What norm layers normalise with while learning.
    pub norm: Norm,
    /// λ of a proximal term λ/2·‖θ − φ‖² that each step adds to its mini-batch's loss, whatever the reduction; φ is where
    /// the learner started. 0 for none.
    pub prox: f64,
}

impl InnerLoop {
    /// All parameters learn, with batch statistics.
    pub fn new(optimizer: Optimizer, reduction: Reduction) -> Self {
        InnerLoop { optimizer, reduction, trains: Group::All, norm: Norm::Batch, prox: 0.0 }
    }

    /// The same, but only `group` learns.
    pub fn only(self, group: Group) -> Self {
        InnerLoop { trains: group, ..self }
    }

    /// The same, but pulled towards the starting point: λ/2·‖θ − φ‖² is part of what each step minimises.
    pub fn proximal(self, lambda: f64) -> Self {
        InnerLoop { prox: lambda, ..self }
    }
}

/// Parameters on their way through one task.
///
/// One step of plain gradient descent on y = 0·x + 0 at the point (2, 6), whose squared error is 36: the slope's
/// gradient is −24 and the offset's −12.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use harness_core::{
///     Activation, InnerLoop, Labeled, Learner, Model, ModelSpec, Moments, Optimizer, Pool, Reduction, Targets,
/// };
/// # use harness_core::{Purpose, Stream};
///
/// let line = ModelSpec::Mlp { hidden: vec![], activation: Activation::Relu };
/// let model = Model::new(&line, &[1], 1, &Device::Cpu)?;
/// let point = |value: f32| Tensor::new(&[[value]], &Device::Cpu);
/// let pool = Pool::new(&Labeled::new(point(2.0)?, Targets::Values(point(6.0)?))?)?;
///
/// let zeros = model.init(&mut Stream::new(0, Purpose::Init, 0, 0))?.zeros_like()?;
/// let inner = InnerLoop::new(Optimizer::sgd(0.1), Reduction::Mean);
/// let mut learner = Learner::new(&model, &zeros, &inner, &Moments::default())?;
/// assert_eq!(learner.step(&pool, &[0])?, 36.0);
///
/// let line = learner.params()?;
/// let number = |name: &str| line.get(name)?.flatten_all()?.to_vec1::<f32>().map_err(harness_core::Error::from);
/// assert!((number("head.weight")?[0] - 2.4).abs() < 1e-6);
/// assert!((number("head.bias")?[0] - 1.2).abs() < 1e-6);
/// # Ok::<(), harness_core::Error>(())
/// ```
pub struct Learner<'m> {
    path: Path<'m>,
    loop_: InnerLoop,
    steps: u64,
    running: Option<Running>,
}

/// Running statistics and the share that each step's batch has in them.
struct Running {
    stats: Params,
    share: f64,
}

enum Path<'m> {
    Fused(fused::Fused<'m>),
    Tape(tape::Tape<'m>),
}

impl<'m> Learner<'m> {
    /// A learner at `params`. `moments` are those that earlier tasks left, or [`Moments::default`] for fresh ones.
    /// Errors: [`Error::Usage`](crate::Error::Usage) if a parameter is missing or has another shape than the model's.
    pub fn new(model: &'m Model, params: &Params, loop_: &InnerLoop, moments: &Moments) -> Result<Self> {
        let path = match model.fused(params) {
            true => Path::Fused(fused::Fused::new(model, params, loop_, moments)?),
            false => Path::Tape(tape::Tape::new(model, params, loop_, moments)?),
        };
        Ok(Learner { path, loop_: loop_.clone(), steps: moments.steps, running: None })
    }

    /// The same, while the statistics of each step's mini-batch join `running` ones: r ← (1 − share)·r + share·batch. Snapshots
    /// have them in place of their buffers.
    pub fn updating(self, running: &Params, share: f64) -> Self {
        Learner { running: Some(Running { stats: running.clone(), share }), ..self }
    }

    /// One optimiser step on the pool's examples at `rows`; returns the loss before it, by the loop's reduction and without
    /// the proximal term. Panics on a row that is not there.
    pub fn step(&mut self, pool: &Pool, rows: &[usize]) -> Result<f64> {
        self.steps += 1;
        let loss = match &mut self.path {
            Path::Fused(fused) => fused.step(pool, rows, &self.loop_, self.steps),
            Path::Tape(tape) => tape.step(pool, rows, &self.loop_, self.steps),
        };
        if let Some(Running { stats, share }) = &mut self.running {
            let batch = match &self.path {
                Path::Fused(fused) => fused.stats()?,
                Path::Tape(tape) => tape.stats(),
            };
            *stats = stats.zip(&batch, |old, new| (old * (1.0 - *share))? + (new * *share)?)?;
        }
        loss
    }

    /// `n` steps on the next mini-batches; returns the mean loss (0 for no steps).
    pub fn run(&mut self, pool: &Pool, batches: &mut MiniBatches<'_>, n: usize) -> Result<f64> {
        let (mut rows, mut sum) = (Vec::new(), 0.0);
        for _ in 0..n {
            batches.fill(&mut rows);
            sum += self.step(pool, &rows)?;
        }
        Ok(sum / n.max(1) as f64)
    }

    /// Steps on until each number in `steps` (ascending, 0 allowed) is reached, and what is known at each: what
    /// [`Algorithm::adapt`](crate::Algorithm::adapt) returns. `buffers` go along unchanged, unless the learner is
    /// [updating](Learner::updating) some.
    pub fn snapshots(
        &mut self,
        pool: &Pool,
        batches: &mut MiniBatches<'_>,
        steps: &[usize],
        buffers: &Params,
    ) -> Result<Vec<Adapted>> {
        let mut done = 0;
        let snapshot = |until: &usize| {
            self.run(pool, batches, until.saturating_sub(done))?;
            done = done.max(*until);
            let buffers = self.running.as_ref().map_or(buffers, |running| &running.stats);
            Ok(Adapted { params: self.params()?, buffers: buffers.clone() })
        };
        steps.iter().map(snapshot).collect()
    }

    /// The parameters as they are now.
    pub fn params(&self) -> Result<Params> {
        match &self.path {
            Path::Fused(fused) => fused.params(),
            Path::Tape(tape) => Ok(tape.params()),
        }
    }

    /// The optimiser's moments as they are now.
    pub fn moments(&self) -> Result<Moments> {
        match &self.path {
            Path::Fused(fused) => fused.moments(self.steps),
            Path::Tape(tape) => Ok(tape.moments(self.steps)),
        }
    }
}

/// One task's examples as flat rows, so that a mini-batch is a copy.
pub struct Pool {
    labeled: Labeled,
    rows: Vec<f32>,
    width: usize,
    targets: Vec<f32>,
}

impl Pool {
    /// Copies the examples once, as f32.
    pub fn new(labeled: &Labeled) -> Result<Self> {
        let targets = match &labeled.y {
            Targets::Classes(_) => Vec::new(),
            Targets::Values(tensor) => values(tensor)?,
        };
        let width = labeled.x.elem_count() / labeled.len().max(1);
        Ok(Pool { labeled: labeled.clone(), rows: values(&labeled.x)?, width, targets })
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labeled.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labeled.is_empty()
    }

    fn gather(&self, rows: &[usize], x: &mut Vec<f32>) {
        x.clear();
        for row in rows {
            x.extend_from_slice(&self.rows[row * self.width..(row + 1) * self.width]);
        }
    }
}

#[cfg(test)]
mod tests;
