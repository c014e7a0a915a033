//! First- and second-order gradients of every operation against finite differences in f64.

use super::*;
use crate::layer::Padding;
use candle_core::{DType, Device, Var};

type Op = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

fn noise(shape: &[usize], seed: usize) -> Tensor {
    let n = shape.iter().product::<usize>();
    let value = |i: usize| (((i * 7919 + seed * 104_729 + 13) % 9973) as f64 / 4986.5) - 1.0;
    Tensor::from_vec((0..n).map(value).collect::<Vec<_>>(), shape, &Device::Cpu).unwrap()
}

fn scalar(t: &Tensor) -> f64 {
    t.to_dtype(DType::F64).unwrap().to_scalar().unwrap()
}

fn nudged(t: &Tensor, i: usize, by: f64) -> Tensor {
    let mut v: Vec<f64> = t.flatten_all().unwrap().to_vec1().unwrap();
    v[i] += by;
    Tensor::from_vec(v, t.shape(), t.device()).unwrap()
}

/// Σ of the output times fixed weights: a scalar whose gradient shows every output.
fn weighted(out: &Tensor) -> Tensor {
    (out * noise(out.dims(), 77)).unwrap().sum_all().unwrap()
}

/// Gradients of the inputs, each squared and summed with weights: a scalar that needs the second order.
fn grad_score(op: &Op, inputs: &[Var]) -> (Tensor, Vec<Option<Tensor>>) {
    let tensors: Vec<Tensor> = inputs.iter().map(|v| v.as_tensor().clone()).collect();
    // The square makes the gradient depend on the inputs even where the operation is linear.
    let loss = weighted(&op(&tensors).unwrap().sqr().unwrap());
    let grads = loss.backward().unwrap();
    let grads: Vec<_> = inputs.iter().map(|v| grads.get(v).cloned()).collect();
    let parts = grads.iter().flatten().enumerate();
    let score = parts.map(|(i, g)| (g * noise(g.dims(), 5 + i)).unwrap().sum_all().unwrap());
    (score.reduce(|a, b| (a + b).unwrap()).unwrap(), grads)
}

fn check(name: &str, op: Op, inputs: &[Tensor]) {
    let vars = |ts: &[Tensor]| -> Vec<Var> {
        ts.iter().map(|t| Var::from_tensor(&t.contiguous().unwrap()).unwrap()).collect()
    };
    let loss = |ts: &[Tensor]| scalar(&weighted(&op(ts).unwrap().sqr().unwrap()));
    let own = vars(inputs);
    let (score, first) = grad_score(&op, &own);
    let second = score.backward().unwrap();
    let h = 1e-6;
    for (k, input) in inputs.iter().enumerate() {
        let grad: Vec<f64> = first[k].as_ref().unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let hess = second.get(&own[k]).map(|g| g.flatten_all().unwrap().to_vec1::<f64>().unwrap());
        for i in (0..input.elem_count()).step_by(1 + input.elem_count() / 40) {
            let at = |by| {
                let mut moved = inputs.to_vec();
                moved[k] = nudged(input, i, by);
                (loss(&moved), scalar(&grad_score(&op, &vars(&moved)).0))
            };
            let ((up, up2), (down, down2)) = (at(h), at(-h));
            for (order, got, want) in [
                (1, grad[i], (up - down) / (2.0 * h)),
                (2, hess.as_ref().map_or(0.0, |g| g[i]), (up2 - down2) / (2.0 * h)),
            ] {
                let gap = (got - want).abs();
                assert!(gap < 1e-6 * want.abs().max(1.0), "{name} order {order} input {k} [{i}]: {got} for {want}");
            }
        }
    }
}

#[test]
fn convolutions() {
    let shapes = [
        (2, 5, 4, 3, 2, 1),
        (1, 7, 7, 1, 3, 2),
        (3, 4, 6, 2, 5, 2),
        (1, 1, 1, 1, 1, 1),
        (2, 3, 2, 17, 19, 1),
        (11, 5, 5, 1, 1, 3),
    ];
    for (b, h, w, cin, cout, stride) in shapes {
        let x = noise(&[b, h, w, cin], 1);
        let weight = noise(&[3, 3, cin, cout], 2);
        let d = noise(&[b, h.div_ceil(stride), w.div_ceil(stride), cout], 3);
        let name = format!("{b} {h}x{w} {cin}->{cout} /{stride}");
        let op: Op = Box::new(move |t| conv2d_same(&t[0], &t[1], stride));
        check(&format!("conv {name}"), op, &[x.clone(), weight.clone()]);
        let op: Op = Box::new(move |t| conv2d_input_grad(&t[0], &t[1], stride, (h, w)));
        check(&format!("input grad {name}"), op, &[d.clone(), weight]);
        let op: Op = Box::new(move |t| conv2d_weight_grad(&t[0], &t[1], stride));
        check(&format!("weight grad {name}"), op, &[x, d]);
    }
}

