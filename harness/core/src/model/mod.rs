//! Functional models: parameters go in as an argument, so that methods can interpolate, perturb and differentiate them.
//!
//! One model has two ways to compute. On the CPU in f32, [`Model::loss_grad`], [`Model::predict`] and the
//! [`Learner`](crate::Learner) run the fused kernels on flat vectors, [`Curvature`](crate::families::maml::Curvature) multiplies
//! by second derivatives there, and [`Model::features`] stops at the features, from which a method goes on with a loss of
//! its own. Everywhere else the same calls build candle's graph, with the same answers within rounding; [`Model::logits`]
//! is that graph itself.

mod features;
mod flat;
mod hessian;
mod init;
mod spec;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use harness_kernels::{Backend, Layer, Network, NormMode, forward_tensors, forward_tensors_and_stats};

pub use self::features::Features;
pub use self::spec::{Activation, ModelSpec};
use crate::adapted::{Adapted, Mode};
use crate::episode::Labeled;
use crate::error::{Error, Result};
use crate::loss::Reduction;
use crate::params::Params;
use crate::rng::Stream;
pub(crate) use flat::{copy_values, values, with_workspace};
pub(crate) use hessian::HessianTape;

/// Which parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Every parameter.
    All,
    /// All but the last layer.
    Body,
    /// The last layer.
    Head,
    /// All but the norm layers' scales and shifts (cbfinn/maml's inner loop).
    Weights,
}

impl Group {
    /// Whether the parameter called `name` belongs to this group.
    pub fn holds(self, name: &str) -> bool {
        match self {
            Group::All => true,
            Group::Body => !name.starts_with("head."),
            Group::Head => name.starts_with("head."),
            Group::Weights => name.ends_with(".weight") || name.ends_with(".bias"),
        }
    }

    /// Those of `params` that belong to this group.
    pub fn part(self, params: &Params) -> Params {
        params.filter(|name| self.holds(name))
    }
}

/// What normalisation layers normalise with.
#[derive(Clone, Debug)]
pub enum Norm {
    /// The statistics of the batch at hand, always (Reptile, MAML).
    Batch,
    /// Running statistics: for each norm layer `<layer>.mean` and `<layer>.var`.
    Running(Params),
}

impl Norm {
    /// What is told by the buffers of a state or of what adapted: running statistics, or batch ones where there are none.
    pub fn told_by(buffers: &Params) -> Norm {
        if buffers.is_empty() { Norm::Batch } else { Norm::Running(buffers.clone()) }
    }

    /// Whether no image changes how another one is normalised.
    pub fn is_running(&self) -> bool {
        matches!(self, Norm::Running(_))
    }
}

/// Which statistics a method normalises with once training is over, as its settings say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistics {
    /// Those of the batch at hand.
    Batch,
    /// Averages over the batches of training: no example sees another, so both modes coincide.
    Running,
}

/// A loss and what follows from it.
#[derive(Clone, Debug)]
pub struct LossGrad {
    /// By the reduction that was asked for.
    pub loss: f64,
    /// One gradient a parameter, with its name and shape.
    pub grads: Params,
    /// Batch statistics, named as [`Norm::Running`] names them; empty without norm layers.
    pub stats: Params,
}

/// A network with a fixed input shape and number of outputs. It holds no parameters.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use harness_core::{Model, ModelSpec, Purpose, Stream, model::Norm};
///
/// let model = Model::new(&ModelSpec::ReptileOmniglot { filters: 8 }, &[28, 28, 1], 5, &Device::Cpu)?;
/// let params = model.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
/// assert_eq!(params.count(), model.param_count());
/// assert_eq!(params.get("conv1.weight")?.dims(), [3, 3, 1, 8]);
///
/// let images = Tensor::zeros((2, 28, 28, 1), DType::F32, &Device::Cpu)?;
/// assert_eq!(model.logits(&params, &images, &Norm::Batch)?.dims(), [2, 5]);
/// # Ok::<(), harness_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    spec: ModelSpec,
    pub(crate) network: Arc<Network>,
    norms: Vec<(String, usize)>,
    device: Device,
    pub(crate) backend: Backend,
}

