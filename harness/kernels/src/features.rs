//! Features, which are what the last dense layer reads, and the way back from their gradient to that of the parameters.
//!
//! For losses that are a small function of features (distances to class means, cosines, a head that takes steps of its own): that
//! function may be anybody's graph, and all that is below it goes through the fused passes.
//!
//! Such methods train on episodes of hundreds of images, all normalised together. The output of the first convolution is by far
//! their largest array (of Conv-4 with 64 filters on 84×84 pixels 1.8 MB an image, six tenths of all) and the cheapest to make (an
//! eighth of the operations). Where it outgrows the caches it is *streamed*: made for a few images at a time, again for each pass
//! that reads it, and never held whole.

use crate::forward::NormMode;
use crate::network::Network;
use crate::norm;
use crate::norm_grad::NormGrad;
use crate::plan::{Linear, Norm, Stage};
use crate::simd::Real;
use crate::workspace::Workspace;
use crate::{conv, pointwise, statistics};
use std::ops::Range;

/// Images whose first layer is made together: one register tile's worth.
const GROUP: usize = 6;
/// Bytes of the first stage's output from which on it is streamed.
const LARGE: usize = 64 << 20;

/// A batch that has gone through all layers below the last dense one.
///
/// ```
/// use harness_kernels::{Layer, Network, Workspace};
/// let layers = [("body", Layer::Dense { outputs: 2 }), ("act", Layer::Relu), ("head", Layer::Dense { outputs: 5 })];
/// let net = Network::new(&[1], layers.map(|(name, layer)| (name.to_string(), layer)).into())?;
/// let mut params = vec![0.0; net.param_len()];
/// params[..4].copy_from_slice(&[1.0, -1.0, 0.5, 0.0]); // relu(x + ½) and relu(−x)
/// let pass = net.features(params, vec![2.0], None, Workspace::default());
/// assert_eq!(pass.features(), [2.5, 0.0]);
/// // Of 10 times the first feature: 10·x for its weight, 10 for its bias, nothing else.
/// let mut grad = vec![f32::NAN; net.param_len()];
/// let workspace = pass.back(&[10.0, 10.0], &mut grad);
/// assert_eq!(grad[..4], [20.0, 0.0, 10.0, 0.0]);
/// assert!(grad[4..].iter().all(|g| *g == 0.0));
/// # Ok::<(), harness_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct FeaturePass<'n, T = f32> {
    net: &'n Network,
    params: Vec<T>,
    x: Vec<T>,
    running: Option<Vec<T>>,
    batch: usize,
    /// Stages below the last dense layer.
    top: usize,
    /// Images of one group, where the first stage is streamed.
    group: Option<usize>,
    ws: Workspace<T>,
}

impl Network {
    /// Features of one example: the inputs of the last dense layer.
    ///
    /// # Panics
    /// If there is no dense layer.
    pub fn feature_len(&self) -> usize {
        match self.below_the_last_dense() {
            0 => self.input_len(),
            top => self.plan.lens[top - 1],
        }
    }

    /// Takes a batch `x` `[batch, input_len]` through all layers below the last dense one, under its own statistics or under
    /// `running` ones ([`NormMode::Running`]). What that layer's entries of `params` are does not matter. `ws` is
    /// handed on, and comes back in the end: nothing is allocated but what is given.
    ///
    /// # Panics
    /// If a vector has another length, or there is no dense layer.
    pub fn features(&self, params: Vec<f32>, x: Vec<f32>, running: Option<Vec<f32>>, ws: Workspace) -> FeaturePass<'_> {
        let batch = x.len() / self.input_len();
        let large = batch * self.plan.lens[0] * size_of::<f32>() > LARGE;
        FeaturePass::new(self, params, x, running, ws, large.then_some(GROUP))
    }

    fn below_the_last_dense(&self) -> usize {
        let dense = |stage: &Stage| matches!(stage, Stage::Linear(l) if l.geometry.kernel == 1);
        self.plan.stages.iter().rposition(dense).expect("a network with a dense layer")
    }

    /// The first stage and the norm after it, where that is how the network begins.
    fn first_block(&self) -> Option<(&Linear, &Norm)> {
        match &self.plan.stages[..] {
            [Stage::Linear(linear), Stage::Norm(norm), ..] => Some((linear, norm)),
            _ => None,
        }
    }
}

