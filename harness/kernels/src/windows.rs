//! What a norm with a pool needs of a batch, gathered in one reading: mean and variance of each channel, and the winner of each window.
//!
//! γ·(x − μ)/σ + β rises with x where γ ≥ 0 and falls where γ < 0. So the element that wins a window after the norm wins it before:
//! the largest, or the smallest. Norm, ReLU and the sums of their gradients then work on winners, a quarter of the elements, and the
//! winners can be found before the statistics are known. Of elements so near that the norm rounds them to the same, this one chooses the
//! one that is ahead before rounding.

use crate::lanes::{Lanes, OverChannels, over_narrow};
use crate::pool::{PoolShape, each};
use crate::simd::{Real, dispatch};
use crate::statistics::Spread;
use pulp::{Simd, WithSimd};

/// Pixels of a chunk in a line; with the line below it two times as many.
const WIDTH: usize = 32;

/// The raw winners of `images` images to `winners` `[images, oh, ow, C]`; `gamma` is 1 if there is none.
pub(crate) fn winners<T: Real>(pool: &PoolShape, images: usize, x: &[T], gamma: Option<&[T]>, winners: &mut [T]) {
    run::<T, false>(pool, images, x, gamma, 0, [std::ptr::null_mut(); 2], winners);
}

/// As [`winners`], and merges the images into `mean` and `m2`, which hold `seen` images already, as
/// [`merge_images`](crate::statistics::merge_images) does.
#[allow(clippy::too_many_arguments)]
pub(crate) fn merge_and_winners<T: Real>(
    pool: &PoolShape,
    images: usize,
    x: &[T],
    gamma: Option<&[T]>,
    seen: usize,
    mean: &mut [T],
    m2: &mut [T],
    winners: &mut [T],
) {
    assert!(mean.len() == pool.c && m2.len() == pool.c);
    run::<T, true>(pool, images, x, gamma, seen, [mean.as_mut_ptr(), m2.as_mut_ptr()], winners);
}

fn run<T: Real, const MERGE: bool>(
    pool: &PoolShape,
    images: usize,
    x: &[T],
    gamma: Option<&[T]>,
    seen: usize,
    statistics: [*mut T; 2],
    winners: &mut [T],
) {
    assert!(x.len() == images * pool.input_len() && winners.len() == images * pool.output_len());
    assert!(gamma.is_none_or(|gamma| gamma.len() == pool.c));
    let gamma = gamma.map_or(std::ptr::null(), <[T]>::as_ptr);
    let seen = seen * pool.h * pool.w;
    let (x, winners) = (x.as_ptr(), winners.as_mut_ptr());
    dispatch(Gather::<T, MERGE> { pool, images, x, gamma, seen, statistics, winners });
}

struct Gather<'a, T, const MERGE: bool> {
    pool: &'a PoolShape,
    images: usize,
    x: *const T,
    gamma: *const T,
    seen: usize,
    statistics: [*mut T; 2],
    winners: *mut T,
}

impl<T: Real, const MERGE: bool> WithSimd for Gather<'_, T, MERGE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `run` checked the lengths.
        unsafe { over_narrow(s, self.pool.c, &mut self) }
    }
}

impl<T: Real, const MERGE: bool> OverChannels<T> for Gather<'_, T, MERGE> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, p) = (lanes.s, self.pool);
        let [mean_at, m2_at] = self.statistics.map(|at| at.wrapping_add(first));
        let line = p.w * p.c;
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); `run` checked images and windows.
        unsafe {
            let mut spread = Spread::new(lanes, self.seen);
            if MERGE {
                (spread.mean, spread.m2) = (lanes.load(mean_at), lanes.load(m2_at));
            }
            let (zero, one) = (T::splat(s, T::default()), T::splat(s, T::of(1.0)));
            let mut sign = [one; NV];
            if !self.gamma.is_null() {
                let gamma = lanes.load(self.gamma.wrapping_add(first));
                sign = lanes.map(|j| T::pick_gt(s, zero, gamma[j], T::vsub(s, zero, one), one));
            }
            for image in 0..self.images {
                let x = self.x.add(image * p.input_len() + first);
                let mut winner = self.winners.add(image * p.output_len() + first);
                // Lines and columns that a "valid" pool drops count among the statistics.
                for y in (0..p.h).step_by(2) {
                    for column in (0..p.w).step_by(WIDTH) {
                        let width = WIDTH.min(p.w - column);
                        if MERGE {
                            let chunk = x.add(y * line + column * p.c);
                            spread.merge(chunk, [2.min(p.h - y), width], [line, p.c]);
                        }
                        if y / 2 >= p.oh {
                            continue;
                        }
                        for ox in column / 2..(column + width).div_ceil(2).min(p.ow) {
                            let window = each(
                                p.window(y / 2, ox),
                                #[inline(always)]
                                |at| lanes.load(x.add(at)),
                            );
                            let mut best = lanes.map(|j| T::vmul(s, sign[j], window[0][j]));
                            for v in &window[1..] {
                                let so_far = best;
                                best = lanes.map(|j| T::vmax(s, so_far[j], T::vmul(s, sign[j], v[j])));
                            }
                            lanes.store(winner, lanes.map(|j| T::vmul(s, sign[j], best[j])));
                            winner = winner.wrapping_add(p.c);
                        }
                    }
                }
            }
            if MERGE {
                lanes.store(mean_at, spread.mean);
                lanes.store(m2_at, spread.m2);
            }
        }
    }
}

