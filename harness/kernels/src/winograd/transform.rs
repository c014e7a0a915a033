//! The transforms of one dimension.
//!
//! A convolution of three weights that gives M outputs is a product of polynomials, known from its values at N = M + 2 points
//! (Toom 1963, Cook 1966; Winograd 1980). With y = Aᵀ·((G·w) ⊙ (Bᵀ·d)): Bᵀ takes N data to the points, G the weights, Aᵀ the
//! products to M outputs, and A, Bᵀ, Gᵀ are the gradients of the same. The points are 0, ±3/4, ±3/2, ∞ for M = 4 and ±1/2, ±1, ∞ for
//! M = 3: of those tried the ones with the smallest errors, about twice a direct convolution's. Arrays have room for M = 4.

use crate::simd::Real;
use pulp::Simd;

/// The two positive points.
const fn points(m: usize) -> [f64; 2] {
    if m == 3 { [0.5, 1.0] } else { [0.75, 1.5] }
}

/// Constants in registers.
#[inline(always)]
fn k<T: Real, S: Simd>(s: S, x: f64) -> T::V<S> {
    T::splat(s, T::of(x))
}

/// x·y + z with a constant x.
#[inline(always)]
fn fma<T: Real, S: Simd>(s: S, x: f64, y: T::V<S>, z: T::V<S>) -> T::V<S> {
    T::fma(s, k::<T, S>(s, x), y, z)
}

#[inline(always)]
fn times<T: Real, S: Simd>(s: S, x: f64, y: T::V<S>) -> T::V<S> {
    T::vmul(s, k::<T, S>(s, x), y)
}

/// Bᵀ·d: N data to N points.
#[inline(always)]
pub(super) fn data<T: Real, S: Simd, const M: usize>(s: S, d: [T::V<S>; 6]) -> [T::V<S>; 6] {
    let [a, b] = const { points(M) };
    // What a pair of points ±p has in even and in odd powers, q being the other.
    let o = usize::from(M == 4);
    let (even_a, odd_a) = (fma::<T, S>(s, -b * b, d[1 + o], d[3 + o]), fma::<T, S>(s, -b * b, d[o], d[2 + o]));
    let (even_b, odd_b) = (fma::<T, S>(s, -a * a, d[1 + o], d[3 + o]), fma::<T, S>(s, -a * a, d[o], d[2 + o]));
    let pairs = [
        fma::<T, S>(s, a, odd_a, even_a),
        fma::<T, S>(s, -a, odd_a, even_a),
        fma::<T, S>(s, b, odd_b, even_b),
        fma::<T, S>(s, -b, odd_b, even_b),
    ];
    let (p, q) = (a * a * b * b, -(a * a + b * b));
    let first = fma::<T, S>(s, p, d[0], fma::<T, S>(s, q, d[2], d[4]));
    if M == 3 {
        return [pairs[0], pairs[1], pairs[2], pairs[3], first, first];
    }
    let last = fma::<T, S>(s, p, d[1], fma::<T, S>(s, q, d[3], d[5]));
    [first, pairs[0], pairs[1], pairs[2], pairs[3], last]
}

/// Aᵀ·m: N points to M outputs.
#[inline(always)]
pub(super) fn outputs<T: Real, S: Simd, const M: usize>(s: S, m: [T::V<S>; 6]) -> [T::V<S>; 4] {
    let [a, b] = const { points(M) };
    let o = usize::from(M == 4);
    let (sum_a, gap_a) = (T::vadd(s, m[o], m[1 + o]), T::vsub(s, m[o], m[1 + o]));
    let (sum_b, gap_b) = (T::vadd(s, m[2 + o], m[3 + o]), T::vsub(s, m[2 + o], m[3 + o]));
    let sum = T::vadd(s, sum_a, sum_b);
    let first = fma::<T, S>(s, a, gap_a, times::<T, S>(s, b, gap_b));
    if M == 3 {
        let second = fma::<T, S>(s, a * a, sum_a, fma::<T, S>(s, b * b, sum_b, m[4]));
        return [sum, first, second, sum];
    }
    let second = fma::<T, S>(s, a * a, sum_a, times::<T, S>(s, b * b, sum_b));
    let third = fma::<T, S>(s, a * a * a, gap_a, fma::<T, S>(s, b * b * b, gap_b, m[5]));
    [T::vadd(s, m[0], sum), first, second, third]
}

/// A·d: gradients of M outputs to N points.
#[inline(always)]
pub(super) fn gradients<T: Real, S: Simd, const M: usize>(s: S, d: [T::V<S>; 4]) -> [T::V<S>; 6] {
    let [a, b] = const { points(M) };
    let (even_a, even_b) = (fma::<T, S>(s, a * a, d[2], d[0]), fma::<T, S>(s, b * b, d[2], d[0]));
    let (mut odd_a, mut odd_b) = (d[1], d[1]);
    if M == 4 {
        (odd_a, odd_b) = (fma::<T, S>(s, a * a, d[3], d[1]), fma::<T, S>(s, b * b, d[3], d[1]));
    }
    let pairs = [
        fma::<T, S>(s, a, odd_a, even_a),
        fma::<T, S>(s, -a, odd_a, even_a),
        fma::<T, S>(s, b, odd_b, even_b),
        fma::<T, S>(s, -b, odd_b, even_b),
    ];
    if M == 3 {
        return [pairs[0], pairs[1], pairs[2], pairs[3], d[2], d[2]];
    }
    [d[0], pairs[0], pairs[1], pairs[2], pairs[3], d[3]]
}

/// G: a row of three for each of the N points.
pub(super) const fn g(m: usize) -> [[f64; 3]; 6] {
    let [a, b] = points(m);
    let (finite, count) = if m == 3 { ([a, -a, b, -b, 0.0], 4) } else { ([0.0, a, -a, b, -b], 5) };
    let mut rows = [[0.0; 3]; 6];
    let mut i = 0;
    while i < count {
        let (p, mut scale, mut j) = (finite[i], 1.0, 0);
        while j < count {
            if j != i {
                scale *= p - finite[j];
            }
            j += 1;
        }
        rows[i] = [1.0 / scale, p / scale, p * p / scale];
        i += 1;
    }
    rows[count] = [0.0, 0.0, 1.0];
    rows
}

/// G·w: three weights to N points.
#[inline(always)]
pub(super) fn weights<T: Real, S: Simd, const M: usize>(s: S, w: [T::V<S>; 3]) -> [T::V<S>; 6] {
    let g = const { g(M) };
    let mut points = [w[0]; 6];
    for (point, g) in points.iter_mut().zip(g) {
        *point = fma::<T, S>(s, g[0], w[0], fma::<T, S>(s, g[1], w[1], times::<T, S>(s, g[2], w[2])));
    }
    points
}

/// Gᵀ·u: N points to the gradients of three weights.
#[inline(always)]
pub(super) fn weight_gradients<T: Real, S: Simd, const M: usize>(s: S, u: [T::V<S>; 6]) -> [T::V<S>; 3] {
    let g = const { g(M) };
    let mut w = [times::<T, S>(s, g[0][0], u[0]), times::<T, S>(s, g[0][1], u[0]), times::<T, S>(s, g[0][2], u[0])];
    for i in 1..M + 2 {
        for (w, g) in w.iter_mut().zip(g[i]) {
            *w = fma::<T, S>(s, g, u[i], *w);
        }
    }
    w
}
