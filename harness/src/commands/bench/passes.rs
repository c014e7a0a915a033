//! Passes beside the inner step: a product with a Hessian, features and back.

use std::hint::black_box;
use std::time::{Duration, Instant};

use harness_core::{Model, Result};
use harness_kernels::{CurvatureSpace, Network, Reduction, Target, Workspace};

/// Images of a product: those of an inner step of MAML, 5 ways and 1 shot.
const PRODUCT: usize = 5;
/// Images of a pass to features and back.
const FEATURES: usize = 10;

/// Passes of one network on noise.
pub struct Passes {
    network: Network,
    params: Vec<f32>,
}

impl Passes {
    /// Of a model whose inputs have this shape.
    pub fn new(model: &Model, input: &[usize]) -> Result<Self> {
        let network = Network::new(input, model.layers().to_vec())?;
        let params = noise(network.param_len()).into_iter().map(|v| 0.1 * v).collect();
        Ok(Passes { network, params })
    }

    /// Seconds of the whole machine for a product with the Hessian of five images' loss.
    pub fn product(&self, threads: usize, seconds: f64) -> f64 {
        every_thread(threads, || {
            let (net, mut product) = (&self.network, self.params.clone());
            let (x, y) = self.batch(PRODUCT);
            let target = Target::Classes(&y);
            let space = CurvatureSpace::default();
            let (_, mut curvature) = net.curvature(&self.params, &x, target, Reduction::Mean, space, &mut product);
            rate(seconds, || curvature.times(&self.params, black_box(&mut product)))
        })
    }

    /// The same for the gradient of as many images as a product is of, or a pass to features and back.
    pub fn gradient(&self, of_product: bool, threads: usize, seconds: f64) -> f64 {
        every_thread(threads, || {
            let (mut ws, mut grad) = (Workspace::default(), self.params.clone());
            let (x, y) = self.batch(if of_product { PRODUCT } else { FEATURES });
            let target = Target::Classes(&y);
            rate(seconds, || {
                let loss = self.network.loss_grad(&self.params, &x, target, Reduction::Mean, &mut ws, &mut grad);
                black_box(loss);
            })
        })
    }

    /// The same for ten images to features and back.
    pub fn features(&self, threads: usize, seconds: f64) -> f64 {
        every_thread(threads, || {
            let (x, _) = self.batch(FEATURES);
            let d = noise(FEATURES * self.network.feature_len());
            let (mut given, mut grad) = (Some(Workspace::default()), self.params.clone());
            rate(seconds, || {
                let ws = given.take().unwrap_or_default();
                let pass = self.network.features(self.params.clone(), x.clone(), None, ws);
                given = Some(pass.back(&d, black_box(&mut grad)));
            })
        })
    }

    fn batch(&self, images: usize) -> (Vec<f32>, Vec<u32>) {
        let classes = self.network.outputs() as u32;
        (noise(images * self.network.input_len()), (0..images as u32).map(|i| i % classes).collect())
    }
}

/// Seconds of the whole machine a call, from calls a second of each thread.
fn every_thread(threads: usize, calls_per_second: impl Fn() -> f64 + Sync) -> f64 {
    let together: f64 = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(&calls_per_second)).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    1.0 / together
}

/// Calls a second, after two that find the memory.
fn rate(seconds: f64, mut call: impl FnMut()) -> f64 {
    (0..2).for_each(|_| call());
    let (limit, began, mut calls) = (Duration::from_secs_f64(seconds), Instant::now(), 0u32);
    while calls == 0 || began.elapsed() < limit {
        call();
        calls += 1;
    }
    f64::from(calls) / began.elapsed().as_secs_f64()
}

/// Numbers in −1…1 that look random.
fn noise(n: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}
