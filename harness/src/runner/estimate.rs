//! How long a run would take, by taking a few of its own meta-iterations and episodes.

use std::time::{Duration, Instant};

use harness_core::{Purpose, Result, Split, Stream};

use super::curve::Curve;
use super::evaluate::{Series, evaluate};
use super::iterate::iterate;
use super::job::Job;
use super::selection::Selection;
use super::stop::Stop;

/// Time spent measuring each of training and evaluation.
const SAMPLE: Duration = Duration::from_millis(1500);

/// Seconds of the whole machine, of the two halves of a run.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// Which several runs may share.
    pub training: f64,
    /// Learning curve, choice of a state, and final evaluation.
    pub evaluation: f64,
}

/// What `job` would take alone, from start to final evaluation.
pub fn estimate(job: &Job, pool: &rayon::ThreadPool) -> Result<Estimate> {
    let mut state = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
    let training = if job.meta_iters == 0 {
        0.0
    } else {
        // The first iterations pay for memory that the later ones reuse.
        for _ in 0..2 {
            pool.install(|| iterate(job, &mut state, job.meta_iters))?;
        }
        let (began, mut done) = (Instant::now(), 0u32);
        while began.elapsed() < SAMPLE {
            pool.install(|| iterate(job, &mut state, job.meta_iters))?;
            done += 1;
        }
        began.elapsed().as_secs_f64() / f64::from(done) * job.meta_iters as f64
    };
    let (began, mut done) = (Instant::now(), 0usize);
    let chunk = 2 * pool.current_num_threads();
    while began.elapsed() < SAMPLE {
        pool.install(|| evaluate(job, &state, Split::Test, Series::Final, done..done + chunk, &Stop::default()))?;
        done += chunk;
    }
    let episode = began.elapsed().as_secs_f64() / done as f64;
    let curve = Curve::plan(job);
    let mut episodes = job.eval_episodes + curve.steps.len() * curve.episodes * curve.splits.len();
    if let Some(selection) = Selection::plan(job) {
        // The last state's number stands beside the best one's.
        episodes += selection.steps.len() * selection.episodes + job.eval_episodes;
    }
    Ok(Estimate { training, evaluation: episode * episodes as f64 })
}
