//! Lines of stride 2 in two phases, and their transforms.
//!
//! Output i of a line reads e(i), o(i) and e(i + 1) with the three weights a, b, c: every other pixel e with two weights, those between
//! them, o, with one. So o costs a product an output, and e is a convolution of two weights, which Winograd's F(M, 2) does in M + 1
//! products in place of 2·M: a line of seven in 16 for 21, and a plane in 256 for 441. e is zero past the end, and where the padding is
//! before the image too, at its start: a line of four between two zeros is a whole product of polynomials, in 4.
//!
//! Every point meets one of six weights, whatever the length of its segment ([`Kind`](KINDS)): lines are cut into segments of four and
//! three outputs, whose points of one kind are products with the same weights. The points are 0, ±1, ½, ∞; three outputs do without ½,
//! two without −1 too, one without 1.

use crate::simd::Real;
use pulp::Simd;

/// Kinds of points by the weight that they meet: a, a + c, a − c, a + ½·c, c, and b.
pub(super) const KINDS: usize = 6;
/// That of the pixels with one weight.
pub(super) const SINGLE: usize = 5;
/// The point that only segments of four have.
const P: f64 = 0.5;

/// Of each kind, how much of the three weights it has.
pub(super) const WEIGHTS: [[f64; 3]; KINDS] =
    [[1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, -1.0], [1.0, 0.0, P], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]];

/// One point as a sum of pixels, or the gradient of its product as one of outputs: at most four of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mix {
    pub count: usize,
    pub at: [usize; 4],
    pub by: [f64; 4],
}

impl Mix {
    fn of(terms: &[f64], place: impl Fn(usize) -> Option<usize>) -> Self {
        let mut mix = Mix::default();
        for (k, &by) in terms.iter().enumerate() {
            if let (true, Some(at)) = (by != 0.0, place(k)) {
                (mix.at[mix.count], mix.by[mix.count]) = (at, by);
                mix.count += 1;
            }
        }
        mix
    }
}

/// A line of stride 2: how it is cut and how its points are numbered, kind by kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Outputs.
    pub outs: usize,
    /// Padding before the image, 0 or 1; the pixels are 2·outs less it.
    pub pad: usize,
    segments: usize,
    /// Points of each kind, and of the kinds before it.
    pub count: [usize; KINDS],
    pub start: [usize; KINDS],
    pub points: usize,
}

impl Line {
    pub fn new(outs: usize, pad: usize) -> Self {
        let segments = outs.div_ceil(4);
        let mut line = Self { outs, pad, segments, count: [0; KINDS], start: [0; KINDS], points: 0 };
        let least = |n: usize| (0..segments).filter(|&i| line.segment(i).1 >= n).count();
        let fours = if line.ends() { 0 } else { least(4) };
        line.count = [segments, least(2), least(3), fours, segments, outs];
        for kind in 0..KINDS {
            line.start[kind] = line.points;
            line.points += line.count[kind];
        }
        line
    }

    /// Whether it is one segment of four between two zeros.
    #[inline(always)]
    fn ends(&self) -> bool {
        self.outs == 4 && self.pad == 1
    }

    /// First output and length of a segment; longer ones come first, so that the i-th has the i-th point of each of its kinds.
    #[inline(always)]
    fn segment(&self, i: usize) -> (usize, usize) {
        let (each, more) = (self.outs / self.segments, self.outs % self.segments);
        (i * each + i.min(more), each + usize::from(i < more))
    }

    /// The pixel that e(k) is, if it is in the image.
    #[inline(always)]
    fn pixel(&self, k: usize) -> Option<usize> {
        if k == self.outs { None } else { (2 * k).checked_sub(self.pad) }
    }

    /// The pixel that o(i) is.
    #[inline(always)]
    fn single(&self, i: usize) -> usize {
        2 * i + 1 - self.pad
    }

