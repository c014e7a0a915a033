//! What is known after a support set, and how the queries are then asked.

use crate::params::Params;
use crate::state::State;

/// What the queries are normalised with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Queries as one batch, so that they see each other through batch statistics: those that
    /// [`Algorithm::together`](crate::Algorithm::together) names.
    Transductive,
    /// Each query alone, together with the whole support set.
    Inductive,
    /// Regression: a query is a point, nothing is normalised.
    #[serde(rename = "-")]
    Pointwise,
}

impl Mode {
    /// The value of the `mode` column: `transductive`, `inductive` or `-`.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Transductive => "transductive",
            Mode::Inductive => "inductive",
            Mode::Pointwise => "-",
        }
    }
}

/// What a method knows after it saw a support set.
#[derive(Clone, Debug)]
pub struct Adapted {
    /// Parameters after the inner steps, by the names of the network that scores.
    pub params: Params,
    /// Running statistics or whatever else scoring reads.
    pub buffers: Params,
}

impl From<&State> for Adapted {
    /// What is known before any inner step.
    fn from(state: &State) -> Self {
        Adapted { params: state.params.clone(), buffers: state.buffers.clone() }
    }
}
