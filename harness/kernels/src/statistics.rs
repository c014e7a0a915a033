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
        let s = lanes.s;
        unsafe {
            let (mean_at, m2_at) = (self.mean.add(first), self.m2.add(first));
            let (mut mean, mut m2) = (lanes.load(mean_at), lanes.load(m2_at));
            let mut seen = self.seen;
            for image in 0..self.images {
                let mut p = self.x.add(image * self.pixels * self.channels + first);
                let mut left = self.pixels;
                while left > 0 {
                    let n = left.min(CHUNK);
                    let per = T::splat(s, T::of(1.0 / n as f64));
                    let mut sum = lanes.splat(T::default());
                    for i in 0..n {
                        let x = lanes.load(p.add(i * self.channels));
                        sum = lanes.map(|j| T::vadd(s, sum[j], x[j]));
                    }
                    let own = lanes.map(|j| T::vmul(s, sum[j], per));
                    let mut squares = lanes.splat(T::default());
                    for i in 0..n {
                        let x = lanes.load(p.add(i * self.channels));
                        let e = lanes.map(|j| T::vsub(s, x[j], own[j]));
                        squares = lanes.map(|j| T::fma(s, e[j], e[j], squares[j]));
                    }
                    // Chan's merge of (seen, mean, m2) with (n, own, squares).
                    let (a, b) = (seen as f64, n as f64);
                    let share = T::splat(s, T::of(b / (a + b)));
                    let spread = T::splat(s, T::of(a * b / (a + b)));
                    let gap = lanes.map(|j| T::vsub(s, own[j], mean[j]));
                    mean = lanes.map(|j| T::fma(s, gap[j], share, mean[j]));
                    let gap2 = lanes.map(|j| T::vmul(s, gap[j], gap[j]));
                    m2 = lanes.map(|j| T::vadd(s, m2[j], T::fma(s, gap2[j], spread, squares[j])));
                    seen += n;
                    left -= n;
                    p = p.wrapping_add(n * self.channels);
                }
            }
            lanes.store(mean_at, mean);
            lanes.store(m2_at, m2);
        }
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
