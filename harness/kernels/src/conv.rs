//! Convolution on channels-last data: forward, gradient of the input, gradient of the weights.
//!
//! Each is bilinear, and the gradient of each is made of the other two. Images are `[H, W, C]`, weights `[k, k, C_in, C_out]`; a dense
//! layer is the case of a 1×1 image. Which kernels do it depends on the shapes alone: [`winograd::tile`] has the choice.

use crate::geometry::Geometry;
use crate::simd::Real;
use crate::{direct, winograd};

/// out = x ∗ w (+ bias), for `batch` images.
pub(crate) fn forward<T: Real>(g: &Geometry, batch: usize, x: &[T], w: &[T], bias: Option<&[T]>, out: &mut [T]) {
    match winograd::tile(g) {
        Some(tile) => winograd::forward(tile, g, batch, x, w, bias, out),
        None => direct::forward(g, batch, x, w, bias, out),
    }
}

/// dx = the gradient of the input, from the gradient `d` of the output and weights turned round by [`turn`].
pub(crate) fn input_grad<T: Real>(g: &Geometry, batch: usize, d: &[T], turned: &[T], dx: &mut [T]) {
    match winograd::tile(g) {
        Some(tile) => winograd::input_grad(tile, g, batch, d, turned, dx),
        None => direct::input_grad(g, batch, d, turned, dx),
    }
}

/// Weights for [`input_grad`]: each tap transposed to `[C_out, C_in]`, in the order that its kernels read them in.
pub(crate) fn turn<T: Real>(g: &Geometry, w: &[T], turned: &mut [T]) {
    match winograd::tile(g) {
        Some(tile) => winograd::turn(tile, g, w, turned),
        None => direct::turn(g, w, turned),
    }
}

/// dw = the gradient of the weights, from the input `x` and the gradient `d` of the output.
pub(crate) fn weight_grad<T: Real>(g: &Geometry, batch: usize, x: &[T], d: &[T], dw: &mut [T]) {
    match winograd::tile(g) {
        Some(tile) => winograd::weight_grad(tile, g, batch, x, d, dw),
        None => direct::weight_grad(g, batch, x, d, dw),
    }
}
