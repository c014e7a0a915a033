//! Mean and variance of each channel, accurate in one reading of memory.
//!
//! Pixels are taken in chunks that fit the first-level cache: each chunk gives its own mean and its sum of squared
//! differences from that mean, and chunks are merged by the formula of Chan, Golub and LeVeque (1983). Nothing cancels,
//! however far the mean lies from zero. Chunks never span images, so the statistics of a batch can be continued
//! with one more image (`forward_each_with_support` does) and come out with the same bits as when computed at once.

use crate::lanes::{Lanes, OverChannels, over_channels};
use crate::simd::{Real, dispatch};
use pulp::{Simd, WithSimd};

/// Pixels of a chunk.
pub(crate) const CHUNK: usize = 64;

/// Merges `images` images of `pixels` pixels into `mean` and `m2` (sum of squared differences from the mean), which
/// already hold `seen` pixels.
pub(crate) fn merge_images<T: Real>(x: &[T], images: usize, pixels: usize, seen: usize, mean: &mut [T], m2: &mut [T]) {
    let channels = mean.len();
    assert!(x.len() == images * pixels * channels && m2.len() == channels);
    let (x, mean, m2) = (x.as_ptr(), mean.as_mut_ptr(), m2.as_mut_ptr());
    dispatch(Merge { x, images, pixels, channels, seen, mean, m2 });
}

struct Merge<T> {
    x: *const T,
    images: usize,
    pixels: usize,
    channels: usize,
    seen: usize,
    mean: *mut T,
    m2: *mut T,
}

impl<T: Real> WithSimd for Merge<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `merge_images` checked the lengths.
        unsafe { over_channels(s, self.channels, &mut self) }
    }
}

impl<T: Real> OverChannels<T> for Merge<T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); `merge_images` checked images and pixels.
        unsafe {
            let (mean_at, m2_at) = (self.mean.add(first), self.m2.add(first));
            let (mean, m2) = (lanes.load(mean_at), lanes.load(m2_at));
            let mut spread = Spread { lanes, seen: self.seen, mean, m2 };
            for image in 0..self.images {
                let x = self.x.add(image * self.pixels * self.channels + first);
                for pixel in (0..self.pixels).step_by(CHUNK) {
                    let n = CHUNK.min(self.pixels - pixel);
                    spread.merge(x.add(pixel * self.channels), [1, n], [0, self.channels]);
                }
            }
            lanes.store(mean_at, spread.mean);
            lanes.store(m2_at, spread.m2);
        }
    }
}

/// Mean and sum of squared differences from it, of the pixels seen so far of one group of channels.
pub(crate) struct Spread<T: Real, S: Simd, const NV: usize, const PART: bool> {
    lanes: Lanes<T, S, NV, PART>,
    seen: usize,
    pub mean: [T::V<S>; NV],
    pub m2: [T::V<S>; NV],
}

impl<T: Real, S: Simd, const NV: usize, const PART: bool> Spread<T, S, NV, PART> {
    /// With the numbers of `seen` pixels to come.
    #[inline(always)]
    pub fn new(lanes: Lanes<T, S, NV, PART>, seen: usize) -> Self {
        let zero = lanes.splat(T::default());
        Self { lanes, seen, mean: zero, m2: zero }
    }

    /// Merges a chunk of one or two lines of pixels, from `x` on, at distances `[of lines, of pixels]`.
    ///
    /// # Safety
    /// The pixels are readable.
    #[inline(always)]
    pub unsafe fn merge(&mut self, x: *const T, [lines, width]: [usize; 2], [line, pixel]: [usize; 2]) {
        let (lanes, s) = (self.lanes, self.lanes.s);
        let zero = lanes.splat(T::default());
        let count = lines * width;
        let per = T::splat(s, T::of(1.0 / count as f64));
        // SAFETY: the caller's promise.
        unsafe {
            // Two sums: neither waits for the other.
            let (mut sum, mut other) = (zero, zero);
            for i in 0..width {
                let v = lanes.load(x.add(i * pixel));
                sum = lanes.map(|j| T::vadd(s, sum[j], v[j]));
                if lines == 2 {
                    let v = lanes.load(x.add(line + i * pixel));
                    other = lanes.map(|j| T::vadd(s, other[j], v[j]));
                }
            }
            let own = lanes.map(|j| T::vmul(s, T::vadd(s, sum[j], other[j]), per));
            let (mut squares, mut other) = (zero, zero);
            for i in 0..width {
                let v = lanes.load(x.add(i * pixel));
                let e = lanes.map(|j| T::vsub(s, v[j], own[j]));
                squares = lanes.map(|j| T::fma(s, e[j], e[j], squares[j]));
                if lines == 2 {
                    let v = lanes.load(x.add(line + i * pixel));
                    let e = lanes.map(|j| T::vsub(s, v[j], own[j]));
                    other = lanes.map(|j| T::fma(s, e[j], e[j], other[j]));
                }
            }
            self.add(count, own, lanes.map(|j| T::vadd(s, squares[j], other[j])));
        }
    }

    /// Chan's merge with `count` pixels of mean `own` and sum of squares `squares`.
    #[inline(always)]
    pub fn add(&mut self, count: usize, own: [T::V<S>; NV], squares: [T::V<S>; NV]) {
        let (lanes, s) = (self.lanes, self.lanes.s);
        let (a, b) = (self.seen as f64, count as f64);
        let share = T::splat(s, T::of(b / (a + b)));
        let spread = T::splat(s, T::of(a * b / (a + b)));
        let (mean, m2) = (self.mean, self.m2);
        let gap = lanes.map(|j| T::vsub(s, own[j], mean[j]));
        self.mean = lanes.map(|j| T::fma(s, gap[j], share, mean[j]));
        let gap2 = lanes.map(|j| T::vmul(s, gap[j], gap[j]));
        self.m2 = lanes.map(|j| T::vadd(s, m2[j], T::fma(s, gap2[j], spread, squares[j])));
        self.seen += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distant_mean_costs_no_accuracy() {
        let (images, pixels, channels) = (3, 150, 19);
        let value = |i: usize| 1000.0 + ((i * 7919) % 1013) as f64 / 1013.0;
        let x: Vec<f64> = (0..images * pixels * channels).map(value).collect();
        let narrow: Vec<f32> = x.iter().map(|&v| v as f32).collect();
        let (mut mean, mut m2) = (vec![0f32; channels], vec![0f32; channels]);
        let cut = 2 * pixels * channels;
        merge_images(&narrow[..cut], 2, pixels, 0, &mut mean, &mut m2);
        merge_images(&narrow[cut..], 1, pixels, 2 * pixels, &mut mean, &mut m2);
        let n = (images * pixels) as f64;
        for c in 0..channels {
            let own = || x.iter().skip(c).step_by(channels).map(|&v| (v as f32) as f64);
            let exact = own().sum::<f64>() / n;
            let spread = own().map(|v| (v - exact).powi(2)).sum::<f64>();
            assert!((mean[c] as f64 - exact).abs() < 1e-4);
            assert!((m2[c] as f64 / spread - 1.0).abs() < 1e-4, "{} {spread}", m2[c]);
        }

        // Two calls, or one: the same bits.
        let (mut mean1, mut m21) = (vec![0f32; channels], vec![0f32; channels]);
        merge_images(&narrow, images, pixels, 0, &mut mean1, &mut m21);
        assert_eq!((mean, m2), (mean1, m21));
    }
}
