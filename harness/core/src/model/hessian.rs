//! Second derivatives by the fused kernels.

use std::cell::RefCell;

use harness_kernels::{Curvature, CurvatureSpace};

use super::Model;
use super::flat::{TargetValues, values};
use crate::episode::Labeled;
use crate::error::Result;
use crate::loss::Reduction;
use crate::params::Params;

thread_local! {
    /// Memory of Hessians that are gone, for the next ones.
    static SPACES: RefCell<Vec<CurvatureSpace>> = RefCell::default();
}

/// The Hessian of a batch's loss at one point, ready to be multiplied with.
pub(crate) struct HessianTape<'m> {
    model: &'m Model,
    /// There until the end.
    curvature: RefCell<Option<Curvature<'m>>>,
}

impl Model {
    /// The loss of a batch under batch statistics, its gradient, and its second derivatives: none where the fused kernels
    /// do not apply. Errors as [`Model::loss_grad`].
    pub(crate) fn hessian_tape(
        &self,
        params: &Params,
        batch: &Labeled,
        reduction: Reduction,
    ) -> Result<Option<(f64, Params, HessianTape<'_>)>> {
        if !self.fused(params) {
            return Ok(None);
        }
        let (theta, x, y) = (self.flatten(params)?, values(&batch.x)?, TargetValues::new(batch)?);
        let mut grad = vec![0.0; theta.len()];
        let space = SPACES.with(|spaces| spaces.borrow_mut().pop()).unwrap_or_default();
        let (loss, curvature) = self.network.curvature(&theta, &x, y.target(), reduction.into(), space, &mut grad);
        let tape = HessianTape { model: self, curvature: RefCell::new(Some(curvature)) };
        Ok(Some((loss, self.unflatten(&grad)?, tape)))
    }
}

impl HessianTape<'_> {
    /// Hv; a parameter that `vector` does not have counts as 0. Errors if one has another shape.
    pub(crate) fn times(&self, vector: &Params) -> Result<Params> {
        let flat = self.model.flatten_direction(vector)?;
        let mut product = vec![0.0; flat.len()];
        self.curvature.borrow_mut().as_mut().expect("there until the end").times(&flat, &mut product);
        self.model.unflatten(&product)
    }
}

impl Drop for HessianTape<'_> {
    fn drop(&mut self) {
        if let Some(curvature) = self.curvature.take() {
            // Where the thread is ending already, the memory goes the usual way.
            let _ = SPACES.try_with(|spaces| spaces.borrow_mut().push(curvature.into_space()));
        }
    }
}
