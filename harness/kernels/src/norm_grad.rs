//! Normalisation with the ReLU and the pool that follow it: backward.
//!
//! With x̂ = (x − μ)/σ and g the gradient of γ·x̂ + β (the gradient of the output where the ReLU is open and the element
//! the first of its window that equals the winner, else 0), over the N pixels of a batch:
//! dβ = Σg, dγ = Σ g·x̂, dx = γ/σ · (g − dβ/N − x̂·dγ/N). With running statistics dx = γ/σ · g.
//! Neither g nor x̂ is stored: both come again from x, or for dβ and dγ from the winners alone, with the very operations of the forward pass.

use crate::lanes::{Lanes, OverChannels, over_channels, over_narrow};
use crate::norm::{Affine, Group};
use crate::pool::{PoolShape, each};
use crate::simd::{Real, dispatch};
use crate::statistics::CHUNK;
use pulp::{Simd, WithSimd};

/// One normalisation to go back through.
pub(crate) struct NormGrad<'a, T> {
    pub affine: Affine<'a, T>,
    /// 1/σ of each channel.
    pub inv_std: &'a [T],
    pub relu: bool,
    /// N: pixels of the batch, as many as the statistics are of.
    pub pixels: usize,
    /// Gradient of the output.
    pub dy: &'a [T],
    /// Whether mean and variance are those of this very batch.
    pub batch_statistics: bool,
}

impl<T: Real> NormGrad<'_, T> {
    /// dβ and dγ (of `x̂`, also where there is no γ), from x where there is no pool, else from the winners.
    pub fn sums(&self, x: &[T], dbeta: &mut [T], dgamma: &mut [T]) {
        self.check(dbeta, dgamma);
        assert!(x.len() == self.dy.len());
        let (x, dbeta, dgamma) = (x.as_ptr(), dbeta.as_mut_ptr(), dgamma.as_mut_ptr());
        dispatch(Sums { n: self, x, dbeta, dgamma });
    }

    /// Replaces x by its gradient; `dbeta` and `dgamma` as [`NormGrad::sums`] gave them.
    pub fn apply(&self, x: &mut [T], dbeta: &[T], dgamma: &[T]) {
        self.check(dbeta, dgamma);
        assert!(x.len() == self.dy.len());
        let (x, dbeta, dgamma) = (x.as_mut_ptr(), dbeta.as_ptr(), dgamma.as_ptr());
        dispatch(Apply { n: self, windows: None, x, dbeta, dgamma });
    }

    /// As [`NormGrad::apply`], where a pool follows that chose `winners`.
    pub fn apply_windows(&self, pool: &PoolShape, x: &mut [T], winners: &[T], dbeta: &[T], dgamma: &[T]) {
        self.check(dbeta, dgamma);
        let images = x.len() / pool.input_len();
        assert!(pool.c == self.inv_std.len() && x.len() == images * pool.input_len());
        assert!(winners.len() == self.dy.len() && winners.len() == images * pool.output_len());
        let windows = Some(Windows { pool, images, winners: winners.as_ptr() });
        let (x, dbeta, dgamma) = (x.as_mut_ptr(), dbeta.as_ptr(), dgamma.as_ptr());
        dispatch(Apply { n: self, windows, x, dbeta, dgamma });
    }

    pub fn check(&self, dbeta: &[T], dgamma: &[T]) {
        let (channels, a) = (self.inv_std.len(), &self.affine);
        assert!([a.mean, a.scale, a.shift, dbeta, dgamma].iter().all(|v| v.len() == channels));
        assert!(self.dy.len().is_multiple_of(channels));
    }
}

struct Sums<'a, T> {
    n: &'a NormGrad<'a, T>,
    x: *const T,
    dbeta: *mut T,
    dgamma: *mut T,
}

impl<T: Real> WithSimd for Sums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `check` has seen the lengths.
        unsafe { over_channels(s, self.n.inv_std.len(), &mut self) }
    }
}

