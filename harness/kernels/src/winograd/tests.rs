//! Winograd's convolutions against the direct ones.

use super::{Tile, forward, input_grad, weight_grad};
use crate::conv;
use crate::direct;
use crate::forward::NormMode;
use crate::geometry::Geometry;
use crate::layer::{Layer, Padding};
use crate::loss::{Reduction, Target};
use crate::network::Network;
use crate::norm;
use crate::plan::Stage;
use crate::pool::{self, PoolShape};
use crate::simd::{Real, instruction_set, limited};
use crate::workspace::Workspace;
use std::cell::Cell;
use std::time::Instant;

thread_local! {
    /// Whether this thread's convolutions are all direct.
    pub(super) static OFF: Cell<bool> = const { Cell::new(false) };
}

/// `f` without Winograd's convolutions.
fn direct_only<R>(f: impl FnOnce() -> R) -> R {
    OFF.set(true);
    let result = f();
    OFF.set(false);
    result
}

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
            forward(tile, g, batch, &[(&x, &w)], Some(&bias), &mut y);
            super::turn(tile, g, &w, &mut turned);
            input_grad(tile, g, batch, &[(&d, &turned)], &mut dx);
            weight_grad(tile, g, batch, &[(&x, &d)], &mut dw);
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
    let halved = |h, w, cin, cout| Geometry::same(h, w, cin, cout, 2);
    shapes.extend((1..=24).map(|side| (2, halved(side, side, 5, 3))));
    for (batch, h, w, cin, cout) in
        [(1, 14, 14, 64, 64), (10, 7, 7, 64, 64), (25, 28, 9, 1, 17), (3, 4, 31, 33, 16), (40, 13, 14, 20, 8)]
    {
        shapes.push((batch, halved(h, w, cin, cout)));
    }
    shapes
}

/// The tiles for a stride.
fn tiles(g: &Geometry) -> &'static [Tile] {
    if g.stride == 2 { &[Tile::Phases] } else { &[Tile::Three, Tile::Four] }
}

