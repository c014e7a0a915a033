//! The inner optimisers, each one pass over flat vectors.

use crate::lanes::Lanes;
use crate::simd::{Real, dispatch};
use pulp::{Simd, WithSimd};

/// params ← params − lr·grad
///
/// # Panics
/// If the lengths differ.
pub fn sgd_step(params: &mut [f32], grad: &[f32], lr: f32) {
    assert_eq!(params.len(), grad.len(), "parameters and gradient");
    for (w, &g) in params.iter_mut().zip(grad) {
        *w -= lr * g;
    }
}

/// Settings of [`adam_step`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    pub lr: f64,
    /// 0 for no first moment, as in the Reptile paper.
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
}

/// One step of Adam as TensorFlow 1 has it: ε is added to √v after the bias correction went into the learning rate.
///
/// v ← β₂v + (1−β₂)g², m ← β₁m + (1−β₁)g, w ← w − lr·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε). Kingma and Ba (2015), end of
/// section 2 ("epsilon hat").
///
/// `t` counts steps from 1. Without first moment (`m` is `None`) β₁ must be 0, and m is g.
///
/// # Panics
/// If the lengths differ, `t` is 0, or β₁ is not 0 and `m` is missing.
pub fn adam_step(params: &mut [f32], grad: &[f32], m: Option<&mut [f32]>, v: &mut [f32], t: u64, cfg: &AdamConfig) {
    adam(params, grad, m, v, t, cfg);
}

pub(crate) fn adam<T: Real>(params: &mut [T], grad: &[T], m: Option<&mut [T]>, v: &mut [T], t: u64, cfg: &AdamConfig) {
    assert!(t > 0, "Adam's steps count from 1");
    assert!(grad.len() == params.len() && v.len() == params.len(), "parameters, gradient and v");
    assert!(m.as_ref().is_none_or(|m| m.len() == params.len()), "parameters and m");
    assert!(cfg.beta1 == 0.0 || m.is_some(), "beta1 = {} needs a first moment", cfg.beta1);
    let t = t as f64;
    let rate = cfg.lr * (1.0 - cfg.beta2.powf(t)).sqrt() / (1.0 - cfg.beta1.powf(t));
    dispatch(Adam {
        params,
        grad,
        m,
        v,
        rate: T::of(rate),
        beta1: T::of(cfg.beta1),
        rest1: T::of(1.0 - cfg.beta1),
        beta2: T::of(cfg.beta2),
        rest2: T::of(1.0 - cfg.beta2),
        eps: T::of(cfg.eps),
    });
}

struct Adam<'a, T> {
    params: &'a mut [T],
    grad: &'a [T],
    m: Option<&'a mut [T]>,
    v: &'a mut [T],
    rate: T,
    beta1: T,
    rest1: T,
    beta2: T,
    rest2: T,
    eps: T,
}

impl<T: Real> Adam<'_, T> {
    /// # Safety
    /// The lanes that count exist from element `i` on.
    #[inline(always)]
    unsafe fn at<S: Simd, const PART: bool>(&mut self, lanes: Lanes<T, S, 1, PART>, i: usize) {
        let s = lanes.s;
        let k = |x: T| T::splat(s, x);
        // SAFETY: the caller's promise; all slices are equally long.
        unsafe {
            let [g] = lanes.load(self.grad.as_ptr().add(i));
            let [v] = lanes.load(self.v.as_ptr().add(i));
            let [w] = lanes.load(self.params.as_ptr().add(i));
            let g2 = T::vmul(s, T::vmul(s, g, g), k(self.rest2));
            let v = T::fma(s, v, k(self.beta2), g2);
            let m = match &mut self.m {
                None => g,
                Some(slot) => {
                    let [m] = lanes.load(slot.as_ptr().add(i));
                    let m = T::fma(s, m, k(self.beta1), T::vmul(s, g, k(self.rest1)));
                    lanes.store(slot.as_mut_ptr().add(i), [m]);
                    m
                }
            };
            let below = T::vadd(s, T::vsqrt(s, v), k(self.eps));
            let step = T::vdiv(s, T::vmul(s, m, k(self.rate)), below);
            lanes.store(self.v.as_mut_ptr().add(i), [v]);
            lanes.store(self.params.as_mut_ptr().add(i), [T::vsub(s, w, step)]);
        }
    }
}

impl<T: Real> WithSimd for Adam<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        let (n, lanes) = (self.params.len(), T::lanes::<S>());
        // SAFETY: `adam` checked that all slices have n elements.
        unsafe {
            for i in 0..n / lanes {
                self.at(Lanes::<T, S, 1, false>::new(s, lanes), i * lanes);
            }
            if n % lanes > 0 {
                self.at(Lanes::<T, S, 1, true>::new(s, n % lanes), n - n % lanes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CFG: AdamConfig = AdamConfig { lr: 1e-3, beta1: 0.0, beta2: 0.999, eps: 1e-8 };

    #[test]
    fn two_steps_by_hand() {
        // t = 1, g = 2: v = 0.004, step = lr·√0.001/√0.004·2 = lr; t = 2, g = 1: v = 0.004·0.999 + 0.001 = 0.004996,
        // step = lr·√(1 − 0.998001)/√0.004996 = lr·0.632549…
        let (mut w, mut v) = ([1.0f64], [0.0]);
        adam(&mut w, &[2.0], None, &mut v, 1, &CFG);
        assert!((w[0] - (1.0 - 1e-3)).abs() < 1e-9 && (v[0] - 0.004).abs() < 1e-15);
        adam(&mut w, &[1.0], None, &mut v, 2, &CFG);
        assert!((v[0] - 0.004996).abs() < 1e-15);
        assert!((w[0] - (1.0 - 1e-3 - 1e-3 * (0.001999f64 / 0.004996).sqrt())).abs() < 1e-9);
    }

    #[test]
    fn a_tiny_gradient_meets_epsilon_uncorrected() {
        // PyTorch's form would divide by √v/√(1−β₂ᵗ) + ε and take a step of nearly lr/2.
        let (mut w, mut v) = ([0.0f64], [0.0]);
        adam(&mut w, &[1e-8], None, &mut v, 1, &CFG);
        let root = 0.001f64.sqrt();
        assert!((w[0] + 1e-3 * root * 1e-8 / (1e-8 * root + 1e-8)).abs() < 1e-12);
    }

    #[test]
    fn first_moment_and_odd_lengths() {
        let cfg = AdamConfig { beta1: 0.9, ..CFG };
        let grad: Vec<f64> = (0..37).map(|i| (i as f64 * 0.7).sin()).collect();
        let (mut w, mut m, mut v) = (vec![0.5; 37], vec![0.0; 37], vec![0.0; 37]);
        let (mut w1, mut m1, mut v1) = (w.clone(), m.clone(), v.clone());
        for t in 1..=3 {
            adam(&mut w, &grad, Some(&mut m), &mut v, t, &cfg);
            let rate = 1e-3 * (1.0 - 0.999f64.powi(t as i32)).sqrt() / (1.0 - 0.9f64.powi(t as i32));
            for (i, g) in grad.iter().enumerate() {
                m1[i] = 0.9 * m1[i] + (1.0 - 0.9) * g;
                v1[i] = 0.999 * v1[i] + (1.0 - 0.999) * g * g;
                w1[i] -= rate * m1[i] / (v1[i].sqrt() + 1e-8);
            }
        }
        for (a, b) in w.iter().zip(&w1) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn sgd() {
        let mut w = [1.0, 2.0];
        sgd_step(&mut w, &[10.0, -10.0], 0.1);
        assert_eq!(w, [0.0, 3.0]);
    }
}
