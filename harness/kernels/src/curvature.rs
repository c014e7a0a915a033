//! Second derivatives of a batch's loss, as products with vectors.
//!
//! Hv is the derivative of the gradient along v (Pearlmutter 1994, "Fast exact multiplication by the Hessian"): one pass forward that
//! carries the derivative of every layer's output along v, and one back that carries that of every gradient. Each layer's share is made
//! of the kernels that it has already; only a norm needs more ([`norm_second`](crate::norm_second)), which works on its windows' winners
//! where a pool follows. About the price of two gradients.

use crate::buffer::Buffer;
use crate::forward::NormMode;
use crate::loss::{self, Reduction, Target};
use crate::network::Network;
use crate::norm_second::{InputTangent, NormPoint};
use crate::plan::{Linear, Norm, Plan, Stage};
use crate::simd::Real;
use crate::workspace::Workspace;
use crate::{conv, pointwise, pool};

/// The Hessian of a batch's loss at one point under batch statistics, ready to be multiplied with.
#[derive(Debug)]
pub struct Curvature<'n, T = f32> {
    net: &'n Network,
    batch: usize,
    /// The second derivative of the loss by the outputs.
    loss: loss::Second,
    space: CurvatureSpace<T>,
}

/// The memory of a [`Curvature`]: hand it from one to the next, and nothing is allocated after the first at a given size. Results do
/// not depend on what it held.
#[derive(Debug, Default)]
pub struct CurvatureSpace<T = f32> {
    at: Point<T>,
    way: Way<T>,
    /// The derivative of each stage's gradient along the vector.
    along: Vec<Buffer<T>>,
    scratch: Scratch<T>,
}

/// Every layer's output at the point and its gradient: all that products read.
#[derive(Debug, Default)]
struct Point<T> {
    params: Vec<T>,
    x: Vec<T>,
    /// Outputs and statistics.
    forward: Workspace<T>,
    /// The gradient of each stage's output; of a norm with a ReLU, behind that.
    grads: Vec<Buffer<T>>,
    /// For each norm Σd and Σd·x̂ over its pixels, d the gradient of its output; laid out as statistics are.
    sums: Vec<T>,
}

/// One product's way forward.
#[derive(Debug, Default)]
struct Way<T> {
    /// The derivative of each stage's output along the vector.
    tangents: Vec<Buffer<T>>,
    /// For each norm with a pool that of its winners, before the norm.
    winners: Vec<Buffer<T>>,
    /// For each norm the sums, as in [`Point`], of the derivative of its input.
    sums: Vec<T>,
}

/// What one layer at a time writes to.
#[derive(Debug, Default)]
struct Scratch<T> {
    output: Buffer<T>,
    turned: Vec<T>,
    weights: Vec<T>,
}

impl Network {
    /// The loss of a batch under batch statistics, and its second derivatives, kept in `space`; its gradient is written to `grad`, as
    /// [`Network::loss_grad`] does.
    ///
    /// # Panics
    /// As [`Network::loss_grad`].
    pub fn curvature(
        &self,
        params: &[f32],
        x: &[f32],
        target: Target<'_>,
        reduction: Reduction,
        space: CurvatureSpace,
        grad: &mut [f32],
    ) -> (f64, Curvature<'_>) {
        Curvature::at(self, params, x, target, reduction, space, grad)
    }
}

impl Curvature<'_> {
    /// `product` = H·`vector`, both in the layout of the parameters. Rows and columns of a bias right before a norm are 0.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn times(&mut self, vector: &[f32], product: &mut [f32]) {
        self.multiply(vector, product);
    }
}

impl<'n, T: Real> Curvature<'n, T> {
    /// The memory, for the next.
    pub fn into_space(self) -> CurvatureSpace<T> {
        self.space
    }

