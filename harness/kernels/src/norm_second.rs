//! How a normalisation under batch statistics and its gradient change along a direction.
//!
//! For one channel over its N pixels, with x̂ = (x − μ)·r, r = 1/σ, y = γ·x̂ + β; d the gradient of y, ẋ, ḋ, γ̇, β̇ derivatives along the
//! direction, and N(x; v) = r·(v − Σv/N − x̂·Σ(v·x̂)/N), by which x̂ takes a change of x as well as its gradient back:
//!
//! - ẏ = γ·N(x; ẋ) + γ̇·x̂ + β̇;
//! - Σd and Σd·x̂, the gradients of β and γ, become Σḋ and Σḋ·x̂ + r·(A − P·Q/N), with A = Σdẋ − Σd·Σẋ/N, P = Σd·x̂, Q = Σẋ·x̂;
//! - the gradient of x, N(x; γd), becomes N(x; γḋ + γ̇d) − γ·r²/N·(x̂·(A − 3PQ/N) + Q·(d − Σd/N) + P·(ẋ − Σẋ/N)).
//!
//! All are sums over pixels, then numbers of a channel times what a pixel has: [`combine`]. Where a pool follows, d and ḋ are those of the
//! windows' winners and 0 elsewhere, so that only Σẋ, Σẋ·x̂ and the gradient of x are of all pixels; a ReLU's zeros are in d and ḋ already.

use crate::lanes::{Lanes, OverChannels, over_channels, over_narrow};
use crate::norm_grad::NormGrad;
use crate::plan::Norm;
use crate::pointwise::row_dots;
use crate::pool::{PoolShape, each};
use crate::simd::{Real, dispatch};
use crate::windows;
use crate::workspace::Workspace;
use pulp::{Simd, WithSimd};

/// A norm, with the pool that follows it, and the batch that it has normalised.
pub(crate) struct NormPoint<'a, T> {
    norm: &'a Norm,
    batch: usize,
    x: &'a [T],
    /// The windows' raw winners where a pool follows, else x.
    winners: &'a [T],
    params: &'a [T],
    forward: &'a Workspace<T>,
}

/// ẋ, the derivative of a norm's input, which the derivative of its gradient replaces.
pub(crate) struct InputTangent<'a, T> {
    pub dx: &'a mut [T],
    /// That of the windows' winners, where a pool follows.
    pub of_winners: Option<&'a [T]>,
    /// Σẋ and Σẋ·x̂ of each channel.
    pub sums: &'a [T],
}

impl<'a, T: Real> NormPoint<'a, T> {
    /// Of the norm that is this stage of `forward`.
    pub fn new(
        norm: &'a Norm,
        batch: usize,
        x: &'a [T],
        stage: usize,
        params: &'a [T],
        forward: &'a Workspace<T>,
    ) -> Self {
        let winners = if norm.pool.is_some() { &*forward.winners[stage] } else { x };
        NormPoint { norm, batch, x, winners, params, forward }
    }

    /// Σd and Σd·x̂ of each channel.
    pub fn sums(&self, d: &[T], sum: &mut [T], dot: &mut [T]) {
        self.back(d).sums(self.winners, sum, dot);
    }

    /// Σẋ and Σẋ·x̂ of each channel, and ẋ of the winners where a pool follows.
    pub fn input_sums(&self, dx: &[T], sum: &mut [T], dot: &mut [T], winners: &mut [T]) {
        match &self.norm.pool {
            None => self.sums(dx, sum, dot),
            Some(pool) => {
                let at = [self.x, dx];
                windows::sums_and_winners(pool, self.batch, at, self.winners, self.mean(), [sum, &mut *dot], winners);
                dot.iter_mut().zip(self.r()).for_each(|(dot, &r)| *dot = *dot * r);
            }
        }
    }

    /// The gradient of x from that of y and its sums.
    pub fn gradient(&self, d: &[T], sum: &[T], dot: &[T], dx: &mut [T]) {
        dx.copy_from_slice(self.x);
        match &self.norm.pool {
            None => self.back(d).apply(dx, sum, dot),
            Some(pool) => self.back(d).apply_windows(pool, dx, self.winners, sum, dot),
        }
    }