/// Σ g and Σ g·(x − mean) of one group of channels. Short sums first, then the sum of the sums: rounding grows with the
/// length of one.
struct Sum<T: Real, S: Simd, const NV: usize, const PART: bool> {
    group: Group<T, S, NV, PART>,
    whole: [[T::V<S>; NV]; 2],
    part: [[T::V<S>; NV]; 2],
    in_part: usize,
}

impl<T: Real, S: Simd, const NV: usize, const PART: bool> Sum<T, S, NV, PART> {
    /// Adds a pixel: its x, its value before the ReLU and the gradient behind it.
    #[inline(always)]
    fn add(&mut self, x: [T::V<S>; NV], v: [T::V<S>; NV], g: [T::V<S>; NV]) {
        let (group, lanes, s) = (&self.group, self.group.lanes, self.group.lanes.s);
        let g = lanes.map(|j| group.open(v[j], g[j]));
        let [sum, dot] = self.part;
        self.part = [
            lanes.map(|j| T::vadd(s, sum[j], g[j])),
            lanes.map(|j| T::fma(s, g[j], T::vsub(s, x[j], group.mean[j]), dot[j])),
        ];
        self.in_part += 1;
        if self.in_part == CHUNK {
            self.flush();
        }
    }

    #[inline(always)]
    fn flush(&mut self) {
        let (lanes, s) = (self.group.lanes, self.group.lanes.s);
        for (whole, part) in self.whole.iter_mut().zip(&mut self.part) {
            let sum = *whole;
            *whole = lanes.map(|j| T::vadd(s, sum[j], part[j]));
            *part = lanes.splat(T::default());
        }
        self.in_part = 0;
    }
}

impl<T: Real> OverChannels<T> for Sums<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, n) = (lanes.s, self.n);
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); `n` was checked against `x` before.
        unsafe {
            let group = Group::new(lanes, n.affine, n.relu, first);
            let inv_std = lanes.load(n.inv_std.as_ptr().add(first));
            let channels = n.inv_std.len();
            let zero = [lanes.splat(T::default()); 2];
            let mut sum = Sum { group, whole: zero, part: zero, in_part: 0 };
            for i in 0..n.dy.len() / channels {
                let at = i * channels + first;
                let x = lanes.load(self.x.add(at));
                let v = lanes.map(|j| group.value(x[j], j));
                sum.add(x, v, lanes.load(n.dy.as_ptr().add(at)));
            }
            sum.flush();
            let [dbeta, dot] = sum.whole;
            lanes.store(self.dbeta.add(first), dbeta);
            lanes.store(self.dgamma.add(first), lanes.map(|j| T::vmul(s, dot[j], inv_std[j])));
        }
    }
}

/// The windows of the pool and the raw winner of each.
#[derive(Clone, Copy)]
struct Windows<'a, T> {
    pool: &'a PoolShape,
    images: usize,
    winners: *const T,
}

struct Apply<'a, T> {
    n: &'a NormGrad<'a, T>,
    windows: Option<Windows<'a, T>>,
    x: *mut T,
    dbeta: *const T,
    dgamma: *const T,
}

impl<T: Real> WithSimd for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `check` has seen the lengths.
        unsafe { over_narrow(s, self.n.inv_std.len(), &mut self) }
    }
}

/// dx = scale·g + level + (x − mean)·slope for one group of channels.
pub(crate) struct Grad<T: Real, S: Simd, const NV: usize, const PART: bool> {
    group: Group<T, S, NV, PART>,
    level: [T::V<S>; NV],
    slope: [T::V<S>; NV],
}

impl<T: Real, S: Simd, const NV: usize, const PART: bool> Grad<T, S, NV, PART> {
    /// For the channels from `first` on; `sums` are dβ and dγ of all.
    ///
    /// # Safety
    /// The channels of the group exist.
    #[inline(always)]
    pub unsafe fn new(lanes: Lanes<T, S, NV, PART>, n: &NormGrad<T>, sums: [*const T; 2], first: usize) -> Self {
        let s = lanes.s;
        // SAFETY: the caller's promise; all slices of `n` have a number a channel.
        unsafe {
            let group = Group::new(lanes, n.affine, n.relu, first);
            let (dbeta, dgamma) = (lanes.load(sums[0].add(first)), lanes.load(sums[1].add(first)));
            let inv_std = lanes.load(n.inv_std.as_ptr().add(first));
            let per = if n.batch_statistics { -1.0 / n.pixels as f64 } else { 0.0 };
            let per = T::splat(s, T::of(per));
            let by = lanes.map(|j| T::vmul(s, group.scale[j], per));
            let level = lanes.map(|j| T::vmul(s, by[j], dbeta[j]));
            let slope = lanes.map(|j| T::vmul(s, by[j], T::vmul(s, dgamma[j], inv_std[j])));
            Self { group, level, slope }
        }
    }

