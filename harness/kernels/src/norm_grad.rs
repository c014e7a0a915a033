//! Normalisation with the ReLU and the pool that follow it: backward.
//!
//! With x̂ = (x − μ)/σ and g the gradient of γ·x̂ + β (the gradient of the output where the ReLU is open and the element
//! the first largest of its window, else 0), over the N pixels of a batch:
//! dβ = Σg, dγ = Σ g·x̂, dx = γ/σ · (g − dβ/N − x̂·dγ/N). With running statistics dx = γ/σ · g.
//! Neither g nor x̂ is stored: both come again from x with the very operations of the forward pass.

use crate::lanes::{Lanes, OverChannels, over_channels};
use crate::norm::{Affine, After};
use crate::pool::share;
use crate::simd::{Real, dispatch};
use crate::statistics::CHUNK;
use pulp::{Simd, WithSimd};

/// One normalisation to go back through.
pub(crate) struct NormGrad<'a, T> {
    pub affine: Affine<'a, T>,
    /// 1/σ of each channel.
    pub inv_std: &'a [T],
    pub after: After<'a>,
    pub images: usize,
    pub pixels: usize,
    /// Gradient of the output.
    pub dy: &'a [T],
    /// Whether mean and variance are those of this very batch.
    pub batch_statistics: bool,
}

impl<T: Real> NormGrad<'_, T> {
    /// dβ and dγ (of `x̂`, also where there is no γ).
    pub fn sums(&self, x: &[T], dbeta: &mut [T], dgamma: &mut [T]) {
        self.check(x);
        assert!(dbeta.len() == self.inv_std.len() && dgamma.len() == self.inv_std.len());
        let (x, dbeta, dgamma) = (x.as_ptr(), dbeta.as_mut_ptr(), dgamma.as_mut_ptr());
        dispatch(Sums { n: self, x, dbeta, dgamma });
    }

    /// Replaces x by its gradient; `dbeta` and `dgamma` as [`NormGrad::sums`] gave them.
    pub fn apply(&self, x: &mut [T], dbeta: &[T], dgamma: &[T]) {
        self.check(x);
        assert!(dbeta.len() == self.inv_std.len() && dgamma.len() == self.inv_std.len());
        let (x, dbeta, dgamma) = (x.as_mut_ptr(), dbeta.as_ptr(), dgamma.as_ptr());
        dispatch(Apply { n: self, x, dbeta, dgamma });
    }

    fn check(&self, x: &[T]) {
        let (channels, images) = (self.inv_std.len(), self.images);
        let a = &self.affine;
        assert!([a.mean, a.scale, a.shift].iter().all(|v| v.len() == channels));
        assert!(x.len() == images * self.pixels * channels);
        let out_len = self.after.pool.map_or(self.pixels * channels, |p| {
            assert!(p.input_len() == self.pixels * channels);
            p.output_len()
        });
        assert!(self.dy.len() == images * out_len);
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

impl<T: Real> OverChannels<T> for Sums<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, n) = (lanes.s, self.n);
        let zero = T::splat(s, T::default());
        unsafe {
            let mean = lanes.load(n.affine.mean.as_ptr().add(first));
            let scale = lanes.load(n.affine.scale.as_ptr().add(first));
            let shift = lanes.load(n.affine.shift.as_ptr().add(first));
            let inv_std = lanes.load(n.inv_std.as_ptr().add(first));
            let channels = n.inv_std.len();
            let value = |x: T::V<S>, j: usize| T::fma(s, T::vsub(s, x, mean[j]), scale[j], shift[j]);
            let open = |v: T::V<S>, g: T::V<S>| {
                if n.after.relu { T::pick_gt(s, v, zero, g, zero) } else { g }
            };
            let (mut sum_g, mut sum_gx) = (lanes.splat(T::default()), lanes.splat(T::default()));
            // Short sums first, then the sum of the sums: rounding grows with the root of the length of one.
            let (mut part_g, mut part_gx) = (sum_g, sum_gx);
            let mut in_part = 0;
            let mut add = |g: [T::V<S>; NV], x: [T::V<S>; NV]| {
                part_g = lanes.map(|j| T::vadd(s, part_g[j], g[j]));
                part_gx = lanes.map(|j| T::fma(s, g[j], T::vsub(s, x[j], mean[j]), part_gx[j]));
                in_part += 1;
                if in_part == CHUNK {
                    sum_g = lanes.map(|j| T::vadd(s, sum_g[j], part_g[j]));
                    sum_gx = lanes.map(|j| T::vadd(s, sum_gx[j], part_gx[j]));
                    (part_g, part_gx) = (lanes.splat(T::default()), lanes.splat(T::default()));
                    in_part = 0;
                }
            };
            if let Some(pool) = n.after.pool {
                for image in 0..n.images {
                    let x = self.x.add(image * pool.input_len() + first);
                    let mut dy = n.dy.as_ptr().add(image * pool.output_len() + first);
                    for oy in 0..pool.oh {
                        for ox in 0..pool.ow {
                            let window = pool.window(oy, ox).map(|at| lanes.load(x.add(at)));
                            let mut chosen = window[0];
                            let mut best = lanes.map(|j| value(chosen[j], j));
                            for x in &window[1..] {
                                let v = lanes.map(|j| value(x[j], j));
                                chosen = lanes.map(|j| T::pick_gt(s, v[j], best[j], x[j], chosen[j]));
                                best = lanes.map(|j| T::pick_gt(s, v[j], best[j], v[j], best[j]));
                            }
                            let g = lanes.load(dy);
                            add(lanes.map(|j| open(best[j], g[j])), chosen);
                            dy = dy.wrapping_add(pool.c);
                        }
                    }
                }
            } else {
                for i in 0..n.images * n.pixels {
                    let at = i * channels + first;
                    let (x, g) = (lanes.load(self.x.add(at)), lanes.load(n.dy.as_ptr().add(at)));
                    add(lanes.map(|j| open(value(x[j], j), g[j])), x);
                }
            }
            let dbeta = lanes.map(|j| T::vadd(s, sum_g[j], part_g[j]));
            let dgamma = lanes.map(|j| T::vmul(s, T::vadd(s, sum_gx[j], part_gx[j]), inv_std[j]));
            lanes.store(self.dbeta.add(first), dbeta);
            lanes.store(self.dgamma.add(first), dgamma);
        }
    }
}

