//! Winograd's convolutions against the direct ones.

use super::{Tile, forward, input_grad, weight_grad};
use crate::direct;
use crate::geometry::Geometry;
use crate::simd::{Real, limited};

/// Numbers in −1…1 that look random.
fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn of<T: Real>(v: &[f64]) -> Vec<T> {
    v.iter().map(|&v| T::of(v)).collect()
}

/// The three passes of one convolution.
fn passes<T: Real>(tile: Option<Tile>, g: &Geometry, batch: usize, x: &[f64], w: &[f64], d: &[f64]) -> [Vec<f64>; 3] {
    let (x, w, d): (Vec<T>, Vec<T>, Vec<T>) = (of(x), of(w), of(d));
    let nan = T::of(f64::NAN);
    let (mut y, mut dx, mut dw) = (vec![nan; d.len()], vec![nan; x.len()], vec![nan; w.len()]);
    let mut turned = vec![nan; w.len()];
    let bias: Vec<T> = of(&noise(g.cout, 9));
    match tile {
        Some(tile) => {
            forward(tile, g, batch, &x, &w, Some(&bias), &mut y);
            direct::turn_whole(g, &w, &mut turned);
            input_grad(tile, g, batch, &d, &turned, &mut dx);
            weight_grad(tile, g, batch, &x, &d, &mut dw);
        }
        None => {
            direct::forward(g, batch, &x, &w, Some(&bias), &mut y);
            direct::turn(g, &w, &mut turned);
            direct::input_grad(g, batch, &d, &turned, &mut dx);
            direct::weight_grad(g, batch, &x, &d, &mut dw);
        }
    }
    [y, dx, dw].map(|v| v.into_iter().map(T::f64).collect())
}

/// Root of the mean squared difference, in that of `b`.
fn gap(a: &[f64], b: &[f64]) -> f64 {
    let (mut e, mut n) = (0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        e += (a - b).powi(2);
        n += b * b;
    }
    (e / n).sqrt()
}

/// Every side from 1 on, images that are no square, few and many and odd channels, and batches that fill blocks and do not.
fn shapes() -> Vec<(usize, Geometry)> {
    let same = |h, w, cin, cout| Geometry::same(h, w, cin, cout, 1);
    let mut shapes: Vec<_> = (1..=8).map(|side| (2, same(side, side, 5, 3))).collect();
    for side in [11, 21] {
        shapes.push((1, same(side, side, 32, 32)));
    }
    for (batch, h, w, cin, cout) in [
        (1, 7, 5, 1, 1),
        (10, 6, 6, 32, 64),
        (25, 5, 5, 3, 32),
        (2, 11, 13, 64, 5),
        (1, 42, 42, 8, 9),
        (10, 3, 9, 17, 33),
        (3, 21, 8, 64, 64),
    ] {
        shapes.push((batch, same(h, w, cin, cout)));
    }
    shapes
}

#[test]
fn all_passes_give_what_the_direct_ones_give() {
    for (i, (batch, g)) in shapes().into_iter().enumerate() {
        let seed = 10 * i as u64;
        let (x, w) = (noise(batch * g.input_len(), seed), noise(g.weight_len(), seed + 1));
        let d = noise(batch * g.output_len(), seed + 2);
        let exact = passes::<f64>(None, &g, batch, &x, &w, &d);
        for set in ["", "avx2+fma", "scalar"] {
            for tile in [Tile::Three, Tile::Four] {
                let (wide, narrow) = limited(set, || {
                    let of = Some(tile);
                    (passes::<f64>(of, &g, batch, &x, &w, &d), passes::<f32>(of, &g, batch, &x, &w, &d))
                });
                for (pass, (wide, (narrow, exact))) in wide.iter().zip(narrow.iter().zip(&exact)).enumerate() {
                    let what = format!("{set} {tile:?}, pass {pass} of {batch} times {g:?}");
                    assert!(gap(wide, exact) < 1e-14, "{what}: {:e} in f64", gap(wide, exact));
                    assert!(gap(narrow, exact) < 2e-6, "{what}: {:e} in f32", gap(narrow, exact));
                }
            }
        }
    }
}

/// Which the inductive protocol relies on.
#[test]
fn an_image_gives_the_same_bits_in_any_batch() {
    let g = Geometry::same(11, 10, 9, 12, 1);
    let (batch, w) = (7, of::<f32>(&noise(g.weight_len(), 1)));
    let x: Vec<f32> = of(&noise(batch * g.input_len(), 2));
    for set in ["", "avx2+fma", "scalar"] {
        limited(set, || {
            for tile in [Tile::Three, Tile::Four] {
                let mut all = vec![f32::NAN; batch * g.output_len()];
                forward(tile, &g, batch, &x, &w, None, &mut all);
                for (x, want) in x.chunks_exact(g.input_len()).zip(all.chunks_exact(g.output_len())) {
                    let mut alone = vec![f32::NAN; g.output_len()];
                    forward(tile, &g, 1, x, &w, None, &mut alone);
                    assert_eq!(alone, want, "{set} {tile:?}");
                }
            }
        });
    }
}

/// Errors against f64 of activations as networks have them, for Winograd and the direct kernels: README's figures.
#[test]
#[ignore = "prints figures"]
fn errors() {
    for (side, channels) in [(42, 32), (21, 32), (11, 32), (6, 64)] {
        let g = Geometry::same(side, side, channels, channels, 1);
        let batch = 10;
        let x: Vec<f64> = noise(batch * g.input_len(), 1).iter().map(|v| v.max(0.0) as f32 as f64).collect();
        let round = |v: Vec<f64>| v.into_iter().map(|v| v as f32 as f64).collect::<Vec<f64>>();
        let (w, d) = (round(noise(g.weight_len(), 2)), round(noise(batch * g.output_len(), 3)));
        let exact = passes::<f64>(None, &g, batch, &x, &w, &d);
        for tile in [None, Some(Tile::Three), Some(Tile::Four)] {
            let gaps: Vec<String> = passes::<f32>(tile, &g, batch, &x, &w, &d)
                .iter()
                .zip(&exact)
                .map(|(a, b)| format!("{:.1e}", gap(a, b)))
                .collect();
            println!("{side}×{side}×{channels} {tile:?}: forward, input and weight gradient {}", gaps.join(", "));
        }
    }
}