    pub(crate) fn at(
        net: &'n Network,
        params: &[T],
        x: &[T],
        target: Target<'_, T>,
        reduction: Reduction,
        mut space: CurvatureSpace<T>,
        grad: &mut [T],
    ) -> (f64, Self) {
        assert_eq!(grad.len(), net.param_len(), "length of the gradient");
        let (plan, batch) = (&net.stored, x.len() / net.input_len());
        let point = &mut space.at;
        point.forward.fit(plan, batch, false);
        fit(&mut point.grads, plan, batch);
        let out = net.run(plan, params, x, batch, NormMode::Batch, &mut point.forward);
        let value = loss::loss_grad(out, net.outputs(), target, reduction, &mut point.grads[plan.stages.len() - 1]);
        refill(&mut point.params, params);
        refill(&mut point.x, x);
        point.sums.resize(plan.stats_len, T::default());
        point.descend(plan, batch, &mut space.scratch, grad);
        (value, Curvature { net, batch, loss: loss::Second::new(&target, reduction), space })
    }

    pub(crate) fn multiply(&mut self, vector: &[T], product: &mut [T]) {
        let (plan, batch, outputs) = (&self.net.stored, self.batch, self.net.outputs());
        let len = self.net.param_len();
        assert!(vector.len() == len && product.len() == len, "length of the vector and of the product");
        let CurvatureSpace { at, way, along, scratch } = &mut self.space;
        fit(&mut way.tangents, plan, batch);
        way.winners.resize_with(plan.stages.len(), Buffer::default);
        for (buffer, stage) in way.winners.iter_mut().zip(&plan.stages) {
            buffer.fit(batch * stage.norm().map_or(0, Norm::winners_len));
        }
        fit(along, plan, batch);
        way.sums.resize(plan.stats_len, T::default());
        scratch.output.fit(batch * plan.lens.iter().copied().max().unwrap_or(0));
        way.push(at, plan, batch, vector, scratch);
        let last = plan.stages.len() - 1;
        self.loss.times(&at.forward.buffers[last], outputs, &way.tangents[last], &mut along[last]);
        at.pull(plan, batch, vector, way, along, scratch, product);
    }
}

impl<T: Real> Point<T> {
    fn input(&self, stage: usize) -> &[T] {
        stage.checked_sub(1).map_or(&self.x, |before| &*self.forward.buffers[before])
    }

    /// All gradients from that of the outputs.
    fn descend(&mut self, plan: &Plan, batch: usize, scratch: &mut Scratch<T>, grad: &mut [T]) {
        for i in (0..plan.stages.len()).rev() {
            let (before, rest) = self.grads.split_at_mut(i);
            if plan.stages[i].norm().is_some_and(|n| n.relu) {
                pointwise::relu_grad(&self.forward.buffers[i], &mut rest[0]);
            }
            let (d, dx) = (&*rest[0], before.last_mut());
            let input = if i == 0 { &self.x[..] } else { &self.forward.buffers[i - 1] };
            match &plan.stages[i] {
                Stage::Linear(l) => {
                    conv::weight_grad(&l.geometry, batch, input, d, &mut grad[l.weight.clone()]);
                    l.bias_grad(d, &mut grad[l.bias.clone()]);
                    if let Some(dx) = dx {
                        let terms = [(&self.params[l.weight.clone()], d)];
                        l.input_grad(batch, &terms, &mut scratch.turned, &mut scratch.output, dx);
                    }
                }
                Stage::Norm(n) => {
                    let point = NormPoint::new(n, batch, input, i, &self.params, &self.forward);
                    let (sum, dot) = n.split(&mut self.sums);
                    point.sums(d, sum, dot);
                    grad[n.beta.clone()].copy_from_slice(sum);
                    if let Some(gamma) = &n.gamma {
                        grad[gamma.clone()].copy_from_slice(dot);
                    }
                    if let Some(dx) = dx {
                        point.gradient(d, sum, dot, dx);
                    }
                }
                stage => {
                    if let Some(dx) = dx {
                        stage.back(batch, input, &self.forward.buffers[i], d, dx);
                    }
                }
            }
        }
    }

