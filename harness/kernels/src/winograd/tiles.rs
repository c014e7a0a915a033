//! The transforms of two dimensions: tiles of images and the weights, to and from points.
//!
//! A tile of M×M outputs reads N×N pixels; neighbouring tiles share two rows or columns of them. At the border the pixels that are
//! missing count as zero, and outputs beyond the image are not stored.

use super::transform::{data, gradients, outputs, weight_gradients, weights};
use crate::lanes::{Lanes, OverChannels};
use crate::simd::Real;
use pulp::Simd;

/// A square of pixels of one image, some of them outside perhaps.
#[derive(Clone, Copy)]
pub(super) struct Window<T> {
    /// The image's first pixel.
    pub image: *const T,
    pub h: usize,
    pub w: usize,
    pub channels: usize,
    /// The square's first row and column.
    pub y: isize,
    pub x: isize,
    /// As many zeros as a pixel has channels.
    pub zero: *const T,
}

impl<T> Window<T> {
    /// Whether a square of this side lies inside the image.
    #[inline(always)]
    fn inside(&self, side: usize) -> bool {
        self.y >= 0 && self.x >= 0 && self.y as usize + side <= self.h && self.x as usize + side <= self.w
    }

    /// A pixel, or zeros.
    #[inline(always)]
    fn pixel(&self, i: usize, j: usize) -> *const T {
        let (y, x) = (self.y.wrapping_add_unsigned(i) as usize, self.x.wrapping_add_unsigned(j) as usize);
        if y < self.h && x < self.w { self.image.wrapping_add((y * self.w + x) * self.channels) } else { self.zero }
    }

    #[inline(always)]
    fn first(&self) -> *const T {
        self.image.wrapping_offset((self.y * self.w as isize + self.x) * self.channels as isize)
    }
}

/// Where the values at the points go to or come from: those of a point are `stride` from those of the next.
#[derive(Clone, Copy)]
pub(super) struct Points<T> {
    pub at: *mut T,
    pub stride: usize,
}

impl<T: Real> Points<T> {
    #[inline(always)]
    pub(super) unsafe fn store<S: Simd, const PART: bool, const M: usize>(
        &self,
        lanes: Lanes<T, S, 1, PART>,
        first: usize,
        row: usize,
        values: [T::V<S>; 6],
    ) {
        for j in 0..M + 2 {
            let at = (row * (M + 2) + j) * self.stride + first;
            // SAFETY: the caller's promise: every point of `row` has the group's channels.
            unsafe { lanes.store(self.at.wrapping_add(at), [values[j]]) };
        }
    }
}

/// Bᵀ·d·B of a tile's data.
pub(super) struct Data<T, const M: usize> {
    pub from: Window<T>,
    pub to: Points<T>,
}

impl<T: Real, const M: usize> OverChannels<T> for Data<T, M> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, from) = (lanes.s, &self.from);
        let lanes = lanes.one();
        let zero = T::splat(s, T::default());
        let mut t = [[zero; 6]; 6];
        let inside = from.inside(M + 2);
        let corner = from.first().wrapping_add(first);
        for j in 0..M + 2 {
            let mut d = [zero; 6];
            for (i, d) in d.iter_mut().enumerate().take(M + 2) {
                let at = if inside {
                    corner.wrapping_add((i * from.w + j) * from.channels)
                } else {
                    from.pixel(i, j).wrapping_add(first)
                };
                // SAFETY: the group's channels exist in every buffer (`OverChannels`); a pixel outside the image is one of zeros.
                *d = unsafe { lanes.load(at)[0] };
            }
            let column = data::<T, S, M>(s, d);
            for i in 0..M + 2 {
                t[i][j] = column[i];
            }
        }
        for i in 0..M + 2 {
            // SAFETY: the group's channels exist in every buffer (`OverChannels`).
            unsafe { self.to.store::<S, PART, M>(lanes, first, i, data::<T, S, M>(s, t[i])) };
        }
    }
}

/// A·d·Aᵀ of the gradients of a tile's outputs.
pub(super) struct Gradients<T, const M: usize> {
    pub from: Window<T>,
    pub to: Points<T>,
}

impl<T: Real, const M: usize> OverChannels<T> for Gradients<T, M> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, from) = (lanes.s, &self.from);
        let lanes = lanes.one();
        let zero = T::splat(s, T::default());
        let mut t = [[zero; 4]; 6];
        let inside = from.inside(M);
        let corner = from.first().wrapping_add(first);
        for j in 0..M {
            let mut d = [zero; 4];
            for (i, d) in d.iter_mut().enumerate().take(M) {
                let at = if inside {
                    corner.wrapping_add((i * from.w + j) * from.channels)
                } else {
                    from.pixel(i, j).wrapping_add(first)
                };
                // SAFETY: the group's channels exist in every buffer (`OverChannels`); a pixel outside the image is one of zeros.
                *d = unsafe { lanes.load(at)[0] };
            }
            let column = gradients::<T, S, M>(s, d);
            for i in 0..M + 2 {
                t[i][j] = column[i];
            }
        }
        for i in 0..M + 2 {
            // SAFETY: the group's channels exist in every buffer (`OverChannels`).
            unsafe { self.to.store::<S, PART, M>(lanes, first, i, gradients::<T, S, M>(s, t[i])) };
        }
    }
}

