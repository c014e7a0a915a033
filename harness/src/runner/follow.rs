//! What every rank but 0 does: it takes part in what rank 0 is at, with the same code on a replica of the state, and
//! decides, writes and says nothing.

use harness_core::{Result, State};
use serde::Deserialize;

use super::evaluate::{Episodes, evaluate};
use super::in_order::{Call, Workers};
use super::iterate::{Iteration, iterate};
use super::job::Job;
use super::stop::Stop;
use crate::panics::caught;
use crate::ranks::{Order, Ranks, Wire};

/// What rank 0 may ask for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Iterate(Iteration),
    Evaluate(Episodes),
}

/// Follows rank 0 through its runs, which are `jobs`, until it says how the command ended: the exit code. None: a rank
/// is lost. Errors on an order that cannot be read.
pub fn follow(ranks: &Ranks, jobs: &[Job], pool: &rayon::ThreadPool, stop: &Stop) -> Result<Option<u8>> {
    let mut held: Option<State> = None;
    while let Some(order) = ranks.order()? {
        let (call, state) = match order {
            Order::End(code) => return Ok(Some(code)),
            Order::Call { call, state } => (call, state),
        };
        let wrong =
            || harness_core::Error::data("rank 0 asks for what nobody has: start the same binary on every rank");
        let Call { run, call } = serde_json::from_slice(&call).map_err(|_| wrong())?;
        let what: What = serde_json::from_value(call).map_err(|_| wrong())?;
        let job = jobs.get(run).ok_or_else(wrong)?;
        if let Some(bytes) = state {
            held = Some(State::read(&bytes, &job.device)?);
        }
        let state = held.as_mut().ok_or_else(wrong)?;
        let workers = Workers::Ranks { ranks, runs: &[] };
        let done = || {
            pool.install(|| match &what {
                What::Iterate(Iteration { total }) => iterate(job, state, *total, workers).map(drop),
                What::Evaluate(Episodes { split, set, first, end }) => {
                    evaluate(job, state, *split, *set, *first..*end, (stop, workers)).map(drop)
                }
            })
        };
        // An error of a task, or of the fold, is rank 0's too: it says so, and sends the next run's state.
        let _ = caught(done);
    }
    Ok(None)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use candle_core::Device;
    use harness_core::{Purpose, Scalars, Split, Stream, TaskSource, sources};

    use super::super::evaluate::EpisodeSet;
    use super::super::job::{Cell, build};
    use super::*;
    use crate::benchmark::{Benchmark, Budget};
    use crate::ranks::local::{self, Network};
    use crate::results::episodes::Outcomes;

    /// A run of a row of `sine`, with these settings changed.
    pub fn sine_with(label: &str, set: &[(&str, &str)]) -> Job {
        let set: Vec<(String, String)> = set.iter().map(|(path, value)| ((*path).into(), (*value).into())).collect();
        of_benchmark(Arc::new(Benchmark::find("sine", &set).unwrap()), label, Arc::new(sources::Sine))
    }

    /// A run of a row of a benchmark on other data.
    pub fn of_benchmark(benchmark: Arc<Benchmark>, label: &str, source: Arc<dyn TaskSource>) -> Job {
        let method = benchmark.method(label).unwrap().clone();
        let algorithm = build(crate::registry::ALGORITHMS, &benchmark, &method, source.as_ref(), &Device::Cpu).unwrap();
        let cell = Cell {
            method,
            order: 0,
            budget: Budget::Quick,
            meta_iters: 10,
            eval_episodes: 0,
            source,
            algorithm,
            device: Device::Cpu,
            benchmark,
        };
        Job::nowhere(cell)
    }

    pub fn sine(label: &str) -> Job {
        sine_with(label, &[])
    }

    type Made = (State, Vec<Scalars>, Outcomes);

    /// Six meta-iterations with an evaluation between them and one after.
    fn train(job: &Job, workers: Workers<'_>) -> Made {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let mut state = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0)).unwrap();
        let (mut scalars, stop) = (Vec::new(), Stop::default());
        let episodes = |state: &State| {
            let with = (&stop, workers);
            let done = pool.install(|| evaluate(job, state, Split::Test, EpisodeSet::Final, 3..12, with));
            done.unwrap().expect("nobody stops")
        };
        for step in 0..6 {
            scalars.push(pool.install(|| iterate(job, &mut state, 6, workers)).unwrap().expect("nobody is lost"));
            if step == 2 {
                // A state that the others hold, and one that they do not.
                let (mut all, other) = (episodes(&state), episodes(&job.algorithm.for_evaluation(&state)));
                all.extend(other);
                scalars.push(Scalars::from([(
                    "digits".into(),
                    all.iter().flat_map(|(_, all)| all).map(|o| o.loss).sum(),
                )]));
            }
        }
        let outcomes = episodes(&state);
        (state, scalars, outcomes)
    }

    /// Ranks of one thread each, joined by `network`: what rank 0 makes by `lead` while the others follow it through
    /// `job`.
    pub fn led<M: Send>(job: &Job, many: usize, network: Network, lead: impl Fn(Workers<'_>) -> M + Sync) -> M {
        let links = local::ranks(many, network);
        std::thread::scope(|scope| {
            let spawned: Vec<_> = links
                .into_iter()
                .map(|link| {
                    scope.spawn(|| {
                        let (stop, runs) = (Stop::default(), std::slice::from_ref(&job.dir));
                        let ranks = Ranks::new(Box::new(link), stop.flag().clone()).unwrap();
                        if ranks.leads() {
                            let made = lead(Workers::Ranks { ranks: &ranks, runs });
                            ranks.end(0);
                            return Some(made);
                        }
                        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
                        assert_eq!(follow(&ranks, std::slice::from_ref(job), &pool, &stop).unwrap(), Some(0));
                        None
                    })
                })
                .collect();
            let made: Vec<_> = spawned.into_iter().map(|one| one.join().unwrap()).collect();
            made.into_iter().flatten().next().expect("rank 0 led")
        })
    }

    fn on_ranks(job: &Job, many: usize) -> Made {
        led(job, many, Network::default(), |workers| train(job, workers))
    }

    #[test]
    fn any_number_of_ranks_makes_the_same_bits() {
        let folded = [("method.reptile.meta_batch", "5"), ("method.reptile.optimizer", "\"adam\"")];
        let sequential = [folded[0], folded[1], ("method.reptile.second_moment", "\"sequential\"")];
        let jobs = [
            sine_with("reptile", &folded),
            sine_with("reptile", &sequential),
            sine_with("maml", &[("method.maml.meta_batch", "6")]),
            sine_with("evolution", &[("method.evolution.meta_batch", "9")]),
        ];
        for job in &jobs {
            let (state, scalars, outcomes) = train(job, Workers::Threads);
            for many in [1, 2, 3, 4, 7] {
                let there = on_ranks(job, many);
                let what = format!("{} on {many} ranks", job.method.label);
                assert!(there.0.same_bits(&state).unwrap(), "{what}");
                assert_eq!((&there.1, &there.2), (&scalars, &outcomes), "{what}");
            }
        }
    }

    #[test]
    fn tasks_that_wait_for_each_other_are_rank_0s_alone() {
        let sequential = [
            ("method.reptile.meta_batch", "5"),
            ("method.reptile.optimizer", "\"adam\""),
            ("method.reptile.second_moment", "\"sequential\""),
        ];
        assert_eq!(sine_with("reptile", &sequential).algorithm.sampling().chain, 5);
        assert_eq!(sine("reptile").algorithm.sampling().chain, 1);
    }
}
