//! Second derivatives of a batch's loss, as products with vectors.

use crate::episode::Labeled;
use crate::error::{Error, Result};
use crate::loss::{self, Reduction};
use crate::model::{Group, HessianTape, Model, Norm};
use crate::params::Params;

/// The Hessian H of the mean loss of one batch at one point, under batch statistics: never written out, but kept as what a
/// product Hv reads, so that each costs about two gradients (Pearlmutter 1994: Hv = ∇⟨∇L, v⟩).
pub struct Curvature<'m> {
    trains: Group,
    kept: Kept<'m>,
}

enum Kept<'m> {
    /// Where the fused kernels apply.
    Fused(Box<HessianTape<'m>>),
    /// The parameters as variables, and the gradient of those that learn as a graph over them.
    Graph { leaves: Params, grads: Params },
}

impl<'m> Curvature<'m> {
    /// The mean loss at `params` (any float type and device), its gradient by the parameters of `trains`, and what
    /// multiplies by their second derivatives.
    ///
    /// # Errors
    /// Beside those of [`Model::loss_grad`], where the fused kernels do not apply and candle was told to cut the graphs of
    /// gradients: there CANDLE_GRAD_DO_NOT_DETACH must be 1 before the first backward pass of a thread.
    pub fn at(model: &'m Model, params: &Params, batch: &Labeled, trains: Group) -> Result<(f64, Params, Self)> {
        if let Some((loss, grads, tape)) = model.hessian_tape(params, batch, Reduction::Mean)? {
            let learning = grads.filter(|name| trains.holds(name));
            return Ok((loss, learning, Curvature { trains, kept: Kept::Fused(Box::new(tape)) }));
        }
        let leaves = params.to_vars()?;
        let value = loss::loss(&model.logits(&leaves, &batch.x, &Norm::Batch)?, &batch.y, Reduction::Mean)?;
        let (loss, grads) = loss::gradient_graph(&value, &leaves)?;
        let grads = grads.filter(|name| trains.holds(name));
        if !grads.iter().any(|(_, grad)| grad.track_op()) {
            return Err(Error::usage(
                "second derivatives need CANDLE_GRAD_DO_NOT_DETACH=1 in the environment from the start of the process",
            ));
        }
        Ok((loss, grads.detach(), Curvature { trains, kept: Kept::Graph { leaves, grads } }))
    }

    /// ∇⟨g, v⟩ with g the gradient by the parameters that learn and v their entries of `vector` (others are passed
    /// over): one tensor for every parameter of the model, those that do not learn included. Where all learn it is Hv.
    pub fn times(&self, vector: &Params) -> Result<Params> {
        match &self.kept {
            Kept::Fused(tape) => tape.times(&vector.filter(|name| self.trains.holds(name))),
            Kept::Graph { leaves, grads } => Ok(loss::gradient(&grads.dot(vector)?, leaves)?.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::episode::Targets;
    use crate::model::{Activation, ModelSpec};
    use crate::rng::{Purpose, Stream};

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

    /// The fused kernels in f32 against candle's graph in f64, for every group that may learn.
    #[test]
    fn both_ways_give_the_same_products() {
        let model = Model::new(&ModelSpec::FinnOmniglot { filters: 5 }, &[14, 14, 1], 3, &Device::Cpu).unwrap();
        let draw = |id| model.init(&mut Stream::new(3, Purpose::Init, id, 0)).unwrap();
        let (params, vector) = (draw(0), draw(1));
        let mut rng = Stream::new(3, Purpose::Data, 0, 0);
        let pixels: Vec<f32> = (0..6 * 14 * 14).map(|_| rng.normal() as f32).collect();
        let x = Tensor::from_vec(pixels, (6, 14, 14, 1), &Device::Cpu).unwrap();
        let batch = Labeled::new(x.clone(), Targets::Classes(vec![0, 1, 2, 0, 1, 2])).unwrap();
        let exact_batch = Labeled::new(x.to_dtype(DType::F64).unwrap(), batch.y.clone()).unwrap();
        let wide = |params: &Params| params.map(|tensor| tensor.to_dtype(DType::F64)).unwrap();
        for trains in [Group::All, Group::Weights, Group::Body, Group::Head] {
            let (loss, grads, fused) = Curvature::at(&model, &params, &batch, trains).unwrap();
            let (exact_loss, exact_grads, graph) = Curvature::at(&model, &wide(&params), &exact_batch, trains).unwrap();
            assert!(matches!(fused.kept, Kept::Fused(_)) && matches!(graph.kept, Kept::Graph { .. }));
            assert!((loss - exact_loss).abs() < 1e-5, "{trains:?}: {loss} for {exact_loss}");
            let products = (fused.times(&vector).unwrap(), graph.times(&wide(&vector)).unwrap());
            for (got, want) in [(grads, exact_grads), products] {
                assert_eq!(got.names().collect::<Vec<_>>(), want.names().collect::<Vec<_>>());
                let norm = |params: &Params| params.dot(params).unwrap().to_scalar::<f64>().unwrap().sqrt();
                let gap = norm(&wide(&got).axpy(-1.0, &want).unwrap());
                assert!(gap < 1e-4 * norm(&want), "{trains:?}: {gap} of {}", norm(&want));
            }
        }
        let (.., fused) = Curvature::at(&model, &params, &batch, Group::All).unwrap();
        let short = Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap();
        let error = fused.times(&Params::from_iter([("head.bias".to_owned(), short)])).unwrap_err().to_string();
        assert!(error.contains("head.bias") && error.contains("[2]"), "{error}");
    }
}