    /// Of register j, for an element x that has no gradient but through the statistics.
    #[inline(always)]
    pub fn base(&self, x: T::V<S>, j: usize) -> T::V<S> {
        let s = self.group.lanes.s;
        T::fma(s, T::vsub(s, x, self.group.mean[j]), self.slope[j], self.level[j])
    }

    /// What the gradient g of the ReLU's output adds to that of an element x.
    #[inline(always)]
    fn own(&self, x: T::V<S>, g: T::V<S>, j: usize) -> T::V<S> {
        let g = self.group.open(self.group.value(x, j), g);
        T::vmul(self.group.lanes.s, self.group.scale[j], g)
    }

    /// The gradients of a window of register j, g that of its winner behind the ReLU: the first that equals the winner takes it.
    #[inline(always)]
    pub fn window(&self, x: [T::V<S>; 4], winner: T::V<S>, g: T::V<S>, j: usize) -> [T::V<S>; 4] {
        let s = self.group.lanes.s;
        let zero = T::splat(s, T::default());
        let mut left = self.own(winner, g, j);
        let mut dx = x;
        for dx in &mut dx {
            let x = *dx;
            *dx = T::vadd(s, self.base(x, j), T::pick_eq(s, x, winner, left, zero));
            left = T::pick_eq(s, x, winner, zero, left);
        }
        dx
    }
}

impl<T: Real> OverChannels<T> for Apply<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, n) = (lanes.s, self.n);
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); pixels and windows were checked before.
        unsafe {
            let channels = n.inv_std.len();
            let grad = Grad::new(lanes, n, [self.dbeta, self.dgamma], first);
            let Some(Windows { pool, images, winners }) = self.windows else {
                for i in 0..n.dy.len() / channels {
                    let at = i * channels + first;
                    let (x, g) = (lanes.load(self.x.add(at)), lanes.load(n.dy.as_ptr().add(at)));
                    lanes.store(self.x.add(at), lanes.map(|j| T::vadd(s, grad.base(x[j], j), grad.own(x[j], g[j], j))));
                }
                return;
            };
            for image in 0..images {
                let x = self.x.add(image * pool.input_len() + first);
                let mut at_window = image * pool.output_len() + first;
                for oy in 0..pool.oh {
                    for ox in 0..pool.ow {
                        let at = pool.window(oy, ox);
                        // A register at a time: a window's four of several would not leave room for a channel's numbers.
                        for j in 0..NV {
                            let (one, skip) = (lanes.one(), j * T::lanes::<S>());
                            let [winner] = one.load(winners.add(at_window + skip));
                            let [g] = one.load(n.dy.as_ptr().add(at_window + skip));
                            let x = x.add(skip);
                            let own = each(
                                at,
                                #[inline(always)]
                                |at| one.load(x.add(at))[0],
                            );
                            let dx = grad.window(own, winner, g, j);
                            for (at, dx) in at.into_iter().zip(dx).rev() {
                                one.store(x.add(at), [dx]);
                            }
                        }
                        at_window += pool.c;
                    }
                }
                // Pixels that a "valid" pool drops.
                for iy in 0..pool.h {
                    let from = if iy < 2 * pool.oh { (2 * pool.ow).min(pool.w) } else { 0 };
                    for ix in from..pool.w {
                        let at = x.add((iy * pool.w + ix) * pool.c);
                        let v = lanes.load(at);
                        lanes.store(at, lanes.map(|j| grad.base(v[j], j)));
                    }
                }
            }
        }
    }
}
