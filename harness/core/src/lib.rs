//! All that an algorithm author reads and compiles: the contract, parameters, models, episodes, randomness and the
//! built-in task sources.

pub mod error;
pub mod images;
pub mod rng;
pub mod sources;
pub mod splits;

pub use error::{Error, Result};
pub use images::{ImageClass, ImageSet};
pub use rng::{Purpose, Stream};
pub use splits::ClassSplit;
