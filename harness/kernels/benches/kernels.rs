//! `cargo bench -p harness-kernels`: the kernels of both networks of the Reptile paper, one by one and as whole steps, on
//! one thread; steps also of the mini-ImageNet network with the 64 filters that other methods give it. GFLOP/s are nominal (taps in the padding counted), as is the FLOP count of a step.

#[path = "../tests/shared/networks.rs"]
mod networks;

use candle_core::{Device, Tensor, Var};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use harness_kernels::*;
use networks::{blocks, noise};
use std::hint::black_box;
use std::time::Duration;

const BATCH: usize = 10;
const ADAM: AdamConfig = AdamConfig { lr: 1e-3, beta1: 0.0, beta2: 0.999, eps: 1e-8 };

fn networks() -> [(&'static str, Network); 3] {
    let net = |input: &[usize], filters, stride, pool| {
        Network::new(input, blocks(4, filters, stride, pool, 1e-3)).expect("a network of the paper")
    };
    let pool = Some(Padding::Same);
    [
        ("omniglot", net(&[28, 28, 1], 64, 2, None)),
        ("mini-imagenet", net(&[84, 84, 3], 32, 1, pool)),
        ("mini-imagenet-64", net(&[84, 84, 3], 64, 1, pool)),
    ]
}

fn flops(n: f64) -> Throughput {
    Throughput::Elements(n as u64)
}

fn convolutions(c: &mut Criterion) {
    for (name, sizes, filters, stride) in
        [("omniglot", [28, 14, 7, 4], 64, 2), ("mini-imagenet", [84, 42, 21, 11], 32, 1)]
    {
        let mut group = c.benchmark_group(format!("conv/{name}"));
        for (i, size) in sizes.into_iter().enumerate() {
            let cin = match (i, filters) {
                (0, 64) => 1,
                (0, _) => 3,
                _ => filters,
            };
            let g = Geometry::same(size, size, cin, filters, stride);
            let x = noise(BATCH * g.input_len(), 1.0, 1);
            let d = noise(BATCH * g.output_len(), 1.0, 1);
            let w = noise(g.weight_len(), 0.1, 1);
            let tensor = |v: &[f32], shape: &[usize]| Tensor::from_slice(v, shape, &Device::Cpu).unwrap();
            let x = tensor(&x, &[BATCH, size, size, cin]);
            let d = tensor(&d, &[BATCH, g.oh, g.ow, filters]);
            let w = tensor(&w, &[3, 3, cin, filters]);
            group.throughput(flops(g.flops() * BATCH as f64));
            let id = |what: &str| format!("{what}/{size}x{size}x{cin}");
            group.bench_function(id("forward"), |b| {
                b.iter(|| ops::conv2d_same(&x, &w, stride).unwrap());
            });
            group.bench_function(id("weight-grad"), |b| {
                b.iter(|| ops::conv2d_weight_grad(&x, &d, stride).unwrap());
            });
            if i > 0 {
                group.bench_function(id("input-grad"), |b| {
                    b.iter(|| ops::conv2d_input_grad(&d, &w, stride, (size, size)).unwrap());
                });
            }
        }
    }
}

fn norm_and_adam(c: &mut Criterion) {
    let x = noise(BATCH * 14 * 14 * 64, 1.0, 1);
    let x = Tensor::from_vec(x, (BATCH, 14, 14, 64), &Device::Cpu).unwrap();
    c.bench_function("normalize/14x14x64", |b| b.iter(|| ops::normalize(&x, 1e-3).unwrap()));
    let n = 113_221;
    let (mut params, grad, mut v) = (noise(n, 0.1, 1), noise(n, 1.0, 1), vec![1.0; n]);
    let mut t = 0;
    c.bench_function("adam/113221", |b| {
        b.iter(|| {
            t += 1;
            adam_step(&mut params, &grad, None, &mut v, t, &ADAM);
        });
    });
}

fn steps(c: &mut Criterion) {
    for (name, net) in networks() {
        let mut params = noise(net.param_len(), 0.1, 1);
        let x = noise(BATCH * net.input_len(), 1.0, 1);
        let classes: Vec<u32> = (0..BATCH as u32).map(|i| i % 5).collect();
        let mut ws = Workspace::default();
        let (mut grad, mut v) = (vec![0.0; params.len()], vec![1.0; params.len()]);
        let mut group = c.benchmark_group(format!("step/{name}"));
        group.throughput(flops(net.flops_per_step(BATCH)));
        for set in ["", "avx2+fma"] {
            limited(set, || {
                group.bench_function(format!("fused/{}", instruction_set()), |b| {
                    b.iter(|| {
                        let target = Target::Classes(&classes);
                        net.loss_grad(&params, &x, target, Reduction::Sum, &mut ws, &mut grad);
                        adam_step(&mut params, &grad, None, &mut v, 1000, &ADAM);
                    });
                });
            });
        }
        group.sample_size(10);
        let shape = [&[BATCH], net.input_shape()].concat();
        let input = Tensor::from_slice(&x, shape, &Device::Cpu).unwrap();
        for backend in if name.ends_with("64") { &[][..] } else { &[Backend::Fast, Backend::Stock] } {
            group.bench_function(format!("candle/{backend:?}"), |b| {
                b.iter(|| candle_grad(&net, &params, &input, &classes, *backend));
            });
        }
    }
}

/// Loss and gradient on candle's tape.
fn candle_grad(net: &Network, params: &[f32], x: &Tensor, classes: &[u32], backend: Backend) {
    let var = |s: &ParamSpec| {
        let own = &params[s.offset..s.offset + s.len];
        Var::from_slice(own, s.shape.as_slice(), &Device::Cpu).unwrap()
    };
    let vars: Vec<Var> = net.layout().iter().map(var).collect();
    let own: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let out = forward_tensors(net, &own, x, None, backend).unwrap();
    let classes = Tensor::from_slice(classes, (classes.len(), 1), &Device::Cpu).unwrap();
    let log_sum = out.exp().unwrap().sum_keepdim(1).unwrap().log().unwrap();
    let loss = (log_sum - out.gather(&classes, 1).unwrap()).unwrap().sum_all().unwrap();
    black_box(loss.backward().unwrap());
}

/// One forward pass of an evaluation episode: 5-way 1-shot, five queries.
fn evaluation(c: &mut Criterion) {
    for (name, net) in networks() {
        let params = noise(net.param_len(), 0.1, 1);
        let x = noise(10 * net.input_len(), 1.0, 1);
        let (support, queries) = x.split_at(5 * net.input_len());
        let mut ws = Workspace::default();
        let mut out = vec![0.0; 25];
        let mut group = c.benchmark_group(format!("evaluate/{name}"));
        group.bench_function("transductive", |b| {
            b.iter(|| net.forward(&params, queries, 5, NormMode::Batch, &mut ws, &mut out));
        });
        group.bench_function("inductive", |b| {
            b.iter(|| net.forward_each_with_support(&params, support, 5, queries, 5, &mut ws, &mut out));
        });
        let batch = [support, &queries[..net.input_len()]].concat();
        let mut one = vec![0.0; 30];
        group.bench_function("inductive, plain loop", |b| {
            b.iter(|| {
                for _ in 0..5 {
                    net.forward(&params, &batch, 6, NormMode::Batch, &mut ws, &mut one);
                }
            });
        });
    }
}

/// A gradient of five images and a product with the Hessian of their loss, as MAML's inner loop takes them.
fn products(c: &mut Criterion) {
    for (name, net) in &networks()[..2] {
        let params = noise(net.param_len(), 0.1, 1);
        let x = noise(5 * net.input_len(), 1.0, 1);
        let classes: Vec<u32> = (0..5).collect();
        let target = Target::Classes(&classes);
        let mut group = c.benchmark_group(format!("second-order/{name}"));
        for set in ["", "avx2+fma"] {
            limited(set, || {
                let (mut ws, mut grad) = (Workspace::default(), vec![0.0; params.len()]);
                group.bench_function(format!("gradient/{}", instruction_set()), |b| {
                    b.iter(|| net.loss_grad(&params, &x, target, Reduction::Mean, &mut ws, &mut grad));
                });
                let space = CurvatureSpace::default();
                let (_, mut curvature) = net.curvature(&params, &x, target, Reduction::Mean, space, &mut grad);
                let mut product = params.clone();
                group.bench_function(format!("product/{}", instruction_set()), |b| {
                    b.iter(|| curvature.times(&params, &mut product));
                });
            });
        }
    }
}

fn yardstick(c: &mut Criterion) {
    c.bench_function("matmul 1024³ (GFLOP/s are printed)", |b| {
        b.iter_custom(|n| {
            let rate = matmul_rate(1, 1024);
            println!("matmul rate of one core: {rate:.1} GFLOP/s");
            Duration::from_secs_f64(n as f64 * 2.0 * 1024f64.powi(3) / rate / 1e9)
        })
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = yardstick, convolutions, norm_and_adam, steps, evaluation, products
}
criterion_main!(benches);
