//! The fused network, the fast operations and candle's own, over whole inner loops.

#[path = "shared/networks.rs"]
mod networks;

use candle_core::{DType, Device, Result, Tensor, Var};
use harness_kernels::*;
use networks::{blocks, noise};

fn omniglot() -> Network {
    Network::new(&[28, 28, 1], blocks(4, 64, 2, None, 1e-3)).unwrap()
}

fn mini_imagenet() -> Network {
    Network::new(&[84, 84, 3], blocks(4, 32, 1, Some(Padding::Same), 1e-3)).unwrap()
}

/// Glorot-uniform weights, γ = 1, β and biases 0.
fn initial(net: &Network) -> Vec<f32> {
    let mut params = Vec::new();
    for (i, spec) in net.layout().iter().enumerate() {
        let area: usize = spec.shape.iter().rev().skip(2).product();
        params.extend(match spec.shape.as_slice() {
            [.., fan_in, fan_out] => {
                let scale = (6.0 / (area * (fan_in + fan_out)) as f32).sqrt();
                noise(spec.len, scale, i as u64 + 1)
            }
            _ if spec.name.ends_with("gamma") => vec![1.0; spec.len],
            _ => vec![0.0; spec.len],
        });
    }
    params
}

fn tensors(net: &Network, flat: &[f32]) -> Vec<Var> {
    let tensor = |s: &ParamSpec| {
        let t = Tensor::from_slice(&flat[s.offset..s.offset + s.len], s.shape.as_slice(), &Device::Cpu);
        Var::from_tensor(&t.unwrap()).unwrap()
    };
    net.layout().iter().map(tensor).collect()
}

fn flat(tensors: &[Tensor]) -> Vec<f32> {
    tensors.iter().flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
}

fn images(net: &Network, x: &[f32], batch: usize) -> Tensor {
    let shape: Vec<usize> = [&[batch], net.input_shape()].concat();
    Tensor::from_slice(x, shape, &Device::Cpu).unwrap()
}

fn cross_entropy(out: &Tensor, classes: &[u32]) -> Result<Tensor> {
    let classes = Tensor::from_slice(classes, (classes.len(), 1), out.device())?;
    let normal = out.broadcast_sub(&out.max_keepdim(1)?.detach())?;
    let log_sum = normal.exp()?.sum_keepdim(1)?.log()?;
    (log_sum - normal.gather(&classes, 1)?)?.sum_all()
}

/// Loss and flat gradient through candle.
fn candle_grad(net: &Network, params: &[f32], x: &[f32], classes: &[u32], backend: Backend) -> (f64, Vec<f32>) {
    let vars = tensors(net, params);
    let own: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let x = images(net, x, classes.len());
    let out = forward_tensors(net, &own, &x, None, backend).unwrap();
    let loss = cross_entropy(&out, classes).unwrap();
    let grads = loss.backward().unwrap();
    let grads: Vec<Tensor> = vars.iter().map(|v| grads.get(v).unwrap().clone()).collect();
    (loss.to_dtype(DType::F64).unwrap().to_scalar().unwrap(), flat(&grads))
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    let gap = square(&mut a.iter().zip(b).map(|(a, b)| (*a - *b) as f64));
    gap / square(&mut b.iter().map(|b| *b as f64))
}

const ADAM: AdamConfig = AdamConfig { lr: 1e-3, beta1: 0.0, beta2: 0.999, eps: 1e-8 };

/// Parameters after `steps` steps of Adam on gradients from `grad`.
fn inner_loop(net: &Network, steps: u64, mut grad: impl FnMut(&[f32], u64) -> Vec<f32>) -> Vec<f32> {
    let mut params = initial(net);
    // A second moment as training leaves it, of the size of squared gradients: from zero, Adam would make whole steps of
    // the rounding of gradients that are nearly zero.
    let mut v = vec![1.0; params.len()];
    for t in 1..=steps {
        let grad = grad(&params, t);
        adam_step(&mut params, &grad, None, &mut v, 1000 + t, &ADAM);
    }
    params
}

