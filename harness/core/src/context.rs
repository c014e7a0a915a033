//! What a method is built from: the benchmark's model, protocol and loss, without the data.

use candle_core::Device;

use crate::error::{Error, Result};
use crate::model::{Model, ModelSpec};

/// Ways, shots and queries of the evaluation episodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Classes of an episode; 1 on regression.
    pub ways: usize,
    /// Support images of each class, or support points.
    pub shots: usize,
    /// Query images of each class, or query points.
    pub queries: usize,
}

/// What kind of answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Softmax cross-entropy over classes.
    Classification {
        /// All classes that supervised training can tell apart, new classes made by rotation included.
        train_classes: usize,
    },
    /// Mean squared error.
    Regression {
        /// Values that belong to one input.
        outputs: usize,
    },
}

/// Everything that a method needs to know about the benchmark when it is built.
#[derive(Clone, Debug)]
pub struct Context {
    /// The network: the method's own where its block names one, else the benchmark's.
    pub model: ModelSpec,
    /// Shape of one input: `[height, width, channels]`, or `[1]` for sine.
    pub input: Vec<usize>,
    /// Classes to tell apart, or values to fit.
    pub problem: Problem,
    /// Of the evaluation episodes; training tasks are as [`Algorithm::sampling`](crate::Algorithm::sampling) says.
    pub protocol: Protocol,
    /// Where models compute. Tasks arrive there.
    pub device: Device,
    /// Whether models compute on candle's own operations even where the fused kernels apply, as they do on a GPU: slower, the same
    /// answers within rounding.
    pub plain: bool,
}

impl Context {
    /// The network with `outputs` outputs. Errors: [`Error::Network`] if the input is too small for it.
    pub fn model(&self, outputs: usize) -> Result<Model> {
        let model = Model::new(&self.model, &self.input, outputs, &self.device)?;
        Ok(if self.plain { model.stock() } else { model })
    }

    /// The network as an episode needs it: one output a way, or the values of a regression. Errors as
    /// [`Context::model`].
    pub fn episode_model(&self) -> Result<Model> {
        self.model(match self.problem {
            Problem::Classification { .. } => self.protocol.ways,
            Problem::Regression { outputs } => outputs,
        })
    }

    /// Classes of supervised training. Errors: [`Error::Usage`] on regression.
    pub fn train_classes(&self) -> Result<usize> {
        match self.problem {
            Problem::Classification { train_classes } => Ok(train_classes),
            Problem::Regression { .. } => Err(Error::usage("a regression benchmark has no training classes")),
        }
    }
}
