//! 3×3 convolutions of stride 1 with fewer multiplications: Winograd's F(4×4, 3×3) and F(3×3, 3×3).
//!
//! Lavin and Gray (2016), "Fast algorithms for convolutional neural networks": M×M outputs cost (M + 2)² products a pair of channels in
//! place of 9·M², a quarter for M = 4, and transforms between. All three passes are done so, the gradients as the transposes of the same
//! transforms. [`transform`] has one dimension, [`tiles`] two, [`pass`] the passes,
//! [`first`] those of a network's first layer.

// The loops go over rows and columns of a tile at once: an index says which, an iterator would hide it.
#![allow(clippy::needless_range_loop)]

pub(crate) mod first;
mod lines;
mod pass;
mod phases;
#[cfg(test)]
mod tests;
mod tiles;
mod transform;

use crate::direct;
use crate::geometry::Geometry;
use crate::scratch;
use crate::simd::{Real, dispatch};
use pass::{Forward, Layout, WeightGrad};
use phases::{Convolve, Correlate};

/// How a convolution is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tile {
    /// Into tiles of three, or of four outputs in a row and in a column.
    Three,
    Four,
    /// Stride 2, into two phases of each dimension, whole planes.
    Phases,
}

/// Fewest channels on either side, and fewest pixels on a side, for which the transforms cost less than they save.
///
/// How many times as fast as the direct kernels forward and weight gradient of batch 10 were, AVX-512 and AVX2 of a Zen 4 core beside other
/// jobs (`tests::table` prints it): on side 21, 8 channels 1.0–1.3, 16 channels 1.7–1.9, 32 and 64 channels 2.0–2.5; of 32 channels side 3
/// 0.9–1.1, side 4 1.2–1.5, side 5 1.1–1.2, side 6 1.6–1.8. Of the two tiles the one with fewer products was the faster on nearly all:
/// F(4×4) on sides 42, 11, 10 and 4, F(3×3) on 21, 6 and 5.
const CHANNELS: usize = 16;
const SIDE: usize = 4;

/// The tile for a convolution, or none if the direct kernels are faster. It depends on shapes alone, not on the batch: an image gives
/// the same bits in any.
pub(crate) fn tile(g: &Geometry) -> Option<Tile> {
    #[cfg(test)]
    if tests::OFF.get() {
        return None;
    }
    let fits = g.kernel == 3 && g.cin.min(g.cout) >= CHANNELS;
    if !fits || g.stride > 2 || g.oh.min(g.ow) < SIDE {
        return None;
    }
    if g.stride == 2 {
        return phases::fewer(g).then_some(Tile::Phases);
    }
    let products = |m: usize| g.h.div_ceil(m) * g.w.div_ceil(m) * (m + 2) * (m + 2);
    Some(if products(3) < products(4) { Tile::Three } else { Tile::Four })
}

/// Two operands of each product of a sum.
pub(crate) type Terms<'a, T> = [(&'a [T], &'a [T])];

/// out = Σ x ∗ w (+ bias) over the terms (x, w), for `batch` images.
pub(crate) fn forward<T: Real>(
    tile: Tile,
    g: &Geometry,
    batch: usize,
    terms: &Terms<T>,
    bias: Option<&[T]>,
    out: &mut [T],
) {
    assert!(terms.iter().all(|(x, w)| x.len() == batch * g.input_len() && w.len() == g.weight_len()));
    assert!(out.len() == batch * g.output_len() && bias.is_none_or(|b| b.len() == g.cout));
    match tile {
        Tile::Three => convolve::<T, 3>(g, [g.cin, g.cout], batch, terms, bias, out),
        Tile::Four => convolve::<T, 4>(g, [g.cin, g.cout], batch, terms, bias, out),
        Tile::Phases => halve(true, g, batch, terms, bias, out),
    }
}