    /// The product: the derivative along `vector` of every gradient, from that of the outputs' in `along`.
    #[allow(clippy::too_many_arguments)]
    fn pull(
        &self,
        plan: &Plan,
        batch: usize,
        vector: &[T],
        way: &mut Way<T>,
        along: &mut [Buffer<T>],
        scratch: &mut Scratch<T>,
        product: &mut [T],
    ) {
        let Scratch { output, turned, weights } = scratch;
        for (i, stage) in plan.stages.iter().enumerate().rev() {
            let (before, rest) = along.split_at_mut(i);
            if let (Stage::Relu, Some(ddx)) = (stage, before.last_mut()) {
                // In place: no one reads that of the output again.
                std::mem::swap(ddx, &mut rest[0]);
                pointwise::relu_grad(&self.forward.buffers[i], ddx);
                continue;
            }
            if stage.norm().is_some_and(|n| n.relu) {
                pointwise::relu_grad(&self.forward.buffers[i], &mut rest[0]);
            }
            let (dd, ddx) = (&*rest[0], before.last_mut());
            let (x, y, d) = (self.input(i), &*self.forward.buffers[i], &*self.grads[i]);
            match stage {
                Stage::Linear(l) => {
                    let dx = i.checked_sub(1).map(|before| &*way.tangents[before]);
                    let to = &mut product[l.weight.clone()];
                    let terms: Vec<_> = [(x, dd)].into_iter().chain(dx.map(|dx| (dx, d))).collect();
                    weights.resize(l.weight.len(), T::default());
                    conv::weight_grad_sum(&l.geometry, batch, &terms, weights, to);
                    l.bias_grad(dd, &mut product[l.bias.clone()]);
                    if let Some(ddx) = ddx {
                        let spare = &mut output[..ddx.len()];
                        let terms = [(&self.params[l.weight.clone()], dd), (&vector[l.weight.clone()], d)];
                        l.input_grad(batch, &terms, turned, spare, ddx);
                    }
                }
                Stage::Norm(n) => {
                    let point = NormPoint::new(n, batch, x, i, &self.params, &self.forward);
                    let range = n.mean.start..n.var.end;
                    let (sums, pushed) = (&self.sums[range.clone()], &way.sums[range]);
                    let Some(ddx) = ddx else {
                        point.pull(vector, [d, dd], sums, None, product);
                        continue;
                    };
                    // Where the derivative of its input was comes that of its gradient. Only a tanh reads the first again.
                    match plan.stages[i - 1] {
                        Stage::Tanh => ddx.copy_from_slice(&way.tangents[i - 1]),
                        _ => std::mem::swap(&mut way.tangents[i - 1], ddx),
                    }
                    let of_winners = n.pool.as_ref().map(|_| &*way.winners[i]);
                    let input = InputTangent { dx: ddx, of_winners, sums: pushed };
                    point.pull(vector, [d, dd], sums, Some(input), product);
                }
                stage => {
                    let Some(ddx) = ddx else { continue };
                    stage.back(batch, x, y, dd, ddx);
                    if matches!(stage, Stage::Tanh) {
                        pointwise::tanh_second(y, d, &way.tangents[i], ddx);
                    }
                }
            }
        }
    }
}

