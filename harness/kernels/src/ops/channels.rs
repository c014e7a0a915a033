//! Scale, shift and sums of channels: what an affine layer over `[.., C]` and its gradients are made of.

use super::{Kernel, Number, rows_of, run, wanted};
use crate::pointwise;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// x·s, a factor for each channel: `[.., C]`, `[C]` → `[.., C]`.
///
/// # Errors
/// If shapes or types do not fit.
pub fn scale_channels(x: &Tensor, s: &Tensor) -> Result<Tensor> {
    check(x, s)?;
    x.contiguous()?.apply_op2(&s.contiguous()?, Scale(x.shape().clone()))
}

/// x + b, an addend for each channel: `[.., C]`, `[C]` → `[.., C]`.
///
/// # Errors
/// If shapes or types do not fit.
pub fn shift_channels(x: &Tensor, b: &Tensor) -> Result<Tensor> {
    check(x, b)?;
    x.contiguous()?.apply_op2(&b.contiguous()?, Shift(x.shape().clone()))
}

/// Σ over all but channels of x·y: two `[.., C]` → `[C]`.
///
/// # Errors
/// If shapes or types do not fit.
pub fn channel_dot(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if x.dims() != y.dims() {
        bail!("channel_dot of {:?} and {:?}", x.dims(), y.dims());
    }
    x.contiguous()?.apply_op2(&y.contiguous()?, Dot(rows_of(x)?.1))
}

/// Σ over all but channels: `[.., C]` → `[C]`.
///
/// # Errors
/// If the type does not fit.
pub fn channel_sum(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Sum(rows_of(x)?.1))
}

fn check(x: &Tensor, c: &Tensor) -> Result<()> {
    if c.dims() != [rows_of(x)?.1] {
        bail!("one number for each channel of {:?}, but got {:?}", x.dims(), c.dims());
    }
    Ok(())
}

struct Scale(Shape);
struct Shift(Shape);
struct Dot(usize);
struct Sum(usize);

impl Kernel<2> for Scale {
    fn name(&self) -> &'static str {
        "scale_channels"
    }

    fn shape(&self) -> Shape {
        self.0.clone()
    }

    fn run<T: Number>(&self, [x, s]: [&[T]; 2], out: &mut [T]) {
        for (out, x) in out.chunks_exact_mut(s.len()).zip(x.chunks_exact(s.len())) {
            for ((out, &x), &s) in out.iter_mut().zip(x).zip(s) {
                *out = x * s;
            }
        }
    }
}

impl Kernel<2> for Shift {
    fn name(&self) -> &'static str {
        "shift_channels"
    }

    fn shape(&self) -> Shape {
        self.0.clone()
    }

    fn run<T: Number>(&self, [x, b]: [&[T]; 2], out: &mut [T]) {
        for (out, x) in out.chunks_exact_mut(b.len()).zip(x.chunks_exact(b.len())) {
            for ((out, &x), &b) in out.iter_mut().zip(x).zip(b) {
                *out = x + b;
            }
        }
    }
}

impl Kernel<2> for Dot {
    fn name(&self) -> &'static str {
        "channel_dot"
    }

    fn shape(&self) -> Shape {
        self.0.into()
    }

    fn run<T: Number>(&self, [x, y]: [&[T]; 2], out: &mut [T]) {
        pointwise::row_dots(self.0, x, y, out);
    }
}

impl Kernel<1> for Sum {
    fn name(&self) -> &'static str {
        "channel_sum"
    }

    fn shape(&self) -> Shape {
        self.0.into()
    }

    fn run<T: Number>(&self, [x]: [&[T]; 1], out: &mut [T]) {
        pointwise::row_sums(self.0, x, out);
    }
}

type Pair = (Option<Tensor>, Option<Tensor>);
type Stored<'a> = (&'a CpuStorage, &'a Layout);

impl CustomOp2 for Scale {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let inputs: [Stored; 2] = [(s1, l1), (s2, l2)];
        run(self, inputs)
    }

    fn bwd(&self, x: &Tensor, s: &Tensor, _: &Tensor, d: &Tensor) -> Result<Pair> {
        Ok((wanted(x, || scale_channels(d, s))?, wanted(s, || channel_dot(x, d))?))
    }
}

impl CustomOp2 for Shift {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s1, l1), (s2, l2)])
    }

    fn bwd(&self, x: &Tensor, b: &Tensor, _: &Tensor, d: &Tensor) -> Result<Pair> {
        Ok((wanted(x, || Ok(d.clone()))?, wanted(b, || channel_sum(d))?))
    }
}

impl CustomOp2 for Dot {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s1, l1), (s2, l2)])
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, _: &Tensor, d: &Tensor) -> Result<Pair> {
        Ok((wanted(x, || scale_channels(y, d))?, wanted(y, || scale_channels(x, d))?))
    }
}

impl CustomOp1 for Sum {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s, l)])
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, d: &Tensor) -> Result<Option<Tensor>> {
        wanted(x, || d.broadcast_as(x.shape())?.contiguous())
    }
}
