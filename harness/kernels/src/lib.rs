//! Fast CPU kernels for the fixed networks of few-shot learning, with exact gradients.
//!
//! Two ways into the same kernels:
//!
//! - [`Network`]: a leaner tape for a fixed feed-forward network over flat parameter vectors. [`Network::loss_grad`] gives loss
//!   and gradient of a batch, [`adam_step`] and [`sgd_step`] apply it; nothing is allocated once a [`Workspace`] has seen a
//!   batch of its size. This is the inner loop of first-order methods and of every evaluation. [`Network::curvature`] keeps what
//!   products with the Hessian read, for methods that differentiate through their inner loop. [`Network::features`] stops below the
//!   last dense layer and goes back from there, for losses that are a function of features.
//! - [`ops`] and [`forward_tensors`]: the same layers as candle operations, differentiable twice, for losses that are not one of
//!   the above.
//!
//! Images are channels last, weights `[3, 3, C_in, C_out]`. Nothing here starts a thread: tasks run side by side, each on one.
//! The instruction set is chosen when the program runs ([`instruction_set`]). Results have the same bits on every run, any
//! number of threads and every machine with fused multiply-add. How the kernels work and what was measured: this package's README.
//!
//! ```
//! use harness_kernels::{Layer, Network, Reduction, Target, Workspace, sgd_step};
//! let layers = [("hidden", Layer::Dense { outputs: 8 }), ("act", Layer::Tanh), ("out", Layer::Dense { outputs: 1 })];
//! let net = Network::new(&[1], layers.map(|(name, layer)| (name.to_string(), layer)).into())?;
//! let mut params: Vec<f32> = (0..net.param_len()).map(|i| (i as f32).sin()).collect();
//! let (x, y) = ([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0]);
//! let (mut ws, mut grad) = (Workspace::default(), vec![0.0; params.len()]);
//! let losses: Vec<f64> = (0..100)
//!     .map(|_| {
//!         let loss = net.loss_grad(&params, &x, Target::Values(&y), Reduction::Mean, &mut ws, &mut grad);
//!         sgd_step(&mut params, &grad, 0.1);
//!         loss
//!     })
//!     .collect();
//! assert!(losses[99] < 0.5 * losses[0]);
//! # Ok::<(), harness_kernels::Error>(())
//! ```

mod backward;
mod buffer;
mod conv;
mod curvature;
mod direct;
mod error;
mod features;
mod forward;
mod geometry;
#[cfg(test)]
mod gradient_tests;
mod inductive;
mod lanes;
mod layer;
mod loss;
mod network;
mod norm;
mod norm_grad;
mod norm_second;
pub mod ops;
mod optim;
mod outer;
mod plan;
mod pointwise;
mod pool;
mod product;
mod rate;
mod scratch;
mod simd;
mod statistics;
mod stock;
mod tensors;
mod windows;
mod winograd;
mod workspace;

pub use curvature::{Curvature, CurvatureSpace};
pub use error::{Error, Result};
pub use features::FeaturePass;
pub use forward::NormMode;
pub use geometry::Geometry;
pub use layer::{Layer, Padding, ParamSpec};
pub use loss::{Reduction, Target};
pub use network::Network;
pub use optim::{AdamConfig, adam_step, sgd_step};
pub use rate::matmul_rate;
pub use simd::{Cap, cap, instruction_set, limited};
pub use tensors::{Backend, features_tensors, forward_tensors, forward_tensors_and_stats};
pub use workspace::Workspace;

/// A hash of what the kernels are made of: their sources, without comments and tests, and the locked versions of all that
/// they reach.
pub const CODE: &str = harness_identity::code!(without "src/rate.rs");
