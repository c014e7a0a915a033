//! The network's gradient against finite differences in f64, and its shortcuts against the plain way.

use crate::curvature::{Curvature, CurvatureSpace};
use crate::forward::NormMode;
use crate::layer::{Layer, Padding};
use crate::loss::{Reduction, Target};
use crate::network::Network;
use crate::workspace::Workspace;

/// Numbers in −1…1 that look random.
pub(crate) fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn net(input: &[usize], layers: &[Layer]) -> Network {
    let name = |(i, l): (usize, &Layer)| (format!("l{i}"), l.clone());
    Network::new(input, layers.iter().enumerate().map(name).collect()).unwrap()
}

fn conv(filters: usize, stride: usize) -> Layer {
    Layer::Conv { filters, stride }
}

fn norm(scale: bool) -> Layer {
    Layer::Norm { scale, eps: 1e-3 }
}

const SAME: Layer = Layer::MaxPool { padding: Padding::Same };
const VALID: Layer = Layer::MaxPool { padding: Padding::Valid };

pub(crate) fn networks() -> Vec<(Network, usize)> {
    use Layer::*;
    let dense = |outputs| Dense { outputs };
    vec![
        (net(&[9, 9, 1], &[conv(5, 2), norm(true), Relu, conv(4, 2), norm(false), Relu, Flatten, dense(3)]), 4),
        (
            net(
                &[7, 5, 3],
                &[conv(6, 1), norm(true), SAME, Relu, conv(20, 1), norm(true), Relu, SAME, Flatten, dense(3)],
            ),
            3,
        ),
        (net(&[7, 7, 2], &[conv(3, 1), norm(true), Relu, VALID, conv(17, 2), Relu, SpatialMean, dense(4)]), 2),
        (net(&[5, 6, 14], &[conv(33, 1), Relu, VALID, conv(2, 2), Tanh, SAME, Flatten, dense(3)]), 2),
        (net(&[3, 3, 4], &[norm(true), conv(3, 1), Tanh, norm(true), VALID, Flatten, norm(false), dense(3)]), 3),
        (net(&[1, 1, 1], &[conv(1, 2), norm(true), Flatten, dense(3)]), 5),
        // Wide enough for Winograd's tiles: of four outputs, with a negative γ and a pool, and of three.
        (net(&[7, 4, 16], &[conv(17, 1), norm(true), SAME, Relu, SpatialMean, dense(3)]), 2),
        // First layers whose output is not stored, with pools that keep and drop the odd row.
        (net(&[6, 7, 2], &[conv(16, 1), norm(true), VALID, Relu, conv(2, 2), Flatten, dense(2)]), 2),
        (net(&[5, 9, 3], &[conv(17, 1), norm(false), Relu, SAME, SpatialMean, dense(2)]), 3),
        (net(&[6, 6, 1], &[conv(16, 1), Tanh, conv(18, 1), Relu, SAME, SpatialMean, dense(2)]), 2),
        (net(&[6, 6, 1], &[conv(1, 1), SAME, norm(false), Flatten, dense(3)]), 1),
        (net(&[3], &[dense(40), Relu, dense(17), Tanh, dense(3)]), 13),
        (net(&[2], &[dense(8), norm(true), Relu, dense(3)]), 6),
    ]
}

pub(crate) fn check(net: &Network, params: &[f64], loss: impl Fn(&[f64]) -> f64, grad: &[f64]) {
    for i in 0..net.param_len() {
        let at = |h: f64| {
            let mut p = params.to_vec();
            p[i] += h;
            loss(&p)
        };
        let h = 1e-6;
        let want = (at(h) - at(-h)) / (2.0 * h);
        let gap = (grad[i] - want).abs();
        let name = &net.layout().iter().rfind(|s| s.offset <= i).unwrap().name;
        assert!(gap < 2e-7 * want.abs().max(1.0), "{name} [{i}]: {} for {want}", grad[i]);
    }
}

/// The gradient of a network of three outputs against finite differences along one direction, on images drawn from `seed`.
fn check_along(net: &Network, batch: usize, params: &[f64], seed: u64, case: &str) {
    let x = noise(batch * net.input_len(), seed);
    let classes: Vec<u32> = (0..batch).map(|i| (i % 3) as u32).collect();
    let descend = |p: &[f64], grad: &mut [f64]| {
        let (target, mut ws) = (Target::Classes(&classes), Workspace::default());
        net.descend(p, &x, target, Reduction::Mean, NormMode::Batch, 0, &mut ws, grad)
    };
    let mut grad = vec![f64::NAN; params.len()];
    descend(params, &mut grad);
    let direction = noise(params.len(), 50);
    let at = |by: f64| {
        let moved: Vec<f64> = params.iter().zip(&direction).map(|(p, v)| p + by * v).collect();
        descend(&moved, &mut vec![0.0; params.len()])
    };
    let h = 1e-7;
    let want = (at(h) - at(-h)) / (2.0 * h);
    let got: f64 = grad.iter().zip(&direction).map(|(g, v)| g * v).sum();
    assert!((got - want).abs() < 1e-6 * want.abs().max(1.0), "{case}: {got} for {want}");
}