    /// ẏ, of winners where a pool follows, with γ̇ and β̇ from `vector`; no ẋ is ẋ = 0. `sum` and `dot` are ẋ's.
    pub fn push(&self, vector: &[T], dx: Option<&[T]>, sum: &[T], dot: &[T], dy: &mut [T]) {
        let per = self.per();
        let (mut slope, mut level) = (self.zeros(), self.zeros());
        for c in 0..slope.len() {
            let (r, scale) = (self.r()[c], self.scale()[c]);
            slope[c] = r * (self.gamma_of(vector, c, 0.0) - scale * dot[c] * per);
            level[c] = vector[self.norm.beta.start + c] - scale * sum[c] * per;
        }
        match dx {
            None => combine((self.winners, self.mean(), &slope), [], &level, dy),
            Some(dx) => combine((self.winners, self.mean(), &slope), [(dx, self.scale())], &level, dy),
        }
    }

    /// The derivatives of the gradients of γ and β (to `product`), from `[d, ḋ]` and from `sums`, which are d's; and that of the gradient
    /// of x, in place of ẋ, which comes with that of the winners where a pool follows and with its own sums.
    pub fn pull(
        &self,
        vector: &[T],
        [d, dd]: [&[T]; 2],
        sums: &[T],
        dx: Option<InputTangent<'_, T>>,
        product: &mut [T],
    ) {
        let (per, channels) = (self.per(), self.norm.channels());
        let (mut sum, mut dot) = (self.zeros(), self.zeros());
        self.sums(dd, &mut sum, &mut dot);
        product[self.norm.beta.clone()].copy_from_slice(&sum);
        if let Some(gamma) = &self.norm.gamma {
            product[gamma.clone()].copy_from_slice(&dot);
        }
        let Some(InputTangent { dx, of_winners: dx_of_winners, sums: pushed }) = dx else { return };
        let ((sum_d, p), (sum_x, q)) = (sums.split_at(channels), pushed.split_at(channels));
        let mut a = self.zeros();
        row_dots(channels, d, dx_of_winners.unwrap_or(dx), &mut a);
        // On d, on ẋ, on x − μ, and alone; ḋ has γr.
        let [mut on_d, mut on_dx, mut slope, mut level] = [(); 4].map(|()| self.zeros());
        for c in 0..channels {
            let (r, scale) = (self.r()[c], self.scale()[c]);
            let (gamma, gamma_dot) = (self.gamma_of(self.params, c, 1.0), self.gamma_of(vector, c, 0.0));
            let a = a[c] - sum_d[c] * sum_x[c] * per;
            let pq = p[c] * q[c] * per;
            if let Some(range) = &self.norm.gamma {
                product[range.start + c] += r * (a - pq);
            }
            let bend = scale * r * per;
            on_d[c] = r * gamma_dot - bend * q[c];
            on_dx[c] = -(bend * p[c]);
            let mean_u = (gamma * sum[c] + gamma_dot * sum_d[c]) * per;
            let mean_ux = (gamma * dot[c] + gamma_dot * p[c]) * per;
            slope[c] = -(r * (r * mean_ux + bend * (a - T::of(3.0) * pq)));
            level[c] = bend * (q[c] * sum_d[c] + p[c] * sum_x[c]) * per - r * mean_u;
        }
        let x = (self.x, self.mean(), &slope[..]);
        let of_winners = [(dd, self.scale()), (d, &on_d[..])];
        match &self.norm.pool {
            None => bend(x, of_winners, &on_dx, &level, dx),
            Some(pool) => bend_windows(pool, self.winners, x, of_winners, &on_dx, &level, dx),
        }
    }

    fn back<'b>(&'b self, d: &'b [T]) -> NormGrad<'b, T> {
        let Workspace { stats, scales, .. } = self.forward;
        NormGrad {
            affine: self.norm.affine(self.params, stats, scales),
            inv_std: self.r(),
            relu: false,
            pixels: self.batch * self.norm.pixels,
            dy: d,
            batch_statistics: true,
        }
    }

    /// 1/N
    fn per(&self) -> T {
        T::of(1.0 / (self.batch * self.norm.pixels) as f64)
    }

    fn mean(&self) -> &[T] {
        &self.forward.stats[self.norm.mean.clone()]
    }

    fn r(&self) -> &[T] {
        &self.forward.scales[self.norm.var.clone()]
    }

    /// γ·r
    fn scale(&self) -> &[T] {
        &self.forward.scales[self.norm.mean.clone()]
    }

    /// The γ of a channel among `values`, or what a norm without γ has in its place.
    fn gamma_of(&self, values: &[T], channel: usize, without: f64) -> T {
        self.norm.gamma.as_ref().map_or(T::of(without), |gamma| values[gamma.start + channel])
    }

    fn zeros(&self) -> Vec<T> {
        vec![T::default(); self.norm.channels()]
    }
}