impl<'n, T: Real> FeaturePass<'n, T> {
    /// Streams the first stage in groups of so many images, if it is followed by a norm.
    pub(crate) fn new(
        net: &'n Network,
        params: Vec<T>,
        x: Vec<T>,
        running: Option<Vec<T>>,
        ws: Workspace<T>,
        group: Option<usize>,
    ) -> Self {
        assert_eq!(params.len(), net.param_len(), "length of the parameters");
        let batch = x.len() / net.input_len();
        assert_eq!(x.len(), batch * net.input_len(), "length of the inputs");
        assert!(running.as_ref().is_none_or(|r| r.len() == net.stats_len()), "length of the running statistics");
        let group = group.filter(|_| net.first_block().is_some());
        let mut pass = Self { net, params, x, running, batch, top: net.below_the_last_dense(), group, ws };
        pass.ws.fit_below(&net.plan, pass.top, batch, group.unwrap_or(batch), true);
        pass.forward();
        pass
    }

    /// `[batch, features]`.
    pub fn features(&self) -> &[T] {
        self.top.checked_sub(1).map_or(&self.x, |last| &self.ws.buffers[last])
    }

    /// The statistics that the norms used, in the layout of [`NormMode::Running`].
    pub fn stats(&self) -> &[T] {
        &self.ws.stats
    }

    /// From the gradient `d` `[batch, features]` of the features to that of all parameters in `grad`; 0 for the last dense layer
    /// and, under batch statistics, for a bias right before a norm. Returns the workspace.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn back(mut self, d: &[T], grad: &mut [T]) -> Workspace<T> {
        assert_eq!(d.len(), self.features().len(), "length of the gradient of the features");
        assert_eq!(grad.len(), self.net.param_len(), "length of the gradient");
        let plan = &self.net.plan;
        plan.stages[self.top..].iter().for_each(|stage| stage.clear(grad));
        if self.top == 0 {
            return self.ws;
        }
        self.ws.buffers[plan.stages.len()][..d.len()].copy_from_slice(d);
        let from = if self.group.is_some() { 2 } else { 0 };
        let mode = self.running.as_deref().map_or(NormMode::Batch, NormMode::Running);
        let (params, x) = (&self.params, &self.x);
        let at = self.net.back(from..self.top, 0, params, x, self.batch, mode, &mut self.ws, grad);
        if let Some(group) = self.group {
            self.first_block_back(group, at, grad);
        }
        self.ws
    }

    /// The workspace, where there is no way back to go.
    pub fn into_workspace(self) -> Workspace<T> {
        self.ws
    }

    fn forward(&mut self) {
        let from = match self.group {
            None => 0,
            Some(group) => {
                self.first_block_forward(group);
                2
            }
        };
        let Self { net, params, x, running, batch, ws, .. } = self;
        let mode = running.as_deref().map_or(NormMode::Batch, NormMode::Running);
        net.run_stages(&net.plan, from..self.top, params, x, *batch, mode, ws);
    }

    fn groups(&self, group: usize) -> impl Iterator<Item = Range<usize>> + use<T> {
        let batch = self.batch;
        (0..batch).step_by(group).map(move |first| first..batch.min(first + group))
    }

    /// The first stage's output for these images.
    fn first_stage(&mut self, linear: &Linear, images: &Range<usize>) {
        let x = part(&self.x, images, self.net.input_len());
        let out = &mut self.ws.buffers[0][..images.len() * self.net.plan.lens[0]];
        let (weight, bias) = (&self.params[linear.weight.clone()], &self.params[linear.bias.clone()]);
        conv::forward(&linear.geometry, images.len(), x, weight, Some(bias), out);
    }

    fn first_block_forward(&mut self, group: usize) {
        let Some((linear, norm)) = self.net.first_block() else {
            unreachable!("it was there when streaming was chosen")
        };
        let plan = &self.net.plan;
        match &self.running {
            Some(given) => {
                let own = norm.mean.start..norm.var.end;
                self.ws.stats[own.clone()].copy_from_slice(&given[own]);
            }
            None => {
                self.ws.stats[norm.mean.start..norm.var.end].fill(T::default());
                for images in self.groups(group) {
                    self.first_stage(linear, &images);
                    let (mean, m2) = norm.split(&mut self.ws.stats);
                    let out = &self.ws.buffers[0][..images.len() * plan.lens[0]];
                    statistics::merge_images(out, images.len(), norm.pixels, images.start * norm.pixels, mean, m2);
                }
                norm.finish(self.batch, norm.split(&mut self.ws.stats).1);
            }
        }
        norm.scale(&self.params, &self.ws.stats, &mut self.ws.scales);
        for images in self.groups(group) {
            self.first_stage(linear, &images);
            let Workspace { buffers, stats, scales, .. } = &mut self.ws;
            let (input, output) = buffers.split_at_mut(1);
            let input = &input[0][..images.len() * plan.lens[0]];
            let output = &mut output[0][images.start * plan.lens[1]..images.end * plan.lens[1]];
            let affine = norm.affine(&self.params, stats, scales);
            norm::forward(affine, norm.after(), images.len(), norm.pixels, input, output);
        }
    }

    /// Back through the first two stages, from the gradient of their output in buffer `at`.
    fn first_block_back(&mut self, group: usize, at: usize, grad: &mut [T]) {
        let Some((linear, norm)) = self.net.first_block() else {
            unreachable!("it was there when streaming was chosen")
        };
        let (plan, channels) = (&self.net.plan, norm.channels());
        let zeros = || vec![T::default(); channels];
        let (mut dbeta, mut dgamma, mut sums) = (zeros(), zeros(), [zeros(), zeros()]);
        for images in self.groups(group) {
            self.first_stage(linear, &images);
            let [x, dy] = self.ws.buffers.get_disjoint_mut([0, at]).expect("distinct buffers");
            let back = norm.grad(
                &self.params,
                &self.ws.stats,
                &self.ws.scales,
                self.running.is_none(),
                &images,
                plan.lens[1],
                dy,
            );
            let [own_dbeta, own_dgamma] = &mut sums;
            back.sums(&x[..images.len() * plan.lens[0]], own_dbeta, own_dgamma);
            pointwise::add(own_dbeta, &mut dbeta);
            pointwise::add(own_dgamma, &mut dgamma);
        }
        grad[norm.beta.clone()].copy_from_slice(&dbeta);
        if let Some(gamma) = &norm.gamma {
            grad[gamma.clone()].copy_from_slice(&dgamma);
        }

        let (weight, bias) = (linear.weight.clone(), linear.bias.clone());
        let mut own_weight = vec![T::default(); weight.len()];
        let mut own_bias = vec![T::default(); bias.len()];
        grad[weight.clone()].fill(T::default());
        grad[bias.clone()].fill(T::default());
        for images in self.groups(group) {
            self.first_stage(linear, &images);
            let [d, dy] = self.ws.buffers.get_disjoint_mut([0, at]).expect("distinct buffers");
            let d = &mut d[..images.len() * plan.lens[0]];
            let back = norm.grad(
                &self.params,
                &self.ws.stats,
                &self.ws.scales,
                self.running.is_none(),
                &images,
                plan.lens[1],
                dy,
            );
            // Its means are over the images that it sees, these sums over all.
            let share = T::of(images.len() as f64 / self.batch as f64);
            let [own_dbeta, own_dgamma] = &mut sums;
            for (own, all) in [(own_dbeta, &dbeta), (own_dgamma, &dgamma)] {
                own.iter_mut().zip(all).for_each(|(own, all)| *own = *all * share);
            }
            back.apply(d, &sums[0], &sums[1]);
            let x = part(&self.x, &images, self.net.input_len());
            conv::weight_grad(&linear.geometry, images.len(), x, d, &mut own_weight);
            pointwise::add(&own_weight, &mut grad[weight.clone()]);
            if self.running.is_some() {
                pointwise::row_sums(channels, d, &mut own_bias);
                pointwise::add(&own_bias, &mut grad[bias.clone()]);
            }
        }
    }
}

