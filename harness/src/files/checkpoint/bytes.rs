//! A checkpoint's bytes: tensors by name, the evaluation so far as rows of numbers, and over all of it a checksum.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use candle_core::{Device, Tensor};
use harness_core::{Error, Mode, Result, State};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use super::{Checkpoint, FORMAT, Meta, Unusable};
use crate::files::episodes::Outcome;

/// Name of a mode's outcomes, `[episodes, 3]`: right answers, queries, loss.
const EVALUATION: &str = "evaluation/";

impl Checkpoint {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut parts: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
        for (name, tensor) in self.state.to_tensors() {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            parts.insert(name, (Dtype::F32, tensor.dims().to_vec(), bytes));
        }
        for (mode, outcomes) in &self.outcomes {
            let name = format!("{EVALUATION}{}", mode.as_str());
            let flat = outcomes.iter().flat_map(|o| [f64::from(o.correct), f64::from(o.n), o.loss]);
            let bytes = flat.flat_map(f64::to_le_bytes).collect();
            parts.insert(name, (Dtype::F64, vec![outcomes.len(), 3], bytes));
        }
        let views: Vec<(&str, TensorView)> = parts
            .iter()
            .map(|(name, (dtype, shape, bytes))| {
                let view = TensorView::new(*dtype, shape.clone(), bytes).expect("the bytes are the shape's");
                (name.as_str(), view)
            })
            .collect();
        let meta = serde_json::to_string(&self.meta).expect("metadata is plain data");
        let mut header = HashMap::from([("format".to_owned(), FORMAT.to_string())]);
        header.insert("sha256".into(), checksum(&meta, views.iter().map(|(name, view)| (*name, view))));
        header.insert("meta".into(), meta);
        safetensors::serialize(views, Some(header)).map_err(|error| Error::usage(format!("checkpoint: {error}")))
    }

    /// Parses a file's bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, Unusable> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let header = header.metadata().as_ref().ok_or_else(|| damaged("no header of this harness"))?;
        let field = |name: &str| header.get(name).ok_or_else(|| damaged(format!("the header has no \"{name}\"")));
        let format = field("format")?;
        if *format != FORMAT.to_string() {
            let format = format.escape_debug();
            return Err(Unusable::Format(format!(
                "checkpoint format {format}, this build reads {FORMAT}: use the build that wrote it"
            )));
        }
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let mut views = tensors.tensors();
        views.sort_by(|a, b| a.0.cmp(&b.0));
        let text = field("meta")?;
        if *field("sha256")? != checksum(text, views.iter().map(|(name, view)| (name.as_str(), view))) {
            return Err(damaged("its checksum is wrong"));
        }
        let meta: Meta = serde_json::from_str(text).map_err(damaged)?;
        let (mut state, mut outcomes) = (Vec::new(), Vec::new());
        for (name, view) in &views {
            match name.strip_prefix(EVALUATION) {
                Some(mode) => outcomes.push((mode_of(mode)?, outcomes_of(view)?)),
                None => state.push((name.clone(), tensor_of(name, view)?)),
            }
        }
        let mut lengths = outcomes.iter().map(|(_, outcomes)| outcomes.len());
        if lengths.next().is_some_and(|first| lengths.any(|other| other != first)) {
            return Err(damaged("its modes have seen different episodes"));
        }
        let state = State::from_tensors(state, meta.step).map_err(damaged)?;
        Ok(Checkpoint { state, outcomes, meta })
    }
}

fn damaged(why: impl Display) -> Unusable {
    let line = why.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    Unusable::Damaged(format!("not a whole checkpoint ({line})"))
}

fn tensor_of(name: &str, view: &TensorView) -> Result<Tensor, Unusable> {
    if view.dtype() != Dtype::F32 {
        return Err(damaged(format!("tensor \"{name}\" is {:?}, not F32", view.dtype())));
    }
    let (values, _) = view.data().as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Tensor::from_vec(values, view.shape(), &Device::Cpu).map_err(damaged)
}

fn mode_of(name: &str) -> Result<Mode, Unusable> {
    let all = [Mode::Transductive, Mode::Inductive, Mode::Pointwise];
    let found = all.into_iter().find(|mode| mode.as_str() == name);
    found.ok_or_else(|| damaged(format!("unknown evaluation mode \"{name}\"")))
}

fn outcomes_of(view: &TensorView) -> Result<Vec<Outcome>, Unusable> {
    if view.dtype() != Dtype::F64 || view.shape().len() != 2 || view.shape()[1] != 3 {
        return Err(damaged(format!("outcomes are {:?} {:?}", view.dtype(), view.shape())));
    }
    let (numbers, _) = view.data().as_chunks::<8>();
    let numbers: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let (rows, _) = numbers.as_chunks::<3>();
    let outcome = |[correct, n, loss]: &[f64; 3]| Outcome { correct: *correct as u32, n: *n as u32, loss: *loss };
    Ok(rows.iter().map(outcome).collect())
}

fn checksum<'a>(meta: &str, views: impl Iterator<Item = (&'a str, &'a TensorView<'a>)>) -> String {
    let mut hash = Sha256::new();
    hash.update(meta.as_bytes());
    for (name, view) in views {
        hash.update(name.as_bytes());
        hash.update(format!("{:?}{:?}", view.dtype(), view.shape()).as_bytes());
        hash.update(view.data());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
