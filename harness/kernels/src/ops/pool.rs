//! Max pooling, its gradient, and the gradient of that: choose, scatter, gather.

use super::{Kernel, Number, run, wanted};
use crate::layer::Padding;
use crate::pool::{self, PoolShape};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// The largest of each 2×2 window in steps of two: `[B, H, W, C]` → `[B, H', W', C]`. Of equal elements the first wins.
///
/// # Errors
/// If shapes or types do not fit, or nothing would be left.
pub fn max_pool(x: &Tensor, padding: Padding) -> Result<Tensor> {
    let pool = Pool::new(x, padding)?;
    x.contiguous()?.apply_op1(Choose(pool))
}

/// Gradient of [`max_pool`]'s input x from that of its output; differentiable in `d`.
///
/// # Errors
/// If shapes or types do not fit.
pub fn max_pool_scatter(x: &Tensor, d: &Tensor, padding: Padding) -> Result<Tensor> {
    let pool = Pool::new(x, padding)?;
    if d.shape() != &pool.small() {
        bail!("max_pool_scatter of {:?} and {:?}", x.dims(), d.dims());
    }
    x.contiguous()?.apply_op2(&d.contiguous()?, Scatter(pool))
}

/// The elements of `v` where x is the largest of its window; differentiable in `v`.
///
/// # Errors
/// If shapes or types do not fit.
pub fn max_pool_gather(x: &Tensor, v: &Tensor, padding: Padding) -> Result<Tensor> {
    if x.dims() != v.dims() {
        bail!("max_pool_gather of {:?} and {:?}", x.dims(), v.dims());
    }
    let pool = Pool::new(x, padding)?;
    x.contiguous()?.apply_op2(&v.contiguous()?, Gather(pool))
}

#[derive(Clone)]
struct Pool {
    shape: PoolShape,
    batch: usize,
    padding: Padding,
}

impl Pool {
    fn new(x: &Tensor, padding: Padding) -> Result<Self> {
        let (batch, h, w, c) = x.dims4()?;
        let shape = PoolShape::new(h, w, c, padding);
        if batch * shape.output_len() == 0 {
            bail!("a pool of {:?} leaves nothing", x.dims());
        }
        Ok(Self { shape, batch, padding })
    }

    fn big(&self) -> Shape {
        (self.batch, self.shape.h, self.shape.w, self.shape.c).into()
    }

    fn small(&self) -> Shape {
        (self.batch, self.shape.oh, self.shape.ow, self.shape.c).into()
    }
}

struct Choose(Pool);
struct Scatter(Pool);
struct Gather(Pool);

impl Kernel<1> for Choose {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn shape(&self) -> Shape {
        self.0.small()
    }

    fn run<T: Number>(&self, [x]: [&[T]; 1], out: &mut [T]) {
        pool::forward(&self.0.shape, self.0.batch, x, out);
    }
}

impl Kernel<2> for Scatter {
    fn name(&self) -> &'static str {
        "max_pool_scatter"
    }

    fn shape(&self) -> Shape {
        self.0.big()
    }

    fn run<T: Number>(&self, [x, d]: [&[T]; 2], out: &mut [T]) {
        pool::scatter(&self.0.shape, self.0.batch, x, d, out);
    }
}

impl Kernel<2> for Gather {
    fn name(&self) -> &'static str {
        "max_pool_gather"
    }

    fn shape(&self) -> Shape {
        self.0.small()
    }

    fn run<T: Number>(&self, [x, v]: [&[T]; 2], out: &mut [T]) {
        pool::gather(&self.0.shape, self.0.batch, x, v, out);
    }
}

impl CustomOp1 for Choose {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s, l)])
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, d: &Tensor) -> Result<Option<Tensor>> {
        wanted(x, || max_pool_scatter(&x.detach(), d, self.0.padding))
    }
}

type Pair = (Option<Tensor>, Option<Tensor>);

impl CustomOp2 for Scatter {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s1, l1), (s2, l2)])
    }

    fn bwd(&self, x: &Tensor, d: &Tensor, _: &Tensor, h: &Tensor) -> Result<Pair> {
        Ok((None, wanted(d, || max_pool_gather(&x.detach(), h, self.0.padding))?))
    }
}

impl CustomOp2 for Gather {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s1, l1), (s2, l2)])
    }

    fn bwd(&self, x: &Tensor, v: &Tensor, _: &Tensor, d: &Tensor) -> Result<Pair> {
        Ok((None, wanted(v, || max_pool_scatter(&x.detach(), d, self.0.padding))?))
    }
}
