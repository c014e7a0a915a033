//! The keys that every method with openai/supervised-reptile's inner loop has.

use serde::Deserialize;

use crate::learner::Optimizer;
use crate::loss::Reduction;

/// The inner optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inner {
    /// β₁ = 0, as the original has it.
    Adam,
    /// Plain gradient descent.
    Sgd,
}

/// Defaults are the Reptile paper's 5-way 1-shot Omniglot settings (openai/supervised-reptile README). A method reads them
/// beside its own keys with [`parse_parts`](crate::config::parse_parts).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Inner steps of a training task.
    pub inner_iters: usize,
    /// Examples of an inner step.
    pub inner_batch: usize,
    /// Step size of the inner optimiser.
    pub lr: f64,
    /// What takes the inner steps, in training and at test.
    pub optimizer: Inner,
    /// Of the loss over a mini-batch.
    pub reduction: Reduction,
    /// Tasks of a meta-iteration.
    pub meta_batch: usize,
    /// Outer step at the first meta-iteration, annealed linearly ...
    pub meta_step: f64,
    /// ... towards this one.
    pub meta_step_final: f64,
    /// Examples a class of a training task.
    pub train_shots: usize,
    /// Inner steps at test.
    pub eval_iters: usize,
    /// Examples of an inner step at test.
    pub eval_batch: usize,
    /// Every mini-batch an independent sample instead of a cut of the shuffled pool.
    pub replacement: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
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
        }
    }
}

impl Settings {
    /// The inner optimiser with its step size.
    pub fn optimizer(&self) -> Optimizer {
        match self.optimizer {
            Inner::Adam => Optimizer::adam(self.lr, 0.0),
            Inner::Sgd => Optimizer::sgd(self.lr),
        }
    }
}