impl Norm {
    /// Back through this norm for some of a batch's images, `dy` the gradient of all outputs.
    #[allow(clippy::too_many_arguments)]
    fn grad<'a, T>(
        &'a self,
        params: &'a [T],
        stats: &'a [T],
        scales: &'a [T],
        batch_statistics: bool,
        images: &Range<usize>,
        output_len: usize,
        dy: &'a [T],
    ) -> NormGrad<'a, T> {
        NormGrad {
            affine: self.affine(params, stats, scales),
            inv_std: &scales[self.var.clone()],
            after: self.after(),
            images: images.len(),
            pixels: self.pixels,
            dy: part(dy, images, output_len),
            batch_statistics,
        }
    }
}

/// These images among all.
fn part<'a, T>(all: &'a [T], images: &Range<usize>, len: usize) -> &'a [T] {
    &all[images.start * len..images.end * len]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_tests::{check, networks, noise};
    use crate::loss::{Reduction, Target};

    /// For a random linear function of the features; streamed or not, under either statistics, for every kind of network.
    #[test]
    fn gradients_match_finite_differences() {
        let mut ws = Workspace::default();
        for (k, (net, batch)) in networks().into_iter().enumerate() {
            let params = noise(net.param_len(), k as u64 + 1);
            let x = noise(batch * net.input_len(), k as u64 + 100);
            let d = noise(batch * net.feature_len(), 8);
            let given = noise(net.stats_len(), 9).iter().map(|v| v.abs() + 0.1).collect::<Vec<_>>();
            for group in [None, Some(1), Some(2), Some(6)] {
                for running in [None, Some(given.clone())] {
                    let pass = |params: &[f64], ws| {
                        FeaturePass::new(&net, params.to_vec(), x.clone(), running.clone(), ws, group)
                    };
                    let mut grad = vec![f64::NAN; net.param_len()];
                    // One network's memory serves the next, whatever is in it.
                    ws = pass(&params, ws).back(&d, &mut grad);
                    let loss = |params: &[f64]| {
                        let pass = pass(params, Workspace::default());
                        pass.features().iter().zip(&d).map(|(f, d)| f * d).sum()
                    };
                    check(&net, &params, loss, &grad);
                }
            }
        }
    }

    /// Through a head and its loss by hand, the gradient of everything below is that of the whole network; features and
    /// statistics are those of its forward pass.
    #[test]
    fn with_a_head_it_is_the_whole_network() {
        for (k, (net, batch)) in networks().into_iter().enumerate() {
            let params = noise(net.param_len(), k as u64 + 1);
            let x = noise(batch * net.input_len(), k as u64 + 100);
            let values = noise(batch * net.outputs(), 7);
            let (mut ws, mut whole) = (Workspace::default(), vec![f64::NAN; net.param_len()]);
            let (target, sum) = (Target::Values(&values), Reduction::Sum);
            net.descend(&params, &x, target, sum, NormMode::Batch, 0, &mut ws, &mut whole);

            let [.., weight, bias] = net.layout() else { panic!("a head") };
            let (weight, bias) = (&params[weight.offset..][..weight.len], &params[bias.offset..][..bias.len]);
            let (width, outputs) = (net.feature_len(), net.outputs());
            for group in [None, Some(2)] {
                let pass = FeaturePass::new(&net, params.clone(), x.clone(), None, Workspace::default(), group);
                assert_eq!(pass.stats(), &*ws.stats, "network {k}");
                let mut d = vec![0.0; batch * width];
                for image in 0..batch {
                    let features = &pass.features()[image * width..][..width];
                    for o in 0..outputs {
                        let answer = bias[o] + (0..width).map(|i| features[i] * weight[i * outputs + o]).sum::<f64>();
                        let by = 2.0 * (answer - values[image * outputs + o]) / outputs as f64;
                        (0..width).for_each(|i| d[image * width + i] += by * weight[i * outputs + o]);
                    }
                }
                let mut grad = vec![f64::NAN; net.param_len()];
                pass.back(&d, &mut grad);
                let head = net.layout()[net.layout().len() - 2].offset;
                for i in 0..net.param_len() {
                    let want = if i < head { whole[i] } else { 0.0 };
                    assert!(
                        (grad[i] - want).abs() < 1e-10 * want.abs().max(1.0),
                        "network {k} [{i}]: {} for {want}",
                        grad[i]
                    );
                }
            }
        }
    }

    #[test]
    fn single_precision_agrees_and_repeats_its_bits() {
        let narrow = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
        for (k, (net, batch)) in networks().into_iter().enumerate() {
            let params = noise(net.param_len(), k as u64 + 1);
            let x = noise(batch * net.input_len(), k as u64 + 100);
            let d = noise(batch * net.feature_len(), 8);
            let mut exact = vec![f64::NAN; net.param_len()];
            FeaturePass::new(&net, params.clone(), x.clone(), None, Workspace::default(), None).back(&d, &mut exact);
            let largest = exact.iter().fold(0.0f64, |a, b| a.max(b.abs()));
            for set in ["avx512f", "avx2+fma", "scalar"] {
                for group in [None, Some(2)] {
                    crate::simd::limited(set, || {
                        let run = |ws| {
                            let mut grad = vec![f32::NAN; net.param_len()];
                            let pass = FeaturePass::new(&net, narrow(&params), narrow(&x), None, ws, group);
                            (pass.back(&narrow(&d), &mut grad), grad)
                        };
                        let (ws, grad) = run(Workspace::default());
                        for (i, (g, e)) in grad.iter().zip(&exact).enumerate() {
                            assert!(
                                (*g as f64 - e).abs() < 1e-4 * largest.max(1e-9),
                                "{set}, network {k} [{i}]: {g} for {e}"
                            );
                        }
                        assert_eq!(grad, run(ws).1, "the same bits in used memory");
                    });
                }
            }
        }
    }

    /// What streaming is for.
    #[test]
    fn the_first_layers_output_is_never_held_whole() {
        let (net, _) = networks().swap_remove(0);
        let (params, x) = (noise(net.param_len(), 1), noise(20 * net.input_len(), 2));
        let pass = FeaturePass::new(&net, params, x, None, Workspace::default(), Some(3));
        let d = noise(pass.features().len(), 3);
        let ws = pass.back(&d, &mut vec![0.0; net.param_len()]);
        assert_eq!(ws.buffers[0].len(), 3 * net.plan.lens[0]);
        // Gradients take the place of outputs: beside these there is room for that of the features alone.
        assert_eq!(ws.buffers[net.plan.stages.len()].len(), 20 * net.feature_len());
    }
}
