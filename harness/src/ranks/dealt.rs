//! Dealing numbered items to ranks: item i to rank i modulo their number, so that ranks beyond the items have nothing
//! to do with a call, and everyone knows who has what without a word.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use candle_core::{Device, TensorId};
use harness_core::{Result, State};
use rayon::prelude::*;

use super::answers::{Answers, Ended};
use super::hosts::Hosts;
use super::link::{Link, Lost};
use super::wire::{self, Wire};
use crate::panics::caught;

/// The ranks of a job, seen from one of them.
pub struct Ranks {
    link: Box<dyn Link>,
    /// The flag by which runs are asked to stop; raised when a rank is lost.
    stop: Arc<AtomicBool>,
    hosts: Hosts,
    lost: Mutex<Option<Lost>>,
    ended: AtomicBool,
    /// On rank 0: which state each rank holds.
    held: Mutex<Vec<Option<Same>>>,
    crossed: Mutex<Crossed>,
}

/// What crossed between ranks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Crossed {
    /// Sent by all ranks together, each copy counted.
    pub bytes: u64,
    /// From the end of rank 0's own items until everyone's were there: the wait for slower ranks is in it, what crossed
    /// meanwhile is not.
    pub seconds: f64,
}

/// What rank 0 tells another one.
pub enum Order {
    /// Take part in this call, on this state or on the one that it holds.
    Call { call: Vec<u8>, state: Option<Vec<u8>> },
    /// The command is over and ends with this exit code.
    End(u8),
}

const CALL: u8 = 0;
const END: u8 = 1;

/// Identifies a state without looking at its numbers: an identity is never given twice in a process.
type Same = (u64, Vec<(String, TensorId)>);

fn same(state: &State) -> Same {
    (state.step, state.to_tensors().into_iter().map(|(name, tensor)| (name, tensor.id())).collect())
}

impl Ranks {
    /// Meets the other ranks of `link`; all of them must do so. None where a rank is lost already.
    pub fn new(link: Box<dyn Link>, stop: Arc<AtomicBool>) -> Option<Ranks> {
        let hosts = Hosts::meet(link.as_ref()).ok()?;
        let held = Mutex::new(vec![None; link.ranks()]);
        let (lost, ended) = (Mutex::default(), AtomicBool::new(false));
        Some(Ranks { link, stop, hosts, lost, ended, held, crossed: Mutex::default() })
    }

    /// This process, from 0.
    pub fn rank(&self) -> usize {
        self.link.rank()
    }

    /// How many there are.
    pub fn ranks(&self) -> usize {
        self.link.ranks()
    }

    /// Whether this rank owns files and speaks.
    pub fn leads(&self) -> bool {
        self.rank() == 0
    }

    /// `rank 2 (node7)`.
    pub fn name(&self, rank: usize) -> String {
        format!("rank {rank} ({})", self.hosts.name(rank))
    }

    /// Cores for this rank where nobody says how many: those that it may run on, shared with ranks that may run on the
    /// same ones.
    pub fn cores(&self) -> usize {
        self.hosts.cores(self.rank())
    }

    /// The rank that went away, if one did: whatever is asked of the others is then in vain.
    pub fn lost(&self) -> Option<usize> {
        self.lost.lock().expect("nobody panics here").map(|lost| lost.rank)
    }

    /// What crossed since the last look.
    pub fn crossed(&self) -> Crossed {
        std::mem::take(&mut *self.crossed.lock().expect("counting does not panic"))
    }

    /// Everyone's words, in the order of the ranks. None: a rank is lost.
    pub fn gather(&self, mine: Vec<u8>) -> Option<Vec<Vec<u8>>> {
        self.told(self.link.gather(mine))
    }

    /// The answers of `work` to the items 0 to `n`, in their order, bit for bit those of one process. Every rank that
    /// takes part computes its own on the pool that this is called in, and sends each as soon as it is made: it crosses
    /// while the next one is computed, and is read while it is still in the processor's cache. Of several errors the
    /// one of the first item is the answer of all ranks. None: a rank is lost and `stop` is raised.
    ///
    /// Rank 0 says what is to be done with `call` and `state`, and all others must come here by [`Ranks::order`].
    /// `moves`: all who take part then change their state, alike; [`Ranks::holds`] says when that is done.
    pub fn map<O: Wire + Send>(
        &self,
        (call, state, moves): (&[u8], &State, bool),
        n: usize,
        device: &Device,
        work: impl Fn(usize) -> Result<O> + Sync + Send,
    ) -> Result<Option<Vec<O>>> {
        if self.lost().is_some() {
            return Ok(None);
        }
        let (rank, parts) = (self.rank(), n.min(self.ranks()));
        if self.leads() && parts > 1 && self.ask((call, state, moves), parts)?.is_none() {
            return Ok(None);
        }
        let answers = Answers::new(self.link.as_ref(), n, parts, device);
        let mine: Vec<usize> = (rank..n).step_by(self.ranks()).collect();
        let own = mine.into_par_iter().with_max_len(1).try_for_each(|item| -> Result<(), Ended> {
            // A panic of one item is its answer: the other ranks wait for one.
            answers.give(item, caught(|| work(item)))?;
            answers.take(|link, from| link.arrived(from))
        });
        let began = Instant::now();
        let taken = own.and_then(|()| answers.take(|link, from| link.receive(from).map(Some)));
        self.count(answers.bytes(), began.elapsed().as_secs_f64());
        match taken {
            Ok(()) => answers.in_order().map(Some),
            Err(Ended::Broken(error)) => Err(error),
            Err(Ended::Lost(lost)) => Ok(self.told(Err(lost))),
        }
    }

