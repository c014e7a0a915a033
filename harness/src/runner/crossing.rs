//! ranks.csv of a run that several ranks trained: what crossed between them, beside what averaging gradients would have
//! sent. A file of its own: metrics.csv has the same bytes for any number of ranks, and run.json says what a run is, not how
//! it went.
//!
//! `step,ranks,threads,meta_iterations,bytes,seconds,averaging_bytes`: numbers of one meta-iteration, as means over the
//! `meta_iterations` up to `step`.

use std::path::{Path, PathBuf};

use harness_core::{Result, State};

use super::in_order::Workers;
use super::job::Job;
use crate::files::atomic;
use crate::ranks::Crossed;

const NAME: &str = "ranks.csv";
const HEADER: &str = "step,ranks,threads,meta_iterations,bytes,seconds,averaging_bytes";

/// The rows of one run.
pub(super) struct Crossing {
    path: PathBuf,
    /// What stands before each row's own numbers: ranks that take part, threads of each.
    ranks: usize,
    threads: usize,
    averaging: Option<u64>,
    rows: Vec<String>,
    sum: Crossed,
    iterations: u64,
}

impl Crossing {
    /// Of a run that goes on at `state`; None where one rank trains it alone.
    pub(super) fn open(job: &Job, state: &State, workers: Workers<'_>, threads: usize) -> Option<Crossing> {
        let ranks = taking_part(job, workers);
        let path = job.dir.join(NAME);
        (ranks > 1).then(|| Crossing {
            rows: kept(&path, state.step),
            path,
            ranks,
            threads,
            averaging: averaging(job, state, ranks),
            sum: Crossed::default(),
            iterations: 0,
        })
    }

    /// Counts a meta-iteration.
    pub(super) fn add(&mut self, crossed: Crossed) {
        self.sum.bytes += crossed.bytes;
        self.sum.seconds += crossed.seconds;
        self.iterations += 1;
    }

    /// Ends a row at `step`.
    pub(super) fn row(&mut self, step: u64) {
        let (Crossed { bytes, seconds }, n) = (std::mem::take(&mut self.sum), std::mem::take(&mut self.iterations));
        if n > 0 {
            let (bytes, seconds) = (bytes / n, seconds / n as f64);
            let averaging = self.averaging.map(|bytes| bytes.to_string()).unwrap_or_default();
            self.rows.push(format!("{step},{},{},{n},{bytes},{seconds:.6},{averaging}", self.ranks, self.threads));
        }
    }

    /// Writes all rows.
    pub(super) fn write(&self) -> Result<()> {
        let lines: Vec<&str> = std::iter::once(HEADER).chain(self.rows.iter().map(String::as_str)).collect();
        atomic::write(&self.path, format!("{}\n", lines.join("\n")).as_bytes())
    }
}

/// How many ranks share the meta-iterations of a run: no more than it has tasks that wait for no other.
pub fn taking_part(job: &Job, workers: Workers<'_>) -> usize {
    let sampling = job.algorithm.sampling();
    sampling.meta_batch.div_ceil(sampling.chain).min(workers.ranks())
}

/// Bytes of a meta-iteration if every inner step's gradient were averaged over so many ranks, sent as updates are: each
/// task's to every other rank. None where no setting says how many inner steps there are.
pub fn averaging(job: &Job, state: &State, ranks: usize) -> Option<u64> {
    let steps = ["inner_iters", "inner_steps"].iter().find_map(|key| job.method.settings.get(*key)?.as_integer())?;
    let bytes = |tensor: &candle_core::Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
    let gradient: usize = state.params.iter().map(|(_, tensor)| bytes(tensor)).sum();
    let copies = job.algorithm.sampling().meta_batch * (ranks - 1);
    Some(u64::try_from(steps).ok()? * (gradient * copies) as u64)
}

/// Rows up to `step` of an earlier part.
fn kept(path: &Path, step: u64) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let of =
        |line: &&str| line.split(',').next().and_then(|first| first.parse::<u64>().ok()).is_some_and(|at| at <= step);
    text.lines().filter(of).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::super::follow::tests::{sine, sine_with};
    use super::*;

    #[test]
    fn rows_are_means_and_an_earlier_part_is_kept_up_to_its_step() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        std::fs::write(&path, format!("{HEADER}\n10,2,1,10,5,0.1,\n20,2,1,10,5,0.1,\n")).unwrap();
        let mut crossing = Crossing {
            rows: kept(&path, 10),
            path: path.clone(),
            ranks: 3,
            threads: 2,
            averaging: Some(40),
            sum: Crossed::default(),
            iterations: 0,
        };
        crossing.add(Crossed { bytes: 10, seconds: 0.5 });
        crossing.add(Crossed { bytes: 20, seconds: 0.25 });
        crossing.row(12);
        crossing.row(13);
        crossing.write().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{HEADER}\n10,2,1,10,5,0.1,\n12,3,2,2,15,0.375000,40\n"));
    }

    #[test]
    fn averaging_sends_as_many_times_as_much_as_there_are_inner_steps() -> Result<()> {
        let job = sine_with("reptile", &[("method.reptile.meta_batch", "5")]);
        let state = job.algorithm.init(&mut harness_core::Stream::new(0, harness_core::Purpose::Init, 0, 0))?;
        let numbers = state.params.count() as u64;
        assert_eq!(averaging(&job, &state, 3), Some(5 * 4 * numbers * 5 * 2));
        assert_eq!(taking_part(&sine("reptile"), Workers::Threads), 1);
        assert!(Crossing::open(&job, &state, Workers::Threads, 2).is_none());
        Ok(())
    }
}
