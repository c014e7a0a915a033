//! Inner steps on candle's graph: any device, any type, candle's own operations on request.

use candle_core::Tensor;

use super::{InnerLoop, Moments, Optimizer, Pool};
use crate::error::Result;
use crate::loss::loss;
use crate::model::{Model, Norm};
use crate::params::Params;

pub(super) struct Tape<'m> {
    model: &'m Model,
    params: Params,
    first: Option<Params>,
    second: Option<Params>,
}

impl<'m> Tape<'m> {
    pub(super) fn new(model: &'m Model, params: &Params, loop_: &InnerLoop, moments: &Moments) -> Result<Self> {
        let slot = |wanted: bool, stored: &Option<Params>| match (wanted, stored) {
            (false, _) => Ok(None),
            (true, None) => params.zeros_like().map(Some),
            (true, Some(slot)) => Ok(Some(slot.clone())),
        };
        let first = slot(loop_.optimizer.keeps_first(), &moments.first)?;
        let second = slot(loop_.optimizer.keeps_second(), &moments.second)?;
        Ok(Tape { model, params: params.detach(), first, second })
    }

    pub(super) fn step(&mut self, pool: &Pool, rows: &[usize], loop_: &InnerLoop, t: u64) -> Result<f64> {
        let batch = pool.labeled.select(rows)?;
        let vars = self.params.to_vars()?;
        let value = loss(&self.model.logits(&vars, &batch.x, &Norm::Batch)?, &batch.y, loop_.reduction)?;
        let store = value.backward()?;
        for (name, var) in vars.iter().filter(|(name, _)| loop_.trains.holds(name)) {
            let grad = match store.get(var) {
                Some(grad) => grad.detach(),
                None => var.zeros_like()?,
            };
            let next = self.update(name, &var.detach(), grad, &loop_.optimizer, t)?;
            self.params.insert(name, next);
        }
        Ok(value.to_dtype(candle_core::DType::F64)?.to_scalar::<f64>()?)
    }

    fn update(&mut self, name: &str, w: &Tensor, g: Tensor, optimizer: &Optimizer, t: u64) -> Result<Tensor> {
        Ok(match *optimizer {
            Optimizer::Sgd { lr, momentum, dampening, weight_decay } => {
                let g = if weight_decay == 0.0 { g } else { (g + (w * weight_decay)?)? };
                let step = match &mut self.first {
                    None => g,
                    Some(first) => {
                        let m = match t {
                            1 => g,
                            _ => ((first.get(name)? * momentum)? + (g * (1.0 - dampening))?)?,
                        };
                        first.insert(name, m.clone());
                        m
                    }
                };
                (w - (step * lr)?)?
            }
            Optimizer::Adam { lr, beta1, beta2, eps } => {
                let second = self.second.as_mut().expect("Adam keeps a second moment");
                let v = ((second.get(name)? * beta2)? + (g.sqr()? * (1.0 - beta2))?)?;
                second.insert(name, v.clone());
                let m = match &mut self.first {
                    None => g,
                    Some(first) => {
                        let m = ((first.get(name)? * beta1)? + (g * (1.0 - beta1))?)?;
                        first.insert(name, m.clone());
                        m
                    }
                };
                let (power1, power2) = (beta1.powf(t as f64), beta2.powf(t as f64));
                let rate = lr * (1.0 - power2).sqrt() / (1.0 - power1);
                (w - ((m * rate)? / (v.sqrt()? + eps)?)?)?
            }
        })
    }

    pub(super) fn params(&self) -> Params {
        self.params.clone()
    }

    pub(super) fn moments(&self, steps: u64) -> Moments {
        Moments { first: self.first.clone(), second: self.second.clone(), steps }
    }
}