    /// On rank 0: the state that came of the last call is the one that all who took part in it hold, who made it as
    /// rank 0 did.
    pub fn holds(&self, n: usize, state: &State) {
        if self.leads() {
            let now = same(state);
            self.held.lock().expect("nobody panics here").iter_mut().take(n).for_each(|held| *held = Some(now.clone()));
        }
    }

    /// Sends the call to the ranks below `parts`, with the state to those that do not hold it.
    fn ask(&self, (call, state, moves): (&[u8], &State, bool), parts: usize) -> Result<Option<()>> {
        let now = same(state);
        let mut held = self.held.lock().expect("nobody panics here");
        let (with, without): (Vec<usize>, Vec<usize>) = (1..parts).partition(|rank| held[*rank].as_ref() != Some(&now));
        let mut order = vec![CALL];
        wire::put_bytes(&mut order, call);
        let bare = order.clone();
        if !with.is_empty() {
            state.write(&mut order)?;
        }
        (1..parts).for_each(|rank| held[rank] = Some(now.clone()).filter(|_| !moves));
        for (ranks, order) in [(without, bare), (with, order)] {
            if !ranks.is_empty() {
                self.count(order.len() * ranks.len(), 0.0);
                if self.told(self.link.send(&ranks, order)).is_none() {
                    return Ok(None);
                }
            }
        }
        Ok(Some(()))
    }

    /// On every rank but 0: what rank 0 wants next. None: a rank is lost.
    pub fn order(&self) -> Result<Option<Order>> {
        let Some(message) = self.told(self.link.receive(0)) else { return Ok(None) };
        let mut rest = &message[..];
        let kind = wire::take(&mut rest, 1)?[0];
        let first = wire::take_framed(&mut rest)?.to_vec();
        Ok(Some(match kind {
            CALL => Order::Call { call: first, state: Some(rest.to_vec()).filter(|bytes| !bytes.is_empty()) },
            _ => Order::End(first.first().copied().unwrap_or_default()),
        }))
    }

