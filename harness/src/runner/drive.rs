//! Several runs side by side on one pool: while one waits for the last task of a meta-batch, another one's fill the
//! cores. Which runs share the pool never shows in a result.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use harness_core::Error;

use super::event::Event;
use super::job::{Job, Shared};
use super::record;
use super::train::{self, Ended};
use crate::record::Status;

/// How one run ended.
#[derive(Debug)]
pub enum Outcome {
    Ended(Ended),
    Failed(Error),
}

/// A run and how it ended.
pub struct Finished {
    pub job: Job,
    pub outcome: Outcome,
}

/// Does all runs, as many at once as the pool has threads, in the order given. A run that errors or panics loses only
/// itself. The answer is in the order of `jobs`.
pub fn run_all(jobs: Vec<Job>, shared: &Shared<'_>) -> Vec<Finished> {
    let drivers = shared.pool.current_num_threads().min(jobs.len()).max(1);
    let queue: Mutex<VecDeque<(usize, Job)>> = Mutex::new(jobs.into_iter().enumerate().collect());
    let done: Mutex<Vec<(usize, Finished)>> = Mutex::new(Vec::new());
    let next = || queue.lock().expect("no driver panics with the queue").pop_front();
    std::thread::scope(|scope| {
        for _ in 0..drivers {
            scope.spawn(|| {
                while let Some((index, job)) = next() {
                    let outcome = match shared.stop.requested() {
                        true => Outcome::Ended(Ended::Interrupted),
                        false => guarded(&job, shared),
                    };
                    done.lock().expect("no driver panics with the list").push((index, Finished { job, outcome }));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("all drivers are done");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, finished)| finished).collect()
}

fn guarded(job: &Job, shared: &Shared<'_>) -> Outcome {
    let ran = catch_unwind(AssertUnwindSafe(|| train::run(job, shared)));
    let error = match ran {
        Ok(Ok(ended)) => return Outcome::Ended(ended),
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Error::Panicked(text.and_then(|text| text.lines().next()).unwrap_or("no message").to_owned())
        }
    };
    let why = error.to_string();
    // A folder that belongs to another run or process keeps its record.
    if !matches!(error, Error::Usage(_)) {
        let _ = record::write(job, shared, Status::Failed, Some(&why), 0.0, None);
    }
    shared.observer.event(job, &Event::Failed { why });
    Outcome::Failed(error)
}
