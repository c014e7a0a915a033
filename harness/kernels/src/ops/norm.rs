//! Batch normalisation with batch statistics, twice differentiable.
//!
//! The core is x̂ = (x − μ)·r, r = 1/√(var + ε), over the N rows of `[.., C]`. Its gradient
//! N(x; g) = r·(g − mean g − x̂·mean(g·x̂)) is linear and symmetric in g. For a second gradient h of its result the
//! gradient of Σ h·N(x; g) is, with P = Σ g·x̂, Q = Σ h·x̂ and A = Σ h·(g − mean g), all over a channel's rows,
//! in g: N(x; h), and in x: −r²/N · (x̂·(A − 3PQ/N) + Q·(g − mean g) + P·(h − mean h)).

use super::{Kernel, Number, rows_of, run, scale_channels, shift_channels, wanted};
use crate::norm::{self, Affine};
use crate::norm_grad::NormGrad;
use crate::pointwise::{row_dots, row_sums};
use crate::statistics::merge_images;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

/// γ·x̂ + β over the last dimension: x `[.., C]`, gamma and beta `[C]`.
///
/// # Errors
/// If shapes or types do not fit.
pub fn batch_norm(x: &Tensor, gamma: Option<&Tensor>, beta: &Tensor, eps: f64) -> Result<Tensor> {
    let normal = normalize(x, eps)?;
    let scaled = match gamma {
        None => normal,
        Some(gamma) => scale_channels(&normal, gamma)?,
    };
    shift_channels(&scaled, beta)
}

/// x̂: each channel of `[.., C]` with mean 0 and variance 1 (but for ε), by biased statistics.
///
/// # Errors
/// If the type does not fit.
pub fn normalize(x: &Tensor, eps: f64) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Normalize(Norm::new(x, eps)?))
}

fn normalize_grad(x: &Tensor, g: &Tensor, eps: f64) -> Result<Tensor> {
    if x.dims() != g.dims() {
        bail!("a gradient {:?} for {:?}", g.dims(), x.dims());
    }
    x.contiguous()?.apply_op2(&g.contiguous()?, Gradient(Norm::new(x, eps)?))
}

#[derive(Clone)]
struct Norm {
    shape: Shape,
    rows: usize,
    channels: usize,
    eps: f64,
}

impl Norm {
    fn new(x: &Tensor, eps: f64) -> Result<Self> {
        let (rows, channels) = rows_of(x)?;
        Ok(Self { shape: x.shape().clone(), rows, channels, eps })
    }

    /// Mean and 1/√(var + ε) of each channel.
    fn measure<T: Number>(&self, x: &[T]) -> (Vec<T>, Vec<T>) {
        let zero = <T as Default>::default();
        let (mut mean, mut spread) = (vec![zero; self.channels], vec![zero; self.channels]);
        merge_images(x, 1, self.rows, 0, &mut mean, &mut spread);
        for v in &mut spread {
            *v = T::of(1.0 / (v.f64() / self.rows as f64 + self.eps).sqrt());
        }
        (mean, spread)
    }
}

struct Normalize(Norm);
struct Gradient(Norm);
struct SecondGradient(Norm);

impl Kernel<1> for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn shape(&self) -> Shape {
        self.0.shape.clone()
    }

    fn run<T: Number>(&self, [x]: [&[T]; 1], out: &mut [T]) {
        let (mean, scale) = self.0.measure(x);
        let shift = vec![<T as Default>::default(); mean.len()];
        let affine = Affine { mean: &mean, scale: &scale, shift: &shift };
        norm::forward(affine, false, x, out);
    }
}

impl Kernel<2> for Gradient {
    fn name(&self) -> &'static str {
        "normalize_grad"
    }

    fn shape(&self) -> Shape {
        self.0.shape.clone()
    }

    fn run<T: Number>(&self, [x, g]: [&[T]; 2], out: &mut [T]) {
        let (mean, inv_std) = self.0.measure(x);
        let shift = vec![<T as Default>::default(); mean.len()];
        let (mut sum, mut dot) = (shift.clone(), shift.clone());
        let back = NormGrad {
            affine: Affine { mean: &mean, scale: &inv_std, shift: &shift },
            inv_std: &inv_std,
            relu: false,
            pixels: self.0.rows,
            dy: g,
            batch_statistics: true,
        };
        back.sums(x, &mut sum, &mut dot);
        out.copy_from_slice(x);
        back.apply(out, &sum, &dot);
    }
}

impl Kernel<3> for SecondGradient {
    fn name(&self) -> &'static str {
        "normalize_second_grad"
    }

    fn shape(&self) -> Shape {
        self.0.shape.clone()
    }

    fn run<T: Number>(&self, [x, g, h]: [&[T]; 3], out: &mut [T]) {
        let c = self.0.channels;
        let per = T::of(1.0 / self.0.rows as f64);
        let (mean, r) = self.0.measure(x);
        let sum = |v: &[T]| {
            let mut sums = vec![<T as Default>::default(); c];
            row_sums(c, v, &mut sums);
            sums
        };
        let dot = |v: &[T], w: &[T]| {
            let mut sums = vec![<T as Default>::default(); c];
            row_dots(c, v, w, &mut sums);
            sums
        };
        // x̂ in place of the result, which comes last.
        for (out, x) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = (x[i] - mean[i]) * r[i];
            }
        }
        let (sum_g, sum_h, gh) = (sum(g), sum(h), dot(g, h));
        let (p, q) = (dot(g, out), dot(h, out));
        let rows = out.chunks_exact_mut(c).zip(g.chunks_exact(c).zip(h.chunks_exact(c)));
        for (out, (g, h)) in rows {
            for i in 0..c {
                let a = gh[i] - sum_g[i] * sum_h[i] * per;
                let along = out[i] * (a - T::of(3.0) * p[i] * q[i] * per);
                let across = q[i] * (g[i] - sum_g[i] * per) + p[i] * (h[i] - sum_h[i] * per);
                out[i] = -(r[i] * r[i] * per) * (along + across);
            }
        }
    }
}

impl CustomOp1 for Normalize {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s, l)])
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        wanted(x, || normalize_grad(x, g, self.0.eps))
    }
}

impl CustomOp2 for Gradient {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        run(self, [(s1, l1), (s2, l2)])
    }

    fn bwd(&self, x: &Tensor, g: &Tensor, _: &Tensor, h: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let second = || {
            let (x, g, h) = (x.contiguous()?, g.contiguous()?, h.contiguous()?);
            x.apply_op3(&g, &h, SecondGradient(self.0.clone()))
        };
        Ok((wanted(x, second)?, wanted(g, || normalize_grad(x, h, self.0.eps))?))
    }
}

/// Third order is not needed: there is no way back from here.
impl CustomOp3 for SecondGradient {
    fn name(&self) -> &'static str {
        Kernel::name(self)
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        run(self, [(s1, l1), (s2, l2), (s3, l3)])
    }
}
