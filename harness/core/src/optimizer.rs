//! Optimisers, of the inner loop and of the outer one, and what they remember.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};
use harness_kernels::{AdamConfig, adam_step, sgd_step};

use crate::error::Result;
use crate::model::values;
use crate::params::Params;

/// An optimiser and its settings.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// w ← w − lr·u, with u = g, or with momentum as PyTorch has it: g += decay·w; m ← momentum·m + (1 − dampening)·g
    /// (the first m is g itself); u = m.
    Sgd {
        /// Step size.
        lr: f64,
        /// Share of the last step's direction that is kept, in [0, 1).
        #[serde(default)]
        momentum: f64,
        /// Share of the gradient that momentum does not take in.
        #[serde(default)]
        dampening: f64,
        /// Factor of the parameters that is added to the gradient.
        #[serde(default)]
        weight_decay: f64,
        /// δ of Torch's learningRateDecay: step t, counted from 1, has the size lr/(1 + (t − 1)·δ).
        #[serde(default)]
        lr_decay: f64,
    },
    /// TensorFlow 1's Adam: lr_t = lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ), w ← w − lr_t·m/(√v + ε). ε is added to the uncorrected √v,
    /// unlike PyTorch's.
    Adam {
        /// Step size.
        lr: f64,
        /// Decay of the first moment in one step; 0 keeps none, as Reptile has it.
        #[serde(default)]
        beta1: f64,
        /// Decay of the second moment in one step (0.999).
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the second moment (1e-8).
        #[serde(default = "eps")]
        eps: f64,
    },
}

fn beta2() -> f64 {
    0.999
}

fn eps() -> f64 {
    1e-8
}

impl Optimizer {
    /// Plain gradient descent.
    pub fn sgd(lr: f64) -> Self {
        Optimizer::Sgd { lr, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, lr_decay: 0.0 }
    }

    /// Adam with the given β₁ and TensorFlow's β₂ and ε.
    pub fn adam(lr: f64, beta1: f64) -> Self {
        Optimizer::Adam { lr, beta1, beta2: beta2(), eps: eps() }
    }

    /// One step on named tensors, as the outer loop takes it: the new parameters and moments. Every name of `grads` must
    /// be in `params`, and the other way round. On the CPU in f32 each tensor is one fused pass. Errors:
    /// [`Error::Usage`](crate::Error::Usage) naming the tensor that is missing.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use harness_core::{Moments, Optimizer, Params};
    ///
    /// let one = |value: f32| Ok::<_, harness_core::Error>(Params::from_iter([("w".into(), Tensor::new(&[value], &Device::Cpu)?)]));
    /// let adam = Optimizer::adam(0.1, 0.0);
    /// // Whatever the gradient's size, Adam's first step is as long as its rate.
    /// let (params, moments) = adam.apply(&one(1.0)?, &one(250.0)?, &Moments::default())?;
    /// assert!((params.get("w")?.to_vec1::<f32>()?[0] - 0.9).abs() < 1e-6);
    /// assert_eq!((moments.steps, moments.first.is_none()), (1, true));
    /// # Ok::<(), harness_core::Error>(())
    /// ```
    pub fn apply(&self, params: &Params, grads: &Params, moments: &Moments) -> Result<(Params, Moments)> {
        let t = moments.steps + 1;
        let slot = |wanted: bool, stored: &Option<Params>| match (wanted, stored) {
            (false, _) => Ok(None),
            (true, None) => params.zeros_like().map(Some),
            (true, Some(slot)) => Ok(Some(slot.clone())),
        };
        let mut first = slot(self.keeps_first(), &moments.first)?;
        let mut second = slot(self.keeps_second(), &moments.second)?;
        let mut next = Params::new();
        for (name, w) in params.iter() {
            let part = |slot: &Option<Params>| slot.as_ref().map(|slot| slot.get(name).cloned()).transpose();
            let each = Each { w: w.clone(), m: part(&first)?, v: part(&second)? };
            let grad = grads.get(name)?;
            let each = match w.device().is_cpu() && w.dtype() == DType::F32 {
                true => self.step_fused(each, grad, t)?,
                false => self.step_tensors(each, grad, t)?,
            };
            next.insert(name, each.w);
            for (slot, value) in [(&mut first, each.m), (&mut second, each.v)] {
                if let (Some(slot), Some(value)) = (slot, value) {
                    slot.insert(name, value);
                }
            }
        }
        Ok((next, Moments { first, second, steps: t }))
    }