#[test]
fn norms() {
    for shape in [&[2, 3, 5, 4][..], &[7, 1], &[1, 2, 2, 19], &[5, 3]] {
        let c = shape[shape.len() - 1];
        let x = noise(shape, 1);
        let name = format!("{shape:?}");
        check(&name, Box::new(|t| normalize(&t[0], 1e-3)), &[x.clone()]);
        let op: Op = Box::new(|t| batch_norm(&t[0], Some(&t[1]), &t[2], 1e-3));
        check(&name, op, &[x.clone(), noise(&[c], 2), noise(&[c], 3)]);
        check(&name, Box::new(|t| batch_norm(&t[0], None, &t[1], 1e-3)), &[x, noise(&[c], 3)]);
    }
}

#[test]
fn pools_relu_and_channels() {
    for (h, w, c, padding) in [(4, 4, 3, Padding::Same), (5, 3, 1, Padding::Same), (5, 7, 18, Padding::Valid)] {
        let x = noise(&[2, h, w, c], 4);
        check("pool", Box::new(move |t| max_pool(&t[0], padding)), &[x.clone()]);
        let (small, fixed) = (max_pool(&x, padding).unwrap(), x.clone());
        let op: Op = Box::new(move |t| max_pool_scatter(&fixed, &t[0], padding));
        check("scatter", op, &[noise(small.dims(), 9)]);
        let fixed = x.clone();
        let op: Op = Box::new(move |t| max_pool_gather(&fixed, &t[0], padding));
        check("gather", op, &[noise(x.dims(), 9)]);
        check("relu", Box::new(|t| relu(&t[0])), &[x.clone()]);
        let s = noise(&[c], 6);
        check("scale", Box::new(|t| scale_channels(&t[0], &t[1])), &[x.clone(), s.clone()]);
        check("shift", Box::new(|t| shift_channels(&t[0], &t[1])), &[x.clone(), s]);
        check("sum", Box::new(|t| channel_sum(&t[0])), &[x.clone()]);
        let y = noise(x.dims(), 8);
        check("dot", Box::new(|t| channel_dot(&t[0], &t[1])), &[x, y]);
    }
}

#[test]
fn strided_inputs_give_the_same() {
    let x = noise(&[4, 5, 3, 2], 1);
    let turned = x.permute((3, 1, 2, 0)).unwrap();
    let part = noise(&[3, 5, 5, 3, 6], 2).narrow(4, 1, 4).unwrap().narrow(1, 2, 3).unwrap();
    let w = noise(&[3, 4, 4, 3], 2).permute((0, 3, 1, 2)).unwrap();
    let packed = |t: &Tensor| {
        let v: Vec<f64> = t.flatten_all().unwrap().to_vec1().unwrap();
        Tensor::from_vec(v, t.shape(), t.device()).unwrap()
    };
    assert!(!turned.is_contiguous() && !w.is_contiguous() && !part.is_contiguous());
    let same = |a: Tensor, b: Tensor| {
        let v = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert_eq!(v(a), v(b));
    };
    let op = |x: &Tensor, w: &Tensor| conv2d_same(x, w, 2).unwrap();
    same(op(&turned, &w), op(&packed(&turned), &packed(&w)));
    same(normalize(&turned, 0.1).unwrap(), normalize(&packed(&turned), 0.1).unwrap());
    same(relu(&part).unwrap(), relu(&packed(&part)).unwrap());
    let op: Op = Box::new(|t| conv2d_same(&t[0].permute((3, 1, 2, 0))?, &t[1], 1));
    check("strided", op, &[x.clone(), noise(&[3, 3, 4, 3], 3)]);
    let op: Op = Box::new(|t| batch_norm(&t[0].transpose(0, 3)?, None, &t[1], 0.1));
    check("strided norm", op, &[x, noise(&[4], 3)]);
}

#[test]
fn the_first_of_equals_wins() {
    let x = Tensor::new(&[1f32, 1.0, 0.0, 1.0, 1.0, 2.0], &Device::Cpu).unwrap();
    let x = x.reshape((1, 2, 3, 1)).unwrap();
    let d = Tensor::new(&[10f32, 20.0], &Device::Cpu).unwrap().reshape((1, 1, 2, 1)).unwrap();
    let dx = max_pool_scatter(&x, &d, Padding::Same).unwrap();
    let dx: Vec<f32> = dx.flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(dx, [10.0, 0.0, 0.0, 0.0, 0.0, 20.0]);
    // −∞ in the padding: a window of negative numbers keeps its own.
    let low = max_pool(&(x - 5.0).unwrap(), Padding::Same).unwrap();
    assert_eq!(low.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [-4.0, -3.0]);
}

#[test]
fn wrong_inputs_are_named() {
    let x = noise(&[1, 4, 4, 2], 1);
    let message = |r: Result<Tensor>| r.unwrap_err().to_string();
    assert!(message(conv2d_same(&x, &noise(&[3, 3, 5, 2], 1), 1)).contains("[3, 3, 5, 2]"));
    assert!(message(conv2d_same(&x, &noise(&[5, 5, 2, 2], 1), 1)).contains("[3, 3, in, out]"));
    assert!(message(relu(&x.to_dtype(DType::U32).unwrap())).contains("f32 or f64"));
    assert!(message(max_pool(&noise(&[1, 1, 4, 1], 1), Padding::Valid)).contains("nothing"));
    assert!(message(scale_channels(&x, &noise(&[3], 1))).contains("[3]"));
}