    /// The i-th point of a kind as [`Line::data`] makes it.
    pub fn data_mix(&self, kind: usize, i: usize) -> Mix {
        if kind == SINGLE {
            return Mix::of(&[1.0], |_| Some(self.single(i)));
        }
        let (first, len) = self.segment(i);
        let terms: [f64; 5] = match (len, kind) {
            (4, 0) if self.ends() => [0.0, 0.0, 0.0, 1.0, 0.0],
            (4, 1) if self.ends() => [0.0, 1.0, 1.0, 1.0, 0.0],
            (4, 2) if self.ends() => [0.0, 1.0, -1.0, 1.0, 0.0],
            (4, 4) if self.ends() => [0.0, 1.0, 0.0, 0.0, 0.0],
            (4, 0) => [P, -1.0, -P, 1.0, 0.0],
            (4, 1) => [0.0, -P, 1.0 - P, 1.0, 0.0],
            (4, 2) => [0.0, P, -1.0 - P, 1.0, 0.0],
            (4, 3) => [0.0, -1.0, 0.0, 1.0, 0.0],
            (4, _) => [0.0, P, -1.0, -P, 1.0],
            (3, 0) => [1.0, 0.0, -1.0, 0.0, 0.0],
            (3, 1) => [0.0, 1.0, 1.0, 0.0, 0.0],
            (3, 2) => [0.0, -1.0, 1.0, 0.0, 0.0],
            (3, _) => [0.0, -1.0, 0.0, 1.0, 0.0],
            (2, 0) => [1.0, -1.0, 0.0, 0.0, 0.0],
            (2, 1) => [0.0, 1.0, 0.0, 0.0, 0.0],
            (2, _) => [0.0, -1.0, 1.0, 0.0, 0.0],
            (_, 0) => [1.0, 0.0, 0.0, 0.0, 0.0],
            _ => [0.0, 1.0, 0.0, 0.0, 0.0],
        };
        Mix::of(&terms, |k| self.pixel(first + k))
    }

    /// The same of [`Line::gradients`].
    pub fn gradient_mix(&self, kind: usize, i: usize) -> Mix {
        if kind == SINGLE {
            return Mix::of(&[1.0], |_| Some(i));
        }
        let (first, len) = self.segment(i);
        let (m, n, q) = (0.5 / (1.0 - P), -0.5 / (1.0 + P), 1.0 / (P * (P * P - 1.0)));
        let terms: [f64; 4] = match (len, kind) {
            (4, 0) if self.ends() => [0.0, -1.0, 0.0, 1.0],
            (4, 1) if self.ends() => [0.0, 0.5, 0.5, 0.0],
            (4, 2) if self.ends() => [0.0, 0.5, -0.5, 0.0],
            (4, 4) if self.ends() => [1.0, 0.0, -1.0, 0.0],
            (4, 0) => [1.0 / P, 0.0, 0.0, 0.0],
            (4, 1) => [m; 4],
            (4, 2) => [n, -n, n, -n],
            (4, 3) => [q, q * P, q * P * P, q * P * P * P],
            (4, _) => [0.0, 0.0, 0.0, 1.0],
            (3, 0) => [1.0, 0.0, 0.0, 0.0],
            (3, 1) => [0.5, 0.5, 0.5, 0.0],
            (3, 2) => [0.5, -0.5, 0.5, 0.0],
            (3, _) => [0.0, 0.0, 1.0, 0.0],
            (2, 0) => [1.0, 0.0, 0.0, 0.0],
            (2, 1) => [1.0, 1.0, 0.0, 0.0],
            (2, _) => [0.0, 1.0, 0.0, 0.0],
            _ => [1.0, 0.0, 0.0, 0.0],
        };
        Mix::of(&terms, |k| Some(first + k))
    }

    /// [`Line::data`] or [`Line::gradients`].
    #[inline(always)]
    pub fn there<T: Real, S: Simd>(
        &self,
        s: S,
        data: bool,
        from: impl Fn(usize) -> T::V<S>,
        to: impl FnMut(usize, usize, T::V<S>),
    ) {
        if data { self.data::<T, S>(s, from, to) } else { self.gradients::<T, S>(s, from, to) }
    }

    /// [`Line::data_back`] or [`Line::outputs`].
    #[inline(always)]
    pub fn back<T: Real, S: Simd>(
        &self,
        s: S,
        data: bool,
        from: impl Fn(usize, usize) -> T::V<S>,
        to: impl FnMut(usize, T::V<S>),
    ) {
        if data { self.data_back::<T, S>(s, from, to) } else { self.outputs::<T, S>(s, from, to) }
    }