    /// All ranks know that nothing will be done: no order follows.
    pub fn over(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// On rank 0: lets the others end with this exit code.
    pub fn end(&self, code: u8) {
        if !self.leads() || self.lost().is_some() || self.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        let others: Vec<usize> = (1..self.ranks()).collect();
        let mut order = vec![END];
        wire::put_bytes(&mut order, &[code]);
        self.told(self.link.send(&others, order));
    }

    fn count(&self, bytes: usize, seconds: f64) {
        let mut crossed = self.crossed.lock().expect("counting does not panic");
        crossed.bytes += bytes as u64;
        crossed.seconds += seconds;
    }

    /// Remembers and says that a rank is lost. Of those that are left the first one speaks.
    fn told<T>(&self, got: Result<T, Lost>) -> Option<T> {
        let lost = match got {
            Ok(got) => return Some(got),
            Err(lost) => lost,
        };
        let mut known = self.lost.lock().expect("nobody panics here");
        if known.is_none() {
            *known = Some(lost);
            if self.rank() == usize::from(lost.rank == 0) {
                eprintln!(
                    "error: {} is gone, killed or out of reach: the same command goes on from the last checkpoints, on any \
                     number of ranks",
                    self.name(lost.rank)
                );
            }
        }
        self.stop.store(true, Ordering::SeqCst);
        None
    }
}

impl Drop for Ranks {
    fn drop(&mut self) {
        // Whatever went wrong on rank 0, the others need not wait for it.
        self.end(1);
        if self.lost().is_none() && !std::thread::panicking() {
            self.link.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;
    use harness_core::{Error, Params, Update};

    use super::super::local::{self, Network};
    use super::*;

    /// What each of `many` ranks makes of `play`; all but rank 0 follow by `follow`.
    fn on<T: Send>(many: usize, play: impl Fn(&Ranks) -> T + Sync) -> Vec<T> {
        let links = local::ranks(many, Network::default());
        std::thread::scope(|scope| {
            let spawned: Vec<_> = links
                .into_iter()
                .map(|link| scope.spawn(|| play(&Ranks::new(Box::new(link), Arc::default()).unwrap())))
                .collect();
            spawned.into_iter().map(|one| one.join().unwrap()).collect()
        })
    }

    fn state(x: f32) -> State {
        State::new([("w".to_owned(), Tensor::new(&[x], &Device::Cpu).unwrap())].into_iter().collect::<Params>())
    }

    /// Seven items on this rank, of which `broken` errs or panics; on rank 0 twice, then it ends the others.
    fn play(ranks: &Ranks, broken: Option<(usize, bool)>) -> Vec<String> {
        let own = state(1.0);
        let work = |item: usize| match broken {
            Some((at, false)) if at <= item => Err(Error::Diverged(format!("item {item}"))),
            Some((at, true)) if at == item => panic!("panic of item {item}"),
            _ => Ok(Update::default().scalar("x", item as f64)),
        };
        let map = || {
            let all = ranks.map((b"call", &own, false), 7, &Device::Cpu, work).map(|all| all.expect("nobody is lost"));
            match all {
                Ok(all) => format!("{:?}", all.iter().map(|update| update.scalars["x"]).collect::<Vec<_>>()),
                Err(error) => error.to_string(),
            }
        };
        let mut said = Vec::new();
        if ranks.leads() {
            said.extend([map(), map()]);
            ranks.end(3);
            return said;
        }
        let mut states = Vec::new();
        loop {
            match ranks.order().unwrap().expect("nobody is lost") {
                Order::Call { call, state } => {
                    assert_eq!(call, b"call");
                    states.push(state.is_some());
                    said.push(map());
                }
                Order::End(code) => {
                    assert_eq!(code, 3);
                    break;
                }
            }
        }
        if ranks.rank() < 7 {
            assert_eq!(states, [true, false], "the state crosses once");
        }
        said
    }

    #[test]
    fn every_rank_has_all_answers_in_order() {
        for many in [1, 2, 3, 4, 7, 9] {
            for (rank, said) in on(many, |ranks| play(ranks, None)).into_iter().enumerate() {
                let all = vec!["[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]".to_owned(); if rank < 7 { 2 } else { 0 }];
                assert_eq!(said, all, "rank {rank} of {many}");
            }
        }
    }

    #[test]
    fn the_first_items_error_is_everyones() {
        for many in [1, 2, 3] {
            for said in on(many, |ranks| play(ranks, Some((2, false)))) {
                assert_eq!(said, ["item 2", "item 2"]);
            }
            for said in on(many, |ranks| play(ranks, Some((4, true)))) {
                assert_eq!(said, ["the method panicked: panic of item 4"; 2]);
            }
        }
    }

    #[test]
    fn a_rank_that_goes_away_raises_the_flag_and_ends_the_call() {
        let ended = on(3, |ranks| {
            let work = |item: usize| Ok(Update::default().scalar("x", item as f64));
            match ranks.rank() {
                2 => None,
                1 => {
                    ranks.order().unwrap()?;
                    let got = ranks.map((b"", &State::default(), false), 3, &Device::Cpu, work).unwrap();
                    Some((got.is_none(), ranks.lost(), ranks.stop.load(Ordering::SeqCst)))
                }
                _ => {
                    // Rank 2 leaves without a word.
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    let got = ranks.map((b"", &state(0.0), false), 3, &Device::Cpu, work).unwrap();
                    Some((got.is_none(), ranks.lost(), ranks.stop.load(Ordering::SeqCst)))
                }
            }
        });
        assert_eq!(ended[0], Some((true, Some(2), true)));
        // Rank 0 had sent its order before it found rank 2 gone, and may be gone itself when rank 1 answers.
        let (none, lost, stop) = ended[1].expect("the order is received");
        assert!(none && stop && matches!(lost, Some(0 | 2)), "{:?}", ended[1]);
        assert_eq!(ended[2], None);
    }

    #[test]
    fn what_crosses_is_counted() {
        let counted = on(3, |ranks| {
            let said = play(ranks, None);
            (said, ranks.crossed())
        });
        let crossed = counted[0].1;
        assert!(crossed.bytes > 2 * 7 * 2 * 8 && crossed.seconds > 0.0, "{crossed:?}");
        assert_eq!(counted[1].1.bytes, counted[2].1.bytes, "but for the orders, which rank 0 counts");
    }
}