impl<T: Real> Way<T> {
    /// The derivative of each stage's output along `vector`, and for each norm Σ and Σ·x̂ of its input's.
    fn push(&mut self, at: &Point<T>, plan: &Plan, batch: usize, vector: &[T], scratch: &mut Scratch<T>) {
        for (i, stage) in plan.stages.iter().enumerate() {
            let (before, rest) = self.tangents.split_at_mut(i);
            if let (Stage::Relu, Some(dx)) = (stage, before.last_mut())
                && !matches!(plan.stages[i - 1], Stage::Tanh)
            {
                // In place: only a tanh reads that of its output on the way back.
                std::mem::swap(dx, &mut rest[0]);
                pointwise::relu_grad(&at.forward.buffers[i], &mut rest[0]);
                continue;
            }
            // The batch itself does not change.
            let dx = before.last().map(|buffer| &**buffer);
            let dy = &mut *rest[0];
            let (x, y) = (at.input(i), &*at.forward.buffers[i]);
            match (stage, dx) {
                (Stage::Linear(l), dx) => {
                    let (weight, bias) = (&vector[l.weight.clone()], &vector[l.bias.clone()]);
                    let along = dx.map(|dx| (dx, &at.params[l.weight.clone()]));
                    let terms: Vec<_> = [(x, weight)].into_iter().chain(along).collect();
                    let (bias, spare) = ((!l.before_norm).then_some(bias), &mut scratch.output[..dy.len()]);
                    conv::forward_sum(&l.geometry, batch, &terms, bias, spare, dy);
                }
                (Stage::Norm(n), dx) => {
                    let point = NormPoint::new(n, batch, x, i, &at.params, &at.forward);
                    let (sum, dot) = n.split(&mut self.sums);
                    let winners = &mut *self.winners[i];
                    match dx {
                        Some(dx) => point.input_sums(dx, sum, dot, winners),
                        None => [&mut *sum, &mut *dot].into_iter().for_each(|sums| sums.fill(T::default())),
                    }
                    let dx = if n.pool.is_some() { dx.map(|_| &*winners) } else { dx };
                    point.push(vector, dx, sum, dot, dy);
                    if n.relu {
                        pointwise::relu_grad(y, dy);
                    }
                }
                (_, None) => dy.fill(T::default()),
                (Stage::Relu, Some(dx)) => {
                    dy.copy_from_slice(dx);
                    pointwise::relu_grad(y, dy);
                }
                (Stage::Tanh, Some(dx)) => {
                    dy.copy_from_slice(dx);
                    pointwise::tanh_grad(y, dy);
                }
                (Stage::MaxPool(shape), Some(dx)) => pool::gather(shape, batch, x, dx, dy),
                (Stage::SpatialMean { pixels, channels }, Some(dx)) => {
                    pointwise::spatial_mean(*pixels, *channels, dx, dy);
                }
                (Stage::First(_), _) => unreachable!("its output is stored"),
            }
        }
    }
}

/// Room for each stage's output.
fn fit<T: Real>(buffers: &mut Vec<Buffer<T>>, plan: &Plan, batch: usize) {
    buffers.resize_with(plan.lens.len(), Buffer::default);
    for (buffer, len) in buffers.iter_mut().zip(&plan.lens) {
        buffer.fit(batch * len);
    }
}

fn refill<T: Copy>(to: &mut Vec<T>, from: &[T]) {
    to.clear();
    to.extend_from_slice(from);
}

impl Linear {
    /// Exactly 0 where batch statistics cancel it.
    fn bias_grad<T: Real>(&self, d: &[T], to: &mut [T]) {
        match self.before_norm {
            true => to.fill(T::default()),
            false => pointwise::row_sums(self.geometry.cout, d, to),
        }
    }

    /// The sum over the terms (weight, d); `spare` is as long as `dx` where there are several.
    fn input_grad<T: Real>(
        &self,
        batch: usize,
        terms: &[(&[T], &[T])],
        turned: &mut Vec<T>,
        spare: &mut [T],
        dx: &mut [T],
    ) {
        let len = self.weight.len();
        turned.resize(terms.len() * len, T::default());
        for (turned, (weight, _)) in turned.chunks_exact_mut(len).zip(terms) {
            conv::turn(&self.geometry, weight, turned);
        }
        let terms: Vec<_> = terms.iter().zip(turned.chunks_exact(len)).map(|((_, d), turned)| (*d, turned)).collect();
        conv::input_grad_sum(&self.geometry, batch, &terms, spare, dx);
    }
}

impl Stage {
    /// The gradient of the input of a stage without parameters, from that of its output.
    fn back<T: Real>(&self, batch: usize, x: &[T], y: &[T], d: &[T], dx: &mut [T]) {
        match self {
            Stage::Relu => {
                dx.copy_from_slice(d);
                pointwise::relu_grad(y, dx);
            }
            Stage::Tanh => {
                dx.copy_from_slice(d);
                pointwise::tanh_grad(y, dx);
            }
            Stage::MaxPool(shape) => pool::scatter(shape, batch, x, d, dx),
            Stage::SpatialMean { pixels, channels } => pointwise::spatial_mean_grad(*pixels, *channels, d, dx),
            Stage::Linear(_) | Stage::Norm(_) | Stage::First(_) => unreachable!("they have parameters"),
        }
    }
}