/// dx = the gradient of the input, from terms of a gradient of the output and weights as [`turn`] gives them.
pub(crate) fn input_grad<T: Real>(tile: Tile, g: &Geometry, batch: usize, terms: &Terms<T>, dx: &mut [T]) {
    assert!(terms.iter().all(|(d, turned)| d.len() == batch * g.output_len() && turned.len() == g.weight_len()));
    assert!(dx.len() == batch * g.input_len());
    match tile {
        Tile::Three => convolve::<T, 3>(g, [g.cout, g.cin], batch, terms, None, dx),
        Tile::Four => convolve::<T, 4>(g, [g.cout, g.cin], batch, terms, None, dx),
        Tile::Phases => halve(false, g, batch, terms, None, dx),
    }
}

fn convolve<T: Real, const M: usize>(
    g: &Geometry,
    [from, to]: [usize; 2],
    batch: usize,
    terms: &Terms<T>,
    bias: Option<&[T]>,
    out: &mut [T],
) {
    assert!(g.kernel == 3 && g.stride == 1);
    let layout = Layout::<M>::new::<T>(g, terms.len(), from, to, batch);
    let bias = bias.map_or(std::ptr::null(), <[T]>::as_ptr);
    let out = out.as_mut_ptr();
    scratch::with(layout.room(), |room| dispatch(Forward { layout, terms, bias, out, room }));
}

/// dw = the gradient of the weights, from terms of an input and a gradient of the output.
pub(crate) fn weight_grad<T: Real>(tile: Tile, g: &Geometry, batch: usize, terms: &Terms<T>, dw: &mut [T]) {
    assert!(terms.iter().all(|(x, d)| x.len() == batch * g.input_len() && d.len() == batch * g.output_len()));
    assert!(dw.len() == g.weight_len());
    match tile {
        Tile::Three => correlate::<T, 3>(g, batch, terms, dw),
        Tile::Four => correlate::<T, 4>(g, batch, terms, dw),
        Tile::Phases => halved(g, batch, terms, dw),
    }
}

/// Weights for [`input_grad`]: each tap transposed to `[C_out, C_in]`, for tiles the taps in reverse order.
pub(crate) fn turn<T: Real>(tile: Tile, g: &Geometry, w: &[T], turned: &mut [T]) {
    match tile {
        Tile::Three | Tile::Four => direct::turn_whole(g, w, turned),
        Tile::Phases => direct::turn_taps(g, w, turned),
    }
}

/// By phases, [`forward`] or [`input_grad`].
fn halve<T: Real>(forward: bool, g: &Geometry, batch: usize, terms: &Terms<T>, bias: Option<&[T]>, out: &mut [T]) {
    assert!(g.kernel == 3 && g.stride == 2 && g.pad_y.max(g.pad_x) <= 1);
    let of_sides = if forward { [terms.len(), 1] } else { [1, terms.len()] };
    let layout = phases::Layout::new::<T>(g, of_sides, batch);
    let bias = bias.map_or(std::ptr::null(), <[T]>::as_ptr);
    let out = out.as_mut_ptr();
    scratch::with(layout.room(), |room| dispatch(Convolve { layout, forward, terms, bias, out, room }));
}

/// By phases, [`weight_grad`].
fn halved<T: Real>(g: &Geometry, batch: usize, terms: &Terms<T>, dw: &mut [T]) {
    assert!(g.kernel == 3 && g.stride == 2 && g.pad_y.max(g.pad_x) <= 1);
    let layout = phases::Layout::new::<T>(g, [1, 1], batch);
    let dw = dw.as_mut_ptr();
    scratch::with(layout.room(), |room| dispatch(Correlate { layout, terms, dw, room }));
}

fn correlate<T: Real, const M: usize>(g: &Geometry, batch: usize, terms: &Terms<T>, dw: &mut [T]) {
    assert!(g.kernel == 3 && g.stride == 1);
    let layout = Layout::<M>::new::<T>(g, 1, g.cin, g.cout, batch);
    let dw = dw.as_mut_ptr();
    scratch::with(layout.room(), |room| dispatch(WeightGrad { layout, terms, dw, room }));
}
