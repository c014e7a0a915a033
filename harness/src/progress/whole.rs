//! How far all runs of one call together are. Work is counted in image passes, which cost about the same wherever they are
//! spent: a run of another network or method is faster or slower by a small factor, so the end is an estimate.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::{PAUSE, work};
use crate::results::run_dir::RunDir;
use crate::runner::Job;
use crate::words;

/// The work of one call.
pub(super) struct Whole {
    runs: HashMap<RunDir, Part>,
    all: usize,
    ended: usize,
    began: Instant,
    said: Instant,
}

/// The work of one run, in image passes.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Where its final evaluation begins.
    training: f64,
    /// What another run of this call does for it and counts: its training, or nothing.
    elsewhere: f64,
    all: f64,
    /// What was done when this call came to it.
    before: f64,
    done: f64,
    /// While it runs: since when its pace is measured, and what was done by then. Training and evaluation have a pace each.
    pace: Option<(Duration, f64)>,
}

impl Part {
    fn new(all: f64, training: f64, shared: bool) -> Part {
        let elsewhere = if shared { training } else { 0.0 };
        Part { training, elsewhere, all: all - elsewhere, ..Part::default() }
    }

    fn start(&mut self, position: f64, now: Duration) {
        // Nobody trained for it after all.
        if position < self.elsewhere {
            (self.elsewhere, self.all) = (0.0, self.all + self.elsewhere);
        }
        self.reach(position);
        (self.before, self.pace) = (self.done, Some((now, self.done)));
    }

    /// True where the final evaluation begins: from there on it goes at another pace.
    fn advance(&mut self, position: f64, now: Duration) -> bool {
        let turns =
            position > self.training && self.pace.is_some_and(|(_, from)| from + self.elsewhere <= self.training);
        self.reach(position);
        if turns {
            self.pace = Some((now, self.done));
        }
        turns
    }

    fn reach(&mut self, position: f64) {
        self.done = (position - self.elsewhere).clamp(0.0, self.all);
    }

    /// What an ended run did not do is not waited for; what it did not have to do here was done before.
    fn end(&mut self, whole: bool) {
        match whole {
            true if self.pace.is_none() => (self.before, self.done) = (self.all, self.all),
            true => self.done = self.all,
            false => self.all = self.done,
        }
        self.pace = None;
    }

    fn left(&self) -> f64 {
        self.all - self.done
    }

    /// Seconds that it still takes at the rate that it had, where it runs and has one.
    fn seconds(&self, now: Duration) -> Option<f64> {
        let (since, before) = self.pace.filter(|(_, before)| self.done > *before)?;
        Some(now.saturating_sub(since).as_secs_f64() * self.left() / (self.done - before))
    }
}

impl Whole {
    pub fn new(jobs: &[Job]) -> Whole {
        let mut trainings = HashSet::new();
        let runs = jobs.iter().map(|job| {
            let shared = job.meta_iters > 0 && !trainings.insert((&job.kinship.training_hash, job.meta_iters));
            (job.dir.clone(), Part::new(passes(job, work(job)), passes(job, job.meta_iters), shared))
        });
        let runs = runs.collect();
        Whole { runs, all: jobs.len(), ended: 0, began: Instant::now(), said: Instant::now() }
    }

    pub fn start(&mut self, job: &Job, first: u64) {
        let now = self.began.elapsed();
        if let Some(part) = self.runs.get_mut(&job.dir) {
            part.start(passes(job, first), now);
        }
    }

    /// True where the run's final evaluation begins.
    pub fn advance(&mut self, job: &Job, position: u64) -> bool {
        let now = self.began.elapsed();
        self.runs.get_mut(&job.dir).is_some_and(|part| part.advance(passes(job, position), now))
    }

    /// Seconds that the run still takes, at the pace of its training or of its evaluation.
    pub fn seconds(&self, job: &Job) -> Option<f64> {
        self.runs.get(&job.dir)?.seconds(self.began.elapsed())
    }

    /// Counts an ended run, which did all that it had to do or not; true if it was the last one.
    pub fn end(&mut self, job: &Job, whole: bool) -> bool {
        if let Some(part) = self.runs.get_mut(&job.dir) {
            part.end(whole);
        }
        self.ended += 1;
        self.ended >= self.all
    }

    /// Of the work, from 0 to 1.
    pub fn share(&self) -> f64 {
        let sum = |of: fn(&Part) -> f64| self.runs.values().map(of).sum::<f64>();
        let all = sum(|part| part.all);
        if all > 0.0 { sum(|part| part.done) / all } else { 1.0 }
    }

