//! How a normalisation under batch statistics and its gradient change along a direction.
//!
//! For one channel over its N pixels, with x̂ = (x − μ)·r, r = 1/σ, y = γ·x̂ + β; d the gradient of y, ẋ, ḋ, γ̇, β̇ derivatives along the
//! direction, and N(x; v) = r·(v − Σv/N − x̂·Σ(v·x̂)/N), by which x̂ takes a change of x as well as its gradient back:
//!
//! - ẏ = γ·N(x; ẋ) + γ̇·x̂ + β̇;
//! - Σd and Σd·x̂, the gradients of β and γ, become Σḋ and Σḋ·x̂ + r·(A − P·Q/N), with A = Σdẋ − Σd·Σẋ/N, P = Σd·x̂, Q = Σẋ·x̂;
//! - the gradient of x, N(x; γd), becomes N(x; γḋ + γ̇d) − γ·r²/N·(x̂·(A − 3PQ/N) + Q·(d − Σd/N) + P·(ẋ − Σẋ/N)).
//!
//! All are sums over pixels, then numbers of a channel times what a pixel has: [`combine`].

use crate::lanes::{Lanes, OverChannels, over_channels};
use crate::norm_grad::NormGrad;
use crate::plan::Norm;
use crate::pointwise::row_dots;
use crate::simd::{Real, dispatch};
use crate::workspace::Workspace;
use pulp::{Simd, WithSimd};

/// A norm, alone, and the batch that it has normalised.
pub(crate) struct NormPoint<'a, T> {
    norm: &'a Norm,
    batch: usize,
    x: &'a [T],
    params: &'a [T],
    forward: &'a Workspace<T>,
}

impl<'a, T: Real> NormPoint<'a, T> {
    pub fn new(norm: &'a Norm, batch: usize, x: &'a [T], params: &'a [T], forward: &'a Workspace<T>) -> Self {
        NormPoint { norm, batch, x, params, forward }
    }

    /// Σd and Σd·x̂ of each channel.
    pub fn sums(&self, d: &[T], sum: &mut [T], dot: &mut [T]) {
        self.back(d).sums(self.x, sum, dot);
    }

    /// The gradient of x from that of y and its sums.
    pub fn gradient(&self, d: &[T], sum: &[T], dot: &[T], dx: &mut [T]) {
        dx.copy_from_slice(self.x);
        self.back(d).apply(dx, sum, dot);
    }

    /// ẏ, with γ̇ and β̇ from `vector`; no ẋ is ẋ = 0. `sum` and `dot` are ẋ's.
    pub fn push(&self, vector: &[T], dx: Option<&[T]>, sum: &[T], dot: &[T], dy: &mut [T]) {
        let per = self.per();
        let (mut slope, mut level) = (self.zeros(), self.zeros());
        for c in 0..slope.len() {
            let (r, scale) = (self.r()[c], self.scale()[c]);
            slope[c] = r * (self.gamma_of(vector, c, 0.0) - scale * dot[c] * per);
            level[c] = vector[self.norm.beta.start + c] - scale * sum[c] * per;
        }
        match dx {
            None => combine((self.x, self.mean(), &slope), [], &level, dy),
            Some(dx) => combine((self.x, self.mean(), &slope), [(dx, self.scale())], &level, dy),
        }
    }

    /// The derivatives of the gradients of γ, β (to `product`) and x (to `ddx`), from `[d, ḋ]`, from `sums`, which are d's, and from
    /// ẋ with its own.
    pub fn pull(
        &self,
        vector: &[T],
        [d, dd]: [&[T]; 2],
        sums: &[T],
        dx: Option<(&[T], &[T])>,
        ddx: Option<&mut [T]>,
        product: &mut [T],
    ) {
        let (per, channels) = (self.per(), self.norm.channels());
        let (mut sum, mut dot) = (self.zeros(), self.zeros());
        self.sums(dd, &mut sum, &mut dot);
        product[self.norm.beta.clone()].copy_from_slice(&sum);
        if let Some(gamma) = &self.norm.gamma {
            product[gamma.clone()].copy_from_slice(&dot);
        }
        let Some((dx, pushed)) = dx else { return };
        let ((sum_d, p), (sum_x, q)) = (sums.split_at(channels), pushed.split_at(channels));
        let mut a = self.zeros();
        row_dots(channels, d, dx, &mut a);
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
        if let Some(ddx) = ddx {
            combine((self.x, self.mean(), &slope), [(dd, self.scale()), (d, &on_d), (dx, &on_dx)], &level, ddx);
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
