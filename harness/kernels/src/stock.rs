//! The layers from candle's own operations, those whose gradients are right: `conv2d`, but neither `max_pool2d` (a quarter of
//! the true gradient) nor `upsample_nearest2d`.

use crate::geometry::Geometry;
use crate::layer::Padding;
use candle_core::{D, Result, Tensor};

/// As [`ops::conv2d_same`](crate::ops::conv2d_same); candle's convolution wants channels first.
pub(crate) fn conv2d_same(x: &Tensor, w: &Tensor, stride: usize) -> Result<Tensor> {
    let (_, h, width, cin) = x.dims4()?;
    let g = Geometry::same(h, width, cin, w.dim(3)?, stride);
    let x = x.permute((0, 3, 1, 2))?;
    let x = fit(&x, 2, g.pad_y, (g.oh - 1) * stride + 3)?;
    let x = fit(&x, 3, g.pad_x, (g.ow - 1) * stride + 3)?;
    let w = w.permute((3, 2, 0, 1))?.contiguous()?;
    x.contiguous()?.conv2d(&w, 0, stride, 1, 1)?.permute((0, 2, 3, 1))
}

/// Exactly the pixels that the windows read, so that candle has no padding of its own to account for.
fn fit(x: &Tensor, dim: usize, before: usize, size: usize) -> Result<Tensor> {
    let have = x.dim(dim)? + before;
    let x = x.pad_with_zeros(dim, before, size.saturating_sub(have))?;
    x.narrow(dim, 0, size)
}

/// As [`ops::batch_norm`](crate::ops::batch_norm).
pub(crate) fn batch_norm(x: &Tensor, gamma: Option<&Tensor>, beta: &Tensor, eps: f64) -> Result<Tensor> {
    let rows = x.flatten_to(D::Minus2)?;
    let centred = rows.broadcast_sub(&rows.mean_keepdim(0)?)?;
    let var = centred.sqr()?.mean_keepdim(0)?;
    let normal = centred.broadcast_div(&(var + eps)?.sqrt()?)?;
    let scaled = match gamma {
        None => normal,
        Some(gamma) => normal.broadcast_mul(gamma)?,
    };
    scaled.broadcast_add(beta)?.reshape(x.shape())
}

/// As [`ops::max_pool`](crate::ops::max_pool): the four elements of each window compared in order.
pub(crate) fn max_pool(x: &Tensor, padding: Padding) -> Result<Tensor> {
    let (_, h, w, _) = x.dims4()?;
    let x = even(x, 1, h, padding)?;
    let x = even(&x, 2, w, padding)?;
    let (batch, h, w, c) = x.dims4()?;
    let x = x.reshape((batch, h / 2, 2, w / 2, 2 * c))?;
    let part = |row: usize, column: usize| x.narrow(2, row, 1)?.squeeze(2)?.narrow(3, column * c, c)?.contiguous();
    let mut best = part(0, 0)?;
    for (row, column) in [(0, 1), (1, 0), (1, 1)] {
        let other = part(row, column)?;
        best = other.gt(&best)?.where_cond(&other, &best)?;
    }
    Ok(best)
}

/// An even number of pixels: one dropped, or the last repeated, which never beats itself.
fn even(x: &Tensor, dim: usize, size: usize, padding: Padding) -> Result<Tensor> {
    match (size % 2, padding) {
        (0, _) => Ok(x.clone()),
        (_, Padding::Valid) => x.narrow(dim, 0, size - 1),
        (_, Padding::Same) => Tensor::cat(&[x, &x.narrow(dim, size - 1, 1)?], dim),
    }
}
