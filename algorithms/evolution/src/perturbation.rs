//! Perturbations that are a function of a key: signs ±1, one bit a parameter, so that making one again costs next to nothing.
//!
//! Signs instead of normal numbers are Spall's choice (1992, simultaneous perturbation stochastic approximation); in thousands
//! of dimensions the two hardly differ, as both have length √n.

use candle_core::Device;
use harness_core::Purpose;
use harness_core::prelude::*;

/// The signs of `key` in the shapes of `like`.
pub(crate) fn signs(like: &Params, key: u64) -> Result<Params> {
    mean(like, [(key, 1.0)])
}

/// The weighted mean Σ wᵢεᵢ/n of the perturbations of several keys, in the order given.
pub(crate) fn mean(like: &Params, weighted: impl IntoIterator<Item = (u64, f64)>) -> Result<Params> {
    let weighted: Vec<(u64, f64)> = weighted.into_iter().collect();
    let mut streams: Vec<(Signs, f32)> =
        weighted.iter().map(|(key, weight)| (Signs::new(*key), (weight / weighted.len() as f64) as f32)).collect();
    let shaped = like.iter().map(|(name, tensor)| {
        let mut sum = vec![0f32; tensor.elem_count()];
        for (signs, weight) in &mut streams {
            sum.iter_mut().zip(signs).for_each(|(sum, sign)| *sum += sign * *weight);
        }
        Ok((name.to_owned(), Tensor::from_vec(sum, tensor.shape(), &Device::Cpu)?.to_device(tensor.device())?))
    });
    shaped.collect()
}

/// An endless sequence of signs: a bit each, the lowest of a number first, 1 for −1.
struct Signs {
    rng: Stream,
    bits: u64,
    left: u32,
}

impl Signs {
    fn new(key: u64) -> Self {
        Signs { rng: Stream::new(key, Purpose::Perturbation, 0, 0), bits: 0, left: 0 }
    }
}

impl Iterator for Signs {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.left == 0 {
            (self.bits, self.left) = (self.rng.bits(), u64::BITS);
        }
        let sign = if self.bits & 1 == 1 { -1.0 } else { 1.0 };
        (self.bits, self.left) = (self.bits >> 1, self.left - 1);
        Some(sign)
    }
}

/// Ranks of sizes in (0, 1], each with its number's sign: a few huge differences then weigh no more than large ones do.
pub(crate) fn ranks(differences: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..differences.len()).collect();
    order.sort_by(|a, b| differences[*a].abs().total_cmp(&differences[*b].abs()).then(a.cmp(b)));
    let mut ranks = vec![0.0; differences.len()];
    for (rank, index) in order.into_iter().enumerate() {
        let size = (rank + 1) as f64 / differences.len() as f64;
        ranks[index] = if differences[index] == 0.0 { 0.0 } else { size.copysign(differences[index]) };
    }
    ranks
}
