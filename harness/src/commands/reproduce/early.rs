//! Tables and pictures of a benchmark as soon as its last run ends, while those of others go on: a first look after a
//! minute rather than at the end.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use rayon::ThreadPool;

use crate::report;
use crate::results::exports::Exports;
use crate::runner::{Event, Job, Observer};

/// Hands every event on, and reports on benchmarks that are through.
pub struct Early<'a> {
    next: &'a dyn Observer,
    pool: &'a ThreadPool,
    /// The results folder and the budget's in it.
    place: (&'a Path, &'a str),
    exports: Exports,
    /// Runs that have not ended, by benchmark.
    left: Mutex<HashMap<String, usize>>,
}

impl<'a> Early<'a> {
    pub fn new(
        jobs: &[Job],
        next: &'a dyn Observer,
        pool: &'a ThreadPool,
        place: (&'a Path, &'a str),
        exports: Exports,
    ) -> Self {
        let mut left = HashMap::new();
        for job in jobs {
            *left.entry(job.benchmark.name.clone()).or_insert(0) += 1;
        }
        Early { next, pool, place, exports, left: Mutex::new(left) }
    }

    /// Counts an ended run; true if it was its benchmark's last and other benchmarks go on.
    fn through(&self, benchmark: &str) -> bool {
        let mut left = self.left.lock().expect("counting does not panic");
        let Some(own) = left.get_mut(benchmark) else { return false };
        *own = own.saturating_sub(1);
        *own == 0 && left.values().any(|runs| *runs > 0)
    }
}

impl Observer for Early<'_> {
    fn event(&self, job: &Job, event: &Event) {
        self.next.event(job, event);
        let ended = matches!(
            event,
            Event::Completed { .. }
                | Event::Kept { .. }
                | Event::KeptOther { .. }
                | Event::Failed { .. }
                | Event::Unserved { .. }
        );
        // What was there before has its tables; what cannot be reported is said at the end.
        if ended && self.through(&job.benchmark.name) && matches!(event, Event::Completed { .. }) {
            let (out, budget) = self.place;
            if let Ok(report) = self.pool.install(|| report::build_budget(out, budget, self.exports)) {
                tracing::info!("{}: first tables and plots, page: {}", job.benchmark.name, report.page().display());
            }
        }
    }
}
