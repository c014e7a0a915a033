//! Whether a saved state is one that a method can read: names and shapes, compared with a fresh initialisation.

use std::collections::BTreeMap;

use harness_core::{Error, Purpose, Result, State, Stream};

use super::job::Job;

/// Whether `state` is one that training can go on from: all that a fresh initialisation has.
pub(super) fn whole(job: &Job, state: &State) -> Result<bool> {
    let fresh = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
    let (wanted, found) = (shapes(&fresh), shapes(state));
    Ok(state.step >= job.meta_iters || wanted.iter().all(|(name, shape)| found.get(name) == Some(shape)))
}

/// Errors with the first tensor that adapting and scoring read and that differs: missing, too many, or of another shape.
/// What only training reads, such as the head of the training classes, may be another data set's.
pub fn check_evaluation(job: &Job, state: &State) -> Result<()> {
    let fresh = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
    compare(job, &job.algorithm.for_evaluation(&fresh), &job.algorithm.for_evaluation(state))
}

/// Errors with the first tensor that differs: missing, too many, or of another shape.
pub(super) fn check(job: &Job, state: &State) -> Result<()> {
    let fresh = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
    compare(job, &fresh, state)
}

fn compare(job: &Job, fresh: &State, state: &State) -> Result<()> {
    let (wanted, found) = (shapes(fresh), shapes(state));
    // All of a finished run that evaluation reads is as good.
    if found == shapes(&job.algorithm.for_evaluation(fresh)) {
        return Ok(());
    }
    let differs = |name: &&String| match (wanted.get(*name), found.get(*name)) {
        // An optimiser may begin without the slots that it has later.
        (None, _) | (_, None) if name.starts_with("slots/") => false,
        (wanted, found) => wanted != found,
    };
    let differ = wanted.keys().chain(found.keys()).find(differs);
    let Some(name) = differ else { return Ok(()) };
    if let (Some([.., there]), Some([.., here])) =
        (found.get(name).map(Vec::as_slice), wanted.get(name).map(Vec::as_slice))
        && name.contains("/head.")
        && !job.regression()
        && *here == job.benchmark.protocol.ways
    {
        return Err(Error::usage(format!(
            "the checkpoint does not fit {} {}: its head has an output for each of {there} ways and is fixed to them, and this \
             benchmark has {here}: name one of {there} ways, or train for {here}",
            job.benchmark.name, job.method.label
        )));
    }
    let show = |shapes: &BTreeMap<String, Vec<usize>>| match shapes.get(name) {
        Some(shape) => format!("{shape:?}"),
        None => "absent".to_owned(),
    };
    Err(Error::usage(format!(
        "the checkpoint does not fit {} {}: {name} is {} there, {} here",
        job.benchmark.name,
        job.method.label,
        show(&found),
        show(&wanted)
    )))
}

fn shapes(state: &State) -> BTreeMap<String, Vec<usize>> {
    state.to_tensors().into_iter().map(|(name, tensor)| (name, tensor.dims().to_vec())).collect()
}
