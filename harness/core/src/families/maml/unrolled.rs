//! Gradient descent that can be differentiated: the exact meta-gradient through K inner steps.
//!
//! With θ_{k+1} = θ_k − α·g_k(θ_k), the gradient of a loss at θ_K with respect to θ_0 is swept back step by step:
//! λ ← ∇L(θ_K), then for k = K−1 … 0: λ ← λ − α·∇_θk ⟨g_k(θ_k), λ⟩ (Finn, Abbeel, Levine 2017, arXiv 1703.03400,
//! equation 1, by the chain rule). Each step keeps its own [`Curvature`], so that memory grows by one a step and nothing spans
//! two of them.

use super::Curvature;
use crate::episode::Labeled;
use crate::error::Result;
use crate::model::{Group, Model};
use crate::params::Params;

/// Parameters on their way down, with the tape of every step.
pub struct Unrolled<'m> {
    model: &'m Model,
    lr: f64,
    trains: Group,
    params: Params,
    steps: Vec<Step<'m>>,
}

struct Step<'m> {
    curvature: Curvature<'m>,
    /// Where each parameter has a rate of its own: the rates, and the gradient that they multiplied.
    own: Option<(Params, Params)>,
}

impl<'m> Unrolled<'m> {
    /// At `params`, any float type and device; steps of rate `lr` on the mean loss move the parameters of `trains` only.
    pub fn new(model: &'m Model, params: &Params, lr: f64, trains: Group) -> Self {
        Unrolled { model, lr, trains, params: params.detach(), steps: Vec::new() }
    }

    /// One step on all of `batch` under batch statistics; returns the mean loss before it.
    ///
    /// # Errors
    /// As [`Curvature::at`].
    pub fn step(&mut self, batch: &Labeled) -> Result<f64> {
        let (loss, grads, curvature) = Curvature::at(self.model, &self.params, batch, self.trains)?;
        let next = self.params.filter(|name| self.trains.holds(name)).axpy(-self.lr, &grads)?;
        self.take(next, Step { curvature, own: None });
        Ok(loss)
    }

    /// The same, but each parameter that moves has rates of its own, one an entry, in `rates` (Li, Zhou, Chen, Li 2017, "Meta-SGD",
    /// arXiv 1707.09835): θ ← θ − α∘g.
    ///
    /// # Errors
    /// As [`Curvature::at`], and if one has no rates.
    pub fn step_by(&mut self, batch: &Labeled, rates: &Params) -> Result<f64> {
        let (loss, grads, curvature) = Curvature::at(self.model, &self.params, batch, self.trains)?;
        let rates = grads.zip(rates, |_, rates| Ok(rates.detach()))?;
        let moved = grads.zip(&rates, |grad, rates| grad * rates)?;
        let next = self.params.filter(|name| self.trains.holds(name)).sub(&moved)?;
        self.take(next, Step { curvature, own: Some((rates, grads)) });
        Ok(loss)
    }

    fn take(&mut self, next: Params, step: Step<'m>) {
        self.params = self.params.merged(&next).detach();
        self.steps.push(step);
    }

    /// Where the steps have led so far.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The gradient with respect to the parameters before the first step, from `outer`, that of some loss with respect
    /// to [`Unrolled::params`]. Exact: second derivatives of the inner losses included.
    pub fn pull_back(&self, outer: &Params) -> Result<Params> {
        Ok(self.pull_back_both(outer)?.0)
    }

    /// As [`Unrolled::pull_back`], and the gradient with respect to the rates of [`Unrolled::step_by`], the same ones in each
    /// step: Σ −g_k∘λ_{k+1}. Empty where no step had any.
    pub fn pull_back_both(&self, outer: &Params) -> Result<(Params, Params)> {
        let (mut lambda, mut by_rates) = (outer.detach(), Params::new());
        for Step { curvature, own } in self.steps.iter().rev() {
            lambda = match own {
                None => lambda.axpy(-self.lr, &curvature.times(&lambda)?)?,
                Some((rates, grads)) => {
                    let own = grads.zip(&lambda, |grad, lambda| (grad * lambda)?.neg())?;
                    by_rates = if by_rates.is_empty() { own } else { by_rates.axpy(1.0, &own)? };
                    let along = rates.zip(&lambda, |rates, lambda| rates * lambda)?;
                    lambda.sub(&curvature.times(&along)?)?
                }
            };
        }
        Ok((lambda, by_rates))
    }
}

#[cfg(test)]
mod tests;
