//! The keys that every method with openai/supervised-reptile's inner loop has.

use serde::Deserialize;

use crate::learner::Optimizer;
use crate::loss::Reduction;
use crate::settings::{COUNT, NOT_NEGATIVE, RATE, TEST_RATE};

/// The inner optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inner {
    /// β₁ = 0, as the original has it.
    Adam,
    /// Plain gradient descent.
    Sgd,
}

crate::settings! {
    /// Defaults are the Reptile paper's 5-way 1-shot Omniglot settings (openai/supervised-reptile README). A method reads them
    /// beside its own keys with [`parse_parts`](crate::config::parse_parts).
    pub struct Settings {
        /// Inner steps of a training task.
        pub inner_iters: usize = 5 => COUNT;
        /// Examples of an inner step.
        pub inner_batch: usize = 10 => COUNT;
        /// Step size of the inner optimiser.
        pub lr: f64 = 1e-3 => TEST_RATE;
        /// What takes the inner steps, in training and at test.
        pub optimizer: Inner = Inner::Adam;
        /// Of the loss over a mini-batch.
        pub reduction: Reduction = Reduction::Sum;
        /// Tasks of a meta-iteration.
        pub meta_batch: usize = 5 => COUNT;
        /// Outer step at the first meta-iteration, annealed linearly ...
        pub meta_step: f64 = 1.0 => RATE;
        /// ... towards this one.
        pub meta_step_final: f64 = 0.0 => NOT_NEGATIVE;
        /// Examples a class of a training task.
        pub train_shots: usize = 10 => COUNT;
        /// Inner steps at test.
        pub eval_iters: usize = 50 => COUNT;
        /// Examples of an inner step at test.
        pub eval_batch: usize = 5 => COUNT;
        /// Every mini-batch an independent sample instead of a cut of the shuffled pool.
        pub replacement: bool = false;
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