    /// Pixels to points: `to(kind, i, value)` is told the i-th of a kind.
    #[inline(always)]
    fn data<T: Real, S: Simd>(&self, s: S, from: impl Fn(usize) -> T::V<S>, mut to: impl FnMut(usize, usize, T::V<S>)) {
        for i in 0..self.segments {
            match self.segment(i).1 {
                4 => self.data_of::<T, S, 4>(s, i, &from, &mut to),
                3 => self.data_of::<T, S, 3>(s, i, &from, &mut to),
                2 => self.data_of::<T, S, 2>(s, i, &from, &mut to),
                _ => self.data_of::<T, S, 1>(s, i, &from, &mut to),
            }
        }
        for i in 0..self.outs {
            to(SINGLE, i, from(self.single(i)));
        }
    }

    /// Of a segment of N. Branches within would cost as much as the work: so a function for each length.
    #[inline(always)]
    fn data_of<T: Real, S: Simd, const N: usize>(
        &self,
        s: S,
        i: usize,
        from: &impl Fn(usize) -> T::V<S>,
        to: &mut impl FnMut(usize, usize, T::V<S>),
    ) {
        let first = 2 * self.segment(i).0;
        let mut e = [T::splat(s, T::default()); 5];
        if i > 0 || self.pad == 0 {
            e[0] = from(first - self.pad);
        }
        for k in 1..N {
            e[k] = from(first + 2 * k - self.pad);
        }
        if i + 1 < self.segments {
            e[N] = from(first + 2 * N - self.pad);
        }
        let [a, b, c, d, z] = e;
        match N {
            4 if self.ends() => {
                let outer = T::vadd(s, b, d);
                to(0, i, d);
                to(1, i, T::vadd(s, outer, c));
                to(2, i, T::vsub(s, outer, c));
                to(4, i, b);
            }
            4 => {
                let p = T::splat(s, T::of(-P));
                let odd = T::vsub(s, d, b);
                let (even, low) = (T::fma(s, p, c, d), T::fma(s, p, b, c));
                to(0, i, T::fma(s, p, T::vsub(s, c, a), odd));
                to(1, i, T::vadd(s, even, low));
                to(2, i, T::vsub(s, even, low));
                to(3, i, odd);
                to(4, i, T::fma(s, p, odd, T::vsub(s, z, c)));
            }
            3 => {
                to(0, i, T::vsub(s, a, c));
                to(1, i, T::vadd(s, b, c));
                to(2, i, T::vsub(s, c, b));
                to(4, i, T::vsub(s, d, b));
            }
            2 => {
                to(0, i, T::vsub(s, a, b));
                to(1, i, b);
                to(4, i, T::vsub(s, c, b));
            }
            _ => {
                to(0, i, a);
                to(4, i, b);
            }
        }
    }

    /// The transpose of [`Line::data`]: gradients of points to those of pixels.
    #[inline(always)]
    fn data_back<T: Real, S: Simd>(
        &self,
        s: S,
        from: impl Fn(usize, usize) -> T::V<S>,
        mut to: impl FnMut(usize, T::V<S>),
    ) {
        // What the segment before gives the pixel that both read.
        let mut carried = T::splat(s, T::default());
        for i in 0..self.segments {
            match self.segment(i).1 {
                4 => carried = self.data_back_of::<T, S, 4>(s, i, carried, &from, &mut to),
                3 => carried = self.data_back_of::<T, S, 3>(s, i, carried, &from, &mut to),
                2 => carried = self.data_back_of::<T, S, 2>(s, i, carried, &from, &mut to),
                _ => carried = self.data_back_of::<T, S, 1>(s, i, carried, &from, &mut to),
            }
        }
        for i in 0..self.outs {
            to(self.single(i), from(SINGLE, i));
        }
    }

