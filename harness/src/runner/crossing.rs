//! Counting what crosses between the ranks that train a run.

use harness_core::State;

use super::in_order::Workers;
use super::job::Job;
use crate::ranks::Crossed;
use crate::results::ranks_csv::Row;

/// The counts of one run.
pub(super) struct Crossing {
    /// Ranks that take part, and threads of each.
    ranks: usize,
    threads: usize,
    averaging: Option<u64>,
    /// Those of earlier parts too.
    pub rows: Vec<Row>,
    sum: Crossed,
    iterations: u64,
}

impl Crossing {
    /// Of a run that goes on at `state`; None where one rank trains it alone.
    pub(super) fn new(job: &Job, state: &State, workers: Workers<'_>, threads: usize) -> Option<Crossing> {
        let ranks = taking_part(job, workers);
        (ranks > 1).then(|| Crossing {
            ranks,
            threads,
            averaging: averaging(job, state, ranks),
            rows: job.dir.ranks(state.step),
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
            self.rows.push(Row {
                step,
                ranks: self.ranks as u64,
                threads: self.threads as u64,
                meta_iterations: n,
                bytes: bytes / n,
                seconds: seconds / n as f64,
                averaging_bytes: self.averaging,
            });
        }
    }
}

/// How many ranks share the meta-iterations of a run: no more than it has tasks that wait for no other.
pub fn taking_part(job: &Job, workers: Workers<'_>) -> usize {
    let sampling = job.algorithm.sampling();
    sampling.meta_batch.div_ceil(sampling.chain).min(workers.ranks())
}

/// Bytes of a meta-iteration if every inner step's gradient were averaged over so many ranks, sent as updates are: each
/// task's to every other rank. None where no setting says how many inner steps there are.
pub(super) fn averaging(job: &Job, state: &State, ranks: usize) -> Option<u64> {
    let steps = ["inner_iters", "inner_steps"].iter().find_map(|key| job.method.settings.get(*key)?.as_integer())?;
    let bytes = |tensor: &candle_core::Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
    let gradient: usize = state.params.iter().map(|(_, tensor)| bytes(tensor)).sum();
    let copies = job.algorithm.sampling().meta_batch * (ranks - 1);
    Some(u64::try_from(steps).ok()? * (gradient * copies) as u64)
}

#[cfg(test)]
mod tests {
    use harness_core::{Purpose, Result, Stream};

    use super::super::follow::tests::{sine, sine_with};
    use super::*;

    #[test]
    fn rows_are_means() {
        let (rows, sum) = (Vec::new(), Crossed::default());
        let mut crossing = Crossing { rows, ranks: 3, threads: 2, averaging: Some(40), sum, iterations: 0 };
        crossing.add(Crossed { bytes: 10, seconds: 0.5 });
        crossing.add(Crossed { bytes: 20, seconds: 0.25 });
        crossing.row(12);
        crossing.row(13);
        let wanted = Row {
            step: 12,
            ranks: 3,
            threads: 2,
            meta_iterations: 2,
            bytes: 15,
            seconds: 0.375,
            averaging_bytes: Some(40),
        };
        assert_eq!(crossing.rows, [wanted]);
    }

    #[test]
    fn averaging_sends_as_many_times_as_much_as_there_are_inner_steps() -> Result<()> {
        let job = sine_with("reptile", &[("method.reptile.meta_batch", "5")]);
        let state = job.algorithm.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
        let numbers = state.params.count() as u64;
        assert_eq!(averaging(&job, &state, 3), Some(5 * 4 * numbers * 5 * 2));
        assert_eq!(taking_part(&sine("reptile"), Workers::Threads), 1);
        assert!(Crossing::new(&job, &state, Workers::Threads, 2).is_none());
        Ok(())
    }
}