impl Model {
    /// `input` is the shape of one input, `[height, width, channels]` or `[features]`. Errors: [`Error::Network`] if it is
    /// too small for the network's strides, naming the layer.
    pub fn new(spec: &ModelSpec, input: &[usize], outputs: usize, device: &Device) -> Result<Self> {
        let network = Network::new(input, spec.layers(outputs))?;
        let norms = network
            .layout()
            .iter()
            .filter_map(|param| Some((param.name.strip_suffix(".beta")?.to_owned(), param.len)))
            .collect();
        Ok(Model {
            spec: spec.clone(),
            network: Arc::new(network),
            norms,
            device: device.clone(),
            backend: Backend::Fast,
        })
    }

    /// The same model on candle's own operations only: slower, for comparison.
    pub fn stock(mut self) -> Self {
        self.backend = Backend::Stock;
        self
    }

    /// A model that is this one's head alone: `features` inputs, the same outputs.
    pub fn head(&self) -> Result<Model> {
        let head = self.network.layout().iter().find(|param| param.name == "head.weight");
        let features = head.expect("every network ends in a head").shape[0];
        let spec = ModelSpec::Mlp { hidden: Vec::new(), activation: Activation::Relu };
        let mut head = Model::new(&spec, &[features], self.outputs(), &self.device)?;
        head.spec = self.spec.clone();
        head.backend = self.backend;
        Ok(head)
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.network.outputs()
    }

    /// The named layers in order; the last one is the head.
    pub fn layers(&self) -> &[(String, Layer)] {
        self.network.layers()
    }