/// Aᵀ·m·A: a tile's outputs, plus the bias.
pub(super) struct Outputs<T, const M: usize> {
    pub from: Points<T>,
    /// The tile's first output, and the elements of a line of the image and of a pixel.
    pub to: *mut T,
    pub line: usize,
    pub channels: usize,
    /// Rows and columns of the tile that the image has.
    pub rows: usize,
    pub columns: usize,
    /// Null for none.
    pub bias: *const T,
}

impl<T: Real, const M: usize> OverChannels<T> for Outputs<T, M> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let s = lanes.s;
        let lanes = lanes.one();
        let zero = T::splat(s, T::default());
        let mut t = [[zero; 6]; 4];
        for j in 0..M + 2 {
            let mut m = [zero; 6];
            for (i, m) in m.iter_mut().enumerate().take(M + 2) {
                let at = (i * (M + 2) + j) * self.from.stride + first;
                // SAFETY: the group's channels exist in every buffer (`OverChannels`).
                *m = unsafe { lanes.load(self.from.at.wrapping_add(at))[0] };
            }
            let column = outputs::<T, S, M>(s, m);
            for i in 0..M {
                t[i][j] = column[i];
            }
        }
        // SAFETY: the group's channels exist in every buffer (`OverChannels`).
        let bias = if self.bias.is_null() { zero } else { unsafe { lanes.load(self.bias.wrapping_add(first))[0] } };
        let to = self.to.wrapping_add(first);
        let whole = self.rows == M && self.columns == M;
        for i in 0..M {
            if !whole && i >= self.rows {
                break;
            }
            let row = outputs::<T, S, M>(s, t[i]);
            for j in 0..M {
                if whole || j < self.columns {
                    let at = to.wrapping_add(i * self.line + j * self.channels);
                    // SAFETY: rows and columns beyond the image are not written.
                    unsafe { lanes.store(at, [T::vadd(s, row[j], bias)]) };
                }
            }
        }
    }
}

/// G·w·Gᵀ, every weight of a tap a channel.
pub(super) struct Weights<T, const M: usize> {
    pub from: *const T,
    /// Weights of a tap.
    pub tap: usize,
    pub to: Points<T>,
}

impl<T: Real, const M: usize> OverChannels<T> for Weights<T, M> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let s = lanes.s;
        let lanes = lanes.one();
        let zero = T::splat(s, T::default());
        let mut t = [[zero; 3]; 6];
        for j in 0..3 {
            let mut w = [zero; 3];
            for (i, w) in w.iter_mut().enumerate() {
                // SAFETY: the group's channels exist in every buffer (`OverChannels`).
                *w = unsafe { lanes.load(self.from.wrapping_add((i * 3 + j) * self.tap + first))[0] };
            }
            let column = weights::<T, S, M>(s, w);
            for i in 0..M + 2 {
                t[i][j] = column[i];
            }
        }
        for i in 0..M + 2 {
            // SAFETY: the group's channels exist in every buffer (`OverChannels`).
            unsafe { self.to.store::<S, PART, M>(lanes, first, i, weights::<T, S, M>(s, t[i])) };
        }
    }
}

/// Gᵀ·u·G: the gradients of the weights.
pub(super) struct WeightGradients<T, const M: usize> {
    pub from: Points<T>,
    pub to: *mut T,
    /// Weights of a tap.
    pub tap: usize,
}

impl<T: Real, const M: usize> OverChannels<T> for WeightGradients<T, M> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let s = lanes.s;
        let lanes = lanes.one();
        let zero = T::splat(s, T::default());
        let mut t = [[zero; 6]; 3];
        for j in 0..M + 2 {
            let mut u = [zero; 6];
            for (i, u) in u.iter_mut().enumerate().take(M + 2) {
                let at = (i * (M + 2) + j) * self.from.stride + first;
                // SAFETY: the group's channels exist in every buffer (`OverChannels`).
                *u = unsafe { lanes.load(self.from.at.wrapping_add(at))[0] };
            }
            let column = weight_gradients::<T, S, M>(s, u);
            for i in 0..3 {
                t[i][j] = column[i];
            }
        }
        for (i, t) in t.into_iter().enumerate() {
            let row = weight_gradients::<T, S, M>(s, t);
            for (j, w) in row.into_iter().enumerate() {
                let at = (i * 3 + j) * self.tap + first;
                // SAFETY: the group's channels exist in every buffer (`OverChannels`).
                unsafe { lanes.store(self.to.wrapping_add(at), [w]) };
            }
        }
    }
}
