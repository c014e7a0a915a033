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
pub mod images;
pub mod inner;
pub mod learner;
pub mod loss;
pub mod model;
pub mod outer;
pub mod params;
pub mod rng;
pub mod source;
pub mod sources;
pub mod splits;
pub mod state;
pub mod stats;

pub use algorithm::{Adapted, Algorithm, Build, Cost, Entry, Mode, Progress, Scalars, Update, mean_scalars};
pub use batches::MiniBatches;
pub use config::parse_config;
pub use context::{Context, Problem, Protocol};
pub use episode::{Draw, Labeled, Sampling, Targets, Task};
pub use error::{Error, Result};
pub use folds::Fold;
pub use images::{ImageClass, ImageSet};
pub use learner::{InnerLoop, Learner, Moments, Optimizer, Pool};
pub use loss::Reduction;
pub use model::{Activation, Features, Group, LossGrad, Model, ModelSpec, Norm, Statistics};
pub use params::Params;
pub use rng::{Purpose, Stream};
pub use source::{Rotations, Split, TaskSource, View};
pub use splits::ClassSplit;
pub use state::State;

/// Compiles the method that algorithms/README.md walks through.
#[cfg(doctest)]
#[doc = include_str!("../../../algorithms/README.md")]
struct Walkthrough;