/// out = (x − mean)·slope + Σ vₖ·factorₖ + level: x, vₖ and out `[rows, C]`, the others `[C]`.
fn combine<T: Real, const K: usize>(
    (x, mean, slope): (&[T], &[T], &[T]),
    terms: [(&[T], &[T]); K],
    level: &[T],
    out: &mut [T],
) {
    let channels = level.len();
    assert!(mean.len() == channels && slope.len() == channels && x.len() == out.len());
    assert!(terms.iter().all(|(v, factor)| v.len() == x.len() && factor.len() == channels));
    let rows = x.len() / channels;
    dispatch(Combine { x, mean, slope, terms, level, rows, out: out.as_mut_ptr() });
}

struct Combine<'a, T, const K: usize> {
    x: &'a [T],
    mean: &'a [T],
    slope: &'a [T],
    terms: [(&'a [T], &'a [T]); K],
    level: &'a [T],
    rows: usize,
    out: *mut T,
}

impl<T: Real, const K: usize> WithSimd for Combine<'_, T, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        // SAFETY: `combine` checked the lengths.
        unsafe { over_channels(s, self.level.len(), &mut self) }
    }
}

impl<T: Real, const K: usize> OverChannels<T> for Combine<'_, T, K> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, channels) = (lanes.s, self.level.len());
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); `combine` checked the rows.
        unsafe {
            let [mean, slope, level] = [self.mean, self.slope, self.level].map(|v| lanes.load(v.as_ptr().add(first)));
            let mut factors = [lanes.splat(T::default()); K];
            for (factor, (_, from)) in factors.iter_mut().zip(&self.terms) {
                *factor = lanes.load(from.as_ptr().add(first));
            }
            for row in 0..self.rows {
                let at = row * channels + first;
                let x = lanes.load(self.x.as_ptr().add(at));
                let mut sum = lanes.map(|j| T::fma(s, T::vsub(s, x[j], mean[j]), slope[j], level[j]));
                for (factor, (v, _)) in factors.iter().zip(&self.terms) {
                    let v = lanes.load(v.as_ptr().add(at));
                    let so_far = sum;
                    sum = lanes.map(|j| T::fma(s, v[j], factor[j], so_far[j]));
                }
                lanes.store(self.out.add(at), sum);
            }
        }
    }
}

/// v ← (x − mean)·slope + v·factor + Σ dₖ·factorₖ + level: x, v and dₖ `[rows, C]`, the others `[C]`.
fn bend<T: Real>((x, mean, slope): (&[T], &[T], &[T]), d: [(&[T], &[T]); 2], factor: &[T], level: &[T], v: &mut [T]) {
    let bend = Bend { windows: None, line: [0, 0], x, mean, slope, d, factor, level, v: v.as_mut_ptr() };
    bend.check(v.len(), v.len());
    dispatch(bend);
}

/// The same, where dₖ are of the windows of a pool: they count at its winners, the first elements that equal `winners`.
fn bend_windows<T: Real>(
    pool: &PoolShape,
    winners: &[T],
    (x, mean, slope): (&[T], &[T], &[T]),
    d: [(&[T], &[T]); 2],
    factor: &[T],
    level: &[T],
    v: &mut [T],
) {
    let images = v.len() / pool.input_len();
    assert!(v.len() == images * pool.input_len() && winners.len() == images * pool.output_len());
    assert!(level.len() == pool.c);
    let windows = Some((pool, winners));
    let bend = Bend { windows, line: [0, 0], x, mean, slope, d, factor, level, v: v.as_mut_ptr() };
    bend.check(v.len(), winners.len());
    dispatch(bend);
}

struct Bend<'a, T> {
    /// The pool and its raw winners, if one follows.
    windows: Option<(&'a PoolShape, &'a [T])>,
    /// The image and the line of windows that is next: all channels of one before the next, while its pixels are in the nearest caches.
    line: [usize; 2],
    x: &'a [T],
    mean: &'a [T],
    slope: &'a [T],
    d: [(&'a [T], &'a [T]); 2],
    factor: &'a [T],
    level: &'a [T],
    v: *mut T,
}

impl<T: Real> Bend<'_, T> {
    fn check(&self, pixels: usize, winners: usize) {
        let channels = self.level.len();
        assert!([self.mean, self.slope, self.factor].iter().all(|v| v.len() == channels) && self.x.len() == pixels);
        assert!(self.d.iter().all(|(d, factor)| d.len() == winners && factor.len() == channels));
    }
}

