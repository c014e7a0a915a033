//! How long a run would take, by taking a few of its own meta-iterations and episodes.

use std::time::{Duration, Instant};

use harness_core::{Purpose, Result, Split, Stream};

use super::crossing::{averaging, taking_part};
use super::curve::Curve;
use super::evaluate::{EpisodeSet, evaluate};
use super::in_order::Workers;
use super::iterate::iterate;
use super::job::Job;
use super::selection::Selection;
use super::stop::Stop;
use crate::failpoint;
use crate::ranks::Crossed;

/// Time spent measuring each of training and evaluation.
const SAMPLE: Duration = Duration::from_millis(1500);

/// What some work would take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Seconds if it has the machine to itself.
    pub alone: f64,
    /// Seconds of one core: less than `alone` times the cores where a meta-iteration leaves some idle, which other runs
    /// fill.
    pub core: f64,
}

impl Estimate {
    /// What is left of it when this share of the work is still to be done.
    pub fn scaled(self, share: f64) -> Estimate {
        Estimate { alone: self.alone * share, core: self.core * share }
    }

    /// One after the other.
    pub fn plus(self, other: Estimate) -> Estimate {
        Estimate { alone: self.alone + other.alone, core: self.core + other.core }
    }
}

/// Seconds that runs take side by side on so many threads: no less than the longest one takes alone.
pub fn together(runs: &[Estimate], threads: usize) -> f64 {
    let longest = runs.iter().map(|run| run.alone).fold(0.0, f64::max);
    longest.max(runs.iter().map(|run| run.core).sum::<f64>() / threads as f64)
}

/// Cores that a meta-iteration of so many chains keeps busy on average: five on two cores take three turns.
fn busy(chains: usize, threads: usize) -> f64 {
    chains as f64 / chains.div_ceil(threads).max(1) as f64
}

/// What the two halves of a run would take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whole {
    /// Which several runs may share.
    pub training: Estimate,
    /// Learning curve, choice of a state, and final evaluation.
    pub evaluation: Estimate,
    /// What crosses between ranks in a meta-iteration.
    pub crossed: Crossed,
    /// Bytes that averaging gradients at every inner step would send, where that is known.
    pub averaging: Option<u64>,
}

/// Measures what `job` would take.
pub fn estimate(job: &Job, pool: &rayon::ThreadPool, workers: Workers<'_>) -> Result<Whole> {
    let sample = failpoint::sample(SAMPLE);
    let mut state = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
    let parts = taking_part(job, workers);
    let averaging = averaging(job, &state, parts);
    let mut crossed = Crossed::default();
    let training = if job.meta_iters == 0 {
        0.0
    } else {
        // The first iterations pay for memory that the later ones reuse.
        for _ in 0..2 {
            pool.install(|| iterate(job, &mut state, job.meta_iters, workers))?;
        }
        workers.crossed();
        let (began, mut done) = (Instant::now(), 0u32);
        while began.elapsed() < sample {
            pool.install(|| iterate(job, &mut state, job.meta_iters, workers))?;
            done += 1;
        }
        let Crossed { bytes, seconds } = workers.crossed();
        crossed = Crossed { bytes: bytes / u64::from(done), seconds: seconds / f64::from(done) };
        began.elapsed().as_secs_f64() / f64::from(done) * job.meta_iters as f64
    };
    let (began, mut done) = (Instant::now(), 0usize);
    let threads = pool.current_num_threads() * workers.ranks();
    let chunk = 2 * threads;
    while began.elapsed() < sample {
        let never = Stop::default();
        let with = (&never, workers);
        pool.install(|| evaluate(job, &state, Split::Test, EpisodeSet::Final, done..done + chunk, with))?;
        done += chunk;
    }
    let episode = began.elapsed().as_secs_f64() / done as f64;
    let curve = Curve::new(job);
    let mut episodes = job.eval_episodes + curve.steps.len() * curve.episodes * curve.splits.len();
    if let Some(selection) = Selection::new(job) {
        // The last state's number stands beside the best one's.
        episodes += selection.steps.len() * selection.episodes + job.eval_episodes;
    }
    let evaluation = episode * episodes as f64;
    let sampling = job.algorithm.sampling();
    let chains = sampling.meta_batch.div_ceil(sampling.chain);
    Ok(Whole {
        training: Estimate { alone: training, core: training * busy(chains, threads) },
        evaluation: Estimate { alone: evaluation, core: evaluation * threads as f64 },
        crossed,
        averaging,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_in_the_originals_order_share_the_machine() {
        assert_eq!((busy(1, 2), busy(5, 2), busy(5, 1), busy(4, 2)), (1.0, 5.0 / 3.0, 1.0, 2.0));
        // A training of 90 s whose tasks wait for each other, and 10 s of evaluation on both cores.
        let run = Estimate { alone: 100.0, core: 90.0 * busy(1, 2) + 10.0 * 2.0 };
        assert_eq!(together(&[run], 2), 100.0);
        assert_eq!(together(&[run, run], 2), 110.0);
        assert_eq!(together(&[run, run, run.scaled(0.5)], 2), 137.5);
        assert_eq!(together(&[], 2), 0.0);
    }
}