    #[inline(always)]
    fn data_back_of<T: Real, S: Simd, const N: usize>(
        &self,
        s: S,
        i: usize,
        carried: T::V<S>,
        from: &impl Fn(usize, usize) -> T::V<S>,
        to: &mut impl FnMut(usize, T::V<S>),
    ) -> T::V<S> {
        let zero = T::splat(s, T::default());
        let (x, z) = (from(0, i), from(4, i));
        let e = match N {
            4 if self.ends() => {
                let (sum, gap) = (from(1, i), from(2, i));
                let outer = T::vadd(s, sum, gap);
                [zero, T::vadd(s, outer, z), T::vsub(s, sum, gap), T::vadd(s, outer, x), zero]
            }
            4 => {
                let (p, minus) = (T::splat(s, T::of(P)), T::splat(s, T::of(-P)));
                let (sum, gap) = (from(1, i), from(2, i));
                let (even, low) = (T::vadd(s, sum, gap), T::vsub(s, sum, gap));
                // Of x: ½·a − b − ½·c + d; of z: ½·b − c − ½·d + e; of ½: d − b.
                let odd = T::vadd(s, T::fma(s, minus, z, x), from(3, i));
                let b = T::vsub(s, T::vmul(s, minus, low), odd);
                let c = T::vsub(s, T::fma(s, minus, T::vadd(s, even, x), low), z);
                [T::vmul(s, p, x), b, c, T::vadd(s, even, odd), z]
            }
            3 => {
                let (sum, gap) = (from(1, i), from(2, i));
                let b = T::vsub(s, T::vsub(s, sum, gap), z);
                [x, b, T::vsub(s, T::vadd(s, sum, gap), x), z, zero]
            }
            2 => [x, T::vsub(s, T::vsub(s, from(1, i), x), z), z, zero, zero],
            _ => [x, z, zero, zero, zero],
        };
        let first = 2 * self.segment(i).0;
        if i > 0 || self.pad == 0 {
            to(first - self.pad, T::vadd(s, carried, e[0]));
        }
        for k in 1..N {
            to(first + 2 * k - self.pad, e[k]);
        }
        e[N]
    }

    /// Products at the points to outputs.
    #[inline(always)]
    fn outputs<T: Real, S: Simd>(
        &self,
        s: S,
        from: impl Fn(usize, usize) -> T::V<S>,
        mut to: impl FnMut(usize, T::V<S>),
    ) {
        for i in 0..self.segments {
            match self.segment(i).1 {
                4 => self.outputs_of::<T, S, 4>(s, i, &from, &mut to),
                3 => self.outputs_of::<T, S, 3>(s, i, &from, &mut to),
                2 => self.outputs_of::<T, S, 2>(s, i, &from, &mut to),
                _ => self.outputs_of::<T, S, 1>(s, i, &from, &mut to),
            }
        }
    }

    #[inline(always)]
    fn outputs_of<T: Real, S: Simd, const N: usize>(
        &self,
        s: S,
        i: usize,
        from: &impl Fn(usize, usize) -> T::V<S>,
        to: &mut impl FnMut(usize, T::V<S>),
    ) {
        let (x, z) = (from(0, i), from(4, i));
        let mut y = [x; 4];
        match N {
            4 if self.ends() => {
                let (m, n) = (from(1, i), from(2, i));
                let (sum, gap) = (T::vadd(s, m, n), T::vsub(s, m, n));
                y = [
                    z,
                    T::vsub(s, T::vmul(s, k::<T, S>(s, 0.5), sum), x),
                    T::vsub(s, T::vmul(s, k::<T, S>(s, 0.5), gap), z),
                    x,
                ];
            }
            4 => {
                let m = T::vmul(s, k::<T, S>(s, 0.5 / (1.0 - P)), from(1, i));
                let n = T::vmul(s, k::<T, S>(s, -0.5 / (1.0 + P)), from(2, i));
                let q = T::vmul(s, k::<T, S>(s, 1.0 / (P * (P * P - 1.0))), from(3, i));
                let (sum, gap) = (T::vadd(s, m, n), T::vsub(s, m, n));
                y = [
                    T::fma(s, k::<T, S>(s, 1.0 / P), x, T::vadd(s, sum, q)),
                    T::fma(s, k::<T, S>(s, P), q, gap),
                    T::fma(s, k::<T, S>(s, P * P), q, sum),
                    T::vadd(s, T::fma(s, k::<T, S>(s, P * P * P), q, gap), z),
                ];
            }
            3 => {
                let (m, n) = (from(1, i), from(2, i));
                let sum = T::vmul(s, k::<T, S>(s, 0.5), T::vadd(s, m, n));
                y = [T::vadd(s, x, sum), T::vmul(s, k::<T, S>(s, 0.5), T::vsub(s, m, n)), T::vadd(s, sum, z), z];
            }
            2 => {
                let m = from(1, i);
                (y[0], y[1]) = (T::vadd(s, x, m), T::vadd(s, m, z));
            }
            _ => y[0] = T::vadd(s, x, z),
        }
        let first = self.segment(i).0;
        for k in 0..N {
            to(first + k, T::vadd(s, y[k], from(SINGLE, first + k)));
        }
    }

