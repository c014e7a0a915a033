//! A second call at the same size allocates nothing.

use harness_kernels::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all requests go to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn steady_state() {
    let layers = [
        Layer::Conv { filters: 20, stride: 2 },
        Layer::Norm { scale: true, eps: 1e-3 },
        Layer::Relu,
        Layer::Conv { filters: 5, stride: 1 },
        Layer::Norm { scale: true, eps: 1e-3 },
        Layer::MaxPool { padding: Padding::Same },
        Layer::Relu,
        Layer::Flatten,
        Layer::Dense { outputs: 3 },
    ];
    let named = layers.into_iter().enumerate().map(|(i, l)| (format!("l{i}"), l)).collect();
    let net = Network::new(&[9, 9, 1], named).unwrap();
    let mut params = vec![0.1; net.param_len()];
    let (mut grad, mut v) = (params.clone(), vec![1.0; params.len()]);
    let x: Vec<f32> = (0..6 * net.input_len()).map(|i| (i % 7) as f32).collect();
    let (support, queries) = x.split_at(4 * net.input_len());
    let mut ws = Workspace::default();
    let (mut out, mut each) = (vec![0.0; 18], vec![0.0; 6]);
    let cfg = AdamConfig { lr: 1e-3, beta1: 0.0, beta2: 0.999, eps: 1e-8 };
    let mut step = || {
        let before = ALLOCATIONS.get();
        let classes = Target::Classes(&[0, 1, 2, 0, 1, 2]);
        net.loss_grad(&params, &x, classes, Reduction::Sum, &mut ws, &mut grad);
        adam_step(&mut params, &grad, None, &mut v, 1, &cfg);
        net.forward(&params, &x, 6, NormMode::Batch, &mut ws, &mut out);
        net.forward_each_with_support(&params, support, 4, queries, 2, &mut ws, &mut each);
        ALLOCATIONS.get() - before
    };
    assert!(step() > 0);
    assert_eq!(step(), 0);
}
