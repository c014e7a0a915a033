//! Functional models: parameters go in as an argument, so that methods can interpolate, perturb and differentiate them.
//!
//! One model has two ways to compute. On the CPU in f32, [`Model::loss_grad`], [`Model::predict`] and the
//! [`Learner`](crate::Learner) run the fused kernels on flat vectors, and [`Curvature`](crate::descent::Curvature) multiplies
//! by second derivatives there. Everywhere else, and for a loss of one's own, [`Model::logits`] and [`Model::features`] build
//! candle's graph.

mod flat;
mod hessian;
mod init;
mod spec;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use harness_kernels::{Backend, Layer, Network, NormMode, forward_tensors};

pub use self::spec::{Activation, ModelSpec};
use crate::algorithm::{Adapted, Mode};
use crate::episode::{Labeled, Targets};
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
}

/// What normalisation layers normalise with.
#[derive(Clone, Debug)]
pub enum Norm {
    /// The statistics of the batch at hand, always (Reptile, MAML).
    Batch,
    /// Running statistics: for each norm layer `<layer>.mean` and `<layer>.var`.
    Running(Params),
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
        self.graph(params, x, norm, false)
    }

    /// What the head reads, `[n, features]`, as a candle graph; `params` need no head. Errors as [`Model::logits`].
    pub fn features(&self, params: &Params, x: &Tensor, norm: &Norm) -> Result<Tensor> {
        self.graph(&self.with_any_head(params)?, x, norm, true)
    }

    /// The statistics of the norm layers over the batch `x` `[n, …]`, named as those of [`Model::initial_stats`]; `params`
    /// need no head. None where the fused kernels do not apply. Errors as [`Model::loss_grad`].
    pub fn statistics(&self, params: &Params, x: &Tensor) -> Result<Params> {
        let any = Labeled::new(x.clone(), Targets::Classes(vec![0; x.dim(0)?]))?;
        Ok(self.loss_grad(&self.with_any_head(params)?, &any, Reduction::Mean)?.stats)
    }

    /// `params`, with zeros for the head if they have none: for what does not read it.
    fn with_any_head(&self, params: &Params) -> Result<Params> {
        let mut all = params.clone();
        let dtype = params.iter().next().map_or(DType::F32, |(_, tensor)| tensor.dtype());
        let missing = |name: &str| Group::Head.holds(name) && !params.names().any(|held| held == name);
        for spec in self.network.layout().iter().filter(|spec| missing(&spec.name)) {
            all.insert(spec.name.clone(), Tensor::zeros(spec.shape.as_slice(), dtype, &self.device)?);
        }
        Ok(all)
    }

    fn graph(&self, params: &Params, x: &Tensor, norm: &Norm, features: bool) -> Result<Tensor> {
        let ordered = self.ordered(params)?;
        let running = match norm {
            Norm::Batch => None,
            Norm::Running(stats) => Some(self.ordered_stats(stats)?),
        };
        let backend = if self.device.is_cpu() { self.backend } else { Backend::Stock };
        let answer = if features {
            harness_kernels::features_tensors(&self.network, &ordered, x, running.as_deref(), backend)?
        } else {
            forward_tensors(&self.network, &ordered, x, running.as_deref(), backend)?
        };
        Ok(answer)
    }

    /// The loss of a batch and its gradient for every parameter, with batch statistics. `reduction` is over the examples of
    /// the batch. Errors: [`Error::Usage`] naming a parameter that is missing or has another shape.
    pub fn loss_grad(&self, params: &Params, batch: &Labeled, reduction: Reduction) -> Result<LossGrad> {
        if self.fused(params) {
            return flat::loss_grad(self, params, batch, reduction);
        }
        let vars = params.to_vars()?;
        let loss = crate::loss::loss(&self.logits(&vars, &batch.x, &Norm::Batch)?, &batch.y, reduction)?;
        let (loss, grads) = crate::loss::gradient(&loss, &vars)?;
        Ok(LossGrad { loss, grads, stats: Params::new() })
    }

    /// Answers `[queries, outputs]` for `query` `[queries, …]` in `mode`: the queries as one batch, or each alone with the
    /// whole support set. With running statistics (or no norm layers) both are the same. Errors as [`Model::loss_grad`].
    pub fn predict(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        let norm = match adapted.buffers.is_empty() {
            true => Norm::Batch,
            false => Norm::Running(adapted.buffers.clone()),
        };
        let alone = mode == Mode::Inductive && !self.norms.is_empty() && matches!(norm, Norm::Batch);
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

    fn ordered(&self, params: &Params) -> Result<Vec<Tensor>> {
        self.network.layout().iter().map(|spec| params.get(&spec.name).cloned()).collect()
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