    /// The transpose of [`Line::outputs`]: gradients of outputs to those of the products.
    #[inline(always)]
    fn gradients<T: Real, S: Simd>(
        &self,
        s: S,
        from: impl Fn(usize) -> T::V<S>,
        mut to: impl FnMut(usize, usize, T::V<S>),
    ) {
        for i in 0..self.segments {
            match self.segment(i).1 {
                4 => self.gradients_of::<T, S, 4>(s, i, &from, &mut to),
                3 => self.gradients_of::<T, S, 3>(s, i, &from, &mut to),
                2 => self.gradients_of::<T, S, 2>(s, i, &from, &mut to),
                _ => self.gradients_of::<T, S, 1>(s, i, &from, &mut to),
            }
        }
    }

    #[inline(always)]
    fn gradients_of<T: Real, S: Simd, const N: usize>(
        &self,
        s: S,
        i: usize,
        from: &impl Fn(usize) -> T::V<S>,
        to: &mut impl FnMut(usize, usize, T::V<S>),
    ) {
        let first = self.segment(i).0;
        let mut y = [T::splat(s, T::default()); 4];
        for k in 0..N {
            y[k] = from(first + k);
            to(SINGLE, first + k, y[k]);
        }
        let [a, b, c, d] = y;
        match N {
            4 if self.ends() => {
                to(0, i, T::vsub(s, d, b));
                to(1, i, T::vmul(s, k::<T, S>(s, 0.5), T::vadd(s, b, c)));
                to(2, i, T::vmul(s, k::<T, S>(s, 0.5), T::vsub(s, b, c)));
                to(4, i, T::vsub(s, a, c));
            }
            4 => {
                let (even, odd) = (T::vadd(s, a, c), T::vadd(s, b, d));
                to(0, i, T::vmul(s, k::<T, S>(s, 1.0 / P), a));
                to(1, i, T::vmul(s, k::<T, S>(s, 0.5 / (1.0 - P)), T::vadd(s, even, odd)));
                to(2, i, T::vmul(s, k::<T, S>(s, -0.5 / (1.0 + P)), T::vsub(s, even, odd)));
                let high = T::fma(
                    s,
                    k::<T, S>(s, P * P * P),
                    d,
                    T::fma(s, k::<T, S>(s, P * P), c, T::fma(s, k::<T, S>(s, P), b, a)),
                );
                to(3, i, T::vmul(s, k::<T, S>(s, 1.0 / (P * (P * P - 1.0))), high));
                to(4, i, d);
            }
            3 => {
                let ends = T::vadd(s, a, c);
                to(0, i, a);
                to(1, i, T::vmul(s, k::<T, S>(s, 0.5), T::vadd(s, ends, b)));
                to(2, i, T::vmul(s, k::<T, S>(s, 0.5), T::vsub(s, ends, b)));
                to(4, i, c);
            }
            2 => {
                to(0, i, a);
                to(1, i, T::vadd(s, a, b));
                to(4, i, b);
            }
            _ => {
                to(0, i, a);
                to(4, i, a);
            }
        }
    }
}

/// A constant in a register.
#[inline(always)]
fn k<T: Real, S: Simd>(s: S, x: f64) -> T::V<S> {
    T::splat(s, T::of(x))
}

/// Three weights to the kinds of points.
#[inline(always)]
pub(super) fn weights<T: Real, S: Simd>(s: S, [a, b, c]: [T::V<S>; 3]) -> [T::V<S>; KINDS] {
    [a, T::vadd(s, a, c), T::vsub(s, a, c), T::fma(s, T::splat(s, T::of(P)), c, a), c, b]
}

/// The transpose of [`weights`].
#[inline(always)]
pub(super) fn weight_gradients<T: Real, S: Simd>(s: S, u: [T::V<S>; KINDS]) -> [T::V<S>; 3] {
    let a = T::vadd(s, T::vadd(s, u[0], u[3]), T::vadd(s, u[1], u[2]));
    let c = T::fma(s, T::splat(s, T::of(P)), u[3], T::vadd(s, u[4], T::vsub(s, u[1], u[2])));
    [a, u[5], c]
}