#[test]
fn gradients_match_finite_differences() {
    for (k, (net, batch)) in networks().into_iter().enumerate() {
        let params = noise(net.param_len(), k as u64 + 1);
        let x = noise(batch * net.input_len(), k as u64 + 100);
        let values = noise(batch * net.outputs(), 7);
        let classes: Vec<u32> = (0..batch).map(|i| (i % net.outputs()) as u32).collect();
        let running = noise(net.stats_len(), 9).iter().map(|v| v.abs() + 0.1).collect::<Vec<_>>();
        for target in [Target::Classes(&classes), Target::Values(&values)] {
            for mode in [NormMode::Batch, NormMode::Running(&running)] {
                for (reduction, first) in [(Reduction::Sum, 0), (Reduction::Mean, 1), (Reduction::Mean, 3)] {
                    let descend = |p: &[f64], ws: &mut Workspace<f64>, grad: &mut [f64]| {
                        net.descend(p, &x, target, reduction, mode, first, ws, grad)
                    };
                    let mut ws = Workspace::default();
                    let mut grad = vec![f64::NAN; net.param_len()];
                    descend(&params, &mut ws, &mut grad);
                    let loss = |p: &[f64]| {
                        let (mut ws, mut unused) = (Workspace::default(), vec![0.0; p.len()]);
                        descend(p, &mut ws, &mut unused)
                    };
                    let mut expected = grad.clone();
                    // Frozen layers have gradient zero whatever the loss says: check the others.
                    let frozen = |i: usize| {
                        let spec = net.layout().iter().rfind(|s| s.offset <= i).unwrap();
                        spec.layer < first
                    };
                    let mut exact = vec![0.0; net.param_len()];
                    net.descend(&params, &x, target, reduction, mode, 0, &mut ws, &mut exact);
                    for i in 0..grad.len() {
                        if frozen(i) {
                            assert_eq!(grad[i], 0.0);
                            expected[i] = exact[i];
                        }
                    }
                    check(&net, &params, loss, &expected);
                }
            }
        }
    }
}

/// The derivative along one direction, of networks too large to vary each parameter: all the sizes and batches that paths are chosen by.
#[test]
fn gradients_along_a_direction_match_finite_differences() {
    use Layer::*;
    let block = |filters, padding| [conv(filters, 1), norm(true), MaxPool { padding }, Relu];
    let mut cases = vec![];
    for (side, cin, filters, batch) in [
        (21, 3, 32, 10),
        (11, 1, 32, 25),
        (11, 5, 64, 2),
        (12, 3, 32, 1),
        (6, 32, 5, 10),
        (5, 64, 64, 2),
        (9, 16, 3, 25),
    ] {
        cases.push((side, cin, filters, batch, Padding::Same));
    }
    for side in 2..=8 {
        cases.push((side, 16, 17, 2, Padding::Valid));
        cases.push((side, 3, 32, 1, Padding::Same));
    }
    for (k, (side, cin, filters, batch, padding)) in cases.into_iter().enumerate() {
        let mut layers = block(filters, padding).to_vec();
        layers.extend([conv(filters, 1), norm(false), Relu, conv(18, 1), Tanh, Flatten, Dense { outputs: 3 }]);
        let net = net(&[side, side, cin], &layers);
        let scale = |v: Vec<f64>, by: f64| v.into_iter().map(|v| v * by).collect::<Vec<f64>>();
        let params = scale(noise(net.param_len(), k as u64 + 1), 0.3);
        let case = format!("side {side}, {cin} to {filters}, batch {batch}");
        check_along(&net, batch, &params, k as u64 + 100, &case);
    }
}

#[test]
fn single_precision_and_other_widths_agree() {
    for (k, (net, batch)) in networks().into_iter().enumerate() {
        let params = noise(net.param_len(), k as u64 + 1);
        let x = noise(batch * net.input_len(), k as u64 + 100);
        let classes: Vec<u32> = (0..batch).map(|i| (i % net.outputs()) as u32).collect();
        let mut exact = vec![0.0; net.param_len()];
        let target = Target::Classes(&classes);
        let mut ws = Workspace::default();
        net.descend(&params, &x, target, Reduction::Sum, NormMode::Batch, 0, &mut ws, &mut exact);
        let narrow = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
        let (params, x) = (narrow(&params), narrow(&x));
        let largest = exact.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        for set in ["avx512f", "avx2+fma", "scalar"] {
            crate::simd::limited(set, || {
                let (mut ws, mut grad) = (Workspace::default(), vec![f32::NAN; net.param_len()]);
                let target = Target::Classes(&classes);
                net.loss_grad(&params, &x, target, Reduction::Sum, &mut ws, &mut grad);
                for (i, (g, e)) in grad.iter().zip(&exact).enumerate() {
                    let gap = (*g as f64 - e).abs();
                    assert!(gap < 1e-4 * largest, "{set}, network {k} [{i}]: {g} for {e}");
                }
                let mut again = vec![0.0; net.param_len()];
                net.loss_grad(&params, &x, target, Reduction::Sum, &mut ws, &mut again);
                assert_eq!(grad, again, "the same bits on a re-run");
            });
        }
    }
}