/// Of values `v` at the elements x of `at`: Σv and Σv·(x − mean) of each channel to `sums`, and v of each window's winner, which is the
/// first that equals `winners`, to `to`.
pub(crate) fn sums_and_winners<T: Real>(
    pool: &PoolShape,
    images: usize,
    at: [&[T]; 2],
    winners: &[T],
    mean: &[T],
    sums: [&mut [T]; 2],
    to: &mut [T],
) {
    assert!(at.iter().all(|v| v.len() == images * pool.input_len()) && to.len() == images * pool.output_len());
    assert!(winners.len() == to.len() && mean.len() == pool.c && sums.iter().all(|v| v.len() == pool.c));
    let sums = sums.map(<[T]>::as_mut_ptr);
    dispatch(Pick { pool, images, at: at.map(<[T]>::as_ptr), winners, mean, sums, to: to.as_mut_ptr() });
}

struct Pick<'a, T> {
    pool: &'a PoolShape,
    images: usize,
    at: [*const T; 2],
    winners: &'a [T],
    mean: &'a [T],
    sums: [*mut T; 2],
    to: *mut T,
}

impl<T: Real> WithSimd for Pick<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `sums_and_winners` checked the lengths.
        unsafe { over_narrow(s, self.pool.c, &mut self) }
    }
}

impl<T: Real> OverChannels<T> for Pick<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, p) = (lanes.s, self.pool);
        let line = p.w * p.c;
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); `sums_and_winners` checked images and windows.
        unsafe {
            let mean = lanes.load(self.mean.as_ptr().add(first));
            let zero = lanes.splat(T::default());
            let (mut sum, mut dot) = (zero, zero);
            for image in 0..self.images {
                let [x, v] = self.at.map(|at| at.add(image * p.input_len() + first));
                let mut window = image * p.output_len() + first;
                for y in (0..p.h).step_by(2) {
                    for column in (0..p.w).step_by(WIDTH) {
                        let width = WIDTH.min(p.w - column);
                        // A chunk's own sums, then their sum: less rounding than one long sum.
                        let (mut part, mut part_dot) = (zero, zero);
                        for below in 0..2.min(p.h - y) {
                            for i in 0..width {
                                let at = (y + below) * line + (column + i) * p.c;
                                let (e, w) = (lanes.load(x.add(at)), lanes.load(v.add(at)));
                                let (a, b) = (part, part_dot);
                                part = lanes.map(|j| T::vadd(s, a[j], w[j]));
                                part_dot = lanes.map(|j| T::fma(s, w[j], T::vsub(s, e[j], mean[j]), b[j]));
                            }
                        }
                        let (a, b) = (sum, dot);
                        sum = lanes.map(|j| T::vadd(s, a[j], part[j]));
                        dot = lanes.map(|j| T::vadd(s, b[j], part_dot[j]));
                        if y / 2 >= p.oh {
                            continue;
                        }
                        for ox in column / 2..(column + width).div_ceil(2).min(p.ow) {
                            let winner = lanes.load(self.winners.as_ptr().add(window));
                            let at = p.window(y / 2, ox);
                            let mut got = lanes.load(v.add(at[3]));
                            for at in [at[2], at[1], at[0]] {
                                let (e, w, later) = (lanes.load(x.add(at)), lanes.load(v.add(at)), got);
                                got = lanes.map(|j| T::pick_eq(s, e[j], winner[j], w[j], later[j]));
                            }
                            lanes.store(self.to.add(window), got);
                            window += p.c;
                        }
                    }
                }
            }
            lanes.store(self.sums[0].add(first), sum);
            lanes.store(self.sums[1].add(first), dot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Padding;
    use crate::statistics::merge_images;

    #[test]
    fn statistics_and_winners_of_odd_shapes() {
        for (h, w, c) in [(1, 1, 1), (2, 2, 5), (5, 3, 4), (7, 40, 3), (3, 67, 19), (6, 6, 33)] {
            for padding in [Padding::Same, Padding::Valid] {
                let pool = PoolShape::new(h, w, c, padding);
                let images = 3;
                let value = |i: usize| ((i * 7919) % 1013) as f64 / 1013.0 + 5.0;
                let x: Vec<f64> = (0..images * pool.input_len()).map(value).collect();
                let gamma: Vec<f64> = (0..c).map(|i| [1.0, -0.5, 0.0][i % 3]).collect();
                let (mut mean, mut m2) = (vec![0.0; c], vec![0.0; c]);
                let mut got = vec![f64::NAN; images * pool.output_len()];
                let (a, b) = x.split_at(2 * pool.input_len());
                let (to_a, to_b) = got.split_at_mut(2 * pool.output_len());
                merge_and_winners(&pool, 2, a, Some(&gamma), 0, &mut mean, &mut m2, to_a);
                merge_and_winners(&pool, 1, b, Some(&gamma), 2, &mut mean, &mut m2, to_b);
                let (mut want_mean, mut want_m2) = (vec![0.0; c], vec![0.0; c]);
                merge_images(&x, images, h * w, 0, &mut want_mean, &mut want_m2);
                for (a, b) in mean.iter().zip(&want_mean).chain(m2.iter().zip(&want_m2)) {
                    assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{h}×{w}×{c}: {a} for {b}");
                }
                let mut alone = vec![f64::NAN; got.len()];
                winners(&pool, images, &x, Some(&gamma), &mut alone);
                assert_eq!(alone, got);
                for (i, got) in got.iter().enumerate() {
                    let (image, at) = (i / pool.output_len(), i % pool.output_len());
                    let (oy, ox, channel) = (at / c / pool.ow, at / c % pool.ow, at % c);
                    let own = pool.window(oy, ox).map(|a| x[image * pool.input_len() + a + channel]);
                    let sign = if gamma[channel] < 0.0 { -1.0 } else { 1.0 };
                    let want = sign * own.iter().fold(f64::NEG_INFINITY, |a, b| a.max(sign * b));
                    assert_eq!(*got, want, "{h}×{w}×{c}, {i}");
                }
            }
        }
    }
}
