//! A checkpoint's bytes: tensors by name, the evaluation so far as rows of numbers, and over all of it a checksum.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use candle_core::{Device, Tensor};
use harness_core::{Error, Mode, Result, State};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use super::{Checkpoint, FIRST_FORMAT, FORMAT, Meta, Unusable};
use crate::results::episodes::Outcome;
use crate::results::metric;
use crate::results::metrics::Log;

/// Name of a mode's outcomes, `[episodes, 3]`: right answers, queries, loss.
const EVALUATION: &str = "evaluation/";
/// The same of the last state, where another one is reported.
const LAST: &str = "last/";
/// Name of a training scalar's points, `[points, 2]`: step, value.
const LOG: &str = "log/";
/// Validation numbers of the states to choose from, `[states, 2]`: step, value.
const CHOICE: &str = "choice";

impl Checkpoint {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut parts: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
        for (name, tensor) in self.state.to_tensors() {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            parts.insert(name, (Dtype::F32, tensor.dims().to_vec(), bytes));
        }
        let evaluations = [(EVALUATION, &self.outcomes), (LAST, &self.last)];
        for (kind, (mode, outcomes)) in evaluations.iter().flat_map(|(kind, all)| all.iter().map(move |of| (kind, of)))
        {
            let name = format!("{kind}{}", mode.as_str());
            let flat = outcomes.iter().flat_map(|o| [f64::from(o.correct), f64::from(o.n), o.loss]);
            let bytes = flat.flat_map(f64::to_le_bytes).collect();
            parts.insert(name, (Dtype::F64, vec![outcomes.len(), 3], bytes));
        }
        for (name, points) in &self.log.0 {
            parts.insert(format!("{LOG}{name}"), points_to_bytes(points));
        }
        if !self.choice.is_empty() {
            parts.insert(CHOICE.to_owned(), points_to_bytes(&self.choice));
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
        if ![FIRST_FORMAT, FORMAT].iter().any(|known| *format == known.to_string()) {
            let format = format.escape_debug();
            return Err(Unusable::Format(format!(
                "checkpoint format {format}, this build reads {FIRST_FORMAT} and {FORMAT}: use the build that wrote it"
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
        let (mut state, mut outcomes, mut last) = (Vec::new(), Vec::new(), Vec::new());
        let (mut log, mut choice) = (Log::default(), Vec::new());
        for (name, view) in &views {
            if let Some(mode) = name.strip_prefix(EVALUATION) {
                outcomes.push((mode_of(mode)?, outcomes_of(view)?));
            } else if let Some(mode) = name.strip_prefix(LAST) {
                last.push((mode_of(mode)?, outcomes_of(view)?));
            } else if let Some(scalar) = name.strip_prefix(LOG) {
                log.0.insert(scalar.to_owned(), points_of(view)?);
            } else if name == CHOICE {
                choice = points_of(view)?;
            } else {
                state.push((name.clone(), tensor_of(name, view)?));
            }
        }
        for all in [&outcomes, &last] {
            let mut lengths = all.iter().map(|(_, outcomes): &(Mode, Vec<Outcome>)| outcomes.len());
            if lengths.next().is_some_and(|first| lengths.any(|other| other != first)) {
                return Err(damaged("its modes have seen different episodes"));
            }
        }
        let state = State::from_tensors(state, meta.step).map_err(damaged)?;
        Ok(Checkpoint { state, log, outcomes, last, choice, meta })
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
    metric::mode(name).ok_or_else(|| damaged(format!("unknown evaluation mode \"{name}\"")))
}

fn outcomes_of(view: &TensorView) -> Result<Vec<Outcome>, Unusable> {
    let outcome = |[correct, n, loss]: [f64; 3]| Outcome { correct: correct as u32, n: n as u32, loss };
    Ok(rows_of(view)?.into_iter().map(outcome).collect())
}

fn points_of(view: &TensorView) -> Result<Vec<(u64, f64)>, Unusable> {
    Ok(rows_of(view)?.into_iter().map(|[step, value]: [f64; 2]| (step as u64, value)).collect())
}

/// Steps are exact: they are far below 2⁵³.
fn points_to_bytes(points: &[(u64, f64)]) -> (Dtype, Vec<usize>, Vec<u8>) {
    let flat = points.iter().flat_map(|(step, value)| [*step as f64, *value]);
    (Dtype::F64, vec![points.len(), 2], flat.flat_map(f64::to_le_bytes).collect())
}

fn rows_of<const N: usize>(view: &TensorView) -> Result<Vec<[f64; N]>, Unusable> {
    if view.dtype() != Dtype::F64 || view.shape().len() != 2 || view.shape()[1] != N {
        return Err(damaged(format!("rows of {N} numbers are {:?} {:?}", view.dtype(), view.shape())));
    }
    let (numbers, _) = view.data().as_chunks::<8>();
    let numbers: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    Ok(numbers.as_chunks::<N>().0.to_vec())
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
