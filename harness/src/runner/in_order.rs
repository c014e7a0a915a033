//! Map these items, in order: the one place where training tasks and evaluation episodes are spread over threads and
//! over machines. What is mapped is pure and the answers come in the items' order, so that how many threads or ranks
//! there are, or which one did what, never shows in a result.

use candle_core::Device;
use harness_core::{Result, State};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ranks::{Crossed, Ranks, Wire};
use crate::results::run_dir::RunDir;

/// Who computes.
#[derive(Clone, Copy, Default)]
pub enum Workers<'a> {
    /// The threads of the pool that the work is called in.
    #[default]
    Threads,
    /// Those of every rank. `runs`: the folders of all runs, by which ranks name them; only rank 0 asks for them.
    Ranks { ranks: &'a Ranks, runs: &'a [RunDir] },
}

/// What is computed, so that other ranks come to the same place with the same state.
pub(super) struct Site<'a> {
    pub run: &'a RunDir,
    pub device: &'a Device,
    pub state: &'a State,
    /// What [`follow`](super::follow) reads.
    pub call: Value,
    /// Whether all who take part then change their state.
    pub moves: bool,
}

/// A [`Site`] as rank 0 sends it, but for the state.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Call {
    pub run: usize,
    pub call: Value,
}

impl Workers<'_> {
    /// How many processes work together.
    pub fn ranks(&self) -> usize {
        match self {
            Workers::Threads => 1,
            Workers::Ranks { ranks, .. } => ranks.ranks(),
        }
    }

    /// What crossed between ranks since the last look.
    pub fn crossed(&self) -> Crossed {
        match self {
            Workers::Threads => Crossed::default(),
            Workers::Ranks { ranks, .. } => ranks.crossed(),
        }
    }

    /// Whether another rank went away.
    pub fn lost(&self) -> bool {
        match self {
            Workers::Threads => false,
            Workers::Ranks { ranks, .. } => ranks.lost().is_some(),
        }
    }

    /// [`on_threads`], or the same on those of every rank. None: another rank is lost, and runs are asked to stop.
    pub(super) fn map<O: Wire + Send>(
        &self,
        site: &Site<'_>,
        n: usize,
        work: impl Fn(usize) -> Result<O> + Sync + Send,
    ) -> Result<Option<Vec<O>>> {
        match self {
            Workers::Threads => on_threads(n, work).map(Some),
            Workers::Ranks { ranks, runs } => {
                // Those who follow send no call.
                let run = runs.iter().position(|run| run == site.run).unwrap_or(usize::MAX);
                let call = serde_json::to_vec(&Call { run, call: site.call.clone() }).expect("plain data");
                ranks.map((&call, site.state, site.moves), n, site.device, work)
            }
        }
    }

    /// All who took part in a meta-iteration of `n` items have made this state.
    pub(super) fn moved(&self, n: usize, state: &State) {
        if let Workers::Ranks { ranks, .. } = self {
            ranks.holds(n, state);
        }
    }
}

/// The answers of `work` to the items 0 to `n`, in their order, by the threads of the pool that this is called in, one
/// item a thread at a time. An error of one item is the answer to all.
pub(super) fn on_threads<O: Send>(n: usize, work: impl Fn(usize) -> Result<O> + Sync + Send) -> Result<Vec<O>> {
    (0..n).into_par_iter().with_max_len(1).map(work).collect()
}

#[cfg(test)]
mod tests {
    use harness_core::{Error, Update};

    use super::*;

    fn threads<O: Wire + Send>(n: usize, work: impl Fn(usize) -> Result<O> + Sync + Send) -> Result<Vec<O>> {
        let (run, state, device) = (&RunDir::default(), &State::default(), &Device::Cpu);
        let site = Site { run, device, state, call: Value::Null, moves: false };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        pool.install(|| Workers::Threads.map(&site, n, work)).map(|all| all.expect("no rank is lost"))
    }

    #[test]
    fn answers_come_in_order_and_an_error_is_one() {
        let slow_first = |item: usize| {
            std::thread::sleep(std::time::Duration::from_millis(if item == 0 { 20 } else { 0 }));
            Ok(Update::default().scalar("square", (item * item) as f64))
        };
        let squares: Vec<f64> =
            threads(50, slow_first).unwrap().iter().map(|update| update.scalars["square"]).collect();
        assert_eq!(squares, (0..50).map(|item| (item * item) as f64).collect::<Vec<_>>());
        let third = |item: usize| if item == 3 { Err(Error::usage("three")) } else { Ok(Update::default()) };
        assert_eq!(threads(50, third).unwrap_err().to_string(), "three");
    }
}
