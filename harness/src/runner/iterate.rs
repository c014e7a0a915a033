//! One meta-iteration.

use harness_core::{Draw, Progress, Purpose, Result, Scalars, Split, State, Stream, Task, Update};

use super::in_order;
use super::job::Job;

/// Draws and learns the tasks in parallel and folds them in task order. Call inside the pool.
pub fn iterate(job: &Job, state: &mut State, total: u64) -> Result<Scalars> {
    let sampling = job.algorithm.sampling();
    let indices: Vec<u64> = (0..sampling.meta_batch as u64).collect();
    let frozen: &State = state;
    let chains: Vec<Vec<Update>> = in_order::map(indices.chunks(sampling.chain).collect(), |chain| {
        let drawn = chain.iter().map(|index| draw(job, &sampling.draw, frozen.step, *index));
        job.algorithm.chain_update(frozen, &mut drawn.collect::<Result<Vec<_>>>()?)
    })?;
    let updates = chains.into_iter().flatten().collect();
    let scalars = job.algorithm.outer_update(state, updates, Progress { iteration: state.step, total })?;
    state.step += 1;
    Ok(scalars)
}

fn draw(job: &Job, draw: &Draw, step: u64, index: u64) -> Result<(Task, Stream)> {
    let mut rng = Stream::new(job.seed, Purpose::TrainTask, step, index);
    let task =
        job.source.task(Split::Train, draw, job.spec.protocol.ways, &job.method.view, &mut rng)?.to(&job.device)?;
    Ok((task, Stream::new(job.seed, Purpose::TrainMethod, step, index)))
}
