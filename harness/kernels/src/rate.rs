//! The yardstick: how fast this machine multiplies matrices.

use gemm::{Parallelism, gemm};
use std::sync::Barrier;
use std::time::Instant;

/// f32 matrix-multiply rate in GFLOP/s: the `gemm` crate's single-threaded `size`³ product on each of `threads` threads at
/// once, the best of five rounds on each, summed.
///
/// # Panics
/// If `threads` or `size` is 0.
pub fn matmul_rate(threads: usize, size: usize) -> f64 {
    assert!(threads > 0 && size > 0, "a matrix product needs a thread and a size");
    let barrier = Barrier::new(threads);
    let one = || {
        let (a, b) = (vec![0.5f32; size * size], vec![0.25f32; size * size]);
        let mut c = vec![0f32; size * size];
        let mut best = f64::INFINITY;
        for _ in 0..6 {
            barrier.wait();
            let start = Instant::now();
            product(size, &a, &b, &mut c);
            best = best.min(start.elapsed().as_secs_f64());
        }
        assert!((c[0] - 0.125 * size as f32).abs() < 1e-2 * size as f32, "a wrong product");
        2.0 * (size as f64).powi(3) / best / 1e9
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        workers.into_iter().map(|w| w.join().expect("a product does not panic")).sum()
    })
}

fn product(n: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    assert!([a.len(), b.len(), c.len()] == [n * n; 3]);
    let (n_, one) = (n as isize, 1);
    // SAFETY: all three are n×n, row-major.
    unsafe {
        gemm(
            n,
            n,
            n,
            c.as_mut_ptr(),
            one,
            n_,
            false,
            a.as_ptr(),
            one,
            n_,
            b.as_ptr(),
            one,
            n_,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn measures_something() {
        assert!(super::matmul_rate(2, 32) > 0.0);
    }
}