/// Parameters, steps made and outputs after whole inner loops, on five data sets: the median must agree.
///
/// Not the worst: where a ReLU's input is zero but for rounding, or the two largest elements of a pool's window are equal
/// but for rounding, backends may choose differently, the gradient jumps, and later steps magnify it. On the Omniglot
/// network that happens in one loop of six; on full mini-ImageNet images (300,000 windows a step) in most, which is why the
/// pooled network is tested on small ones.
fn agree(net: &Network, batch: usize, steps: u64) {
    for backend in [Backend::Fast, Backend::Stock] {
        let gaps: Vec<[f64; 3]> = (1..=5).map(|seed| gaps(net, batch, steps, 100 * seed, backend)).collect();
        for (i, (what, limit)) in [("parameters", 1e-5), ("steps", 1e-3), ("outputs", 1e-4)].into_iter().enumerate() {
            let mut own: Vec<f64> = gaps.iter().map(|g| g[i]).collect();
            own.sort_by(f64::total_cmp);
            assert!(own[2] < limit && own[4] < 0.1, "{backend:?}: {what} differ by {own:?}");
        }
    }
}

fn gaps(net: &Network, batch: usize, steps: u64, seed: u64, backend: Backend) -> [f64; 3] {
    let classes: Vec<u32> = (0..batch as u32).map(|i| i % 5).collect();
    let data = |t: u64| noise(batch * net.input_len(), 1.0, seed + t);
    let mut ws = Workspace::default();
    let mut fused = || {
        inner_loop(net, steps, |params, t| {
            let mut grad = vec![f32::NAN; params.len()];
            let target = Target::Classes(&classes);
            net.loss_grad(params, &data(t), target, Reduction::Sum, &mut ws, &mut grad);
            grad
        })
    };
    let ours = fused();
    assert_eq!(ours, fused(), "the same bits on a re-run");
    let theirs = inner_loop(net, steps, |params, t| candle_grad(net, params, &data(t), &classes, backend).1);
    let moved = |params: &[f32]| -> Vec<f32> { params.iter().zip(initial(net)).map(|(a, b)| a - b).collect() };
    let mut out = vec![0.0; batch * 5];
    let mut other = out.clone();
    net.forward(&ours, &data(9), batch, NormMode::Batch, &mut ws, &mut out);
    net.forward(&theirs, &data(9), batch, NormMode::Batch, &mut ws, &mut other);
    [distance(&ours, &theirs), distance(&moved(&ours), &moved(&theirs)), distance(&out, &other)]
}

#[test]
fn omniglot_inner_loop() {
    agree(&omniglot(), 10, 5);
}

#[test]
fn pooled_inner_loop() {
    let net = Network::new(&[21, 20, 3], blocks(4, 32, 1, Some(Padding::Same), 1e-3)).unwrap();
    for set in ["avx512f", "avx2+fma", "scalar"] {
        limited(set, || agree(&net, 4, 5));
    }
}

#[test]
fn parameter_counts_and_flops() {
    assert_eq!(omniglot().param_len(), 113_221);
    assert_eq!(mini_imagenet().param_len(), 34_661);
    assert_eq!((omniglot().flops_per_step(10) / 1e6).round(), 157.0);
}

#[test]
fn losses_and_features_agree() {
    let net = mini_imagenet();
    let params = initial(&net);
    let (batch, classes) = (3, [0, 4, 2]);
    let x = noise(batch * net.input_len(), 1.0, 3);
    let mut grad = vec![0.0; params.len()];
    let mut ws = Workspace::default();
    let target = Target::Classes(&classes);
    let loss = net.loss_grad(&params, &x, target, Reduction::Sum, &mut ws, &mut grad);
    let vars = tensors(&net, &params);
    let own: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let input = images(&net, &x, batch);
    for backend in [Backend::Fast, Backend::Stock] {
        let (theirs, theirs_grad) = candle_grad(&net, &params, &x, &classes, backend);
        assert!((loss / theirs - 1.0).abs() < 1e-5, "{loss} {theirs}");
        // One window that chooses differently is worth 1e-3.
        assert!(distance(&grad, &theirs_grad) < 1e-2);
        let (features, their_stats) = features_tensors(&net, &own, &input, None, backend).unwrap();
        assert_eq!(features.dims(), [batch, 1152]);
        let pass = net.features(params.clone(), x.clone(), None, Workspace::default());
        assert!(distance(pass.features(), &flat(std::slice::from_ref(&features))) < 1e-4);
        assert!(distance(pass.stats(), &flat(&their_stats)) < 1e-5);
        let d = noise(pass.features().len(), 1.0, 12);
        let by = Tensor::from_slice(&d, features.shape(), &Device::Cpu).unwrap();
        let store = (features * by).unwrap().sum_all().unwrap().backward().unwrap();
        let back: Vec<Tensor> =
            own.iter().map(|p| store.get(p).cloned().unwrap_or_else(|| p.zeros_like().unwrap())).collect();
        let mut feature_grad = vec![f32::NAN; params.len()];
        pass.back(&d, &mut feature_grad);
        assert!(distance(&feature_grad, &flat(&back)) < 1e-2);

        let mut stats = vec![f32::NAN; net.stats_len()];
        net.batch_stats(&ws, &mut stats);
        stats.iter_mut().for_each(|v| *v *= 1.1);
        let mut out = vec![0.0; batch * 5];
        net.forward(&params, &x, batch, NormMode::Running(&stats), &mut ws, &mut out);
        // All layers have 32 channels: a list of means and variances in turn.
        let stats: Vec<Tensor> = stats.chunks(32).map(|v| Tensor::new(v, &Device::Cpu).unwrap()).collect();
        let theirs = forward_tensors(&net, &own, &input, Some(&stats), backend).unwrap();
        let gap = distance(&out, &flat(&[theirs]));
        assert!(gap < 1e-4, "{backend:?}: outputs under running statistics differ by {gap:e}: {out:?}");
    }
}

