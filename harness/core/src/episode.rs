//! What a method works on: labelled examples, and tasks made of a support and a query set.

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};

/// What belongs to each input.
#[derive(Clone, Debug)]
pub enum Targets {
    /// Class indices, task-local `0..ways` in an episode, global in a batch over all classes.
    Classes(Vec<u32>),
    /// Real values, shape `[n, outputs]`.
    Values(Tensor),
}

/// `[classes.len(), ways]`: in each row 1 at its class `0..ways`, and 0 elsewhere.
pub fn one_hot(classes: &[u32], ways: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    let hot = classes.iter().flat_map(|class| (0..ways as u32).map(move |way| u8::from(way == *class)));
    let hot = Tensor::from_vec(hot.collect::<Vec<u8>>(), (classes.len(), ways), device)?;
    Ok(hot.to_dtype(dtype)?)
}

/// Inputs `[n, …]` (images `[n, height, width, channels]` in 0..1, channels last) with their targets.
#[derive(Clone, Debug)]
pub struct Labeled {
    /// Inputs, one in each row of the first dimension, f32.
    pub x: Tensor,
    /// As many targets.
    pub y: Targets,
}

impl Labeled {
    /// Errors: [`Error::Usage`] if inputs and targets differ in number.
    pub fn new(x: Tensor, y: Targets) -> Result<Self> {
        let n = match &y {
            Targets::Classes(classes) => classes.len(),
            Targets::Values(values) => values.dim(0)?,
        };
        if x.dim(0)? != n {
            return Err(Error::usage(format!("{} inputs with {n} targets", x.dim(0)?)));
        }
        Ok(Labeled { x, y })
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.x.dims().first().copied().unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Class indices. Errors: [`Error::Usage`] on a regression task.
    pub fn classes(&self) -> Result<&[u32]> {
        match &self.y {
            Targets::Classes(classes) => Ok(classes),
            Targets::Values(_) => Err(Error::usage("this method needs class labels, but the task is regression")),
        }
    }

    /// The examples at `rows`, in that order; a row may come twice. Panics on a row that is not there.
    pub fn select(&self, rows: &[usize]) -> Result<Labeled> {
        let index: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
        let index = Tensor::new(index, self.x.device())?;
        let y = match &self.y {
            Targets::Classes(classes) => Targets::Classes(rows.iter().map(|row| classes[*row]).collect()),
            Targets::Values(values) => Targets::Values(values.index_select(&index, 0)?),
        };
        Labeled::new(self.x.index_select(&index, 0)?, y)
    }

    /// These examples on `device`; shared, not copied, where they are there already.
    pub fn to(&self, device: &Device) -> Result<Labeled> {
        let y = match &self.y {
            Targets::Classes(classes) => Targets::Classes(classes.clone()),
            Targets::Values(values) => Targets::Values(values.to_device(device)?),
        };
        Labeled::new(self.x.to_device(device)?, y)
    }

    /// These examples followed by those of `other`. Errors: [`Error::Usage`] if one has classes and the other values.
    pub fn concat(&self, other: &Labeled) -> Result<Labeled> {
        let y = match (&self.y, &other.y) {
            (Targets::Classes(a), Targets::Classes(b)) => Targets::Classes([a.as_slice(), b].concat()),
            (Targets::Values(a), Targets::Values(b)) => Targets::Values(Tensor::cat(&[a, b], 0)?),
            _ => return Err(Error::usage("class labels cannot be joined with values")),
        };
        Labeled::new(Tensor::cat(&[&self.x, &other.x], 0)?, y)
    }
}

/// One task: what may be learned from and what is asked. The query set may be empty (`len() == 0`).
#[derive(Clone, Debug)]
pub struct Task {
    /// What may be learned from, in an episode grouped by class.
    pub support: Labeled,
    /// In random order, so that position tells nothing.
    pub query: Labeled,
}

impl Task {
    /// This task on `device`.
    pub fn to(self, device: &Device) -> Result<Task> {
        match device.is_cpu() {
            true => Ok(self),
            false => Ok(Task { support: self.support.to(device)?, query: self.query.to(device)? }),
        }
    }
}

/// What one training task must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// An episode: so many support and query images of each class. On regression, points of one function.
    Episode {
        /// Classes; the protocol's number if `None`.
        ways: Option<usize>,
        /// Support images of each class, or support points.
        shots: usize,
        /// Query images of each class, or query points.
        queries: usize,
    },
    /// Examples over all training classes with global labels, as supervised training takes them. The query set is empty.
    /// On regression every example comes from a function of its own.
    Batch {
        /// Examples.
        size: usize,
    },
}

/// How a method is fed in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// What each task holds.
    pub draw: Draw,
    /// Tasks in one meta-iteration.
    pub meta_batch: usize,
    /// How many tasks of a meta-batch are handed, in order, to one call of
    /// [`Algorithm::chain_update`](crate::Algorithm::chain_update). 1: each task is independent.
    pub chain: usize,
}

impl Sampling {
    /// `meta_batch` independent tasks a meta-iteration.
    pub fn independent(draw: Draw, meta_batch: usize) -> Self {
        Sampling { draw, meta_batch, chain: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hot_has_a_row_for_each_class() {
        let hot = one_hot(&[2, 0], 3, DType::F64, &Device::Cpu).unwrap();
        assert_eq!(hot.to_vec2::<f64>().unwrap(), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]);
        assert_eq!(one_hot(&[], 3, DType::F32, &Device::Cpu).unwrap().dims(), [0, 3]);
    }

    #[test]
    fn select_and_concat_keep_inputs_with_their_targets() {
        let x = Tensor::new(&[[1f32], [2.0], [3.0]], &Device::Cpu).unwrap();
        let all = Labeled::new(x, Targets::Classes(vec![1, 2, 3])).unwrap();
        let two = all.select(&[2, 0]).unwrap();
        assert_eq!(two.x.to_vec2::<f32>().unwrap(), [[3.0], [1.0]]);
        assert_eq!(two.classes().unwrap(), [3, 1]);
        assert_eq!(all.concat(&two).unwrap().classes().unwrap(), [1, 2, 3, 3, 1]);
        assert!(Labeled::new(two.x, Targets::Classes(vec![0])).is_err());
    }
}
