//! The micro-kernel of the weight gradients: a small tile of weights held in registers while it sums outer products.
//!
//! dW[row, col] += Σ over positions of x[row] · d[col]. The R rows are neighbouring input elements, the columns output
//! channels, and the positions (images, output rows, output columns) three nested loops of constant strides.

use crate::lanes::Lanes;
use crate::simd::Real;
use pulp::{Simd, WithSimd};

/// Three nested loops, the outermost first: how often, and the steps in the two operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Positions {
    pub count: [usize; 3],
    pub x: [usize; 3],
    pub d: [usize; 3],
}

impl Positions {
    /// The same positions with the longest loop innermost.
    pub fn longest_inside(mut self) -> Self {
        let longest = (0..3).rev().max_by_key(|&i| self.count[i]).unwrap_or(2);
        self.count.swap(longest, 2);
        self.x.swap(longest, 2);
        self.d.swap(longest, 2);
        self
    }
}

/// One tile of weights and what it sums.
#[derive(Clone, Copy)]
pub(crate) struct Outer<T> {
    /// The first row's element at the first position.
    pub x: *const T,
    /// The first column's element at the first position.
    pub d: *const T,
    /// The tile's first weight, and the length of a row of weights.
    pub out: *mut T,
    pub out_stride: usize,
    pub rows: usize,
    pub vectors: usize,
    pub last: usize,
    pub positions: Positions,
}

struct Tile<'a, T, const R: usize, const NV: usize, const PART: bool>(&'a Outer<T>);

impl<T: Real, const R: usize, const NV: usize, const PART: bool> WithSimd for Tile<'_, T, R, NV, PART> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let o = self.0;
        let lanes = Lanes::<T, S, NV, PART>::new(s, o.last);
        let Positions { count, x: xs, d: ds } = o.positions;
        // SAFETY: whoever calls `accumulate` promises it of all positions, rows and columns.
        unsafe {
            let mut acc = [lanes.splat(T::default()); R];
            for i in 0..count[0] {
                for j in 0..count[1] {
                    let mut x = o.x.add(i * xs[0] + j * xs[1]);
                    let mut d = o.d.add(i * ds[0] + j * ds[1]);
                    for _ in 0..count[2] {
                        let dv = lanes.load(d);
                        for (r, acc) in acc.iter_mut().enumerate() {
                            let xv = T::splat(s, *x.add(r));
                            for (acc, &dv) in acc.iter_mut().zip(&dv) {
                                *acc = T::fma(s, xv, dv, *acc);
                            }
                        }
                        x = x.wrapping_add(xs[2]);
                        d = d.wrapping_add(ds[2]);
                    }
                }
            }
            for (r, acc) in acc.iter().enumerate() {
                let out = o.out.add(r * o.out_stride);
                let old = lanes.load(out);
                lanes.store(out, lanes.map(|j| T::vadd(s, old[j], acc[j])));
            }
        }
    }
}

/// Adds a tile's sums to its weights.
///
/// # Safety
/// All rows, columns and positions lie inside the buffers of `outer`.
pub(crate) unsafe fn accumulate<T: Real, S: Simd>(s: S, outer: &Outer<T>) {
    macro_rules! rows {
        ($nv:literal, $part:literal, $($r:literal)*) => {
            match outer.rows {
                $($r => s.vectorize(Tile::<T, $r, $nv, $part>(outer)),)*
                r => unreachable!("a tile of {r} rows"),
            }
        };
    }
    match (outer.vectors, outer.last < T::lanes::<S>()) {
        (4, false) => rows!(4, false, 1 2 3 4 5 6),
        (2, false) => rows!(2, false, 1 2 3 4 5 6 7 8 9 10 11 12),
        (1, false) => rows!(1, false, 1 2 3 4 5 6 7 8 9 10 11 12),
        (1, true) => rows!(1, true, 1 2 3 4 5 6 7 8 9 10 11 12),
        (v, part) => unreachable!("a tile of {v} registers, part: {part}"),
    }
}
