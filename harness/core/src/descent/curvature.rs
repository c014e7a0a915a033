//! Second derivatives of a batch's loss, as products with vectors.

use candle_core::DType;

use crate::episode::Labeled;
use crate::error::{Error, Result};
use crate::loss::{Reduction, loss};
use crate::model::{Group, Model, Norm};
use crate::params::Params;

/// The Hessian H of the mean loss of one batch at one point, under batch statistics: never written out, but kept as the
/// gradient's graph, so that each product Hv is one more backward pass (Pearlmutter 1994: Hv = ∇⟨∇L, v⟩).
pub struct Curvature {
    /// The parameters as variables.
    leaves: Params,
    /// The gradient of those that learn, as a graph over them.
    grads: Params,
}

impl Curvature {
    /// The mean loss at `params` (any float type and device), its gradient by the parameters of `trains`, and what
    /// multiplies by their second derivatives.
    ///
    /// # Errors
    /// If candle was told to cut the graphs of gradients: CANDLE_GRAD_DO_NOT_DETACH must be 1 before the first backward
    /// pass of a thread.
    pub fn at(model: &Model, params: &Params, batch: &Labeled, trains: Group) -> Result<(f64, Params, Self)> {
        let leaves = params.to_vars()?;
        let value = loss(&model.logits(&leaves, &batch.x, &Norm::Batch)?, &batch.y, Reduction::Mean)?;
        let store = value.backward()?;
        let learning = leaves.filter(|name| trains.holds(name));
        let grads = learning.map(|leaf| store.get(leaf).cloned().map_or_else(|| leaf.zeros_like(), Ok))?;
        if !grads.iter().any(|(_, grad)| grad.track_op()) {
            return Err(Error::usage(
                "second derivatives need CANDLE_GRAD_DO_NOT_DETACH=1 in the environment from the start of the process",
            ));
        }
        let loss = value.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        Ok((loss, grads.detach(), Curvature { leaves, grads }))
    }

    /// ∇⟨g, v⟩ with g the gradient by the parameters that learn and v their entries of `vector` (others are passed
    /// over): one tensor for every parameter of the model, those that do not learn included. Where all learn it is Hv.
    pub fn times(&self, vector: &Params) -> Result<Params> {
        let store = self.grads.dot(vector)?.backward()?;
        let product = |leaf: &_| store.get(leaf).cloned().map_or_else(|| candle_core::Tensor::zeros_like(leaf), Ok);
        Ok(self.leaves.map(product)?.detach())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::episode::Targets;
    use crate::model::{Activation, ModelSpec};

    /// (w + b − 3)² at x = 1: its Hessian is 2 everywhere, so that H(1, 10) = (22, 22); at w = 1, b = 0 the loss is 4 and
    /// the gradient −4.
    #[test]
    fn a_line_by_hand() {
        let line = ModelSpec::Mlp { hidden: vec![], activation: Activation::Tanh };
        let model = Model::new(&line, &[1], 1, &Device::Cpu).unwrap();
        let one = |value: f64| Tensor::full(value, (1, 1), &Device::Cpu).unwrap();
        let pair = |weight: f64, bias: f64| {
            let bias = one(bias).reshape(1).unwrap();
            Params::from_iter([("head.weight".to_owned(), one(weight)), ("head.bias".to_owned(), bias)])
        };
        let read = |params: &Params| {
            let flat = |name| params.get(name).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()[0];
            (flat("head.weight"), flat("head.bias"))
        };
        let batch = Labeled::new(one(1.0), Targets::Values(one(3.0))).unwrap();
        let (loss, grads, curvature) = Curvature::at(&model, &pair(1.0, 0.0), &batch, Group::All).unwrap();
        assert_eq!((loss, read(&grads)), (4.0, (-4.0, -4.0)));
        assert_eq!(read(&curvature.times(&pair(1.0, 10.0)).unwrap()), (22.0, 22.0));
        // The graph is kept, so that more products follow.
        assert_eq!(read(&curvature.times(&pair(-1.0, 1.0)).unwrap()), (0.0, 0.0));
    }
}
