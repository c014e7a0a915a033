//! The forward pass.

use crate::network::Network;
use crate::norm::{self, Affine};
use crate::plan::{self, Linear, Norm, Plan, Stage};
use crate::simd::Real;
use crate::winograd::first::First;
use crate::workspace::Workspace;
use crate::{conv, pointwise, pool, statistics, windows};
use std::ops::Range;

/// What norm layers normalise with.
#[derive(Clone, Copy, Debug)]
pub enum NormMode<'a, T = f32> {
    /// Mean and variance of the batch at hand.
    Batch,
    /// Given ones: for each norm layer in order the means of its channels, then their variances
    /// ([`Network::stats_len`] in all).
    Running(&'a [T]),
}

impl Network {
    /// Outputs `[batch, outputs]` for inputs `x` `[batch, input_len]`.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn forward(
        &self,
        params: &[f32],
        x: &[f32],
        batch: usize,
        norm: NormMode<'_>,
        ws: &mut Workspace,
        out: &mut [f32],
    ) {
        ws.fit(&self.plan, batch, false);
        let y = self.run(&self.plan, params, x, batch, norm, ws);
        out.copy_from_slice(y);
    }

    /// The statistics of the last batch that `ws` served, in the layout of [`NormMode::Running`]: to be averaged into
    /// running ones.
    ///
    /// # Panics
    /// If `out` is not [`Network::stats_len`] long.
    pub fn batch_stats(&self, ws: &Workspace, out: &mut [f32]) {
        out.copy_from_slice(&ws.stats);
    }

    /// The forward pass by one of its plans in a workspace that fits; the outputs of all stages stay there.
    pub(crate) fn run<'w, T: Real>(
        &self,
        plan: &Plan,
        params: &[T],
        x: &[T],
        batch: usize,
        mode: NormMode<'_, T>,
        ws: &'w mut Workspace<T>,
    ) -> &'w [T] {
        assert_eq!(params.len(), self.param_len(), "length of the parameters");
        assert_eq!(x.len(), batch * self.input_len(), "length of the inputs");
        if let NormMode::Running(stats) = mode {
            assert_eq!(stats.len(), self.stats_len(), "length of the running statistics");
        }
        self.run_stages(plan, 0..plan.stages.len(), params, x, batch, mode, ws);
        &ws.buffers[plan.stages.len() - 1]
    }

    /// Some of the stages, the outputs of those before in place.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn run_stages<T: Real>(
        &self,
        plan: &Plan,
        stages: Range<usize>,
        params: &[T],
        x: &[T],
        batch: usize,
        mode: NormMode<'_, T>,
        ws: &mut Workspace<T>,
    ) {
        let Workspace { buffers, winners, stats, scales, .. } = ws;
        for i in stages {
            let stage = &plan.stages[i];
            let (before, rest) = buffers.split_at_mut(i);
            let input = before.last().map_or(x, |b| &**b);
            let out = &mut *rest[0];
            let Some(n) = stage.norm() else {
                stage.forward(params, batch, input, out);
                continue;
            };
            let winners = &mut winners[i];
            match mode {
                NormMode::Batch => stage.measure(params, input, batch, stats, winners),
                NormMode::Running(given) => {
                    stage.choose(params, input, batch, stats, winners);
                    stats[n.mean.start..n.var.end].copy_from_slice(&given[n.mean.start..n.var.end]);
                }
            }
            n.scale(params, stats, scales);
            let input: &[T] = if n.pool.is_some() { winners } else { input };
            norm::forward(n.affine(params, stats, scales), n.relu, input, out);
        }
    }
}

impl Stage {
    /// Any stage without a norm.
    pub(crate) fn forward<T: Real>(&self, params: &[T], batch: usize, x: &[T], y: &mut [T]) {
        match self {
            Stage::Linear(l) => {
                let (weight, bias) = (&params[l.weight.clone()], &params[l.bias.clone()]);
                conv::forward(&l.geometry, batch, x, weight, Some(bias), y);
            }
            Stage::Relu => pointwise::relu(x, y),
            Stage::Tanh => pointwise::tanh(x, y),
            Stage::MaxPool(shape) => pool::forward(shape, batch, x, y),
            Stage::SpatialMean { pixels, channels } => {
                pointwise::spatial_mean(*pixels, *channels, x, y);
            }
            Stage::Norm(_) | Stage::First(_) => unreachable!("norms need statistics"),
        }
    }

