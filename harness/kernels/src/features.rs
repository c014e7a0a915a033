//! Features, which are what the last dense layer reads, and the way back from their gradient to that of the parameters.
//!
//! For losses that are a small function of features (distances to class means, cosines, a head that takes steps of its own): that
//! function may be anybody's graph, and all that is below it goes through the fused passes.

use crate::forward::NormMode;
use crate::network::Network;
use crate::plan::Stage;
use crate::simd::Real;
use crate::workspace::Workspace;

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
        FeaturePass::new(self, params, x, running, ws)
    }

    fn below_the_last_dense(&self) -> usize {
        let dense = |stage: &Stage| matches!(stage, Stage::Linear(l) if l.geometry.kernel == 1);
        self.plan.stages.iter().rposition(dense).expect("a network with a dense layer")
    }
}

impl FeaturePass<'_> {
    // Not generic: so it is compiled here, optimised, however its caller is built.

    /// From the gradient `d` `[batch, features]` of the features to that of all parameters in `grad`; 0 for the last dense layer
    /// and, under batch statistics, for a bias right before a norm. Returns the workspace.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn back(self, d: &[f32], grad: &mut [f32]) -> Workspace {
        self.descend(d, grad)
    }
}

impl<'n, T: Real> FeaturePass<'n, T> {
    pub(crate) fn new(net: &'n Network, params: Vec<T>, x: Vec<T>, running: Option<Vec<T>>, ws: Workspace<T>) -> Self {
        assert_eq!(params.len(), net.param_len(), "length of the parameters");
        let batch = x.len() / net.input_len();
        assert_eq!(x.len(), batch * net.input_len(), "length of the inputs");
        assert!(running.as_ref().is_none_or(|r| r.len() == net.stats_len()), "length of the running statistics");
        let top = net.below_the_last_dense();
        let mut pass = Self { net, params, x, running, batch, top, ws };
        pass.ws.fit_below(&net.plan, top, batch, true);
        let mode = pass.running.as_deref().map_or(NormMode::Batch, NormMode::Running);
        net.run_stages(&net.plan, 0..top, &pass.params, &pass.x, batch, mode, &mut pass.ws);
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

    /// [`FeaturePass::back`].
    pub(crate) fn descend(mut self, d: &[T], grad: &mut [T]) -> Workspace<T> {
        assert_eq!(d.len(), self.features().len(), "length of the gradient of the features");
        assert_eq!(grad.len(), self.net.param_len(), "length of the gradient");
        let plan = &self.net.plan;
        plan.stages[self.top..].iter().for_each(|stage| stage.clear(grad));
        if self.top == 0 {
            return self.ws;
        }
        self.ws.buffers[plan.stages.len()][..d.len()].copy_from_slice(d);
        let mode = self.running.as_deref().map_or(NormMode::Batch, NormMode::Running);
        let (params, x) = (&self.params, &self.x);
        self.net.back(0..self.top, 0, 0, params, x, self.batch, mode, &mut self.ws, grad);
        self.ws
    }

    /// The workspace, where there is no way back to go.
    pub fn into_workspace(self) -> Workspace<T> {
        self.ws
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_tests::{check, networks, noise};
    use crate::layer::{Layer, Padding};
    use crate::loss::{Reduction, Target};

    /// For a random linear function of the features, under either statistics, for every kind of network.
    #[test]
    fn gradients_match_finite_differences() {
        let mut ws = Workspace::default();
        for (k, (net, batch)) in networks().into_iter().enumerate() {
            let params = noise(net.param_len(), k as u64 + 1);
            let x = noise(batch * net.input_len(), k as u64 + 100);
            let d = noise(batch * net.feature_len(), 8);
            let given = noise(net.stats_len(), 9).iter().map(|v| v.abs() + 0.1).collect::<Vec<_>>();
            for running in [None, Some(given.clone())] {
                let pass = |params: &[f64], ws| FeaturePass::new(&net, params.to_vec(), x.clone(), running.clone(), ws);
                let mut grad = vec![f64::NAN; net.param_len()];
                // One network's memory serves the next, whatever is in it.
                ws = pass(&params, ws).descend(&d, &mut grad);
                let loss = |params: &[f64]| {
                    let pass = pass(params, Workspace::default());
                    pass.features().iter().zip(&d).map(|(f, d)| f * d).sum()
                };
                check(&net, &params, loss, &grad);
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
            {
                let pass = FeaturePass::new(&net, params.clone(), x.clone(), None, Workspace::default());
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
                pass.descend(&d, &mut grad);
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
            FeaturePass::new(&net, params.clone(), x.clone(), None, Workspace::default()).descend(&d, &mut exact);
            let largest = exact.iter().fold(0.0f64, |a, b| a.max(b.abs()));
            for set in ["avx512f", "avx2+fma", "scalar"] {
                {
                    crate::simd::limited(set, || {
                        let run = |ws| {
                            let mut grad = vec![f32::NAN; net.param_len()];
                            let pass = FeaturePass::new(&net, narrow(&params), narrow(&x), None, ws);
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

    /// Gradients take the place of outputs: beside these there is room for that of the features alone.
    #[test]
    fn the_way_back_needs_little_memory_of_its_own() {
        let layers = [
            ("conv1", Layer::Conv { filters: 16, stride: 1 }),
            ("norm1", Layer::Norm { eps: 1e-3, scale: true }),
            ("relu1", Layer::Relu),
            ("pool1", Layer::MaxPool { padding: Padding::Valid }),
            ("conv2", Layer::Conv { filters: 16, stride: 1 }),
            ("norm2", Layer::Norm { eps: 1e-3, scale: true }),
            ("relu2", Layer::Relu),
            ("pool2", Layer::MaxPool { padding: Padding::Valid }),
            ("flat", Layer::Flatten),
            ("out", Layer::Dense { outputs: 3 }),
        ];
        let net = Network::new(&[8, 8, 3], layers.map(|(name, layer)| (name.to_string(), layer)).into()).unwrap();
        let (params, x) = (noise(net.param_len(), 1), noise(20 * net.input_len(), 2));
        let pass = FeaturePass::new(&net, params, x, None, Workspace::default());
        let d = noise(pass.features().len(), 3);
        let ws = pass.descend(&d, &mut vec![0.0; net.param_len()]);
        // The first convolution's output, four times as much, is nowhere.
        assert_eq!(ws.buffers[0].len(), 20 * 4 * 4 * 16);
        assert_eq!(ws.buffers[net.plan.stages.len()].len(), 20 * net.feature_len());
    }
}