/// Second order through the whole network: the gradient of ⟨gradient, direction⟩ against finite differences.
#[test]
fn second_order_on_both_backends() {
    let pool = Layer::MaxPool { padding: Padding::Same };
    let layers = [
        Layer::Conv { filters: 3, stride: 2 },
        Layer::Norm { scale: true, eps: 1e-3 },
        Layer::Relu,
        Layer::Conv { filters: 4, stride: 1 },
        Layer::Norm { scale: false, eps: 1e-3 },
        pool,
        Layer::Relu,
        Layer::Flatten,
        Layer::Dense { outputs: 3 },
    ];
    let named = layers.into_iter().enumerate().map(|(i, l)| (format!("l{i}"), l)).collect();
    let net = Network::new(&[7, 7, 2], named).unwrap();
    let params = initial(&net);
    let (batch, classes) = (4, [0, 1, 2, 0]);
    let x = images(&net, &noise(batch * net.input_len(), 1.0, 3), batch);
    let x = x.to_dtype(DType::F64).unwrap();
    let wide = |flat: &[f64]| -> Vec<Var> {
        let tensor = |s: &ParamSpec| {
            let own = &flat[s.offset..s.offset + s.len];
            let t = Tensor::from_slice(own, s.shape.as_slice(), &Device::Cpu).unwrap();
            Var::from_tensor(&t).unwrap()
        };
        net.layout().iter().map(tensor).collect()
    };
    let start: Vec<f64> = params.iter().map(|&v| v as f64).collect();
    let direction: Vec<f64> = noise(start.len(), 1.0, 4).iter().map(|&v| v as f64).collect();
    for backend in [Backend::Fast, Backend::Stock] {
        // ⟨∇L(θ), direction⟩ and, if wanted, its gradient.
        let slope = |flat: &[f64]| {
            let vars = wide(flat);
            let own: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
            let out = forward_tensors(&net, &own, &x, None, backend).unwrap();
            let grads = cross_entropy(&out, &classes).unwrap().backward().unwrap();
            let dirs = wide(&direction);
            let parts = vars
                .iter()
                .zip(&dirs)
                .map(|(v, d)| (grads.get(v).unwrap() * d.as_tensor()).unwrap().sum_all().unwrap());
            (parts.reduce(|a, b| (a + b).unwrap()).unwrap(), vars)
        };
        let (score, vars) = slope(&start);
        let second = score.backward().unwrap();
        let value = |flat: &[f64]| slope(flat).0.to_scalar::<f64>().unwrap();
        for (spec, var) in net.layout().iter().zip(&vars) {
            let got = second.get(var).map(|g| g.flatten_all().unwrap().to_vec1::<f64>().unwrap());
            for i in (0..spec.len).step_by(7) {
                let at = |by: f64| {
                    let mut moved = start.clone();
                    moved[spec.offset + i] += by;
                    value(&moved)
                };
                let h = 1e-6;
                let want = (at(h) - at(-h)) / (2.0 * h);
                let got = got.as_ref().map_or(0.0, |g| g[i]);
                let gap = (got - want).abs();
                assert!(gap < 1e-5 * want.abs().max(1.0), "{backend:?} {} [{i}]: {got} for {want}", spec.name);
            }
        }
    }
}