struct Apply<'a, T> {
    n: &'a NormGrad<'a, T>,
    x: *mut T,
    dbeta: *const T,
    dgamma: *const T,
}

impl<T: Real> WithSimd for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `check` has seen the lengths.
        unsafe { over_channels(s, self.n.inv_std.len(), &mut self) }
    }
}

impl<T: Real> OverChannels<T> for Apply<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, n) = (lanes.s, self.n);
        let zero = T::splat(s, T::default());
        unsafe {
            let mean = lanes.load(n.affine.mean.as_ptr().add(first));
            let scale = lanes.load(n.affine.scale.as_ptr().add(first));
            let shift = lanes.load(n.affine.shift.as_ptr().add(first));
            let inv_std = lanes.load(n.inv_std.as_ptr().add(first));
            let channels = n.inv_std.len();
            // dx = scale·g − level − (x − mean)·slope
            let per = if n.batch_statistics { 1.0 / (n.images * n.pixels) as f64 } else { 0.0 };
            let per = T::splat(s, T::of(per));
            let dbeta = lanes.load(self.dbeta.add(first));
            let dgamma = lanes.load(self.dgamma.add(first));
            let by = lanes.map(|j| T::vmul(s, scale[j], per));
            let level = lanes.map(|j| T::vmul(s, by[j], dbeta[j]));
            let slope = lanes.map(|j| T::vmul(s, by[j], T::vmul(s, dgamma[j], inv_std[j])));
            let value = |x: T::V<S>, j: usize| T::fma(s, T::vsub(s, x, mean[j]), scale[j], shift[j]);
            let open = |v: T::V<S>, g: T::V<S>| {
                if n.after.relu { T::pick_gt(s, v, zero, g, zero) } else { g }
            };
            let grad = |x: T::V<S>, g: T::V<S>, j: usize| {
                let rest = T::fma(s, T::vsub(s, x, mean[j]), slope[j], level[j]);
                T::vsub(s, T::vmul(s, scale[j], g), rest)
            };
            let Some(pool) = n.after.pool else {
                for i in 0..n.images * n.pixels {
                    let at = i * channels + first;
                    let (x, g) = (lanes.load(self.x.add(at)), lanes.load(n.dy.as_ptr().add(at)));
                    let dx = lanes.map(|j| grad(x[j], open(value(x[j], j), g[j]), j));
                    lanes.store(self.x.add(at), dx);
                }
                return;
            };
            for image in 0..n.images {
                let x = self.x.add(image * pool.input_len() + first);
                let mut dy = n.dy.as_ptr().add(image * pool.output_len() + first);
                for oy in 0..pool.oh {
                    for ox in 0..pool.ow {
                        let at = pool.window(oy, ox);
                        let window = at.map(|at| lanes.load(x.add(at)));
                        let g = lanes.load(dy);
                        let mut dx = window;
                        for j in 0..NV {
                            let v = window.map(|x| value(x[j], j));
                            let (best, parts) = share::<T, S>(s, v, g[j]);
                            for (dx, (x, part)) in dx.iter_mut().zip(window.iter().zip(parts)) {
                                dx[j] = grad(x[j], open(best, part), j);
                            }
                        }
                        for (at, dx) in at.into_iter().zip(dx).rev() {
                            lanes.store(x.add(at), dx);
                        }
                        dy = dy.wrapping_add(pool.c);
                    }
                }
                // Pixels that a "valid" pool drops.
                for iy in 0..pool.h {
                    let from = if iy < 2 * pool.oh { (2 * pool.ow).min(pool.w) } else { 0 };
                    for ix in from..pool.w {
                        let at = x.add((iy * pool.w + ix) * pool.c);
                        let v = lanes.load(at);
                        lanes.store(at, lanes.map(|j| grad(v[j], zero, j)));
                    }
                }
            }
        }
    }
}
