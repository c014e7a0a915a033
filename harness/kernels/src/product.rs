//! The micro-kernel of every forward product: a small tile of outputs held in registers.
//!
//! A tile is R rows (the same output pixel of R images) by NV registers of output channels. Its inner products run
//! over a few *runs*: stretches where the input of a row and the rows of the weights are both contiguous. A 3×3
//! convolution on channels-last data has one run per kernel row, of 3·C_in elements, shorter at the border; so taps that
//! fall outside the image cost nothing, and neither a column buffer nor packed weights are needed.

use crate::simd::Real;
use pulp::{Simd, WithSimd};

/// A stretch of an inner product.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Run {
    /// Offset of its first input element in a row.
    pub x: usize,
    /// Its first row of the weights.
    pub w: usize,
    /// Its length.
    pub len: usize,
}

/// Rows and columns of a panel of outputs: what stays the same from pixel to pixel.
#[derive(Clone, Copy)]
pub struct Panel<T> {
    /// First input row and the distance between rows, in elements.
    pub x: *const T,
    pub x_stride: usize,
    /// Weights at the panel's first column, row-major, and their row length.
    pub w: *const T,
    pub w_stride: usize,
    /// What the sums start from, at the panel's first column; null for zero.
    pub bias: *const T,
    pub out: *mut T,
    pub out_stride: usize,
    /// Rows of the tile, registers of columns, and how many lanes of the last register count.
    pub rows: usize,
    pub vectors: usize,
    pub last: usize,
}

/// One tile. All offsets of `runs` must lie inside the buffers of `p`.
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const R: usize, const NV: usize, const PART: bool>(
    s: S,
    p: &Panel<T>,
    x_offset: usize,
    out_offset: usize,
    runs: &[Run],
) {
    unsafe {
        let lanes = T::lanes::<S>();
        let mask = T::mask(s, p.last);
        let load = |q: *const T, j: usize| {
            if PART && j + 1 == NV {
                T::load_part(s, q.add(j * lanes), mask)
            } else {
                T::load(s, q.add(j * lanes))
            }
        };
        let mut acc = [[T::splat(s, T::default()); NV]; R];
        if !p.bias.is_null() {
            for j in 0..NV {
                let b = load(p.bias, j);
                for row in &mut acc {
                    row[j] = b;
                }
            }
        }
        let x = p.x.add(x_offset);
        for run in runs {
            let mut rows = [x; R];
            for (r, row) in rows.iter_mut().enumerate() {
                *row = x.add(r * p.x_stride + run.x);
            }
            let mut w = p.w.add(run.w * p.w_stride);
            for k in 0..run.len {
                let mut wv = [T::splat(s, T::default()); NV];
                for (j, v) in wv.iter_mut().enumerate() {
                    *v = load(w, j);
                }
                for r in 0..R {
                    let xv = T::splat(s, *rows[r].add(k));
                    for j in 0..NV {
                        acc[r][j] = T::fma(s, xv, wv[j], acc[r][j]);
                    }
                }
                w = w.add(p.w_stride);
            }
        }
        for (r, row) in acc.iter().enumerate() {
            let out = p.out.add(out_offset + r * p.out_stride);
            for (j, &v) in row.iter().enumerate() {
                if PART && j + 1 == NV {
                    T::store_part(s, out.add(j * lanes), v, mask);
                } else {
                    T::store(s, out.add(j * lanes), v);
                }
            }
        }
    }
}

/// A list of pixels: for each the offsets of its input and output and its runs.
pub trait Pixels {
    fn each(&self, f: impl FnMut(usize, usize, &[Run]));
}

struct Sweep<'a, T, P, const R: usize, const NV: usize, const PART: bool> {
    panel: &'a Panel<T>,
    pixels: &'a P,
}

impl<T: Real, P: Pixels, const R: usize, const NV: usize, const PART: bool> WithSimd
    for Sweep<'_, T, P, R, NV, PART>
{
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        self.pixels.each(
            #[inline(always)]
            |x, out, runs| unsafe { tile::<T, S, R, NV, PART>(s, self.panel, x, out, runs) },
        );
    }
}

/// Computes a panel over a list of pixels.
///
/// # Safety
/// Every offset that `pixels` gives must lie inside the buffers of `panel`.
pub unsafe fn sweep<T: Real, S: Simd, P: Pixels>(s: S, panel: &Panel<T>, pixels: &P) {
    macro_rules! rows {
        ($nv:literal, $part:literal, $($r:literal)*) => {
            match panel.rows {
                $($r => s.vectorize(Sweep::<T, P, $r, $nv, $part> { panel, pixels }),)*
                r => unreachable!("a tile of {r} rows"),
            }
        };
    }
    let part = panel.last < T::lanes::<S>();
    match (panel.vectors, part) {
        (4, false) => rows!(4, false, 1 2 3 4 5 6),
        (2, false) => rows!(2, false, 1 2 3 4 5 6 7 8 9 10 11 12),
        (1, false) => rows!(1, false, 1 2 3 4 5 6 7 8 9 10 11 12),
        (1, true) => rows!(1, true, 1 2 3 4 5 6 7 8 9 10 11 12),
        (v, part) => unreachable!("a tile of {v} registers, part {part}"),
    }
}
