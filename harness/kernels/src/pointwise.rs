//! What is left: activations of their own, the spatial mean, sums over rows.

use crate::lanes::{Lanes, OverChannels, over_channels};
use crate::simd::{Real, dispatch};
use pulp::{Simd, WithSimd};

/// A loop that the compiler makes vectors of, with those of this machine.
struct Wide<F>(F);

impl<F: FnOnce()> WithSimd for Wide<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0();
    }
}

/// y = max(x, 0), and NaN where x is.
pub(crate) fn relu<T: Real>(x: &[T], y: &mut [T]) {
    dispatch(Wide(
        #[inline(always)]
        || {
            let zero = T::default();
            for (y, &x) in y.iter_mut().zip(x) {
                *y = if x <= zero { zero } else { x };
            }
        },
    ));
}

/// d ← d where y > 0, else 0. For y the output or the input, which have the same sign.
pub(crate) fn relu_grad<T: Real>(y: &[T], d: &mut [T]) {
    dispatch(Wide(
        #[inline(always)]
        || {
            let zero = T::default();
            for (d, &y) in d.iter_mut().zip(y) {
                *d = if y > zero { *d } else { zero };
            }
        },
    ));
}

/// y = tanh(x)
pub(crate) fn tanh<T: Real>(x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x.tanh();
    }
}

/// d ← d·(1 − y²)
pub(crate) fn tanh_grad<T: Real>(y: &[T], d: &mut [T]) {
    for (d, &y) in d.iter_mut().zip(y) {
        *d = *d * (T::of(1.0) - y * y);
    }
}

/// ddx ← ddx − 2·y·dy·d: how [`tanh_grad`] of `d` changes where y changes by `dy`.
pub(crate) fn tanh_second<T: Real>(y: &[T], d: &[T], dy: &[T], ddx: &mut [T]) {
    for (((ddx, &y), &d), &dy) in ddx.iter_mut().zip(y).zip(d).zip(dy) {
        *ddx = *ddx - T::of(2.0) * y * dy * d;
    }
}

/// y ← y + x
pub(crate) fn add<T: Real>(x: &[T], y: &mut [T]) {
    dispatch(Wide(
        #[inline(always)]
        || {
            for (y, &x) in y.iter_mut().zip(x) {
                *y += x;
            }
        },
    ));
}

/// y[image, c] = the mean over the pixels of x[image, pixel, c].
pub(crate) fn spatial_mean<T: Real>(pixels: usize, channels: usize, x: &[T], y: &mut [T]) {
    let per = T::of(1.0 / pixels as f64);
    for (x, y) in x.chunks_exact(pixels * channels).zip(y.chunks_exact_mut(channels)) {
        row_sums(channels, x, y);
        y.iter_mut().for_each(|y| *y = *y * per);
    }
}

/// dx[image, pixel, c] = dy[image, c] / pixels
pub(crate) fn spatial_mean_grad<T: Real>(pixels: usize, channels: usize, dy: &[T], dx: &mut [T]) {
    let per = T::of(1.0 / pixels as f64);
    for (dx, dy) in dx.chunks_exact_mut(pixels * channels).zip(dy.chunks_exact(channels)) {
        for row in dx.chunks_exact_mut(channels) {
            for (dx, &dy) in row.iter_mut().zip(dy) {
                *dx = dy * per;
            }
        }
    }
}

/// sums[c] = Σ over rows of x[row, c]: the gradient of a bias.
pub(crate) fn row_sums<T: Real>(channels: usize, x: &[T], sums: &mut [T]) {
    assert!(sums.len() == channels && x.len().is_multiple_of(channels));
    let rows = x.len() / channels;
    dispatch(RowSums { x: x.as_ptr(), y: None, rows, channels, sums: sums.as_mut_ptr() });
}

/// sums[c] = Σ over rows of x[row, c]·y[row, c].
pub(crate) fn row_dots<T: Real>(channels: usize, x: &[T], y: &[T], sums: &mut [T]) {
    assert!(sums.len() == channels && x.len().is_multiple_of(channels) && x.len() == y.len());
    let rows = x.len() / channels;
    let y = Some(y.as_ptr());
    dispatch(RowSums { x: x.as_ptr(), y, rows, channels, sums: sums.as_mut_ptr() });
}

struct RowSums<T> {
    x: *const T,
    y: Option<*const T>,
    rows: usize,
    channels: usize,
    sums: *mut T,
}

impl<T: Real> WithSimd for RowSums<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: the callers checked the lengths.
        unsafe { over_channels(s, self.channels, &mut self) }
    }
}

impl<T: Real> OverChannels<T> for RowSums<T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let s = lanes.s;
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); the callers checked the rows.
        unsafe {
            let mut sum = lanes.splat(T::default());
            // Sums of 64, then their sum: less rounding than one long sum.
            for chunk in (0..self.rows).step_by(64) {
                let mut part = lanes.splat(T::default());
                for row in chunk..(chunk + 64).min(self.rows) {
                    let at = row * self.channels + first;
                    let x = lanes.load(self.x.add(at));
                    part = match self.y {
                        None => lanes.map(|j| T::vadd(s, part[j], x[j])),
                        Some(y) => {
                            let y = lanes.load(y.add(at));
                            lanes.map(|j| T::fma(s, x[j], y[j], part[j]))
                        }
                    };
                }
                sum = lanes.map(|j| T::vadd(s, sum[j], part[j]));
            }
            lanes.store(self.sums.add(first), sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_odd_shapes() {
        for (rows, channels) in [(1, 1), (3, 5), (130, 37), (65, 64)] {
            let x: Vec<f64> = (0..rows * channels).map(|i| (i % 13) as f64).collect();
            let mut sums = vec![-1.0; channels];
            row_sums(channels, &x, &mut sums);
            for (c, sum) in sums.iter().enumerate() {
                assert_eq!(*sum, x.iter().skip(c).step_by(channels).sum::<f64>());
            }
            row_dots(channels, &x, &x, &mut sums);
            for (c, sum) in sums.iter().enumerate() {
                assert_eq!(*sum, x.iter().skip(c).step_by(channels).map(|v| v * v).sum::<f64>());
            }
        }
    }
}
