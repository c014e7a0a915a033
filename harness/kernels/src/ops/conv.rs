//! Convolution, the gradient of its input and the gradient of its weights: three bilinear maps, each the gradient of
//! the others.

use super::{Kernel, Number, run, wanted};
use crate::conv;
use crate::geometry::Geometry;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// `[B, H, W, C_in]` ∗ `[3, 3, C_in, C_out]` → `[B, ⌈H/stride⌉, ⌈W/stride⌉, C_out]`, TensorFlow's "same" padding.
///
/// # Errors
/// If shapes or types do not fit.
pub fn conv2d_same(x: &Tensor, w: &Tensor, stride: usize) -> Result<Tensor> {
    let (batch, h, width, cin) = x.dims4()?;
    let (3, 3, wcin, cout) = w.dims4()? else {
        bail!("conv2d_same has weights [3, 3, in, out], not {:?}", w.dims());
    };
    if cin != wcin || stride == 0 || x.elem_count() == 0 || w.elem_count() == 0 {
        bail!("conv2d_same of {:?} and {:?} in steps of {stride}", x.dims(), w.dims());
    }
    let geometry = Geometry::same(h, width, cin, cout, stride);
    x.contiguous()?.apply_op2(&w.contiguous()?, Conv { geometry, batch })
}

/// Gradient of [`conv2d_same`]'s input: from that of its output, `[B, H', W', C_out]`, and the weights to `[B, h, w,
/// C_in]`.
///
/// # Errors
/// If shapes or types do not fit.
pub fn conv2d_input_grad(d: &Tensor, w: &Tensor, stride: usize, (h, width): (usize, usize)) -> Result<Tensor> {
    let (_, _, cin, _) = w.dims4()?;
    let (geometry, batch) = output_geometry(d, stride, h, width, cin)?;
    if w.dims() != [3, 3, cin, geometry.cout] {
        bail!("conv2d_input_grad of {:?} and {:?}", d.dims(), w.dims());
    }
    d.contiguous()?.apply_op2(&w.contiguous()?, InputGrad { geometry, batch })
}

/// Gradient of [`conv2d_same`]'s weights, `[3, 3, C_in, C_out]`, from its input and the gradient of its output.
///
/// # Errors
/// If shapes or types do not fit.
pub fn conv2d_weight_grad(x: &Tensor, d: &Tensor, stride: usize) -> Result<Tensor> {
    let (_, h, width, cin) = x.dims4()?;
    let (geometry, batch) = output_geometry(d, stride, h, width, cin)?;
    if x.dim(0)? != batch {
        bail!("conv2d_weight_grad of {:?} and {:?}", x.dims(), d.dims());
    }
    x.contiguous()?.apply_op2(&d.contiguous()?, WeightGrad { geometry, batch })
}

fn output_geometry(d: &Tensor, stride: usize, h: usize, width: usize, cin: usize) -> Result<(Geometry, usize)> {
    let (batch, oh, ow, cout) = d.dims4()?;
    if stride == 0 || d.elem_count() == 0 || cin == 0 {
        bail!("a convolution with gradient {:?} in steps of {stride}", d.dims());
    }
    let geometry = Geometry::same(h, width, cin, cout, stride);
    if (geometry.oh, geometry.ow) != (oh, ow) {
        bail!("a gradient {:?} does not belong to images {h}x{width} in steps of {stride}", d.dims());
    }
    Ok((geometry, batch))
}

struct Conv {
    geometry: Geometry,
    batch: usize,
}

struct InputGrad {
    geometry: Geometry,
    batch: usize,
}

struct WeightGrad {
    geometry: Geometry,
    batch: usize,
}

impl Kernel<2> for Conv {
    fn name(&self) -> &'static str {
        "conv2d_same"
    }

    fn shape(&self) -> Shape {
        let g = &self.geometry;
        (self.batch, g.oh, g.ow, g.cout).into()
    }

    fn run<T: Number>(&self, [x, w]: [&[T]; 2], out: &mut [T]) {
        conv::forward(&self.geometry, self.batch, x, w, None, out);
    }
}

impl Kernel<2> for InputGrad {
    fn name(&self) -> &'static str {
        "conv2d_input_grad"
    }

    fn shape(&self) -> Shape {
        let g = &self.geometry;
        (self.batch, g.h, g.w, g.cin).into()
    }

    fn run<T: Number>(&self, [d, w]: [&[T]; 2], out: &mut [T]) {
        let mut turned = vec![<T as Default>::default(); w.len()];
        conv::turn(&self.geometry, w, &mut turned);
        conv::input_grad(&self.geometry, self.batch, d, &turned, out);
    }
}

impl Kernel<2> for WeightGrad {
    fn name(&self) -> &'static str {
        "conv2d_weight_grad"
    }

    fn shape(&self) -> Shape {
        (3, 3, self.geometry.cin, self.geometry.cout).into()
    }

    fn run<T: Number>(&self, [x, d]: [&[T]; 2], out: &mut [T]) {
        conv::weight_grad(&self.geometry, self.batch, x, d, out);
    }
}

impl Geometry {
    fn image(&self) -> (usize, usize) {
        (self.h, self.w)
    }
}

type Pair = (Option<Tensor>, Option<Tensor>);

macro_rules! bilinear {
    ($op:ident, |$g:ident, $a:ident, $b:ident, $grad:ident| $grad_a:expr, $grad_b:expr) => {
        impl CustomOp2 for $op {
            fn name(&self) -> &'static str {
                Kernel::name(self)
            }

            fn cpu_fwd(
                &self,
                s1: &CpuStorage,
                l1: &Layout,
                s2: &CpuStorage,
                l2: &Layout,
            ) -> Result<(CpuStorage, Shape)> {
                run(self, [(s1, l1), (s2, l2)])
            }

            fn bwd(&self, $a: &Tensor, $b: &Tensor, _: &Tensor, $grad: &Tensor) -> Result<Pair> {
                let $g = &self.geometry;
                Ok((wanted($a, || $grad_a)?, wanted($b, || $grad_b)?))
            }
        }
    };
}

bilinear!(Conv, |g, x, w, d| conv2d_input_grad(d, w, g.stride, g.image()), conv2d_weight_grad(x, d, g.stride));
bilinear!(InputGrad, |g, d, w, dx| conv2d_same(dx, w, g.stride), conv2d_weight_grad(dx, d, g.stride));
bilinear!(WeightGrad, |g, x, d, dw| conv2d_input_grad(d, dw, g.stride, g.image()), conv2d_same(x, dw, g.stride));
