//! How far all runs of one call together are. Work is counted in image passes, which cost about the same wherever they are
//! spent: a run of another network or method is faster or slower by a small factor, so the end is an estimate.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{PAUSE, human, work};
use crate::report::format;
use crate::results::run_dir::RunDir;
use crate::runner::Job;

/// The work of one call.
pub(super) struct Whole {
    /// Image passes to do and done, by the place of the run.
    runs: HashMap<RunDir, (f64, f64)>,
    all: usize,
    ended: usize,
    began: Instant,
    said: Instant,
}

impl Whole {
    pub fn new(jobs: &[Job]) -> Whole {
        let runs = jobs.iter().map(|job| (job.dir.clone(), (passes(job, work(job)), 0.0))).collect();
        Whole { runs, all: jobs.len(), ended: 0, began: Instant::now(), said: Instant::now() }
    }

    /// What was done before this call is not its work.
    pub fn start(&mut self, job: &Job, first: u64) {
        let left = passes(job, work(job).saturating_sub(first));
        self.runs.insert(job.dir.clone(), (left, 0.0));
    }

    pub fn advance(&mut self, job: &Job, position: u64) {
        let left = passes(job, work(job).saturating_sub(position));
        if let Some((all, done)) = self.runs.get_mut(&job.dir) {
            *done = (*all - left).clamp(0.0, *all);
        }
    }

    /// Counts an ended run; true if it was the last one. What it did stays done, what it did not do is not waited for.
    pub fn end(&mut self, job: &Job) -> bool {
        if let Some((all, done)) = self.runs.get_mut(&job.dir) {
            *all = *done;
        }
        self.ended += 1;
        self.ended >= self.all
    }

    /// Of the work, from 0 to 1.
    pub fn share(&self) -> f64 {
        let (all, done) = self.sums();
        if all > 0.0 { done / all } else { 1.0 }
    }

    /// `7 of 29 runs done, about 3 min 20 s left`.
    pub fn told(&self) -> String {
        let (all, done) = self.sums();
        let runs = format!("{} of {} done", self.ended, format::plural(self.all as u64, "run"));
        match done > 0.0 {
            true => format!("{runs}, about {} left", human(self.began.elapsed().as_secs_f64() * (all - done) / done)),
            false => runs,
        }
    }

    /// What to say where only lines are shown: no more often than about a single run.
    pub fn due(&mut self) -> Option<String> {
        let due = self.all > 1 && self.said.elapsed() >= PAUSE - Duration::from_secs(1);
        due.then(|| {
            self.said = Instant::now();
            self.told()
        })
    }

    fn sums(&self) -> (f64, f64) {
        self.runs.values().fold((0.0, 0.0), |(all, done), run| (all + run.0, done + run.1))
    }
}

/// Image passes of so much of a bar.
fn passes(job: &Job, part: u64) -> f64 {
    let cost = job.algorithm.cost(&job.benchmark.protocol);
    let each = match job.meta_iters {
        0 => cost.episode,
        _ => cost.task * job.algorithm.sampling().meta_batch as f64,
    };
    part as f64 * each.max(1.0)
}
