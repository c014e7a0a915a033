use harness_kernels::*;
fn net(input: &[usize], filters: usize, stride: usize, pool: bool) -> Network {
    let mut l = vec![];
    for i in 0..4 {
        l.push((format!("c{i}"), Layer::Conv { filters, stride }));
        l.push((format!("n{i}"), Layer::Norm { scale: true, eps: 1e-3 }));
        if pool {
            l.push((format!("p{i}"), Layer::MaxPool { padding: Padding::Same }));
        }
        l.push((format!("r{i}"), Layer::Relu));
    }
    l.push(("f".into(), Layer::Flatten));
    l.push(("d".into(), Layer::Dense { outputs: 5 }));
    Network::new(input, l).unwrap()
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n = if a[1] == "o" { net(&[28, 28, 1], 64, 2, false) } else { net(&[84, 84, 3], 32, 1, true) };
    let secs: f64 = a[2].parse().unwrap();
    let b = 10;
    let mut ws = Workspace::default();
    let mut p: Vec<f32> = (0..n.param_len()).map(|i| ((i * 7919 % 1000) as f32 / 1000. - 0.5) * 0.2).collect();
    let mut g = p.clone();
    let mut v = vec![1f32; p.len()];
    let x: Vec<f32> = (0..b * n.input_len()).map(|i| (i * 104729 % 1000) as f32 / 1000.).collect();
    let y: Vec<u32> = (0..b as u32).map(|i| i % 5).collect();
    let t0 = std::time::Instant::now();
    let mut times = vec![];
    while t0.elapsed().as_secs_f64() < secs {
        let t = std::time::Instant::now();
        n.loss_grad(&p, &x, Target::Classes(&y), Reduction::Sum, &mut ws, &mut g);
        adam_step(&mut p, &g, None, &mut v, 1000, &AdamConfig { lr: 1e-3, beta1: 0., beta2: 0.999, eps: 1e-8 });
        times.push(t.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let f = n.flops_per_step(b);
    println!(
        "{}: best {:.1} us {:.1} GF/s, median {:.1} us {:.1} GF/s",
        a[1],
        times[0] * 1e6,
        f / times[0] / 1e9,
        times[times.len() / 2] * 1e6,
        f / times[times.len() / 2] / 1e9
    );
}