#[test]
fn all_passes_give_what_the_direct_ones_give() {
    for (i, (batch, g)) in shapes().into_iter().enumerate() {
        let seed = 10 * i as u64;
        let (x, w) = (noise(batch * g.input_len(), seed), noise(g.weight_len(), seed + 1));
        let d = noise(batch * g.output_len(), seed + 2);
        let exact = passes::<f64>(None, &g, batch, &x, &w, &d);
        for set in ["", "avx2+fma", "scalar"] {
            for &tile in tiles(&g) {
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

/// Which products with a Hessian rely on: the passes over two operands give the sum of the passes over each.
#[test]
fn a_sum_is_that_of_its_terms() {
    for (i, (batch, g)) in shapes().into_iter().enumerate() {
        let [x, w, d] = [g.input_len() * batch, g.weight_len(), g.output_len() * batch]
            .map(|len| [1, 2].map(|term| noise(len, (1000 * i + term * len) as u64)));
        let zero = vec![0.0; d[0].len()];
        let each = [0, 1].map(|term| passes::<f64>(None, &g, batch, &x[term], &w[term], &d[term]));
        // The bias goes into each by itself, but once into the sum.
        let mut bias = passes::<f64>(None, &g, batch, &vec![0.0; x[0].len()], &w[0], &zero)[0].clone();
        bias.iter_mut().for_each(|v| *v = -*v);
        let want: [Vec<f64>; 3] = std::array::from_fn(|pass| {
            let (a, b) = (&each[0][pass], &each[1][pass]);
            let sum = a.iter().zip(b).map(|(a, b)| a + b);
            if pass == 0 { sum.zip(&bias).map(|(v, bias)| v + bias).collect() } else { sum.collect() }
        });
        for set in ["", "avx2+fma", "scalar"] {
            for &tile in tiles(&g) {
                let got = limited(set, || {
                    let mut turned = [(); 2].map(|()| vec![f64::NAN; w[0].len()]);
                    turned.iter_mut().zip(&w).for_each(|(turned, w)| super::turn(tile, &g, w, turned));
                    let mut got = [&d, &x, &w].map(|of| vec![f64::NAN; of[0].len()]);
                    let [y, dx, dw] = &mut got;
                    let bias = noise(g.cout, 9);
                    forward(tile, &g, batch, &[(&x[0], &w[0]), (&x[1], &w[1])], Some(&bias), y);
                    input_grad(tile, &g, batch, &[(&d[0], &turned[0]), (&d[1], &turned[1])], dx);
                    weight_grad(tile, &g, batch, &[(&x[0], &d[0]), (&x[1], &d[1])], dw);
                    got
                });
                for (pass, (got, want)) in got.iter().zip(&want).enumerate() {
                    let what = format!("{set} {tile:?}, pass {pass} of {batch} times {g:?}");
                    assert!(gap(got, want) < 2e-14, "{what}: {:e}", gap(got, want));
                }
            }
        }
    }
}

/// Which the inductive protocol relies on.
#[test]
fn an_image_gives_the_same_bits_in_any_batch() {
    for (set, stride) in ["", "avx2+fma", "scalar"].into_iter().flat_map(|set| [(set, 1), (set, 2)]) {
        let g = Geometry::same(11, 10, 9, 12, stride);
        let (batch, w) = (70, of::<f32>(&noise(g.weight_len(), 1)));
        let x: Vec<f32> = of(&noise(batch * g.input_len(), 2));
        limited(set, || {
            for &tile in tiles(&g) {
                let mut all = vec![f32::NAN; batch * g.output_len()];
                forward(tile, &g, batch, &[(&x, &w)], None, &mut all);
                for (x, want) in x.chunks_exact(g.input_len()).zip(all.chunks_exact(g.output_len())) {
                    let mut alone = vec![f32::NAN; g.output_len()];
                    forward(tile, &g, 1, &[(x, &w)], None, &mut alone);
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
    for (side, channels, stride) in [(42, 32, 1), (21, 32, 1), (11, 32, 1), (6, 64, 1), (14, 64, 2), (7, 64, 2)] {
        let g = Geometry::same(side, side, channels, channels, stride);
        let batch = 10;
        let x: Vec<f64> = noise(batch * g.input_len(), 1).iter().map(|v| v.max(0.0) as f32 as f64).collect();
        let round = |v: Vec<f64>| v.into_iter().map(|v| v as f32 as f64).collect::<Vec<f64>>();
        let (w, d) = (round(noise(g.weight_len(), 2)), round(noise(batch * g.output_len(), 3)));
        let exact = passes::<f64>(None, &g, batch, &x, &w, &d);
        for tile in [None].into_iter().chain(tiles(&g).iter().copied().map(Some)) {
            let gaps: Vec<String> = passes::<f32>(tile, &g, batch, &x, &w, &d)
                .iter()
                .zip(&exact)
                .map(|(a, b)| format!("{:.1e}", gap(a, b)))
                .collect();
            println!(
                "{side}×{side}×{channels}, stride {stride}, {tile:?}: forward, input and weight gradient {}",
                gaps.join(", ")
            );
        }
    }
}

/// Runs each of some passes in turn, and keeps the fewest microseconds of each.
fn timer(best: &mut [f64]) -> impl FnMut(&mut dyn FnMut()) {
    let mut passes = best.iter_mut();
    move |pass| {
        let start = Instant::now();
        pass();
        let best = passes.next().unwrap();
        *best = best.min(start.elapsed().as_secs_f64() * 1e6);
    }
}

/// Seconds of each pass by direct kernels and both tiles, minima of calls in turn: what [`super::tile`] chooses by.
#[test]
#[ignore = "prints figures"]
fn table() {
    let batch = 10;
    for set in ["", "avx2+fma"] {
        for (side, channels) in [
            (42, 32),
            (21, 32),
            (11, 32),
            (6, 32),
            (5, 32),
            (4, 32),
            (3, 32),
            (42, 64),
            (21, 64),
            (10, 64),
            (5, 64),
            (21, 16),
            (21, 8),
        ] {
            let g = Geometry::same(side, side, channels, channels, 1);
            let of = |n: usize, seed: u64| of::<f32>(&noise(n, seed));
            let (x, w, d) = (of(batch * g.input_len(), 1), of(g.weight_len(), 2), of(batch * g.output_len(), 3));
            let (mut y, mut dw) = (d.clone(), w.clone());
            let mut best = [f64::MAX; 6];
            limited(set, || {
                for _ in 0..(3e9 / g.flops() / batch as f64) as usize + 10 {
                    let mut time = timer(&mut best);
                    time(&mut || direct::forward(&g, batch, &x, &w, None, &mut y));
                    time(&mut || forward(Tile::Three, &g, batch, &[(&x, &w)], None, &mut y));
                    time(&mut || forward(Tile::Four, &g, batch, &[(&x, &w)], None, &mut y));
                    time(&mut || direct::weight_grad(&g, batch, &x, &d, &mut dw));
                    time(&mut || weight_grad(Tile::Three, &g, batch, &[(&x, &d)], &mut dw));
                    time(&mut || weight_grad(Tile::Four, &g, batch, &[(&x, &d)], &mut dw));
                }
                let [a, b, c, d, e, f] = best.map(|t| format!("{t:.0}"));
                println!(
                    "{} {side}×{side}×{channels}, µs: forward direct {a}, F3 {b}, F4 {c}; weight gradient direct {d}, F3 {e}, F4 {f}",
                    instruction_set()
                );
            });
        }
    }
}

/// The same for stride 2, all three passes.
#[test]
#[ignore = "prints figures"]
fn table_of_phases() {
    let batch = 10;
    for set in ["", "avx2+fma"] {
        for (side, channels) in
            [(28, 64), (14, 64), (13, 64), (10, 64), (7, 64), (6, 64), (4, 64), (14, 32), (14, 16), (7, 32), (42, 32)]
        {
            let g = Geometry::same(side, side, channels, channels, 2);
            let of = |n: usize, seed: u64| of::<f32>(&noise(n, seed));
            let (x, w, d) = (of(batch * g.input_len(), 1), of(g.weight_len(), 2), of(batch * g.output_len(), 3));
            let (mut y, mut dw, mut dx) = (d.clone(), w.clone(), x.clone());
            let mut best = [f64::MAX; 6];
            limited(set, || {
                for _ in 0..(5e9 / g.flops() / batch as f64) as usize + 10 {
                    let mut time = timer(&mut best);
                    time(&mut || direct::forward(&g, batch, &x, &w, None, &mut y));
                    time(&mut || forward(Tile::Phases, &g, batch, &[(&x, &w)], None, &mut y));
                    time(&mut || direct::input_grad(&g, batch, &d, &w, &mut dx));
                    time(&mut || input_grad(Tile::Phases, &g, batch, &[(&d, &w)], &mut dx));
                    time(&mut || direct::weight_grad(&g, batch, &x, &d, &mut dw));
                    time(&mut || weight_grad(Tile::Phases, &g, batch, &[(&x, &d)], &mut dw));
                }
                let [a, b, c, d, e, f] = best.map(|t| format!("{t:.0}"));
                println!(
                    "{} {side}×{side}×{channels}, µs direct and by phases: forward {a}, {b}; input gradient {c}, {d}; weight gradient {e}, {f}",
                    instruction_set()
                );
            });
        }
    }
}

/// The mini-ImageNet network of the papers, and parameters of a fresh one.
fn mini_imagenet(filters: usize) -> (Network, Vec<f64>) {
    fresh(&[84, 84, 3], filters, 1)
}

/// The Omniglot network.
fn omniglot() -> (Network, Vec<f64>) {
    fresh(&[28, 28, 1], 64, 2)
}

/// Four blocks, with pools where the stride is 1, and parameters as they are drawn at first.
fn fresh(input: &[usize], filters: usize, stride: usize) -> (Network, Vec<f64>) {
    let mut layers = Vec::new();
    for i in 1..=4 {
        layers.push((format!("conv{i}"), Layer::Conv { filters, stride }));
        layers.push((format!("norm{i}"), Layer::Norm { scale: true, eps: 1e-3 }));
        if stride == 1 {
            layers.push((format!("pool{i}"), Layer::MaxPool { padding: Padding::Same }));
        }
        layers.push((format!("relu{i}"), Layer::Relu));
    }
    layers.push(("flatten".into(), Layer::Flatten));
    layers.push(("head".into(), Layer::Dense { outputs: 5 }));
    let net = Network::new(input, layers).unwrap();
    let mut params = vec![0.0; net.param_len()];
    for (i, spec) in net.layout().iter().enumerate() {
        let own = &mut params[spec.offset..spec.offset + spec.len];
        match spec.shape.as_slice() {
            [area @ .., fan_in, fan_out] => {
                let scale = (6.0 / (area.iter().product::<usize>() * (fan_in + fan_out)) as f64).sqrt();
                own.copy_from_slice(&noise(spec.len, i as u64 + 1));
                own.iter_mut().for_each(|v| *v = (*v * scale) as f32 as f64);
            }
            _ => own.fill(if spec.name.ends_with("gamma") { 1.0 } else { 0.0 }),
        }
    }
    (net, params)
}

/// Loss and gradient of a batch of ten.
fn gradient<T: Real>(net: &Network, params: &[f64], x: &[f64]) -> Vec<f64> {
    let classes: Vec<u32> = (0..10).map(|i| i % 5).collect();
    let mut grad = vec![T::of(f64::NAN); params.len()];
    let (mut ws, target) = (Workspace::default(), Target::Classes(&classes));
    net.descend(&of(params), &of(x), target, Reduction::Sum, NormMode::Batch, 0, &mut ws, &mut grad);
    grad.into_iter().map(T::f64).collect()
}

#[test]
fn whole_gradients_are_as_near_to_f64_as_direct_ones() {
    for (name, build) in [("mini-ImageNet", (|| mini_imagenet(32)) as fn() -> _), ("Omniglot", omniglot)] {
        let (net, params) = build();
        let x: Vec<f64> = noise(10 * net.input_len(), 99).into_iter().map(|v| v as f32 as f64).collect();
        let (plain, _) = direct_only(build);
        let exact = direct_only(|| gradient::<f64>(&plain, &params, &x));
        assert!(gap(&gradient::<f64>(&net, &params, &x), &exact) < 1e-11);
        for set in ["", "avx2+fma"] {
            limited(set, || {
                let own = gap(&gradient::<f32>(&net, &params, &x), &exact);
                let direct = gap(&direct_only(|| gradient::<f32>(&plain, &params, &x)), &exact);
                println!(
                    "{name}, {}: rms error of the whole gradient {own:.2e}, by direct kernels {direct:.2e}",
                    instruction_set()
                );
                assert!(own < LIMIT, "{name}, {set}: {own:e}, by direct kernels {direct:e}");
            });
        }
    }
}

/// Windows and ReLUs that choose otherwise than in f64 are worth more than all rounding; this batch has few.
const LIMIT: f64 = 3e-6;

/// What each pool and each ReLU of a network has as input, with the pool where it is one; convolutions direct or not.
fn choices<T: Real>(net: &Network, params: &[f64], x: &[f64], winograd: bool) -> Vec<(Option<PoolShape>, Vec<f64>)> {
    let (params, mut x): (Vec<T>, Vec<T>) = (of(params), of(x));
    let zero = || vec![T::default(); net.stats_len()];
    let (mut stats, mut scales, mut seen) = (zero(), zero(), Vec::new());
    let wide = |v: &[T]| v.iter().map(|v| v.f64()).collect();
    for (stage, len) in net.stored.stages.iter().zip(&net.stored.lens) {
        let mut y = vec![T::default(); 10 * len];
        match stage {
            Stage::Norm(n) => {
                let mut winners = vec![T::default(); 10 * n.winners_len()];
                stage.measure(&params, &x, 10, &mut stats, &mut winners);
                n.scale(&params, &stats, &mut scales);
                let mut normal = vec![T::default(); x.len()];
                norm::forward(n.affine(&params, &stats, &scales), false, &x, &mut normal);
                match &n.pool {
                    Some(shape) => {
                        seen.push((Some(shape.clone()), wide(&normal)));
                        pool::forward(shape, 10, &normal, &mut y);
                    }
                    None => y = normal,
                }
                seen.push((None, wide(&y)));
                y.iter_mut().for_each(|v| *v = if *v > T::default() { *v } else { T::default() });
            }
            Stage::Linear(l) if winograd && l.geometry.kernel == 3 => {
                let (g, weight) = (&l.geometry, &params[l.weight.clone()]);
                // F(4×4) where the first layer has it.
                let first = (g.stride == 1).then_some(Tile::Four);
                let bias = Some(&params[l.bias.clone()]);
                match super::tile(g).or(first) {
                    Some(tile) => forward(tile, g, 10, &[(&x, weight)], bias, &mut y),
                    None => direct::forward(g, 10, &x, weight, bias, &mut y),
                }
            }
            Stage::Linear(l) => {
                let (weight, bias) = (&params[l.weight.clone()], &params[l.bias.clone()]);
                direct_only(|| conv::forward(&l.geometry, 10, &x, weight, Some(bias), &mut y));
            }
            stage => stage.forward(&params, 10, &x, &mut y),
        }
        x = y;
    }
    seen
}

/// How many windows and ReLUs choose otherwise than in f64, by either kernels: README's figures.
#[test]
#[ignore = "prints figures"]
fn flips() {
    let batches = 40;
    for (name, (net, params)) in [
        ("mini-ImageNet", mini_imagenet(32)),
        ("mini-ImageNet, 64 filters", mini_imagenet(64)),
        ("Omniglot", omniglot()),
    ] {
        let mut counts = [[0usize; 2]; 2];
        let (mut windows, mut relus) = (0, 0);
        for batch in 0..batches {
            let x: Vec<f64> = noise(10 * net.input_len(), 200 + batch).into_iter().map(|v| v as f32 as f64).collect();
            let exact = choices::<f64>(&net, &params, &x, false);
            for (kind, counts) in counts.iter_mut().enumerate() {
                let own = choices::<f32>(&net, &params, &x, kind == 1);
                for ((pool, own), (_, exact)) in own.iter().zip(&exact) {
                    let Some(pool) = pool else {
                        relus += own.len() * kind;
                        counts[1] += own.iter().zip(exact).filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count();
                        continue;
                    };
                    for image in 0..10 {
                        for (oy, ox) in (0..pool.oh).flat_map(|oy| (0..pool.ow).map(move |ox| (oy, ox))) {
                            for c in 0..pool.c {
                                let at = pool.window(oy, ox).map(|a| image * pool.input_len() + a + c);
                                let winner = |v: &[f64]| at.into_iter().reduce(|a, b| if v[b] > v[a] { b } else { a });
                                windows += kind;
                                counts[0] += usize::from(winner(own) != winner(exact));
                            }
                        }
                    }
                }
            }
        }
        println!("{name}, {}: {batches} batches of ten, {windows} windows and {relus} ReLUs", instruction_set());
        for (kind, [windows, relus]) in ["direct", "Winograd"].iter().zip(counts) {
            println!("{kind}: {windows} windows and {relus} ReLUs choose otherwise than in f64");
        }
    }
}
