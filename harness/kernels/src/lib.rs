//! Fast CPU kernels for the fixed networks of few-shot learning, with exact gradients.

mod backward;
mod buffer;
mod conv;
mod error;
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
pub mod ops;
mod optim;
mod outer;
mod plan;
mod pointwise;
mod pool;
mod product;
mod rate;
mod simd;
mod statistics;
mod stock;
mod tensors;
mod workspace;

pub use error::{Error, Result};
pub use forward::NormMode;
pub use geometry::Geometry;
pub use layer::{Layer, Padding, ParamSpec};
pub use loss::{Reduction, Target};
pub use network::Network;
pub use optim::{AdamConfig, adam_step, sgd_step};
pub use rate::matmul_rate;
pub use simd::{instruction_set, limited};
pub use tensors::{Backend, features_tensors, forward_tensors};
pub use workspace::Workspace;
