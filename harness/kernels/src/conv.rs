//! Convolution on channels-last data: forward, gradient of the input, gradient of the weights.
//!
//! Each is bilinear, and the gradient of each is made of the other two. Images are `[H, W, C]`, weights `[k, k, C_in, C_out]`; a dense
//! layer is the case of a 1×1 image. Which kernels do it depends on the shapes alone: [`winograd::tile`] has the choice.
//! ([`Real::TILED`] says which numbers have none.)

use crate::geometry::Geometry;
use crate::simd::Real;
use crate::winograd::Terms;
use crate::{direct, pointwise, winograd};

/// out = x ∗ w (+ bias), for `batch` images.
pub(crate) fn forward<T: Real>(g: &Geometry, batch: usize, x: &[T], w: &[T], bias: Option<&[T]>, out: &mut [T]) {
    forward_sum(g, batch, &[(x, w)], bias, &mut [], out);
}

/// dx = the gradient of the input, from the gradient `d` of the output and weights turned round by [`turn`].
pub(crate) fn input_grad<T: Real>(g: &Geometry, batch: usize, d: &[T], turned: &[T], dx: &mut [T]) {
    input_grad_sum(g, batch, &[(d, turned)], &mut [], dx);
}

/// Weights for [`input_grad`]: each tap transposed to `[C_out, C_in]`, in the order that its kernels read them in.
pub(crate) fn turn<T: Real>(g: &Geometry, w: &[T], turned: &mut [T]) {
    match winograd::tile(g) {
        Some(tile) if T::TILED => winograd::turn(tile, g, w, turned),
        _ => direct::turn(g, w, turned),
    }
}

/// dw = the gradient of the weights, from the input `x` and the gradient `d` of the output.
pub(crate) fn weight_grad<T: Real>(g: &Geometry, batch: usize, x: &[T], d: &[T], dw: &mut [T]) {
    weight_grad_sum(g, batch, &[(x, d)], &mut [], dw);
}

/// The sum of [`forward`] over the terms (x, w): what the product rule makes of a convolution. `spare` is as long as `out` where there
/// are several.
pub(crate) fn forward_sum<T: Real>(
    g: &Geometry,
    batch: usize,
    terms: &Terms<T>,
    bias: Option<&[T]>,
    spare: &mut [T],
    out: &mut [T],
) {
    match winograd::tile(g) {
        Some(tile) if T::TILED => winograd::forward(tile, g, batch, terms, bias, out),
        _ => one_by_one(terms, spare, out, |i, x, w, out| {
            direct::forward(g, batch, x, w, bias.filter(|_| i == 0), out);
        }),
    }
}

/// That of [`input_grad`] over (d, turned).
pub(crate) fn input_grad_sum<T: Real>(g: &Geometry, batch: usize, terms: &Terms<T>, spare: &mut [T], dx: &mut [T]) {
    match winograd::tile(g) {
        Some(tile) if T::TILED => winograd::input_grad(tile, g, batch, terms, dx),
        _ => one_by_one(terms, spare, dx, |_, d, turned, dx| direct::input_grad(g, batch, d, turned, dx)),
    }
}

/// That of [`weight_grad`] over (x, d).
pub(crate) fn weight_grad_sum<T: Real>(g: &Geometry, batch: usize, terms: &Terms<T>, spare: &mut [T], dw: &mut [T]) {
    match winograd::tile(g) {
        Some(tile) if T::TILED => winograd::weight_grad(tile, g, batch, terms, dw),
        _ => one_by_one(terms, spare, dw, |_, x, d, dw| direct::weight_grad(g, batch, x, d, dw)),
    }
}

/// Each term by itself, then their sum.
fn one_by_one<T: Real>(
    terms: &Terms<T>,
    spare: &mut [T],
    out: &mut [T],
    mut product: impl FnMut(usize, &[T], &[T], &mut [T]),
) {
    for (i, &(a, b)) in terms.iter().enumerate() {
        if i == 0 {
            product(i, a, b, out);
        } else {
            product(i, a, b, spare);
            pointwise::add(spare, out);
        }
    }
}