    fn step_fused(&self, each: Each, grad: &Tensor, t: u64) -> Result<Each> {
        let mut w = values(&each.w)?;
        let mut m = each.m.as_ref().map(values).transpose()?;
        let mut v = each.v.as_ref().map_or_else(|| Ok(Vec::new()), values)?;
        self.step_slices(&mut w, &values(grad)?, m.as_deref_mut(), &mut v, t);
        let tensor = |flat: Vec<f32>| Tensor::from_vec(flat, each.w.shape(), each.w.device());
        let v = each.v.is_some().then(|| tensor(v)).transpose()?;
        Ok(Each { m: m.map(tensor).transpose()?, v, w: tensor(w)? })
    }

    /// One fused step in place; `t` counts from 1.
    pub(crate) fn step_slices(&self, w: &mut [f32], g: &[f32], m: Option<&mut [f32]>, v: &mut [f32], t: u64) {
        match *self {
            Optimizer::Sgd { lr, momentum, dampening, weight_decay, lr_decay } => {
                let lr = decayed(lr, lr_decay, t);
                let Some(m) = m.filter(|_| momentum != 0.0 || weight_decay != 0.0) else {
                    return sgd_step(w, g, lr as f32);
                };
                let keep =
                    if t == 1 || momentum == 0.0 { (0.0, 1.0) } else { (momentum as f32, (1.0 - dampening) as f32) };
                for ((w, g), m) in w.iter_mut().zip(g).zip(m) {
                    *m = keep.0 * *m + keep.1 * (g + weight_decay as f32 * *w);
                    *w -= lr as f32 * *m;
                }
            }
            Optimizer::Adam { lr, beta1, beta2, eps } => {
                adam_step(w, g, m, v, t, &AdamConfig { lr, beta1, beta2, eps });
            }
        }
    }

    fn step_tensors(&self, each: Each, g: &Tensor, t: u64) -> Result<Each> {
        let Each { w, m, v } = each;
        Ok(match *self {
            Optimizer::Sgd { lr, momentum, dampening, weight_decay, lr_decay } => {
                let lr = decayed(lr, lr_decay, t);
                let g = if weight_decay == 0.0 { g.clone() } else { (g + (&w * weight_decay)?)? };
                let m = match m {
                    None => None,
                    Some(_) if t == 1 || momentum == 0.0 => Some(g.clone()),
                    Some(m) => Some(((m * momentum)? + (&g * (1.0 - dampening))?)?),
                };
                let step = (m.as_ref().unwrap_or(&g) * lr)?;
                Each { w: (w - step)?, m, v }
            }
            Optimizer::Adam { lr, beta1, beta2, eps } => {
                let v = match v {
                    None => (g.sqr()? * (1.0 - beta2))?,
                    Some(v) => ((v * beta2)? + (g.sqr()? * (1.0 - beta2))?)?,
                };
                let m = match m {
                    None => None,
                    Some(m) => Some(((m * beta1)? + (g * (1.0 - beta1))?)?),
                };
                let (power1, power2) = (beta1.powf(t as f64), beta2.powf(t as f64));
                let rate = lr * (1.0 - power2).sqrt() / (1.0 - power1);
                let step = ((m.as_ref().unwrap_or(g) * rate)? / (v.sqrt()? + eps)?)?;
                Each { w: (w - step)?, m, v: Some(v) }
            }
        })
    }

    pub(crate) fn keeps_first(&self) -> bool {
        match self {
            Optimizer::Sgd { momentum, weight_decay, .. } => *momentum != 0.0 || *weight_decay != 0.0,
            Optimizer::Adam { beta1, .. } => *beta1 != 0.0,
        }
    }

    pub(crate) fn keeps_second(&self) -> bool {
        matches!(self, Optimizer::Adam { .. })
    }
}

/// The size of SGD's step t, counted from 1.
fn decayed(lr: f64, decay: f64, t: u64) -> f64 {
    lr / (1.0 + (t - 1) as f64 * decay)
}

/// One tensor with its moments.
struct Each {
    w: Tensor,
    m: Option<Tensor>,
    v: Option<Tensor>,
}

/// What an optimiser remembers between steps.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// Momentum, or Adam's first moment. Absent means zero.
    pub first: Option<Params>,
    /// Adam's second moment. Absent means zero.
    pub second: Option<Params>,
    /// Steps taken so far: the power of β in Adam's bias correction.
    pub steps: u64,
}

