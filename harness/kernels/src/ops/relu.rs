//! ReLU with gradient 0 at 0. (candle's own takes 1 there.)

use super::{Kernel, Number, run, wanted};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// max(x, 0)
///
/// # Errors
/// If the type is not f32 or f64.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Relu(x.shape().clone()))
}

/// d where x > 0, else 0; differentiable in d.
///
/// # Errors
/// If shapes or types do not fit.
pub fn relu_mask(x: &Tensor, d: &Tensor) -> Result<Tensor> {
    if x.dims() != d.dims() {
        bail!("relu_mask of {:?} and {:?}", x.dims(), d.dims());
    }
    x.contiguous()?.apply_op2(&d.contiguous()?, Mask(x.shape().clone()))
}

struct Relu(Shape);
struct Mask(Shape);

impl Kernel<1> for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn shape(&self) -> Shape {
        self.0.clone()
    }

    fn run<T: Number>(&self, [x]: [&[T]; 1], out: &mut [T]) {
        crate::pointwise::relu(x, out);
    }
}

impl Kernel<2> for Mask {
    fn name(&self) -> &'static str {
        "relu_mask"
    }

    fn shape(&self) -> Shape {
        self.0.clone()
    }

    fn run<T: Number>(&self, [x, d]: [&[T]; 2], out: &mut [T]) {
        out.copy_from_slice(d);
        crate::pointwise::relu_grad(x, out);
    }
}

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s, l)])
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, d: &Tensor) -> Result<Option<Tensor>> {
        wanted(x, || relu_mask(&x.detach(), d))
    }
}

impl CustomOp2 for Mask {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s1, l1), (s2, l2)])
    }

    fn bwd(&self, x: &Tensor, d: &Tensor, _: &Tensor, h: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((None, wanted(d, || relu_mask(&x.detach(), h))?))
    }
}