impl<T: Real> WithSimd for Bend<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        let channels = self.level.len();
        let [images, lines] = match self.windows {
            None => [1, 1],
            // One more line where a "valid" pool drops pixels.
            Some((pool, _)) => [self.x.len() / pool.input_len(), pool.h.div_ceil(2)],
        };
        for image in 0..images {
            for line in 0..lines {
                self.line = [image, line];
                // SAFETY: `check` has seen the lengths.
                unsafe { over_narrow(s, channels, &mut self) }
            }
        }
    }
}

impl<T: Real> OverChannels<T> for Bend<'_, T> {
    #[inline(always)]
    unsafe fn group<S: Simd, const NV: usize, const PART: bool>(&mut self, lanes: Lanes<T, S, NV, PART>, first: usize) {
        let (s, channels) = (lanes.s, self.level.len());
        // SAFETY: the group's channels exist in every buffer (`OverChannels`); `check` has seen pixels and windows.
        unsafe {
            let mean = lanes.load(self.mean.as_ptr().add(first));
            let slope = lanes.load(self.slope.as_ptr().add(first));
            let level = lanes.load(self.level.as_ptr().add(first));
            let factor = lanes.load(self.factor.as_ptr().add(first));
            let on_d = lanes.load(self.d[0].1.as_ptr().add(first));
            let on_dd = lanes.load(self.d[1].1.as_ptr().add(first));
            let [d, dd] = [self.d[0].0.as_ptr().add(first), self.d[1].0.as_ptr().add(first)];
            let (x, v) = (self.x.as_ptr().add(first), self.v.add(first));
            let Some((pool, winners)) = self.windows else {
                for row in 0..self.x.len() / channels {
                    let at = row * channels;
                    let (e, w) = (lanes.load(x.add(at)), lanes.load(v.add(at)));
                    let (a, b) = (lanes.load(d.add(at)), lanes.load(dd.add(at)));
                    let base = lanes.map(|j| T::fma(s, T::vsub(s, e[j], mean[j]), slope[j], level[j]));
                    let base = lanes.map(|j| T::fma(s, w[j], factor[j], base[j]));
                    lanes.store(v.add(at), lanes.map(|j| T::fma(s, b[j], on_dd[j], T::fma(s, a[j], on_d[j], base[j]))));
                }
                return;
            };
            let zero = T::splat(s, T::default());
            let [image, oy] = self.line;
            let (x, v) = (x.add(image * pool.input_len()), v.add(image * pool.input_len()));
            let whole = oy < pool.oh;
            for ox in 0..if whole { pool.ow } else { 0 } {
                let at_window = image * pool.output_len() + (oy * pool.ow + ox) * pool.c;
                let at = pool.window(oy, ox);
                for j in 0..NV {
                    let (one, skip) = (lanes.one(), j * T::lanes::<S>());
                    let [winner] = one.load(winners.as_ptr().add(at_window + first + skip));
                    let ([a], [b]) = (one.load(d.add(at_window + skip)), one.load(dd.add(at_window + skip)));
                    let mut left = T::fma(s, b, on_dd[j], T::vmul(s, a, on_d[j]));
                    let (x, v) = (x.add(skip), v.add(skip));
                    let mut out = each(
                        at,
                        #[inline(always)]
                        |at| one.load(v.add(at))[0],
                    );
                    for (at, out) in at.into_iter().zip(&mut out) {
                        let [e] = one.load(x.add(at));
                        let base = T::fma(s, T::vsub(s, e, mean[j]), slope[j], level[j]);
                        let own = T::pick_eq(s, e, winner, left, zero);
                        *out = T::vadd(s, T::fma(s, *out, factor[j], base), own);
                        left = T::pick_eq(s, e, winner, zero, left);
                    }
                    for (at, out) in at.into_iter().zip(out).rev() {
                        one.store(v.add(at), [out]);
                    }
                }
            }
            // Pixels that a "valid" pool drops.
            let from = if whole { (2 * pool.ow).min(pool.w) } else { 0 };
            for iy in 2 * oy..(2 * oy + 2).min(pool.h) {
                for ix in from..pool.w {
                    let at = (iy * pool.w + ix) * pool.c;
                    let (e, w) = (lanes.load(x.add(at)), lanes.load(v.add(at)));
                    let base = lanes.map(|j| T::fma(s, T::vsub(s, e[j], mean[j]), slope[j], level[j]));
                    lanes.store(v.add(at), lanes.map(|j| T::fma(s, w[j], factor[j], base[j])));
                }
            }
        }
    }
}
