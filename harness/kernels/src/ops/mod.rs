//! The kernels as candle operations on channels-last tensors, in `f32` and `f64` on the CPU.
//!
//! Each set is closed under differentiation: the gradient of an operation is made of operations of the same set, so
//! exact second order needs no special case. (candle keeps the graph of a gradient only with
//! `CANDLE_GRAD_DO_NOT_DETACH=1` in the environment.) Inputs may have any strides. On other devices use candle's own
//! operations: [`forward_tensors`](crate::forward_tensors) chooses.

mod channels;
mod conv;
mod norm;
mod pool;
mod relu;
#[cfg(test)]
mod tests;

pub use channels::{channel_dot, channel_sum, scale_channels, shift_channels};
pub use conv::{conv2d_input_grad, conv2d_same, conv2d_weight_grad};
pub use norm::{batch_norm, normalize};
pub use pool::{max_pool, max_pool_gather, max_pool_scatter};
pub use relu::{relu, relu_mask};

use crate::simd::Real;
use candle_core::{CpuStorage, Error, Layout, Result, Shape, Tensor, WithDType, bail};

/// A number that candle and the kernels share.
trait Number: Real + WithDType {
    fn wrap(v: Vec<Self>) -> CpuStorage;
}

impl Number for f32 {
    fn wrap(v: Vec<Self>) -> CpuStorage {
        CpuStorage::F32(v)
    }
}

impl Number for f64 {
    fn wrap(v: Vec<Self>) -> CpuStorage {
        CpuStorage::F64(v)
    }
}

/// A kernel over N inputs, in either precision.
trait Kernel<const N: usize> {
    fn name(&self) -> &'static str;
    fn shape(&self) -> Shape;
    fn run<T: Number>(&self, inputs: [&[T]; N], out: &mut [T]);
}

fn run<const N: usize>(kernel: &impl Kernel<N>, inputs: [(&CpuStorage, &Layout); N]) -> Result<(CpuStorage, Shape)> {
    fn typed<T: Number, const N: usize>(
        kernel: &impl Kernel<N>,
        inputs: [(&CpuStorage, &Layout); N],
    ) -> Result<CpuStorage> {
        let mut slices = [[].as_slice(); N];
        for (slice, (storage, layout)) in slices.iter_mut().zip(inputs) {
            let (start, end) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op: kernel.name() })?;
            *slice = &storage.as_slice::<T>()?[start..end];
        }
        let mut out = vec![<T as Default>::default(); kernel.shape().elem_count()];
        kernel.run(slices, &mut out);
        Ok(T::wrap(out))
    }
    let out = match inputs[0].0 {
        CpuStorage::F32(_) => typed::<f32, N>(kernel, inputs)?,
        CpuStorage::F64(_) => typed::<f64, N>(kernel, inputs)?,
        _ => bail!("{} takes f32 or f64", kernel.name()),
    };
    Ok((out, kernel.shape()))
}

/// The gradient of `x`, if anybody wants it: candle asks for the gradients of constants too.
fn wanted(x: &Tensor, grad: impl FnOnce() -> Result<Tensor>) -> Result<Option<Tensor>> {
    if x.track_op() { grad().map(Some) } else { Ok(None) }
}

/// Pixels and channels of `[.., C]`.
fn rows_of(x: &Tensor) -> Result<(usize, usize)> {
    match x.dims() {
        [.., c] if *c > 0 => Ok((x.elem_count() / c, *c)),
        dims => bail!("expected [.., channels], got {dims:?}"),
    }
}
