//! Losses on candle's graph. The fused kernels compute the same ones.

use candle_core::{D, DType, Tensor};

use crate::episode::Targets;
use crate::error::Result;
use crate::params::Params;

/// How the losses of a mini-batch become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// What openai/supervised-reptile does: the gradient is batch times that of the mean.
    Sum,
    /// What most papers write; the step size then does not depend on the batch.
    Mean,
}

impl From<Reduction> for harness_kernels::Reduction {
    fn from(reduction: Reduction) -> Self {
        match reduction {
            Reduction::Sum => harness_kernels::Reduction::Sum,
            Reduction::Mean => harness_kernels::Reduction::Mean,
        }
    }
}

/// Softmax cross-entropy of logits `[n, classes]`, or mean squared error of values `[n, outputs]` (the mean over an
/// example's outputs), summed or averaged over the examples. A tensor of rank 0 that can be differentiated. Errors: a
/// shape that does not fit, or a class that is no column.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use harness_core::{Reduction, Targets, loss::loss};
///
/// // Two classes at even odds: ln 2 for each of the two examples.
/// let logits = Tensor::zeros((2, 2), candle_core::DType::F64, &Device::Cpu)?;
/// let sum = loss(&logits, &Targets::Classes(vec![0, 1]), Reduction::Sum)?.to_scalar::<f64>()?;
/// assert!((sum - 2.0 * 2f64.ln()).abs() < 1e-12);
/// # Ok::<(), harness_core::Error>(())
/// ```
pub fn loss(answers: &Tensor, targets: &Targets, reduction: Reduction) -> Result<Tensor> {
    let each = per_example(answers, targets)?;
    Ok(match reduction {
        Reduction::Sum => each.sum_all()?,
        Reduction::Mean => each.mean_all()?,
    })
}

/// The value of a loss (rank 0) and its gradient by each of `vars`, which it was computed from: 0 for one that it does not
/// read.
pub fn gradient(loss: &Tensor, vars: &Params) -> Result<(f64, Params)> {
    let (value, grads) = gradient_graph(loss, vars)?;
    Ok((value, grads.detach()))
}

/// As [`gradient`], with the gradient as a graph over `vars`, to be differentiated again.
pub(crate) fn gradient_graph(loss: &Tensor, vars: &Params) -> Result<(f64, Params)> {
    let store = loss.backward()?;
    let grads = vars.map(|var| store.get(var).cloned().map_or_else(|| var.zeros_like(), Ok))?;
    Ok((loss.to_dtype(DType::F64)?.to_scalar()?, grads))
}

/// The loss of each example, `[n]`, as [`loss`] sums it.
pub fn per_example(answers: &Tensor, targets: &Targets) -> Result<Tensor> {
    match targets {
        Targets::Classes(classes) => {
            let index = Tensor::new(classes.as_slice(), answers.device())?.unsqueeze(1)?;
            let log = candle_nn::ops::log_softmax(answers, D::Minus1)?;
            Ok(log.gather(&index, 1)?.squeeze(1)?.neg()?)
        }
        Targets::Values(values) => Ok((answers - values)?.sqr()?.mean(D::Minus1)?),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn hand_computed() {
        let logits = Tensor::new(&[[0f64, 0.0], [0.0, 3f64.ln()]], &Device::Cpu).unwrap();
        let sum = loss(&logits, &Targets::Classes(vec![0, 1]), Reduction::Sum).unwrap().to_scalar::<f64>().unwrap();
        assert!((sum - (2f64.ln() + (4f64 / 3.0).ln())).abs() < 1e-12);
        let values = Tensor::new(&[[1f64, 1.0], [3.0, 0.0]], &Device::Cpu).unwrap();
        let target = Targets::Values(Tensor::new(&[[0f64, 1.0], [0.0, 1.0]], &Device::Cpu).unwrap());
        let mean = loss(&values, &target, Reduction::Mean).unwrap().to_scalar::<f64>().unwrap();
        assert_eq!(mean, (0.5 + 5.0) / 2.0);
    }
}
