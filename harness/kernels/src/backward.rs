//! Loss and gradient of a batch.

use crate::forward::NormMode;
use crate::loss::{self, Reduction, Target};
use crate::network::Network;
use crate::norm_grad::NormGrad;
use crate::plan::{First, Norm, Stage};
use crate::simd::Real;
use crate::workspace::Workspace;
use crate::{conv, pointwise, pool};
use std::ops::Range;

impl Network {
    /// The loss of a batch under batch statistics; its gradient is written to `grad`, in the layout of the parameters.
    ///
    /// The gradient of a bias right before a norm is exactly 0, see [`Layer::Conv`](crate::Layer).
    ///
    /// # Panics
    /// If a slice has another length, or a class is not below the number of outputs.
    pub fn loss_grad(
        &self,
        params: &[f32],
        x: &[f32],
        target: Target<'_>,
        reduction: Reduction,
        ws: &mut Workspace,
        grad: &mut [f32],
    ) -> f64 {
        self.descend(params, x, target, reduction, NormMode::Batch, 0, ws, grad)
    }

    /// As [`Network::loss_grad`], with a choice of statistics and the gradient only of layers from `first_trainable` (an
    /// index into [`Network::layers`]) on; the rest of `grad` is 0, and the way back ends there.
    ///
    /// # Panics
    /// As [`Network::loss_grad`].
    #[allow(clippy::too_many_arguments)]
    pub fn loss_grad_from(
        &self,
        params: &[f32],
        x: &[f32],
        target: Target<'_>,
        reduction: Reduction,
        norm: NormMode<'_>,
        first_trainable: usize,
        ws: &mut Workspace,
        grad: &mut [f32],
    ) -> f64 {
        self.descend(params, x, target, reduction, norm, first_trainable, ws, grad)
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn descend<T: Real>(
        &self,
        params: &[T],
        x: &[T],
        target: Target<'_, T>,
        reduction: Reduction,
        mode: NormMode<'_, T>,
        first_trainable: usize,
        ws: &mut Workspace<T>,
        grad: &mut [T],
    ) -> f64 {
        assert_eq!(grad.len(), self.param_len(), "length of the gradient");
        let batch = x.len() / self.input_len();
        let stages = self.plan.stages.len();
        ws.fit(&self.plan, batch, true);
        self.run(&self.plan, params, x, batch, mode, ws);

        let trains = |i: usize| match &self.plan.stages[i] {
            Stage::First(first) => first.norm_layer >= first_trainable,
            Stage::Linear(_) | Stage::Norm(_) => self.plan.layers[i] >= first_trainable,
            _ => false,
        };
        let frozen = self.plan.layers.iter().zip(&self.plan.stages);
        for (_, stage) in frozen.filter(|(layer, _)| **layer < first_trainable) {
            stage.clear(grad);
        }
        let width = self.outputs();
        let [out, d] = ws.buffers.get_disjoint_mut([stages - 1, stages]).expect("distinct buffers");
        let loss = loss::loss_grad(out, width, target, reduction, &mut d[..batch * width]);
        if let Some(lowest) = (0..stages).find(|&i| trains(i)) {
            self.back(lowest..stages, lowest, first_trainable, params, x, batch, mode, ws, grad);
        }
        loss
    }

    /// Back through `through`, from the gradient of their output in the first spare buffer, down to the gradient of the input
    /// of its first stage unless that is `lowest`; layers before `first_trainable` get no gradient. Returns the buffer that has it.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn back<T: Real>(
        &self,
        through: Range<usize>,
        lowest: usize,
        first_trainable: usize,
        params: &[T],
        x: &[T],
        batch: usize,
        mode: NormMode<'_, T>,
        ws: &mut Workspace<T>,
        grad: &mut [T],
    ) -> usize {
        let stages = self.plan.stages.len();
        // Where the gradient of the current stage's output is: one of the two spare buffers, or in place of that output,
        // which nothing reads any more.
        let mut at = stages;
        for i in through.rev() {
            let input_len = if i == 0 { self.input_len() } else { self.plan.lens[i - 1] } * batch;
            let output_len = self.plan.lens[i] * batch;
            let spare = if at == stages { stages + 1 } else { stages };
            let goes_on = i > lowest;
            match &self.plan.stages[i] {
                Stage::Linear(l) => {
                    let input = if i == 0 { x } else { &ws.buffers[i - 1] };
                    let d = &ws.buffers[at][..output_len];
                    conv::weight_grad(&l.geometry, batch, input, d, &mut grad[l.weight.clone()]);
                    let bias = &mut grad[l.bias.clone()];
                    if l.before_norm && matches!(mode, NormMode::Batch) {
                        bias.fill(T::default());
                    } else {
                        pointwise::row_sums(l.geometry.cout, d, bias);
                    }
                    if goes_on {
                        let to = if self.plan.gradient_in_place(i) { i - 1 } else { spare };
                        let turned = &mut ws.turned[..l.weight.len()];
                        conv::turn(&l.geometry, &params[l.weight.clone()], turned);
                        let [d, dx] = ws.buffers.get_disjoint_mut([at, to]).expect("distinct");
                        let (d, dx) = (&d[..output_len], &mut dx[..input_len]);
                        conv::input_grad(&l.geometry, batch, d, turned, dx);
                        at = to;
                    }
                }
                Stage::First(first) => {
                    let trains_weights = self.plan.layers[i] >= first_trainable;
                    first.backward(params, mode, x, batch, ws, at, trains_weights, grad);
                }
                Stage::Norm(n) => {
                    let in_place = self.plan.gradient_in_place(i);
                    let to = if in_place { i - 1 } else { spare };
                    if !in_place {
                        let (outputs, spares) = ws.buffers.split_at_mut(stages);
                        let input = if i == 0 { x } else { &outputs[i - 1] };
                        spares[spare - stages][..input_len].copy_from_slice(input);
                    }
                    n.backward(params, mode, batch, ws, [i, at, to], goes_on, grad);
                    at = to;
                }
                stage => {
                    let pair = ws.buffers.get_disjoint_mut([i, at]);
                    let [y, d] = pair.expect("distinct");
                    match stage {
                        Stage::Relu => pointwise::relu_grad(y, &mut d[..output_len]),
                        Stage::Tanh => pointwise::tanh_grad(y, &mut d[..output_len]),
                        Stage::MaxPool(shape) => {
                            let (outputs, spares) = ws.buffers.split_at_mut(stages);
                            let [a, b, ..] = spares else { unreachable!("two spare buffers") };
                            let (d, dx) = if at == stages { (a, b) } else { (b, a) };
                            let x = if i == 0 { x } else { &outputs[i - 1] };
                            pool::scatter(shape, batch, x, &d[..output_len], &mut dx[..input_len]);
                            at = spare;
                        }
                        Stage::SpatialMean { pixels, channels } => {
                            let pair = ws.buffers.get_disjoint_mut([at, spare]);
                            let [d, dx] = pair.expect("distinct");
                            let (d, dx) = (&d[..output_len], &mut dx[..input_len]);
                            pointwise::spatial_mean_grad(*pixels, *channels, d, dx);
                            at = spare;
                        }
                        Stage::Linear(_) | Stage::Norm(_) | Stage::First(_) => unreachable!("matched above"),
                    }
                }
            }
        }
        at
    }
}