impl Moments {
    /// As slots of a [`State`](crate::State): `<prefix>.first`, `<prefix>.second`.
    pub fn to_slots(&self, prefix: &str) -> BTreeMap<String, Params> {
        let named = |part: &str, params: &Option<Params>| Some((format!("{prefix}.{part}"), params.clone()?));
        [named("first", &self.first), named("second", &self.second)].into_iter().flatten().collect()
    }

    /// The inverse of [`Moments::to_slots`]; missing slots are zero.
    pub fn from_slots(slots: &BTreeMap<String, Params>, prefix: &str, steps: u64) -> Self {
        let slot = |part: &str| slots.get(&format!("{prefix}.{part}")).cloned();
        Moments { first: slot("first"), second: slot("second"), steps }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn one(values: &[f64], dtype: DType) -> Params {
        let tensor = Tensor::new(values, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        [("w".to_string(), tensor)].into_iter().collect()
    }

    fn steps(optimizer: Optimizer, dtype: DType, grads: &[[f64; 2]]) -> Vec<f64> {
        let (mut w, mut moments) = (one(&[1.0, -2.0], dtype), Moments::default());
        for grad in grads {
            (w, moments) = optimizer.apply(&w, &one(grad, dtype), &moments).unwrap();
        }
        w.get("w").unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
    }

    #[test]
    fn adam_is_tensorflows_by_hand() {
        // t = 1: lr_t = 0.1 * sqrt(1 - 0.999); v = 0.001 * 4; step = lr_t * 2 / (sqrt(v) + eps) = 0.1 (to 1e-6)
        let once = steps(Optimizer::adam(0.1, 0.0), DType::F64, &[[2.0, 1e-9]]);
        assert!((once[0] - 0.9).abs() < 1e-6, "{once:?}");
        // A tiny gradient shows where epsilon stands: sqrt(v) = 1e-9 * sqrt(0.001) is far below it.
        let rate = 0.1 * 0.001f64.sqrt();
        let want = -2.0 - rate * 1e-9 / (1e-9 * 0.001f64.sqrt() + 1e-8);
        assert!((once[1] - want).abs() < 1e-12, "{once:?} {want}");
    }

    #[test]
    fn momentum_is_pytorchs_by_hand() {
        let sgd = Optimizer::Sgd { lr: 0.1, momentum: 0.9, dampening: 0.9, weight_decay: 0.0, lr_decay: 0.0 };
        // m1 = 1, m2 = 0.9 * 1 + 0.1 * 1 = 1
        let twice = steps(sgd, DType::F64, &[[1.0, 0.0], [1.0, 0.0]]);
        assert!((twice[0] - 0.8).abs() < 1e-12 && twice[1] == -2.0);
    }

    /// Rate 0.1 with decay 0.5: steps of 0.1, 0.1/1.5 and 0.1/2 along a gradient of 1.
    #[test]
    fn the_rate_decays_as_torchs_by_hand() {
        let Optimizer::Sgd { lr, momentum, dampening, weight_decay, .. } = Optimizer::sgd(0.1) else { unreachable!() };
        let decayed = Optimizer::Sgd { lr, momentum, dampening, weight_decay, lr_decay: 0.5 };
        let thrice = steps(decayed, DType::F64, &[[1.0, 0.0]; 3]);
        assert!((thrice[0] - (1.0 - 0.1 - 0.1 / 1.5 - 0.05)).abs() < 1e-12, "{thrice:?}");
    }

    #[test]
    fn the_fused_pass_is_the_formula() {
        let decay = Optimizer::Sgd { lr: 0.1, momentum: 0.5, dampening: 0.2, weight_decay: 0.01, lr_decay: 0.3 };
        for optimizer in [Optimizer::sgd(0.1), decay, Optimizer::adam(0.01, 0.0), Optimizer::adam(0.01, 0.9)] {
            let grads = [[0.3, -0.7], [0.1, 0.2], [-0.5, 1e-3]];
            let (fused, formula) = (steps(optimizer, DType::F32, &grads), steps(optimizer, DType::F64, &grads));
            assert!(
                fused.iter().zip(&formula).all(|(a, b)| (a - b).abs() < 1e-5),
                "{optimizer:?} {fused:?} {formula:?}"
            );
        }
    }
}