    /// Number of parameters.
    pub fn param_count(&self) -> usize {
        self.network.param_len()
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Floating-point operations of one forward and backward pass over `batch` inputs.
    pub fn flops(&self, batch: usize) -> f64 {
        self.network.flops_per_step(batch)
    }

    /// Fresh parameters, f32, drawn layer by layer: `<layer>.weight`, `.bias`, `.gamma`, `.beta`. How is the paper's: see
    /// [`ModelSpec`].
    pub fn init(&self, rng: &mut Stream) -> Result<Params> {
        self.init_by(self.spec.init(), rng)
    }

    /// As [`Model::init`], but all weights and biases uniform in ±1/√fan_in (PyTorch's default for dense layers).
    pub fn init_fan_in(&self, rng: &mut Stream) -> Result<Params> {
        self.init_by(spec::Init::FanIn, rng)
    }

    fn init_by(&self, how: spec::Init, rng: &mut Stream) -> Result<Params> {
        let mut fan_in = 1;
        let mut params = Params::new();
        for spec in self.network.layout() {
            if spec.name.ends_with(".weight") {
                fan_in = init::fan_in(spec);
            }
            let value = init::initial(spec, how, fan_in, rng)?;
            params.insert(spec.name.clone(), value.to_device(&self.device)?);
        }
        Ok(params)
    }

    /// Running statistics before any batch: mean 0, variance 1.
    pub fn initial_stats(&self) -> Result<Params> {
        let mut stats = Params::new();
        for (name, channels) in &self.norms {
            stats.insert(format!("{name}.mean"), Tensor::zeros(*channels, DType::F32, &self.device)?);
            stats.insert(format!("{name}.var"), Tensor::ones(*channels, DType::F32, &self.device)?);
        }
        Ok(stats)
    }

    /// Logits `[n, outputs]` as a candle graph: differentiable, twice too. `x` is `[n, …]`. Errors: [`Error::Usage`] naming
    /// a parameter that is missing.
    pub fn logits(&self, params: &Params, x: &Tensor, norm: &Norm) -> Result<Tensor> {
        let (ordered, running) = (self.ordered(params)?, self.running_tensors(norm)?);
        Ok(forward_tensors(&self.network, &ordered, x, running.as_deref(), self.graph_backend())?)
    }

    /// [`Model::logits`] and the statistics that the norm layers used.
    pub(crate) fn logits_and_stats(&self, params: &Params, x: &Tensor, norm: &Norm) -> Result<(Tensor, Params)> {
        let (ordered, running) = (self.ordered(params)?, self.running_tensors(norm)?);
        let answer = forward_tensors_and_stats(&self.network, &ordered, x, running.as_deref(), self.graph_backend());
        let (logits, stats) = answer?;
        Ok((logits, self.name_stats(stats)))
    }

    /// The loss of a batch and its gradient for every parameter, with batch statistics. `reduction` is over the examples of
    /// the batch. Errors: [`Error::Usage`] naming a parameter that is missing or has another shape.
    pub fn loss_grad(&self, params: &Params, batch: &Labeled, reduction: Reduction) -> Result<LossGrad> {
        if self.fused(params) {
            return flat::loss_grad(self, params, batch, reduction);
        }
        let vars = params.to_vars()?;
        let (logits, stats) = self.logits_and_stats(&vars, &batch.x, &Norm::Batch)?;
        let (loss, grads) = crate::loss::gradient(&crate::loss::loss(&logits, &batch.y, reduction)?, &vars)?;
        Ok(LossGrad { loss, grads, stats })
    }

    /// Answers `[queries, outputs]` for `query` `[queries, …]` in `mode`: the queries as one batch, or each alone with the
    /// whole support set. With running statistics (or no norm layers) both are the same. Errors as [`Model::loss_grad`].
    pub fn predict(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        let norm = Norm::told_by(&adapted.buffers);
        let alone = mode == Mode::Inductive && !self.norms.is_empty() && !norm.is_running();
        if self.fused(&adapted.params) {
            return flat::predict(self, &adapted.params, &norm, alone.then_some(&support.x), query);
        }
        if !alone {
            return self.logits(&adapted.params, query, &norm);
        }
        let n = support.len();
        let answers = (0..query.dim(0)?).map(|index| {
            let batch = Tensor::cat(&[&support.x, &query.narrow(0, index, 1)?], 0)?;
            self.logits(&adapted.params, &batch, &norm)?.narrow(0, n, 1).map_err(Error::from)
        });
        Ok(Tensor::cat(&answers.collect::<Result<Vec<_>>>()?, 0)?)
    }

    /// Whether the fused kernels apply: CPU, f32, not asked for candle's own operations.
    pub(crate) fn fused(&self, params: &Params) -> bool {
        self.device.is_cpu()
            && self.backend == Backend::Fast
            && params.iter().all(|(_, tensor)| tensor.dtype() == DType::F32)
    }

    /// What candle's graph is made of.
    fn graph_backend(&self) -> Backend {
        if self.device.is_cpu() { self.backend } else { Backend::Stock }
    }

    fn ordered(&self, params: &Params) -> Result<Vec<Tensor>> {
        self.network.layout().iter().map(|spec| params.get(&spec.name).cloned()).collect()
    }

    fn running_tensors(&self, norm: &Norm) -> Result<Option<Vec<Tensor>>> {
        match norm {
            Norm::Batch => Ok(None),
            Norm::Running(stats) => self.ordered_stats(stats).map(Some),
        }
    }

    /// Statistics in the network's order under their names.
    fn name_stats(&self, stats: Vec<Tensor>) -> Params {
        let names = self.norms.iter().flat_map(|(name, _)| [format!("{name}.mean"), format!("{name}.var")]);
        names.zip(stats).collect()
    }

    fn ordered_stats(&self, stats: &Params) -> Result<Vec<Tensor>> {
        let mut all = Vec::new();
        for (name, _) in &self.norms {
            all.push(stats.get(&format!("{name}.mean"))?.clone());
            all.push(stats.get(&format!("{name}.var"))?.clone());
        }
        Ok(all)
    }

    pub(crate) fn norm_mode<'a>(&self, norm: &Norm, stats: &'a mut Vec<f32>) -> Result<NormMode<'a>> {
        let Norm::Running(running) = norm else { return Ok(NormMode::Batch) };
        for tensor in self.ordered_stats(running)? {
            let start = stats.len();
            stats.resize(start + tensor.elem_count(), 0.0);
            copy_values(&tensor, &mut stats[start..])?;
        }
        Ok(NormMode::Running(stats))
    }
}
