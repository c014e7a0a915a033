//! The keys that every member of Reptile's family has.

use serde::Deserialize;

use crate::loss::Reduction;
use crate::optimizer::Optimizer;
use crate::settings::{COUNT, NOT_NEGATIVE, RATE, Range, TEST_RATE};

/// Telling classes apart needs two.
const WAYS: Range = Range::new("at least 2", |ways| ways >= 2.0);

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
        /// inner steps of a training task
        pub inner_iters: usize = 5 => COUNT, both;
        /// images of an inner step
        pub inner_batch: usize = 10 => COUNT;
        /// step size of the inner optimiser
        pub lr: f64 = 1e-3 => TEST_RATE, both;
        /// what takes the inner steps, in training and at test: `adam` (β₁ = 0) or `sgd`
        pub optimizer: Inner = Inner::Adam, both;
        /// of the loss over a mini-batch: `sum`, as the original, or `mean`
        pub reduction: Reduction = Reduction::Sum, both;
        /// tasks of a meta-iteration
        pub meta_batch: usize = 5 => COUNT, both;
        /// outer step at the first meta-iteration
        pub meta_step: f64 = 1.0 => RATE;
        /// towards which the outer step is annealed, linearly
        pub meta_step_final: f64 = 0.0 => NOT_NEGATIVE;
        /// classes of a training task, whose head then gives way to a new one at test; if none, as many as at test, which goes on from the same head
        pub train_ways: Option<usize> = None => WAYS, both;
        /// images a class of a training task
        pub train_shots: usize = 10 => COUNT;
        /// inner steps at test
        pub eval_iters: usize = 50 => COUNT, test;
        /// images of an inner step at test
        pub eval_batch: usize = 5 => COUNT, test;
        /// every mini-batch an independent sample instead of a cut of the shuffled pool
        pub replacement: bool = false, both;
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