impl Stage {
    /// Zeroes the gradient of its parameters.
    pub(crate) fn clear<T: Real>(&self, grad: &mut [T]) {
        let linear = self.linear().into_iter().flat_map(|l| [&l.weight, &l.bias]);
        let norm = self.norm().into_iter().flat_map(|n| n.gamma.iter().chain([&n.beta]));
        for range in linear.chain(norm) {
            grad[range.clone()].fill(T::default());
        }
    }
}

impl First {
    /// Back through the first layer and what follows it, from the gradient in buffer `from`.
    #[allow(clippy::too_many_arguments)]
    fn backward<T: Real>(
        &self,
        params: &[T],
        mode: NormMode<'_, T>,
        x: &[T],
        batch: usize,
        ws: &mut Workspace<T>,
        from: usize,
        trains_weights: bool,
        grad: &mut [T],
    ) {
        let (l, n) = (&self.linear, &self.norm);
        let Workspace { buffers, winners, stats, scales, sums: [dbeta, dgamma], .. } = ws;
        let batch_statistics = matches!(mode, NormMode::Batch);
        let back = n.back(params, stats, scales, batch, &buffers[from][..batch * n.winners_len()], batch_statistics);
        let (dbeta, dgamma) = (&mut dbeta[..n.channels()], &mut dgamma[..n.channels()]);
        back.sums(&winners[0], dbeta, dgamma);
        n.give(dbeta, dgamma, grad);
        if !trains_weights {
            return;
        }
        let weight = &mut grad[l.weight.clone()];
        self.batch(params, batch, x).weight_grad(&winners[0], &back, dbeta, dgamma, weight);
        for (c, bias) in grad[l.bias.clone()].iter_mut().enumerate() {
            // Each output of a channel goes on times the norm's scale.
            *bias = if batch_statistics { T::default() } else { back.affine.scale[c] * dbeta[c] };
        }
    }
}

