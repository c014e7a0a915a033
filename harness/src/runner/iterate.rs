//! One meta-iteration.

use harness_core::{Draw, Progress, Purpose, Result, Scalars, Split, State, Stream, Task, Update};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::in_order::{Site, Workers};
use super::job::Job;

/// What other ranks are told of a meta-iteration.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Iteration {
    /// Of the whole run.
    pub total: u64,
}

/// Draws and learns the tasks in parallel and folds them in task order. Call inside the pool. None: another rank is
/// lost, and `state` is as it was.
pub fn iterate(job: &Job, state: &mut State, total: u64, workers: Workers<'_>) -> Result<Option<Scalars>> {
    let sampling = job.algorithm.sampling();
    let indices: Vec<u64> = (0..sampling.meta_batch as u64).collect();
    let chains: Vec<&[u64]> = indices.chunks(sampling.chain).collect();
    let frozen: &State = state;
    let call = json!({ "iterate": Iteration { total } });
    let site = Site { run: &job.dir, device: &job.device, state: frozen, call, moves: true };
    let learned = workers.map(&site, chains.len(), |chain| {
        let drawn = chains[chain].iter().map(|index| draw(job, &sampling.draw, frozen.step, *index));
        job.algorithm.chain_update(frozen, &mut drawn.collect::<Result<Vec<_>>>()?)
    })?;
    let Some(learned): Option<Vec<Vec<Update>>> = learned else { return Ok(None) };
    let updates = learned.into_iter().flatten().collect();
    let scalars = job.algorithm.outer_update(state, updates, Progress { iteration: state.step, total })?;
    state.step += 1;
    workers.moved(chains.len(), state);
    Ok(Some(scalars))
}

/// Task `index` of meta-iteration `step`, with the stream that its method may use.
pub(super) fn draw(job: &Job, draw: &Draw, step: u64, index: u64) -> Result<(Task, Stream)> {
    let mut rng = Stream::new(job.seed, Purpose::TrainTask, step, index);
    let task =
        job.source.task(Split::Train, draw, job.benchmark.protocol.ways, &job.method.view, &mut rng)?.to(&job.device)?;
    Ok((task, Stream::new(job.seed, Purpose::TrainMethod, step, index)))
}
