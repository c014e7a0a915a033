//! The layers that a network is built of.

/// How a pool treats an odd row or column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Keeps it: ⌈n/2⌉ outputs, with padding after the image that never wins (TensorFlow's "same").
    Same,
    /// Drops it: ⌊n/2⌋ outputs.
    Valid,
}

/// One layer of a fixed feed-forward network; images are channels last.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// 3×3 convolution with TensorFlow's "same" padding and a bias: parameters `weight` `[3, 3, C_in, C_out]`, `bias`
    /// `[C_out]`.
    ///
    /// A bias directly before a [`Layer::Norm`] that uses batch statistics cancels: it moves no output, and its gradient
    /// is given as exactly zero. (Frameworks compute that zero as rounding noise, which Adam with β₁ = 0 then
    /// normalises to full steps; they, too, move no output.)
    Conv {
        filters: usize,
        stride: usize,
    },
    /// Normalisation of each channel over batch and pixels (biased variance), then `gamma` `[C]` (if `scale`) and `beta`
    /// `[C]`. Ioffe and Szegedy (2015).
    Norm {
        scale: bool,
        eps: f64,
    },
    /// max(x, 0); the gradient at 0 is 0.
    Relu,
    Tanh,
    /// 2×2 windows in steps of two; the first of equal elements wins.
    MaxPool {
        padding: Padding,
    },
    /// `[B, H, W, C]` to `[B, C]`.
    SpatialMean,
    /// `[B, H, W, C]` to `[B, H·W·C]`.
    Flatten,
    /// Parameters `weight` `[in, out]`, `bias` `[out]`.
    Dense {
        outputs: usize,
    },
}

/// One parameter of a network and its place in the flat vector of all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// `<layer name>.weight`, `.bias`, `.gamma` or `.beta`.
    pub name: String,
    pub shape: Vec<usize>,
    /// First element in the flat vector.
    pub offset: usize,
    /// Number of elements.
    pub len: usize,
    /// Index of its layer.
    pub layer: usize,
}
