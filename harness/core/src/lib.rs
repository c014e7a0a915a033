//! All that an algorithm author reads and compiles: the contract, parameters, models, episodes, randomness and the
//! built-in task sources. Start at [`Algorithm`], the contract; [`conformance`] shows a whole method.

#![deny(missing_docs)]

pub mod algorithm;
pub mod batches;
pub mod config;
pub mod conformance;
pub mod context;
pub mod descent;
pub mod episode;
pub mod error;
pub mod folds;
pub mod halves;
pub mod images;
pub mod inner;
pub mod learner;
pub mod loss;
pub mod model;
pub mod outer;
pub mod params;
pub mod rng;
pub mod settings;
pub mod source;
pub mod sources;
pub mod splits;
pub mod state;
pub mod stats;
pub mod text;
pub mod together;

/// A hash of the crate that calls it, for [`Entry::code`]: its sources, without comments and tests, and the locked
/// versions of all that it reaches. See `harness/identity`.
pub use harness_identity::code;

pub use algorithm::{Adapted, Algorithm, Build, Cost, Entry, Mode, Progress, Scalars, Update, mean_scalars};
pub use batches::MiniBatches;
pub use config::parse_config;
pub use context::{Context, Problem, Protocol};
pub use episode::{Draw, Labeled, Sampling, Targets, Task};
pub use error::{Error, Result};
pub use folds::Fold;
pub use halves::Halves;
pub use images::{ImageClass, ImageSet};
pub use learner::{InnerLoop, Learner, Moments, Optimizer, Pool};
pub use loss::Reduction;
pub use model::{Activation, Features, Group, LossGrad, Model, ModelSpec, Norm, Statistics};
pub use params::Params;
pub use rng::{Purpose, Stream};
pub use source::{Rotations, Split, TaskSource, View};
pub use splits::ClassSplit;
pub use state::State;
pub use together::{Together, answers};

/// What this crate and the kernels are made of, as far as training can meet it.
pub const TRAINING_CODE: [&str; 2] =
    [harness_kernels::CODE, code!(without "src/conformance", "src/stats.rs", "src/together.rs")];

/// What this crate and the kernels are made of, as far as an evaluation can meet it.
pub const EVALUATION_CODE: [&str; 2] = [harness_kernels::CODE, code!(without "src/conformance")];

/// Compiles the method that algorithms/README.md walks through.
#[cfg(doctest)]
#[doc = include_str!("../../../algorithms/README.md")]
struct Walkthrough;
