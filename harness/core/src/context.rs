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
    /// Softmax cross-entropy over classes. `train_classes`: all classes that supervised training can tell apart, new
    /// classes made by rotation included.
    Classification { train_classes: usize },
    /// Mean squared error on `outputs` values.
    Regression { outputs: usize },
}

/// Everything that a method needs to know about the benchmark when it is built.
#[derive(Clone, Debug)]
pub struct Context {
    pub model: ModelSpec,
    /// Shape of one input: `[height, width, channels]`, or `[1]` for sine.
    pub input: Vec<usize>,
    pub problem: Problem,
    pub protocol: Protocol,
    pub device: Device,
}

impl Context {
    /// The benchmark's model with `outputs` outputs.
    pub fn model(&self, outputs: usize) -> Result<Model> {
        Model::new(&self.model, &self.input, outputs, &self.device)
    }

    /// The benchmark's model as an episode needs it: one output a way, or the values of a regression.
    pub fn episode_model(&self) -> Result<Model> {
        self.model(match self.problem {
            Problem::Classification { .. } => self.protocol.ways,
            Problem::Regression { outputs } => outputs,
        })
    }

    /// Classes of supervised training. Errors on regression.
    pub fn train_classes(&self) -> Result<usize> {
        match self.problem {
            Problem::Classification { train_classes } => Ok(train_classes),
            Problem::Regression { .. } => Err(Error::usage("a regression benchmark has no training classes")),
        }
    }
}
