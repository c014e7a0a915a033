//! Networks of the papers' shape and numbers to feed them, for tests and the bench.

use harness_kernels::{Layer, Padding};

/// So many blocks of convolution, norm, pool where there is one, and ReLU, then a dense head of five.
pub fn blocks(layers: usize, filters: usize, stride: usize, pool: Option<Padding>, eps: f64) -> Vec<(String, Layer)> {
    let mut all = Vec::new();
    for i in 1..=layers {
        all.push((format!("conv{i}"), Layer::Conv { filters, stride }));
        all.push((format!("norm{i}"), Layer::Norm { scale: true, eps }));
        if let Some(padding) = pool {
            all.push((format!("pool{i}"), Layer::MaxPool { padding }));
        }
        all.push((format!("relu{i}"), Layer::Relu));
    }
    all.push(("flatten".into(), Layer::Flatten));
    all.push(("head".into(), Layer::Dense { outputs: 5 }));
    all
}

/// Numbers of ±`scale`, the same for the same seed.
pub fn noise(n: usize, scale: f32, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * scale
    };
    (0..n).map(|_| next()).collect()
}
