//! The networks of the papers, by name, as a benchmark's `[model]` block names them (the source is in each variant's doc).

use harness_kernels::{Layer, Padding};

/// A network of the literature with the few sizes that benchmarks vary.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "network", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelSpec {
    /// openai/supervised-reptile models.py, `OmniglotModel`: 4 × (conv 3×3 stride 2 "same" with bias, norm, ReLU),
    /// flatten, dense. Glorot-uniform kernels, zero biases, norm epsilon 1e-3.
    ReptileOmniglot {
        /// Of each convolution (64).
        #[serde(default = "sixty_four")]
        filters: usize,
    },
    /// openai/supervised-reptile models.py, `MiniImageNetModel`: 4 × (conv 3×3 "same" with bias, norm, 2×2 max pool
    /// "same", ReLU), flatten, dense.
    ReptileMini {
        /// Of each convolution (32).
        #[serde(default = "thirty_two")]
        filters: usize,
    },
    /// cbfinn/maml on Omniglot: 4 × (conv 3×3 stride 2 "same" with bias, norm without gamma, ReLU), spatial mean, dense.
    /// Xavier-uniform kernels, head from N(0, 1), zero biases.
    FinnOmniglot {
        /// Of each convolution (64).
        #[serde(default = "sixty_four")]
        filters: usize,
    },
    /// cbfinn/maml on mini-ImageNet: 4 × (conv 3×3 "same" with bias, norm without gamma, ReLU, 2×2 max pool "valid"),
    /// flatten, dense. Xavier-uniform everywhere.
    FinnMini {
        /// Of each convolution (32).
        #[serde(default = "thirty_two")]
        filters: usize,
    },
    /// Conv-4 as jakesnell/prototypical-networks and twitter/meta-learning-lstm have it: 4 × (conv 3×3 "same" with bias,
    /// norm, ReLU, 2×2 max pool "valid"), flatten, dense; of 84×84 pixels it makes 5·5·64 = 1,600 features, of 28×28 it makes 64.
    /// Weights and biases uniform in ±1/√fan_in, as Torch has them; gamma starts at 1, where Torch of that time drew it from 0..1. Norm
    /// epsilon 1e-5, PyTorch's; twitter/meta-learning-lstm has 1e-3.
    Conv4 {
        /// Of each convolution (64).
        #[serde(default = "sixty_four")]
        filters: usize,
    },
    /// A fully connected network for regression. Weights and biases uniform in ±1/√fan_in.
    Mlp {
        /// Units of each hidden layer; none makes it linear.
        hidden: Vec<usize>,
        /// After each hidden layer.
        activation: Activation,
    },
}

/// The nonlinearity of an [`ModelSpec::Mlp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// tanh(x): the Reptile author's sine network.
    Tanh,
    /// max(x, 0).
    Relu,
}

/// How the initial weights are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Init {
    /// Glorot-uniform weights, zero biases.
    Glorot,
    /// Glorot-uniform weights, but the head from N(0, 1); zero biases.
    GlorotNormalHead,
    /// Weights and biases uniform in ±1/√fan_in (PyTorch's default for dense layers).
    FanIn,
}

fn sixty_four() -> usize {
    64
}

fn thirty_two() -> usize {
    32
}

/// TensorFlow's `batch_normalization` default.
const NORM_EPS: f64 = 1e-3;
/// PyTorch's.
const TORCH_NORM_EPS: f64 = 1e-5;

impl ModelSpec {
    /// The named layers of this network with `outputs` outputs. The last one is the head.
    pub(super) fn layers(&self, outputs: usize) -> Vec<(String, Layer)> {
        let mut layers = Vec::new();
        match self {
            ModelSpec::ReptileOmniglot { filters } | ModelSpec::FinnOmniglot { filters } => {
                let scale = matches!(self, ModelSpec::ReptileOmniglot { .. });
                for block in 1..=4 {
                    layers.push((format!("conv{block}"), Layer::Conv { filters: *filters, stride: 2 }));
                    layers.push((format!("norm{block}"), Layer::Norm { scale, eps: NORM_EPS }));
                    layers.push((format!("relu{block}"), Layer::Relu));
                }
                let (name, flat) = if scale { ("flatten", Layer::Flatten) } else { ("mean", Layer::SpatialMean) };
                layers.push((name.into(), flat));
            }
            ModelSpec::ReptileMini { filters } => {
                for block in 1..=4 {
                    layers.push((format!("conv{block}"), Layer::Conv { filters: *filters, stride: 1 }));
                    layers.push((format!("norm{block}"), Layer::Norm { scale: true, eps: NORM_EPS }));
                    layers.push((format!("pool{block}"), Layer::MaxPool { padding: Padding::Same }));
                    layers.push((format!("relu{block}"), Layer::Relu));
                }
                layers.push(("flatten".into(), Layer::Flatten));
            }
            ModelSpec::FinnMini { filters } | ModelSpec::Conv4 { filters } => {
                let (scale, eps) = match self {
                    ModelSpec::Conv4 { .. } => (true, TORCH_NORM_EPS),
                    _ => (false, NORM_EPS),
                };
                for block in 1..=4 {
                    layers.push((format!("conv{block}"), Layer::Conv { filters: *filters, stride: 1 }));
                    layers.push((format!("norm{block}"), Layer::Norm { scale, eps }));
                    layers.push((format!("relu{block}"), Layer::Relu));
                    layers.push((format!("pool{block}"), Layer::MaxPool { padding: Padding::Valid }));
                }
                layers.push(("flatten".into(), Layer::Flatten));
            }
            ModelSpec::Mlp { hidden, activation } => {
                for (index, width) in hidden.iter().enumerate() {
                    let index = index + 1;
                    layers.push((format!("dense{index}"), Layer::Dense { outputs: *width }));
                    layers.push(match activation {
                        Activation::Tanh => (format!("tanh{index}"), Layer::Tanh),
                        Activation::Relu => (format!("relu{index}"), Layer::Relu),
                    });
                }
            }
        }
        layers.push(("head".into(), Layer::Dense { outputs }));
        layers
    }

    pub(super) fn init(&self) -> Init {
        match self {
            ModelSpec::FinnOmniglot { .. } => Init::GlorotNormalHead,
            ModelSpec::Conv4 { .. } | ModelSpec::Mlp { .. } => Init::FanIn,
            _ => Init::Glorot,
        }
    }
}
