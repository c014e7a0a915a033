//! Whether this build repeats what another one did: the meta-iterations between the last two checkpoints, to the same
//! bits. Only then does a run go on under other code than it began with.

use harness_core::{Purpose, Result, State, Stream};
use tracing::info;

use super::in_order::Workers;
use super::iterate::iterate;
use super::job::Job;
use super::resume::{self, Made, same};
use super::stop::Stop;
use crate::results::checkpoint::Checkpoint;

/// Without an earlier checkpoint a run is repeated from its start, if that took no more seconds than this.
const LONGEST_FROM_START: f64 = 600.0;

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The same bits in every parameter, slot and buffer.
    Same,
    /// This build does something else, or cannot show that it does not: a clause that says what.
    Differs(String),
    /// Asked to stop on the way.
    Interrupted,
}

/// Repeats the last stretch of the stopped run in `job`'s folder, up to the newest checkpoint that can be read.
pub fn replay(job: &Job, pool: &rayon::ThreadPool, stop: &Stop) -> Result<Replay> {
    match resume::newest(job)? {
        Some(end) => towards(job, pool, stop, &end),
        None => Ok(Replay::Differs("no checkpoint is left that can be read".into())),
    }
}

/// [`replay`] up to the checkpoint `end`.
pub(super) fn towards(job: &Job, pool: &rayon::ThreadPool, stop: &Stop, end: &Checkpoint) -> Result<Replay> {
    let mut state = match earlier(job, end.meta.step) {
        Some(state) => state.to(&job.device)?,
        None if end.meta.elapsed_s <= LONGEST_FROM_START => {
            job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?
        }
        None => return Ok(Replay::Differs("there is no earlier checkpoint to repeat it from".into())),
    };
    let (first, last) = (state.step, end.meta.step);
    info!("{}: stopped under another build; repeating meta-iterations {first} to {last}", job.name());
    let here = harness_kernels::instruction_set();
    let there = end.meta.segments.last().map(|segment| segment.instruction_set.as_str()).unwrap_or(here);
    let rounds = match there == here {
        true => String::new(),
        false => format!("; they were made with {there}, and {here} may round differently"),
    };
    let differs = |what: String| {
        Ok(Replay::Differs(format!(
            "this build does not repeat its meta-iterations {first} to {last} ({what}){rounds}"
        )))
    };
    while state.step < last {
        if stop.requested() {
            return Ok(Replay::Interrupted);
        }
        let step = state.step;
        if let Err(error) = pool.install(|| iterate(job, &mut state, job.meta_iters, Workers::Threads)) {
            return differs(format!("meta-iteration {step} fails: {error}"));
        }
    }
    match difference(&end.state, &state)? {
        Some(name) => differs(format!("{name} differs")),
        None => Ok(Replay::Same),
    }
}

/// The state of the newest checkpoint before `step` that can be read and is of this run.
fn earlier(job: &Job, step: u64) -> Option<State> {
    let steps = job.dir.checkpoints().into_iter().filter(|other| *other < step);
    let load = |step| {
        let found = job.dir.checkpoint(step).ok()?;
        same(job, &job.dir.checkpoint_path(step), &Made::from(&found.meta)).ok()?;
        Some(found.state)
    };
    steps.filter_map(load).next()
}

/// The first tensor that is not the same to the bit.
fn difference(there: &State, here: &State) -> Result<Option<String>> {
    let (there, here) = (there.to_tensors(), here.to_tensors());
    let names = there.keys().chain(here.keys().filter(|name| !there.contains_key(*name)));
    for name in names {
        let bits = |tensor: Option<&candle_core::Tensor>| -> Result<Option<(Vec<usize>, Vec<u32>)>> {
            let Some(tensor) = tensor else { return Ok(None) };
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            Ok(Some((tensor.dims().to_vec(), values.into_iter().map(f32::to_bits).collect())))
        };
        if bits(there.get(name))? != bits(here.get(name))? {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use harness_core::Params;

    use super::*;

    #[test]
    fn one_bit_anywhere_is_a_difference_and_has_a_name() {
        let one = |x: f32| [("w".to_owned(), Tensor::new(&[x], &Device::Cpu).unwrap())].into_iter().collect::<Params>();
        let state = |w: f32, slot: f32, buffer: f32| {
            let mut state = State::new(one(w));
            state.slots.insert("velocity".into(), one(slot));
            state.buffers = one(buffer);
            state
        };
        let there = state(1.0, 2.0, 0.0);
        for (here, name) in [
            (state(1.0, 2.0, 0.0), None),
            (state(f32::from_bits(1f32.to_bits() + 1), 2.0, 0.0), Some("params/w")),
            (state(1.0, 2.5, 0.0), Some("slots/velocity/w")),
            (state(1.0, 2.0, -0.0), Some("buffers/w")),
            (State::new(one(1.0)), Some("buffers/w")),
        ] {
            assert_eq!(difference(&there, &here).unwrap().as_deref(), name);
        }
    }
}
