//! Perturbations that are a function of a key: signs ±1, one bit a parameter, so that making one again costs next to nothing.
//!
//! Signs instead of normal numbers are Spall's choice (1992, simultaneous perturbation stochastic approximation); in thousands
//! of dimensions the two hardly differ, as both have length √n.

use candle_core::Tensor;
use harness_core::{Params, Purpose, Result, Stream};

/// The signs of `key` in the shapes of `like`.
pub(crate) fn of(like: &Params, key: u64) -> Result<Params> {
    mean(like, [(key, 1.0)])
}

/// The weighted mean Σ wᵢεᵢ/n of the perturbations of several keys, in the order given.
pub(crate) fn mean(like: &Params, weighted: impl IntoIterator<Item = (u64, f64)>) -> Result<Params> {
    let weighted: Vec<(u64, f64)> = weighted.into_iter().collect();
    let mut sum = vec![0f32; like.count()];
    for (key, weight) in &weighted {
        add(&mut sum, *key, (weight / weighted.len() as f64) as f32);
    }
    let mut rest = sum.as_slice();
    let shaped = like.iter().map(|(name, tensor)| {
        let (own, after) = rest.split_at(tensor.elem_count());
        rest = after;
        Ok((
            name.to_owned(),
            Tensor::from_slice(own, tensor.shape(), &candle_core::Device::Cpu)?.to_device(tensor.device())?,
        ))
    });
    shaped.collect()
}

fn add(sum: &mut [f32], key: u64, weight: f32) {
    let mut rng = Stream::new(key, Purpose::Perturbation, 0, 0);
    for part in sum.chunks_mut(64) {
        let bits = rng.bits();
        for (index, value) in part.iter_mut().enumerate() {
            // The bit becomes the sign of the weight.
            *value += f32::from_bits(weight.to_bits() ^ (((bits >> index) as u32 & 1) << 31));
        }
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