    /// Mean and biased variance of a batch, and the winners if a pool follows: of a stage with a norm.
    pub(crate) fn measure<T: Real>(&self, params: &[T], x: &[T], batch: usize, stats: &mut [T], winners: &mut [T]) {
        let Some(n) = self.norm() else { unreachable!("a norm") };
        n.clear(stats);
        self.merge(params, x, batch, 0, stats, winners);
        n.finish(batch, stats);
    }

    /// Merges `images` images into the means and sums of squared differences of `seen`; and the winners, if a pool follows.
    pub(crate) fn merge<T: Real>(
        &self,
        params: &[T],
        x: &[T],
        images: usize,
        seen: usize,
        stats: &mut [T],
        winners: &mut [T],
    ) {
        let Some(n) = self.norm() else { unreachable!("a norm") };
        let (mean, m2) = n.split(stats);
        let gamma = n.gamma_of(params);
        match (self, &n.pool) {
            (Stage::First(first), _) => first.batch(params, images, x).gather(gamma, seen, mean, m2, winners),
            (_, Some(pool)) => windows::merge_and_winners(pool, images, x, gamma, seen, mean, m2, winners),
            (_, None) => statistics::merge_images(x, images, n.pixels, seen * n.pixels, mean, m2),
        }
    }

    /// The winners alone, if a pool follows; `stats` serves as memory.
    fn choose<T: Real>(&self, params: &[T], x: &[T], batch: usize, stats: &mut [T], winners: &mut [T]) {
        match self {
            Stage::First(_) => self.measure(params, x, batch, stats, winners),
            Stage::Norm(Norm { pool: Some(pool), gamma, .. }) => {
                let gamma = gamma.as_ref().map(|gamma| &params[gamma.clone()]);
                windows::winners(pool, batch, x, gamma, winners);
            }
            _ => (),
        }
    }
}

impl plan::First {
    /// It on a batch.
    pub(crate) fn batch<'a, T: Real>(&'a self, params: &'a [T], batch: usize, x: &'a [T]) -> First<'a, T> {
        let Linear { geometry: g, weight, bias, .. } = &self.linear;
        let pool = self.norm.pool.as_ref().expect("the plan asks for a pool");
        First { g, pool, batch, x, w: &params[weight.clone()], bias: &params[bias.clone()] }
    }
}

impl Norm {
    /// Means and sums of no image.
    pub(crate) fn clear<T: Real>(&self, stats: &mut [T]) {
        stats[self.mean.start..self.var.end].fill(T::default());
    }

    pub(crate) fn gamma_of<'a, T>(&self, params: &'a [T]) -> Option<&'a [T]> {
        self.gamma.as_ref().map(|gamma| &params[gamma.clone()])
    }

    /// Sums of squared differences to variances.
    pub(crate) fn finish<T: Real>(&self, batch: usize, stats: &mut [T]) {
        let per = T::of(1.0 / (batch * self.pixels) as f64);
        stats[self.var.clone()].iter_mut().for_each(|v| *v = *v * per);
    }

    /// Its means and variances among all.
    pub(crate) fn split<'a, T>(&self, stats: &'a mut [T]) -> (&'a mut [T], &'a mut [T]) {
        stats[self.mean.start..self.var.end].split_at_mut(self.channels())
    }

    /// γ/σ and 1/σ from the variances.
    pub(crate) fn scale<T: Real>(&self, params: &[T], stats: &[T], scales: &mut [T]) {
        let (scale, inv_std) = self.split(scales);
        for (inv_std, var) in inv_std.iter_mut().zip(&stats[self.var.clone()]) {
            *inv_std = T::of(1.0 / (var.f64() + self.eps).sqrt());
        }
        match &self.gamma {
            None => scale.copy_from_slice(inv_std),
            Some(gamma) => {
                let gamma = &params[gamma.clone()];
                for ((scale, &inv_std), &gamma) in scale.iter_mut().zip(&*inv_std).zip(gamma) {
                    *scale = gamma * inv_std;
                }
            }
        }
    }

    pub(crate) fn affine<'a, T>(&self, params: &'a [T], stats: &'a [T], scales: &'a [T]) -> Affine<'a, T> {
        Affine { mean: &stats[self.mean.clone()], scale: &scales[self.mean.clone()], shift: &params[self.beta.clone()] }
    }
}
