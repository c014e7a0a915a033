//! Between named tensors and the flat vectors that the fused kernels work on.

use std::cell::RefCell;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};
use harness_kernels::{Target, Workspace};

use super::{LossGrad, Model, Norm};
use crate::episode::{Labeled, Targets};
use crate::error::{Error, Result};
use crate::loss::Reduction;
use crate::params::Params;

thread_local! {
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

/// Runs `f` with this thread's buffers: they grow to the largest network that it meets and stay.
pub(crate) fn with_workspace<T>(f: impl FnOnce(&mut Workspace) -> T) -> T {
    WORKSPACE.with(|workspace| f(&mut workspace.borrow_mut()))
}

/// Copies a tensor's values, in row order, as f32. Panics if `out` has another length.
pub(crate) fn copy_values(tensor: &Tensor, out: &mut [f32]) -> Result<()> {
    let tensor = tensor.to_dtype(DType::F32)?.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(values)) => {
            let start = layout.start_offset();
            out.copy_from_slice(&values[start..start + layout.shape().elem_count()]);
        }
        _ => {
            drop(storage);
            out.copy_from_slice(&tensor.flatten_all()?.to_vec1::<f32>()?);
        }
    }
    Ok(())
}

/// All values of a tensor in row order.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    let mut out = vec![0.0; tensor.elem_count()];
    copy_values(tensor, &mut out)?;
    Ok(out)
}

impl Model {
    /// All parameters in the network's order. Errors if one is missing or has another shape.
    pub(crate) fn flatten(&self, params: &Params) -> Result<Vec<f32>> {
        self.laid_out(|name| params.get(name).map(Some))
    }

    /// As [`Model::flatten`], with 0 for what is missing: a direction that leaves some parameters where they are.
    pub(crate) fn flatten_direction(&self, direction: &Params) -> Result<Vec<f32>> {
        self.laid_out(|name| Ok(direction.get(name).ok()))
    }

    fn laid_out<'p>(&self, tensor: impl Fn(&str) -> Result<Option<&'p Tensor>>) -> Result<Vec<f32>> {
        let mut flat = vec![0.0; self.network.param_len()];
        for spec in self.network.layout() {
            let Some(tensor) = tensor(&spec.name)? else { continue };
            if tensor.dims() != spec.shape {
                let (got, want) = (tensor.dims(), &spec.shape);
                return Err(Error::usage(format!(
                    "parameter \"{}\" has shape {got:?}, the model needs {want:?}",
                    spec.name
                )));
            }
            copy_values(tensor, &mut flat[spec.offset..spec.offset + spec.len])?;
        }
        Ok(flat)
    }

    /// The inverse of [`Model::flatten`], for any vector in the network's order.
    pub(crate) fn unflatten(&self, flat: &[f32]) -> Result<Params> {
        let layout = self.network.layout().iter();
        layout
            .map(|spec| {
                let values = &flat[spec.offset..spec.offset + spec.len];
                Ok((spec.name.clone(), Tensor::from_slice(values, spec.shape.as_slice(), &Device::Cpu)?))
            })
            .collect()
    }

    /// Statistics in the network's order under their names.
    pub(crate) fn named_stats(&self, flat: &[f32]) -> Result<Params> {
        let mut stats = Params::new();
        let mut start = 0;
        for (name, channels) in &self.norms {
            for part in ["mean", "var"] {
                let values = Tensor::from_slice(&flat[start..start + channels], *channels, &Device::Cpu)?;
                stats.insert(format!("{name}.{part}"), values);
                start += channels;
            }
        }
        Ok(stats)
    }
}

pub(super) fn loss_grad(model: &Model, params: &Params, batch: &Labeled, reduction: Reduction) -> Result<LossGrad> {
    let network = &model.network;
    let theta = model.flatten(params)?;
    let x = values(&batch.x)?;
    let y = TargetValues::new(batch)?;
    let mut grad = vec![0.0; theta.len()];
    let mut stats = vec![0.0; network.stats_len()];
    let loss = with_workspace(|ws| {
        let loss = network.loss_grad(&theta, &x, y.target(), reduction.into(), ws, &mut grad);
        network.batch_stats(ws, &mut stats);
        loss
    });
    Ok(LossGrad { loss, grads: model.unflatten(&grad)?, stats: model.named_stats(&stats)? })
}

pub(super) fn predict(
    model: &Model,
    params: &Params,
    norm: &Norm,
    support: Option<&Tensor>,
    query: &Tensor,
) -> Result<Tensor> {
    let network = &model.network;
    let theta = model.flatten(params)?;
    let (queries, x) = (query.dim(0)?, values(query)?);
    let mut out = vec![0.0; queries * network.outputs()];
    match support {
        Some(support) => {
            let (n, support) = (support.dim(0)?, values(support)?);
            with_workspace(|ws| network.forward_each_with_support(&theta, &support, n, &x, queries, ws, &mut out));
        }
        None => {
            let mut stats = Vec::new();
            let mode = model.norm_mode(norm, &mut stats)?;
            with_workspace(|ws| network.forward(&theta, &x, queries, mode, ws, &mut out));
        }
    }
    Ok(Tensor::from_vec(out, (queries, network.outputs()), &Device::Cpu)?)
}

/// Targets as the kernels take them.
pub(crate) enum TargetValues {
    Classes(Vec<u32>),
    Values(Vec<f32>),
}

impl TargetValues {
    pub(crate) fn new(batch: &Labeled) -> Result<Self> {
        Ok(match &batch.y {
            Targets::Classes(classes) => TargetValues::Classes(classes.clone()),
            Targets::Values(tensor) => TargetValues::Values(values(tensor)?),
        })
    }

    pub(crate) fn target(&self) -> Target<'_> {
        match self {
            TargetValues::Classes(classes) => Target::Classes(classes),
            TargetValues::Values(values) => Target::Values(values),
        }
    }
}
