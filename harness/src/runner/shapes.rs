//! Whether a saved state is one that a method can read: names and shapes, compared with a fresh initialisation.

use std::collections::BTreeMap;

use harness_core::{Algorithm, Error, Purpose, Result, State, Stream};

use super::job::Job;

/// Whether `state` is one that training can go on from: all that a fresh initialisation has.
pub(super) fn whole(job: &Job, state: &State) -> Result<bool> {
    let fresh = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
    let (wanted, found) = (shapes(&fresh), shapes(state));
    Ok(state.step >= job.meta_iters || wanted.iter().all(|(name, shape)| found.get(name) == Some(shape)))
}

/// Errors with the first tensor that adapting and scoring read and that differs: missing, too many, or of another
/// shape. What only training reads, such as the head of the training classes, may be another data set's.
pub fn check_fit(job: &Job, state: &State) -> Result<()> {
    told(job, misfit(job.algorithm.as_ref(), ways(job), state)?)
}

/// Errors with the first tensor that differs: missing, too many, or of another shape.
pub(super) fn check(job: &Job, state: &State) -> Result<()> {
    let fresh = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
    told(job, compare(job.algorithm.as_ref(), ways(job), &fresh, state))
}

/// Why a method cannot read a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// Its head is fixed to so many ways there, and is asked for so many here.
    Head { there: usize, here: usize },
    /// The tensor of this name is of another shape, or absent; both sides in words.
    Tensor { name: String, there: String, here: String },
}

/// The first thing that adapting and scoring read and that `state` has otherwise than a fresh initialisation. `ways`:
/// of the episodes; None on regression.
pub fn misfit(algorithm: &dyn Algorithm, ways: Option<usize>, state: &State) -> Result<Option<Misfit>> {
    let fresh = algorithm.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
    Ok(compare(algorithm, ways, &algorithm.for_evaluation(&fresh), &algorithm.for_evaluation(state)))
}

fn ways(job: &Job) -> Option<usize> {
    (!job.regression()).then_some(job.benchmark.protocol.ways)
}

fn told(job: &Job, misfit: Option<Misfit>) -> Result<()> {
    let what = match misfit {
        None => return Ok(()),
        Some(Misfit::Head { there, here }) => format!(
            "its head has an output for each of {there} ways and is fixed to them, and this benchmark has {here}: name one of \
             {there} ways, or train for {here}"
        ),
        Some(Misfit::Tensor { name, there, here }) => format!("{name} is {there} there, {here} here"),
    };
    let (benchmark, label) = (&job.benchmark.name, &job.method.label);
    Err(Error::usage(format!("the checkpoint does not fit {benchmark} {label}: {what}")))
}

fn compare(algorithm: &dyn Algorithm, ways: Option<usize>, fresh: &State, state: &State) -> Option<Misfit> {
    let (wanted, found) = (shapes(fresh), shapes(state));
    // All of a finished run that evaluation reads is as good.
    if found == shapes(&algorithm.for_evaluation(fresh)) {
        return None;
    }
    let differs = |name: &&String| match (wanted.get(*name), found.get(*name)) {
        // An optimiser may begin without the slots that it has later.
        (None, _) | (_, None) if name.starts_with("slots/") => false,
        (wanted, found) => wanted != found,
    };
    let name = wanted.keys().chain(found.keys()).find(differs)?;
    if let (Some([.., there]), Some([.., here])) =
        (found.get(name).map(Vec::as_slice), wanted.get(name).map(Vec::as_slice))
        && name.contains("/head.")
        && ways == Some(*here)
        && there != here
    {
        return Some(Misfit::Head { there: *there, here: *here });
    }
    let show = |shapes: &BTreeMap<String, Vec<usize>>| match shapes.get(name) {
        Some(shape) => format!("{shape:?}"),
        None => "absent".to_owned(),
    };
    Some(Misfit::Tensor { name: name.clone(), there: show(&found), here: show(&wanted) })
}

fn shapes(state: &State) -> BTreeMap<String, Vec<usize>> {
    state.to_tensors().into_iter().map(|(name, tensor)| (name, tensor.dims().to_vec())).collect()
}
