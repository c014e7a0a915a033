//! Initial weights from our own streams.

use candle_core::{Device, Tensor};
use harness_kernels::ParamSpec;

use super::spec::Init;
use crate::error::Result;
use crate::rng::Stream;

/// One parameter's initial value on the CPU, f32.
///
/// Glorot-uniform draws from ±√(6 / (fan_in + fan_out)), where a k×k convolution's fans are k²·channels.
pub(super) fn initial(spec: &ParamSpec, init: Init, fan_in: usize, rng: &mut Stream) -> Result<Tensor> {
    let weight = spec.name.ends_with(".weight");
    let gamma = spec.name.ends_with(".gamma");
    let norm = gamma || spec.name.ends_with(".beta");
    let values: Vec<f32> = if norm {
        vec![if gamma { 1.0 } else { 0.0 }; spec.len]
    } else if init == Init::FanIn {
        let bound = 1.0 / (fan_in as f64).sqrt();
        (0..spec.len).map(|_| rng.uniform(-bound, bound) as f32).collect()
    } else if !weight {
        vec![0.0; spec.len]
    } else if init == Init::GlorotNormalHead && spec.name.starts_with("head.") {
        (0..spec.len).map(|_| rng.normal() as f32).collect()
    } else {
        let fan_out = spec.len / inputs(spec);
        let bound = (6.0 / (fan_in + fan_out) as f64).sqrt();
        (0..spec.len).map(|_| rng.uniform(-bound, bound) as f32).collect()
    };
    Ok(Tensor::from_vec(values, spec.shape.as_slice(), &Device::Cpu)?)
}

/// Input channels of a weight, whose last two dimensions are always inputs and outputs.
fn inputs(spec: &ParamSpec) -> usize {
    spec.shape[spec.shape.len() - 2]
}

/// Inputs that one output of this weight sums over: all dimensions but the last.
pub(super) fn fan_in(weight: &ParamSpec) -> usize {
    weight.shape[..weight.shape.len() - 1].iter().product()
}