#[test]
fn inductive_is_the_plain_loop() {
    for (k, (net, n_support)) in networks().into_iter().enumerate() {
        let narrow = |v: Vec<f64>| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
        let params = narrow(noise(net.param_len(), k as u64 + 1));
        let support = narrow(noise(n_support * net.input_len(), 5));
        let n_queries = 9;
        let queries = narrow(noise(n_queries * net.input_len(), 6));
        let width = net.outputs();
        let mut ws = Workspace::default();
        let mut fast = vec![f32::NAN; n_queries * width];
        let out = &mut fast;
        net.forward_each_with_support(&params, &support, n_support, &queries, n_queries, &mut ws, out);
        for (q, query) in queries.chunks_exact(net.input_len()).enumerate() {
            let x = [&support[..], query].concat();
            let mut plain = vec![0.0; (n_support + 1) * width];
            net.forward(&params, &x, n_support + 1, NormMode::Batch, &mut ws, &mut plain);
            assert_eq!(fast[q * width..][..width], plain[n_support * width..], "network {k}, query {q}");
        }
    }
}

/// Networks wide enough for phases, on all sides that these are chosen on up to 16, and one with the padding before and after.
fn strided_networks() -> Vec<(Network, usize)> {
    use Layer::*;
    let tail = [conv(48, 2), norm(true), Relu, Flatten, Dense { outputs: 3 }];
    let of = |h, w| net(&[h, w, 48], &tail);
    let mut all: Vec<_> = [(7, 7, 10), (8, 8, 1), (12, 14, 2), (7, 16, 3), (14, 14, 11)]
        .into_iter()
        .map(|(h, w, batch)| (of(h, w), batch))
        .collect();
    let whole = [&[conv(48, 2), norm(false), Relu, conv(50, 2), norm(true), Relu], &tail[..]].concat();
    all.push((net(&[28, 28, 1], &whole), 2));
    all
}

#[test]
fn gradients_of_strided_networks_match_finite_differences() {
    for (k, (net, batch)) in strided_networks().into_iter().enumerate() {
        let params: Vec<f64> = noise(net.param_len(), k as u64 + 1).into_iter().map(|v| 0.2 * v).collect();
        check_along(&net, batch, &params, k as u64 + 100, &format!("network {k}"));
    }
}

/// H·v against the change of the gradient along v, for every layer; and H is symmetric.
#[test]
fn hessian_products_match_finite_differences() {
    let mut space = CurvatureSpace::default();
    for (k, (net, batch)) in networks().into_iter().chain(strided_networks()).enumerate() {
        let params = noise(net.param_len(), k as u64 + 1);
        let x = noise(batch * net.input_len(), k as u64 + 100);
        let values = noise(batch * net.outputs(), 7);
        let classes: Vec<u32> = (0..batch).map(|i| (i % net.outputs()) as u32).collect();
        for (target, reduction) in
            [(Target::Classes(&classes), Reduction::Mean), (Target::Values(&values), Reduction::Sum)]
        {
            let gradient = |p: &[f64]| {
                let (mut ws, mut grad) = (Workspace::default(), vec![f64::NAN; p.len()]);
                let loss = net.descend(p, &x, target, reduction, NormMode::Batch, 0, &mut ws, &mut grad);
                (loss, grad)
            };
            let mut grad = vec![f64::NAN; net.param_len()];
            let memory = std::mem::take(&mut space);
            let (loss, mut curvature) = Curvature::at(&net, &params, &x, target, reduction, memory, &mut grad);
            let (want_loss, want) = gradient(&params);
            let gap = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0f64, |gap, (a, b)| gap.max((a - b).abs()));
            assert!((loss - want_loss).abs() < 1e-12 && gap(&grad, &want) < 1e-12, "network {k}: the gradient itself");

            let mut product = |v: &[f64]| {
                let mut product = vec![f64::NAN; v.len()];
                curvature.multiply(v, &mut product);
                product
            };
            let (v, w) = (noise(net.param_len(), 11), noise(net.param_len(), 12));
            let h = 1e-6;
            let moved = |by: f64| gradient(&params.iter().zip(&v).map(|(p, v)| p + by * v).collect::<Vec<_>>()).1;
            let want: Vec<f64> = moved(h).iter().zip(moved(-h)).map(|(a, b)| (a - b) / (2.0 * h)).collect();
            let (hv, largest) = (product(&v), want.iter().fold(0.0f64, |a, b| a.max(b.abs())));
            for (i, (got, want)) in hv.iter().zip(&want).enumerate() {
                let name = &net.layout().iter().rfind(|s| s.offset <= i).unwrap().name;
                let gap = (got - want).abs();
                assert!(gap < 1e-6 * largest.max(1e-3), "network {k}, {name} [{i}]: {got} for {want}");
            }
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (there, back) = (dot(&w, &hv), dot(&v, &product(&w)));
            assert!((there - back).abs() < 1e-9 * there.abs().max(1.0), "network {k}: {there} and {back}");
            // The next takes this one's memory, whatever is in it.
            space = curvature.into_space();
        }
    }
}
