//! What a method's crate needs: `use harness_core::prelude::*;`.

pub use candle_core::{D, Tensor};

pub use crate::adapted::{Adapted, Mode};
pub use crate::algorithm::{Algorithm, Cost, Entry, Progress, Scalars, Update, mean_scalars};
pub use crate::batches::MiniBatches;
pub use crate::config::{parse_config, parse_parts};
pub use crate::context::{Context, Problem, Protocol};
pub use crate::episode::{Draw, Labeled, Sampling, Targets, Task};
pub use crate::error::{Error, Result};
pub use crate::halves::{Halves, TrainsAs};
pub use crate::inner::{InnerLoop, Learner, Pool};
pub use crate::loss::{self, Reduction};
pub use crate::model::{Features, Group, Model, Norm, Statistics};
pub use crate::optimizer::{Moments, Optimizer};
pub use crate::params::Params;
pub use crate::rng::Stream;
pub use crate::settings; // the macro and the module
pub use crate::settings::{
    BELOW_ONE, COUNT, NOT_NEGATIVE, POSITIVE, RATE, Range, Rate, SHARE, Settings as _, TEST_RATE,
};
pub use crate::state::State;
pub use crate::together::Together;
pub use crate::variant::Variant;
