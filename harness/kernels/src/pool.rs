//! Max pooling over 2×2 windows in steps of two.
//!
//! Where several elements of a window are the largest, the first of them (row by row) is the one chosen and gets the
//! whole gradient, as in TensorFlow. An element in the padding is never chosen.

use crate::lanes::{Lanes, OverChannels, over_channels};
use crate::layer::Padding;
use crate::simd::{Real, dispatch};
use pulp::{Simd, WithSimd};

/// Channels-last images `[h, w, c]` pooled to `[oh, ow, c]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PoolShape {
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub oh: usize,
    pub ow: usize,
}

impl PoolShape {
    pub fn new(h: usize, w: usize, c: usize, padding: Padding) -> Self {
        let half = |n: usize| match padding {
            Padding::Same => n.div_ceil(2),
            Padding::Valid => n / 2,
        };
        Self { h, w, c, oh: half(h), ow: half(w) }
    }

    pub fn input_len(&self) -> usize {
        self.h * self.w * self.c
    }

    pub fn output_len(&self) -> usize {
        self.oh * self.ow * self.c
    }

    /// Offsets of the elements of a window in an image, row by row. One that would lie in the padding repeats the
    /// first, in whose place it can never be chosen; so that nothing is lost, store from the last to the first.
    #[inline(always)]
    pub fn window(&self, oy: usize, ox: usize) -> [usize; 4] {
        let at = (2 * oy * self.w + 2 * ox) * self.c;
        let (right, below) = (self.c, self.w * self.c);
        match (2 * oy + 1 < self.h, 2 * ox + 1 < self.w) {
            (true, true) => [at, at + right, at + below, at + below + right],
            (false, true) => [at, at + right, at, at],
            (true, false) => [at, at, at + below, at],
            (false, false) => [at; 4],
        }
    }
}

/// `f` of each element of a window. (`array::map` may stay a call, and outside the kernel there are no wide registers.)
#[inline(always)]
pub(crate) fn each<A: Copy, B>(window: [A; 4], f: impl Fn(A) -> B) -> [B; 4] {
    let [a, b, c, d] = window;
    [f(a), f(b), f(c), f(d)]
}

/// The largest of a window and how a gradient `g` is shared out to its elements: all of it to the first largest.
#[inline(always)]
pub(crate) fn share<T: Real, S: Simd>(s: S, v: [T::V<S>; 4], g: T::V<S>) -> (T::V<S>, [T::V<S>; 4]) {
    let zero = T::splat(s, T::default());
    let mut best = v[0];
    let mut share = [g, zero, zero, zero];
    for i in 1..4 {
        for old in &mut share[..i] {
            *old = T::pick_gt(s, v[i], best, zero, *old);
        }
        share[i] = T::pick_gt(s, v[i], best, g, zero);
        best = T::pick_gt(s, v[i], best, v[i], best);
    }
    (best, share)
}

/// What is done with the largest element of each window.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// y = the largest of x.
    Forward,
    /// to[the largest of x] = from; the other elements of `to` stay.
    Scatter,
    /// to = from[the largest of x].
    Gather,
}

/// y = the largest of each window of x.
pub(crate) fn forward<T: Real>(shape: &PoolShape, images: usize, x: &[T], y: &mut [T]) {
    assert!(x.len() == images * shape.input_len() && y.len() == images * shape.output_len());
    run(Mode::Forward, shape, images, x, x.as_ptr(), y.as_mut_ptr());
}

/// dx = the gradient of x from the gradient `dy` of y.
pub(crate) fn scatter<T: Real>(shape: &PoolShape, images: usize, x: &[T], dy: &[T], dx: &mut [T]) {
    assert!(x.len() == images * shape.input_len() && dy.len() == images * shape.output_len());
    assert!(dx.len() == x.len());
    dx.fill(T::default());
    run(Mode::Scatter, shape, images, x, dy.as_ptr(), dx.as_mut_ptr());
}

/// y = the elements of `v` where x is the largest of its window: the transpose of [`scatter`].
pub(crate) fn gather<T: Real>(shape: &PoolShape, images: usize, x: &[T], v: &[T], y: &mut [T]) {
    assert!(x.len() == images * shape.input_len() && y.len() == images * shape.output_len());
    assert!(v.len() == x.len());
    run(Mode::Gather, shape, images, x, v.as_ptr(), y.as_mut_ptr());
}

fn run<T: Real>(mode: Mode, shape: &PoolShape, images: usize, x: &[T], from: *const T, to: *mut T) {
    dispatch(Windows { mode, shape, images, x: x.as_ptr(), from, to });
}

struct Windows<'a, T> {
    mode: Mode,
    shape: &'a PoolShape,
    images: usize,
    x: *const T,
    from: *const T,
    to: *mut T,
}

impl<T: Real> WithSimd for Windows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: the callers checked the lengths.
        unsafe { over_channels(s, self.shape.c, &mut self) }
    }
}

impl<T: Real> OverChannels<T> for Windows<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, p) = (lanes.s, self.shape);
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); the callers checked images and windows.
        unsafe {
            for image in 0..self.images {
                let big = image * p.input_len() + first;
                let mut small = image * p.output_len() + first;
                for oy in 0..p.oh {
                    for ox in 0..p.ow {
                        let at = p.window(oy, ox);
                        let x = each(
                            at,
                            #[inline(always)]
                            |a| lanes.load(self.x.add(big + a)),
                        );
                        match self.mode {
                            Mode::Forward => {
                                let mut best = x[0];
                                for v in &x[1..] {
                                    best = lanes.map(|j| T::pick_gt(s, v[j], best[j], v[j], best[j]));
                                }
                                lanes.store(self.to.add(small), best);
                            }
                            Mode::Scatter => {
                                let g = lanes.load(self.from.add(small));
                                let mut parts = [lanes.splat(T::default()); 4];
                                for j in 0..NV {
                                    let (_, part) = share::<T, S>(s, [x[0][j], x[1][j], x[2][j], x[3][j]], g[j]);
                                    for (parts, part) in parts.iter_mut().zip(part) {
                                        parts[j] = part;
                                    }
                                }
                                for (a, part) in at.into_iter().zip(parts).rev() {
                                    lanes.store(self.to.add(big + a), part);
                                }
                            }
                            Mode::Gather => {
                                let from = each(
                                    at,
                                    #[inline(always)]
                                    |a| lanes.load(self.from.add(big + a)),
                                );
                                let (mut best, mut got) = (x[0], from[0]);
                                for (v, u) in x.iter().zip(&from).skip(1) {
                                    got = lanes.map(|j| T::pick_gt(s, v[j], best[j], u[j], got[j]));
                                    best = lanes.map(|j| T::pick_gt(s, v[j], best[j], v[j], best[j]));
                                }
                                lanes.store(self.to.add(small), got);
                            }
                        }
                        small += p.c;
                    }
                }
            }
        }
    }
}