impl Norm {
    /// Back through the norm of a stage and what follows it: from the gradient in buffer `from` to that of the input in `to`, which
    /// holds the input.
    #[allow(clippy::too_many_arguments)]
    fn backward<T: Real>(
        &self,
        params: &[T],
        mode: NormMode<'_, T>,
        batch: usize,
        ws: &mut Workspace<T>,
        [stage, from, to]: [usize; 3],
        goes_on: bool,
        grad: &mut [T],
    ) {
        let Workspace { buffers, winners, stats, scales, sums: [dbeta, dgamma], .. } = ws;
        let [dy, x] = buffers.get_disjoint_mut([from, to]).expect("distinct buffers");
        let out_len = self.pool.as_ref().map_or(self.pixels * self.channels(), |p| p.output_len());
        let x = &mut x[..batch * self.pixels * self.channels()];
        let dy = &dy[..batch * out_len];
        let back = self.back(params, stats, scales, batch, dy, matches!(mode, NormMode::Batch));
        let (dbeta, dgamma) = (&mut dbeta[..self.channels()], &mut dgamma[..self.channels()]);
        match &self.pool {
            None => {
                back.sums(x, dbeta, dgamma);
                if goes_on {
                    back.apply(x, dbeta, dgamma);
                }
            }
            Some(pool) => {
                let winners = &winners[stage];
                back.sums(winners, dbeta, dgamma);
                if goes_on {
                    back.apply_windows(pool, x, winners, dbeta, dgamma);
                }
            }
        }
        self.give(dbeta, dgamma, grad);
    }

    fn back<'a, T: Real>(
        &self,
        params: &'a [T],
        stats: &'a [T],
        scales: &'a [T],
        batch: usize,
        dy: &'a [T],
        batch_statistics: bool,
    ) -> NormGrad<'a, T> {
        NormGrad {
            affine: self.affine(params, stats, scales),
            inv_std: &scales[self.var.clone()],
            relu: self.relu,
            pixels: batch * self.pixels,
            dy,
            batch_statistics,
        }
    }

    /// The gradients of its parameters to `grad`.
    fn give<T: Real>(&self, dbeta: &[T], dgamma: &[T], grad: &mut [T]) {
        grad[self.beta.clone()].copy_from_slice(dbeta);
        if let Some(gamma) = &self.gamma {
            grad[gamma.clone()].copy_from_slice(dgamma);
        }
    }
}
