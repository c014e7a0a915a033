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
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::episode::Targets;
    use crate::loss::{Reduction, loss};
    use crate::model::{Activation, ModelSpec, Norm};

    const SIDE: usize = 12;

    fn noise(shape: &[usize], seed: usize) -> Tensor {
        let n = shape.iter().product::<usize>();
        let value = |i: usize| (((i * 7919 + seed * 104_729 + 13) % 9973) as f64 / 4986.5) - 1.0;
        Tensor::from_vec((0..n).map(value).collect::<Vec<f64>>(), shape, &Device::Cpu).unwrap()
    }

    /// Four blocks of convolution, norm, pool and ReLU and a dense head: in f64, so that differences are exact enough.
    fn network() -> Model {
        Model::new(&ModelSpec::ReptileMini { filters: 3 }, &[SIDE, SIDE, 1], 3, &Device::Cpu).unwrap()
    }

    fn params(model: &Model) -> Params {
        let layout = model.network.layout().iter().enumerate();
        layout.map(|(seed, spec)| (spec.name.clone(), (noise(&spec.shape, seed + 3) * 0.7).unwrap())).collect()
    }

    fn batch(n: usize, seed: usize) -> Labeled {
        Labeled::new(noise(&[n, SIDE, SIDE, 1], seed), Targets::Classes((0..n).map(|i| (i % 3) as u32).collect()))
            .unwrap()
    }

    const RATE: f64 = 0.05;
    const STEPS: usize = 3;

    /// The query loss after three inner steps, each on its own support batch.
    fn adapted<'m>(model: &'m Model, start: &Params, trains: Group) -> Unrolled<'m> {
        let mut unrolled = Unrolled::new(model, start, RATE, trains);
        for step in 0..STEPS {
            unrolled.step(&batch(6, 20 + step)).unwrap();
        }
        unrolled
    }

    fn query_loss(model: &Model, params: &Params) -> f64 {
        let query = batch(6, 40);
        let value = loss(&model.logits(params, &query.x, &Norm::Batch).unwrap(), &query.y, Reduction::Mean).unwrap();
        value.to_scalar::<f64>().unwrap()
    }

    /// The largest gap between `grad` and central differences over some entries of every parameter, relative to the
    /// largest difference.
    fn gap(model: &Model, start: &Params, trains: Group, grad: &Params) -> f64 {
        differences(start, grad, |start| query_loss(model, adapted(model, start, trains).params()))
    }

    fn differences(start: &Params, grad: &Params, value: impl Fn(&Params) -> f64) -> f64 {
        let h = 1e-5;
        let (mut worst, mut largest) = (0f64, 0f64);
        for (name, tensor) in start.iter() {
            let values: Vec<f64> = tensor.flatten_all().unwrap().to_vec1().unwrap();
            let exact: Vec<f64> = grad.get(name).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            for i in (0..values.len()).step_by(1 + values.len() / 12) {
                let at = |by: f64| {
                    let mut moved = values.clone();
                    moved[i] += by;
                    let mut params = start.clone();
                    params.insert(name, Tensor::from_vec(moved, tensor.shape(), &Device::Cpu).unwrap());
                    value(&params)
                };
                let want = (at(h) - at(-h)) / (2.0 * h);
                worst = worst.max((exact[i] - want).abs());
                largest = largest.max(want.abs());
            }
        }
        worst / largest
    }

    #[test]
    fn the_meta_gradient_is_exact_and_the_first_order_one_is_not() {
        let model = network();
        let start = params(&model);
        for trains in [Group::All, Group::Weights, Group::Head] {
            let unrolled = adapted(&model, &start, trains);
            let outer = model.loss_grad(unrolled.params(), &batch(6, 40), Reduction::Mean).unwrap().grads;
            let exact = gap(&model, &start, trains, &unrolled.pull_back(&outer).unwrap());
            assert!(exact < 1e-6, "{trains:?}: {exact}");
            let first_order = gap(&model, &start, trains, &outer);
            assert!(first_order > 1e-2, "{trains:?}: the check has no power, {first_order}");
        }
    }

    /// Rates of their own for all entries, differentiated: by the initialisation and by the rates.
    #[test]
    fn a_rate_an_entry_is_differentiated_exactly() {
        let model = network();
        let start = params(&model);
        let rates: Params = start
            .iter()
            .zip(100..)
            .map(|((name, tensor), seed)| {
                (name.to_owned(), ((noise(tensor.dims(), seed) * 0.03).unwrap() + 0.05).unwrap())
            })
            .collect();
        let descended = |start: &Params, rates: &Params| {
            let mut unrolled = Unrolled::new(&model, start, 9.0, Group::Weights);
            for step in 0..STEPS {
                unrolled.step_by(&batch(6, 20 + step), rates).unwrap();
            }
            unrolled
        };
        let unrolled = descended(&start, &rates);
        let outer = model.loss_grad(unrolled.params(), &batch(6, 40), Reduction::Mean).unwrap().grads;
        let (by_start, by_rates) = unrolled.pull_back_both(&outer).unwrap();
        assert!(by_rates.names().eq(rates.names().filter(|name| Group::Weights.holds(name))));
        let at = |start: &Params| query_loss(&model, descended(start, &rates).params());
        let gap = differences(&start, &by_start, at);
        assert!(gap < 1e-6, "{gap}");
        assert!(differences(&start, &outer, at) > 1e-2, "the check has no power");
        let moving = rates.filter(|name| Group::Weights.holds(name));
        let gap = differences(&moving, &by_rates, |rates| query_loss(&model, descended(&start, rates).params()));
        assert!(gap < 1e-6, "{gap}");
    }

    /// y = w·x on one point x = 1 with target 0, mean squared error: L = w², g = 2w, so one step of rate α takes w to
    /// (1 − 2α)·w and the query gradient 2w' comes back as 2w'·(1 − 2α).
    #[test]
    fn a_quadratic_by_hand() {
        let linear = ModelSpec::Mlp { hidden: vec![], activation: Activation::Tanh };
        let model = Model::new(&linear, &[1], 1, &Device::Cpu).unwrap();
        let one = |value: f64, shape: &[usize]| Tensor::full(value, shape, &Device::Cpu).unwrap();
        let start: Params =
            [("head.weight".into(), one(3.0, &[1, 1])), ("head.bias".into(), one(0.0, &[1]))].into_iter().collect();
        let point = Labeled::new(one(1.0, &[1, 1]), Targets::Values(one(0.0, &[1, 1]))).unwrap();
        let weight = |params: &Params| params.get("head.weight").unwrap().to_vec2::<f64>().unwrap()[0][0];
        let mut unrolled = Unrolled::new(&model, &start, 0.1, Group::Weights);
        assert!((unrolled.step(&point).unwrap() - 9.0).abs() < 1e-12);
        // The bias moves too: (w, b) = (3, 0) − 0.1·(6, 6).
        assert!((weight(unrolled.params()) - 2.4).abs() < 1e-12);
        let outer: Params =
            [("head.weight".into(), one(3.6, &[1, 1])), ("head.bias".into(), one(3.6, &[1]))].into_iter().collect();
        // The Hessian is 2·[[1, 1], [1, 1]]: 3.6 − 0.1·2·(3.6 + 3.6).
        assert!((weight(&unrolled.pull_back(&outer).unwrap()) - 2.16).abs() < 1e-12);
        assert_eq!(unrolled.params().get("head.bias").unwrap().dtype(), DType::F64);
    }
}