    /// `7 of 29 runs done, about 3 min 20 s left`.
    pub fn told(&self) -> String {
        let runs = format!("{} of {} done", self.ended, words::plural(self.all as u64, "run"));
        match seconds(self.runs.values(), self.began.elapsed()) {
            Some(seconds) => format!("{runs}, about {} left", words::duration(seconds)),
            None => runs,
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
}

/// Seconds to the end of all runs. Where none waits for its turn, what the slowest needs at its pace: a rate of all so far
/// would count the time in which a run only measured what another one had trained. Else at that rate, and never less than
/// the slowest of those that run now needs.
fn seconds<'a>(parts: impl Iterator<Item = &'a Part> + Clone, now: Duration) -> Option<f64> {
    let (left, here) = parts.clone().fold((0.0, 0.0), |(left, here), part| {
        let done: f64 = part.done - part.before;
        (left + part.left(), here + done)
    });
    let slowest = parts.clone().filter_map(|part| part.seconds(now)).fold(0.0, f64::max);
    let none_waits = parts.clone().all(|part| part.left() == 0.0 || part.seconds(now).is_some());
    (here > 0.0).then(|| if none_waits { slowest } else { (now.as_secs_f64() * left / here).max(slowest) })
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A training of 1,000 that stood at 800, and a second evaluation of it.
    #[test]
    fn a_shared_training_counts_once_and_what_was_done_before_takes_no_time() {
        let (mut first, mut second) = (Part::new(1100.0, 1000.0, false), Part::new(1100.0, 1000.0, true));
        first.start(800.0, at(0));
        first.advance(850.0, at(10));
        // 50 in 10 s; 250 and 100 are left.
        assert_eq!(seconds([&first, &second].into_iter(), at(10)), Some(70.0));
        first.advance(1100.0, at(60));
        first.end(true);
        second.start(1000.0, at(60));
        assert_eq!((second.done, second.left()), (0.0, 100.0));
        second.advance(1020.0, at(65));
        second.advance(1050.0, at(70));
        assert_eq!((second.done, second.left()), (50.0, 50.0));
        // It is the last one, and did 30 in the last 5 s.
        assert_eq!(seconds([&first, &second].into_iter(), at(70)), Some(50.0 / 6.0));
    }

    #[test]
    fn the_end_is_no_sooner_than_that_of_the_slowest_run() {
        let (mut fast, mut slow) = (Part::new(1000.0, 1000.0, false), Part::new(100.0, 100.0, false));
        fast.start(0.0, at(0));
        slow.start(0.0, at(0));
        slow.advance(20.0, at(25));
        fast.advance(1000.0, at(25));
        fast.end(true);
        // At the rate of both it were 2 s.
        assert_eq!(seconds([&fast, &slow].into_iter(), at(25)), Some(100.0));
    }

    #[test]
    fn an_evaluation_has_a_pace_of_its_own() {
        let mut run = Part::new(1100.0, 990.0, false);
        run.start(0.0, at(0));
        assert!(!run.advance(990.0, at(99)));
        assert!(run.advance(1000.0, at(100)), "it begins");
        assert_eq!(run.seconds(at(101)), None, "none is known yet");
        assert!(!run.advance(1010.0, at(105)), "once");
        assert_eq!(run.seconds(at(105)), Some(45.0));
    }

    /// The run that was to train was kept, made by other code: the second one trains for itself.
    #[test]
    fn a_training_that_nobody_did_counts_here() {
        let mut run = Part::new(1100.0, 1000.0, true);
        run.start(0.0, at(0));
        run.advance(500.0, at(50));
        assert_eq!((run.done, run.left()), (500.0, 600.0));
        assert_eq!(run.seconds(at(50)), Some(60.0));
    }

    #[test]
    fn a_kept_run_is_done_and_a_failed_one_is_not_waited_for() {
        let (mut kept, mut failed) = (Part::new(100.0, 100.0, false), Part::new(100.0, 100.0, false));
        kept.end(true);
        assert_eq!((kept.done, kept.left()), (100.0, 0.0));
        failed.start(0.0, at(0));
        failed.advance(30.0, at(10));
        failed.end(false);
        assert_eq!((failed.all, failed.left()), (30.0, 0.0));
        assert_eq!(seconds([&kept].into_iter(), at(10)), None, "it took no time here");
    }
}
