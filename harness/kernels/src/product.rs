//! The micro-kernel of every forward product: a small tile of outputs held in registers.
//!
//! A tile is R rows (the same output pixel of R images) by NV registers of output channels. Its inner products run
//! over a few *runs*: stretches where the input of a row and the rows of the weights are both contiguous. A 3×3
//! convolution on channels-last data has one run per kernel row, of 3·C_in elements, shorter at the border. So taps that
//! fall outside the image cost nothing, and neither a column buffer nor packed weights are needed.

use crate::lanes::Lanes;
use crate::simd::Real;
use pulp::{Simd, WithSimd};

/// A stretch of an inner product.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Run {
    /// Offset of its first input element in a row.
    pub x: usize,
    /// Its first row of the weights.
    pub w: usize,
    /// Its length.
    pub len: usize,
}

/// Rows and columns of a tile: what stays the same from pixel to pixel.
#[derive(Clone, Copy)]
pub(crate) struct Panel<T> {
    /// First input row, and the distance between rows in elements.
    pub x: *const T,
    pub x_stride: usize,
    /// Weights at the tile's first column, row-major, and the length of their rows.
    pub w: *const T,
    pub w_stride: usize,
    /// What the sums start from, at the tile's first column; null for zero.
    pub bias: *const T,
    pub out: *mut T,
    pub out_stride: usize,
    /// Rows of the tile, registers of columns, and how many lanes of the last register count.
    pub rows: usize,
    pub vectors: usize,
    pub last: usize,
}

/// A list of pixels: for each the offset of its output and its runs.
pub(crate) trait Pixels {
    fn each(&self, f: impl FnMut(usize, &[Run]));
}

/// Register tiles one below the other: `count` of one run of `len` each, whose inputs lie `x` apart and whose outputs `out`.
pub(crate) struct Stack {
    pub count: usize,
    pub x: usize,
    pub out: usize,
    pub len: usize,
}

impl Pixels for Stack {
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, &[Run])) {
        for i in 0..self.count {
            f(i * self.out, &[Run { x: i * self.x, w: 0, len: self.len }]);
        }
    }
}

struct Sweep<'a, T, P, const R: usize, const NV: usize, const PART: bool> {
    panel: &'a Panel<T>,
    pixels: &'a P,
}

impl<T: Real, P: Pixels, const R: usize, const NV: usize, const PART: bool> WithSimd for Sweep<'_, T, P, R, NV, PART> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let lanes = Lanes::<T, S, NV, PART>::new(s, self.panel.last);
        self.pixels.each(
            #[inline(always)]
            // SAFETY: whoever calls `sweep` promises it of every pixel.
            |out, runs| unsafe { tile::<T, S, R, NV, PART>(lanes, self.panel, out, runs) },
        );
    }
}

/// One tile.
///
/// # Safety
/// All offsets of `runs` and `out` lie inside the buffers of `p`.
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const R: usize, const NV: usize, const PART: bool>(
    lanes: Lanes<T, S, NV, PART>,
    p: &Panel<T>,
    out: usize,
    runs: &[Run],
) {
    let s = lanes.s;
    // SAFETY: the caller's promise.
    unsafe {
        let start = if p.bias.is_null() { lanes.splat(T::default()) } else { lanes.load(p.bias) };
        let mut acc = [start; R];
        for run in runs {
            let mut x = [p.x; R];
            for (r, x) in x.iter_mut().enumerate() {
                *x = p.x.add(r * p.x_stride + run.x);
            }
            let mut w = p.w.add(run.w * p.w_stride);
            for k in 0..run.len {
                let wv = lanes.load(w);
                for r in 0..R {
                    let xv = T::splat(s, *x[r].add(k));
                    for j in 0..NV {
                        acc[r][j] = T::fma(s, xv, wv[j], acc[r][j]);
                    }
                }
                w = w.add(p.w_stride);
            }
        }
        for (r, &row) in acc.iter().enumerate() {
            lanes.store(p.out.add(out + r * p.out_stride), row);
        }
    }
}

/// Computes a tile at each of a list of pixels.
///
/// # Safety
/// Every offset that `pixels` gives lies inside the buffers of `panel`, for all its rows and columns.
pub(crate) unsafe fn sweep<T: Real, S: Simd, P: Pixels>(s: S, panel: &Panel<T>, pixels: &P) {
    macro_rules! rows {
        ($nv:literal, $part:literal, $($r:literal)*) => {
            match panel.rows {
                $($r => s.vectorize(Sweep::<T, P, $r, $nv, $part> { panel, pixels }),)*
                r => unreachable!("a tile of {r} rows"),
            }
        };
    }
    match (panel.vectors, panel.last < T::lanes::<S>()) {
        (4, false) => rows!(4, false, 1 2 3 4 5 6),
        (2, false) => rows!(2, false, 1 2 3 4 5 6 7 8 9 10 11 12),
        (1, false) => rows!(1, false, 1 2 3 4 5 6 7 8 9 10 11 12),
        (1, true) => rows!(1, true, 1 2 3 4 5 6 7 8 9 10 11 12),
        (v, part) => unreachable!("a tile of {v} registers, part: {part}"),
    }
}
