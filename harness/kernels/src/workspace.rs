//! The memory that a pass works in.

use crate::buffer::Buffer;
use crate::plan::{Norm, Plan, Stage};
use crate::simd::Real;

/// Buffers of a [`Network`](crate::Network)'s passes. Reuse one: nothing is allocated after the first call at a given size. It may serve
/// several networks in turn; results do not depend on what it held.
#[derive(Debug)]
pub struct Workspace<T = f32> {
    /// The output of each stage, then two more for gradients.
    pub(crate) buffers: Vec<Buffer<T>>,
    /// For each stage the raw winners of its windows, if it is a norm with a pool.
    pub(crate) winners: Vec<Buffer<T>>,
    /// Mean and variance of each norm's channels, as in [`NormMode::Running`](crate::NormMode).
    pub(crate) stats: Buffer<T>,
    /// In the same layout γ/σ and 1/σ.
    pub(crate) scales: Buffer<T>,
    /// dβ and dγ of one norm.
    pub(crate) sums: [Buffer<T>; 2],
    /// Turned weights of one layer.
    pub(crate) turned: Buffer<T>,
    /// What a query shares with the others of its support set: the first stage's output, its windows' winners and the statistics of its
    /// norm.
    pub(crate) shared: Buffer<T>,
    pub(crate) shared_winners: Buffer<T>,
    pub(crate) shared_stats: Buffer<T>,
}

impl<T> Default for Workspace<T> {
    fn default() -> Self {
        Self {
            buffers: Vec::new(),
            winners: Vec::new(),
            stats: Buffer::default(),
            scales: Buffer::default(),
            sums: Default::default(),
            turned: Buffer::default(),
            shared: Buffer::default(),
            shared_winners: Buffer::default(),
            shared_stats: Buffer::default(),
        }
    }
}

impl<T: Real> Workspace<T> {
    /// Makes room for a batch; with `gradients` for the way back too.
    pub(crate) fn fit(&mut self, plan: &Plan, batch: usize, gradients: bool) {
        self.fit_below(plan, plan.stages.len(), batch, gradients);
    }

    /// As [`Workspace::fit`] for the first `top` stages alone.
    pub(crate) fn fit_below(&mut self, plan: &Plan, top: usize, batch: usize, gradients: bool) {
        let stages = plan.stages.len();
        if self.buffers.len() < stages + 2 {
            self.buffers.resize_with(stages + 2, Buffer::default);
        }
        for (buffer, len) in self.buffers.iter_mut().zip(&plan.lens[..top]) {
            buffer.fit(batch * len);
        }
        if self.winners.len() < stages {
            self.winners.resize_with(stages, Buffer::default);
        }
        for (buffer, stage) in self.winners.iter_mut().zip(&plan.stages[..top]) {
            if let Some(n) = stage.norm() {
                buffer.fit(batch * n.winners_len());
            }
        }
        self.stats.fit(plan.stats_len);
        self.scales.fit(plan.stats_len);
        if !gradients {
            return;
        }
        let (mut largest, mut weights, mut channels) = (plan.lens[..top].last().copied().unwrap_or(0), 0, 0);
        for (i, stage) in plan.stages[..top].iter().enumerate() {
            if let Some(l) = stage.linear().filter(|_| i > 0) {
                weights = weights.max(l.weight.len());
            }
            channels = channels.max(stage.norm().map_or(0, Norm::channels));
            if !plan.gradient_in_place(i) {
                // A norm turns its input into the gradient even where that goes nowhere.
                let first = if matches!(stage, Stage::Norm(_)) { plan.input_len } else { 0 };
                largest = largest.max(i.checked_sub(1).map_or(first, |before| plan.lens[before]));
            }
        }
        for buffer in &mut self.buffers[stages..stages + 2] {
            buffer.fit(batch * largest);
        }
        self.turned.fit(weights);
        self.sums.iter_mut().for_each(|b| b.fit(channels));
    }
}
