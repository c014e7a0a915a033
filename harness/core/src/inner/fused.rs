//! Inner steps on flat vectors with the fused kernels.

use harness_kernels::{NormMode, Target};

use super::{InnerLoop, Pool};
use crate::episode::Targets;
use crate::error::Result;
use crate::model::{Group, Model, with_workspace};
use crate::optimizer::Moments;
use crate::params::Params;

pub(super) struct Fused<'m> {
    model: &'m Model,
    theta: Vec<f32>,
    /// Where it started, if something pulls it back there.
    start: Vec<f32>,
    grad: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    /// Running statistics, empty for batch ones.
    running: Vec<f32>,
    /// The parts of the flat vector that learn.
    trained: Vec<std::ops::Range<usize>>,
    /// Of the last step's mini-batch.
    stats: Vec<f32>,
    x: Vec<f32>,
    classes: Vec<u32>,
    values: Vec<f32>,
}

impl<'m> Fused<'m> {
    pub(super) fn new(model: &'m Model, params: &Params, loop_: &InnerLoop, moments: &Moments) -> Result<Self> {
        let theta = model.flatten(params)?;
        let slot = |wanted: bool, stored: &Option<Params>| match (wanted, stored) {
            (false, _) => Ok(Vec::new()),
            (true, None) => Ok(vec![0.0; theta.len()]),
            (true, Some(params)) => model.flatten(params),
        };
        let first = slot(loop_.optimizer.keeps_first(), &moments.first)?;
        let second = slot(loop_.optimizer.keeps_second(), &moments.second)?;
        let trained = ranges(model, loop_.trains);
        let grad = vec![0.0; theta.len()];
        let start = if loop_.prox == 0.0 { Vec::new() } else { theta.clone() };
        let mut running = Vec::new();
        model.norm_mode(&loop_.norm, &mut running)?;
        let stats = vec![0.0; model.network.stats_len()];
        let (x, classes, values) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Fused { model, theta, start, grad, first, second, running, trained, stats, x, classes, values })
    }

    pub(super) fn step(&mut self, pool: &Pool, rows: &[usize], loop_: &InnerLoop, t: u64) -> Result<f64> {
        pool.gather(rows, &mut self.x);
        let target = match &pool.labeled.y {
            Targets::Classes(all) => {
                self.classes.clear();
                self.classes.extend(rows.iter().map(|row| all[*row]));
                Target::Classes(&self.classes)
            }
            Targets::Values(_) => {
                let width = pool.targets.len() / pool.len();
                self.values.clear();
                self.values.extend(rows.iter().flat_map(|row| &pool.targets[row * width..(row + 1) * width]));
                Target::Values(&self.values)
            }
        };
        let network = &self.model.network;
        let first = match loop_.trains {
            Group::Head => network.layers().len() - 1,
            _ => 0,
        };
        let norm = match self.running.is_empty() {
            true => NormMode::Batch,
            false => NormMode::Running(&self.running),
        };
        let (theta, x, grad) = (&self.theta, &self.x, &mut self.grad);
        let loss = with_workspace(|ws| {
            let loss = network.loss_grad_from(theta, x, target, loop_.reduction.into(), norm, first, ws, grad);
            network.batch_stats(ws, &mut self.stats);
            loss
        });
        for part in &self.trained {
            let momentum = (!self.first.is_empty()).then(|| &mut self.first[part.clone()]);
            let second = match self.second.is_empty() {
                true => &mut [],
                false => &mut self.second[part.clone()],
            };
            let (theta, grad) = (&mut self.theta[part.clone()], &mut self.grad[part.clone()]);
            if !self.start.is_empty() {
                pull(grad, theta, &self.start[part.clone()], loop_.prox as f32);
            }
            loop_.optimizer.step_slices(theta, grad, momentum, second, t);
        }
        Ok(loss)
    }

    pub(super) fn stats(&self) -> Result<Params> {
        self.model.named_stats(&self.stats)
    }

    pub(super) fn params(&self) -> Result<Params> {
        self.model.unflatten(&self.theta)
    }

    pub(super) fn moments(&self, steps: u64) -> Result<Moments> {
        let slot = |flat: &[f32]| match flat.is_empty() {
            true => Ok(None),
            false => self.model.unflatten(flat).map(Some),
        };
        Ok(Moments { first: slot(&self.first)?, second: slot(&self.second)?, steps })
    }
}

/// g ← g + λ·(θ − φ), the gradient of the proximal term.
fn pull(grad: &mut [f32], theta: &[f32], start: &[f32], lambda: f32) {
    for ((g, w), w0) in grad.iter_mut().zip(theta).zip(start) {
        *g += lambda * (w - w0);
    }
}

/// Where the parameters of a group lie in the flat vector, neighbours joined.
fn ranges(model: &Model, group: Group) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for spec in model.network.layout().iter().filter(|spec| group.holds(&spec.name)) {
        let end = spec.offset + spec.len;
        match ranges.last_mut() {
            Some(last) if last.end == spec.offset => last.end = end,
            _ => ranges.push(spec.offset..end),
        }
    }
    ranges
}
