//! Normalisation, scale and shift of each channel, with the ReLU and the pool that follow it: forward.
//!
//! y = max over the window of relu(γ·(x − μ)/σ + β). ReLU and max pool commute, in value and in gradient, so one
//! kernel serves both orders.

use crate::lanes::{Lanes, OverChannels, over_channels};
use crate::pool::PoolShape;
use crate::simd::{Real, dispatch};
use pulp::{Simd, WithSimd};

/// What a channel is normalised with: `(x − mean)·scale + shift`, scale = γ/√(var + ε), shift = β.
#[derive(Clone, Copy)]
pub(crate) struct Affine<'a, T> {
    pub mean: &'a [T],
    pub scale: &'a [T],
    pub shift: &'a [T],
}

/// What follows the normalisation.
#[derive(Clone, Copy)]
pub(crate) struct After<'a> {
    pub relu: bool,
    pub pool: Option<&'a PoolShape>,
}

/// y from x, for `images` images of `pixels` pixels each.
pub(crate) fn forward<T: Real>(affine: Affine<T>, after: After, images: usize, pixels: usize, x: &[T], y: &mut [T]) {
    let channels = affine.mean.len();
    assert!(affine.scale.len() == channels && affine.shift.len() == channels);
    assert!(x.len() == images * pixels * channels);
    let out_len = after.pool.map_or(pixels * channels, |p| {
        assert!(p.input_len() == pixels * channels);
        p.output_len()
    });
    assert!(y.len() == images * out_len);
    dispatch(Forward { affine, after, images, pixels, x: x.as_ptr(), y: y.as_mut_ptr() });
}

struct Forward<'a, T> {
    affine: Affine<'a, T>,
    after: After<'a>,
    images: usize,
    pixels: usize,
    x: *const T,
    y: *mut T,
}

impl<T: Real> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `forward` checked the lengths.
        unsafe { over_channels(s, self.affine.mean.len(), &mut self) }
    }
}

impl<T: Real> OverChannels<T> for Forward<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let s = lanes.s;
        let zero = T::splat(s, T::default());
        unsafe {
            let mean = lanes.load(self.affine.mean.as_ptr().add(first));
            let scale = lanes.load(self.affine.scale.as_ptr().add(first));
            let shift = lanes.load(self.affine.shift.as_ptr().add(first));
            let channels = self.affine.mean.len();
            let value = |p: *const T| {
                let x = lanes.load(p);
                lanes.map(|j| T::fma(s, T::vsub(s, x[j], mean[j]), scale[j], shift[j]))
            };
            let clip = |v: [T::V<S>; NV]| lanes.map(|j| T::vmax(s, v[j], zero));
            let Some(pool) = self.after.pool else {
                for i in 0..self.images * self.pixels {
                    let at = i * channels + first;
                    let v = value(self.x.add(at));
                    lanes.store(self.y.add(at), if self.after.relu { clip(v) } else { v });
                }
                return;
            };
            for image in 0..self.images {
                let x = self.x.add(image * pool.input_len() + first);
                let mut y = self.y.add(image * pool.output_len() + first);
                for oy in 0..pool.oh {
                    for ox in 0..pool.ow {
                        let [a, b, c, d] = pool.window(oy, ox).map(|at| value(x.add(at)));
                        let top = lanes.map(|j| T::vmax(s, a[j], b[j]));
                        let low = lanes.map(|j| T::vmax(s, c[j], d[j]));
                        let v = lanes.map(|j| T::vmax(s, top[j], low[j]));
                        lanes.store(y, if self.after.relu { clip(v) } else { v });
                        y = y.wrapping_add(pool.c);
                    }
                }
            }
        }
    }
}
