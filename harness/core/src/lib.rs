//! All that an algorithm author reads and compiles: the contract, parameters, models, episodes, randomness and the
//! built-in task sources. Start at [`Algorithm`], the contract; [`conformance`] shows a whole method, [`families`] what methods share, and
//! [`prelude`] is what a method's crate imports.

#![deny(missing_docs)]

pub mod adapted;
pub mod algorithm;
pub mod answers;
pub mod batches;
pub mod config;
pub mod conformance;
pub mod context;
pub mod episode;
pub mod error;
pub mod families;
pub mod folds;
pub mod halves;
pub mod images;
pub mod inner;
pub mod loss;
pub mod model;
pub mod optimizer;
pub mod outer;
pub mod params;
pub mod prelude;
pub mod rng;
pub mod settings;
pub mod source;
pub mod sources;
pub mod splits;
pub mod state;
pub mod stats;
pub mod text;
pub mod together;
pub mod variant;

/// A hash of the crate that calls it, for [`Entry::code`]: its sources, without comments and tests, and the locked
/// versions of all that it reaches. See `harness/identity`.
pub use harness_identity::code;

pub use adapted::{Adapted, Mode};
pub use algorithm::{Algorithm, Build, Cost, Entry, Progress, Scalars, Update, mean_scalars};
pub use answers::answers;
pub use batches::MiniBatches;
pub use config::{parse_config, parse_parts};
pub use context::{Context, Problem, Protocol};
pub use episode::{Draw, Labeled, Sampling, Targets, Task};
pub use error::{Error, Result};
pub use folds::Fold;
pub use halves::{Halves, TrainsAs};
pub use images::{ImageClass, ImageSet};
pub use inner::{InnerLoop, Learner, Pool};
pub use loss::Reduction;
pub use model::{Activation, Features, Group, LossGrad, Model, ModelSpec, Norm, Statistics};
pub use optimizer::{Moments, Optimizer};
pub use params::Params;
pub use rng::{Purpose, Stream};
pub use source::{Rotations, Split, TaskSource, View};
pub use splits::ClassSplit;
pub use state::State;
pub use together::Together;
pub use variant::Variant;

/// What this crate and the kernels are made of, as far as training can meet it.
pub const TRAINING_CODE: [&str; 2] =
    [harness_kernels::CODE, code!(without "src/conformance", "src/stats.rs", "src/answers.rs", "src/together.rs")];

/// What this crate and the kernels are made of, as far as an evaluation can meet it.
pub const EVALUATION_CODE: [&str; 2] = [harness_kernels::CODE, code!(without "src/conformance")];
