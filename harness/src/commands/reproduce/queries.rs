//! `--keep-queries`: the final evaluation of every complete run once more, with its queries. It is a step of its own, so that no
//! number of a run depends on it and a run that is complete already gets it too.

use std::collections::HashMap;

use harness_core::{Error, Result, Split};
use harness_data::Names;

use crate::commands::query_rows;
use crate::commands::reproduce::Reproduce;
use crate::runner::{self, Ended, Finished, Job, Outcomes, Shared, Stop};

/// Episodes between two lines of progress.
const CHUNK: usize = 256;

/// What has no queries in the end.
#[derive(Default)]
pub struct Unkept {
    /// Why the queries of a run could not be kept: it costs no other run anything.
    pub errors: Vec<Error>,
    /// Complete runs that it was asked to stop before.
    pub stopped: u64,
}

/// Keeps the queries of all runs that are complete, until it is asked to stop.
pub fn keep(finished: &[Finished], args: &Reproduce, shared: &Shared<'_>) -> Result<Unkept> {
    let mut names: HashMap<String, Names> = HashMap::new();
    let mut unkept = Unkept::default();
    for Finished { job, ended } in finished {
        if !matches!(ended, Ok(Ended::Completed | Ended::Kept)) {
            continue;
        }
        if job.regression() {
            tracing::info!("{}: no queries are kept, {} has no classes", job.name(), job.benchmark.data.dataset);
            continue;
        }
        if shared.stop.requested() {
            unkept.stopped += u64::from(!matches!(job.dir.queries(), Ok(Some(_))));
            continue;
        }
        let key = job.benchmark.data.key();
        if !names.contains_key(&key) {
            names.insert(key.clone(), query_rows::names(job, args.data_dir.as_deref())?);
        }
        match shared.pool.install(|| write(job, &names[&key], &shared.stop)) {
            Ok(kept) => unkept.stopped += u64::from(!kept),
            Err(error) => unkept.errors.push(error),
        }
    }
    Ok(unkept)
}

/// Writes the queries of one run, unless they are there. False: asked to stop, and nothing is
/// written. Errors where this build does not repeat the run's episodes.
fn write(job: &Job, names: &Names, stop: &Stop) -> Result<bool> {
    let _lock = job.dir.lock()?;
    if matches!(job.dir.queries(), Ok(Some(_))) {
        return Ok(true);
    }
    let (record, episodes) = (job.dir.record()?, job.dir.episodes()?);
    let state = job.dir.reported(&record)?.state.to(&job.device)?;
    let (mut outcomes, mut asked) = (Outcomes::new(), Vec::new());
    for start in (0..job.eval_episodes).step_by(CHUNK) {
        let range = start..(start + CHUNK).min(job.eval_episodes);
        let end = range.end;
        let Some((part, of_part)) = runner::queries(job, &state, Split::Test, range, stop)? else { return Ok(false) };
        runner::extend(&mut outcomes, part);
        asked.extend(of_part);
        tracing::debug!("{}: queries of episode {end}/{} kept", job.name(), job.eval_episodes);
    }
    if counts(&outcomes) != counts(&episodes) {
        return Err(Error::data(format!(
            "{}: this build answers its test episodes otherwise than the run did, so that no queries are kept: train it again \
             with --fresh",
            job.name()
        )));
    }
    job.dir.write_queries(&query_rows::rows(&job.modes(), &asked, names)).map(|()| true)
}

/// Right answers and queries, episode by episode.
fn counts(all: &Outcomes) -> Vec<Vec<(u32, u32)>> {
    all.iter().map(|(_, outcomes)| outcomes.iter().map(|outcome| (outcome.correct, outcome.n)).collect()).collect()
}
