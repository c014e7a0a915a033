//! Ranks of an MPI job. Every call is one that returns at once, so that a rank which dies cannot hold the others in the
//! library; whoever waits asks again and again, ever more seldom. Twice a second or more every rank tells every other
//! one that it lives and whether it was asked to stop.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harness_core::{Error, Result};
use mpi::environment::Universe;
use mpi::ffi;
use mpi::point_to_point::{Destination, Source};
use mpi::request::{Request, StaticScope};
use mpi::topology::{Communicator, SimpleCommunicator};
use mpi::traits::{AsRaw, Equivalence};
use mpi::{Rank, Tag, Threading};

use super::link::{Link, Lost};

/// Between two signs of life.
const BEAT: Duration = Duration::from_millis(250);
/// Messages go on so often while this rank computes.
const TICK: Duration = Duration::from_millis(5);
/// A rank that says nothing for so long is lost. The others then have the rest of ten seconds to end.
const SILENCE: Duration = Duration::from_secs(6);
/// Whoever waits asks without a pause for so long, then with pauses.
const EAGER: Duration = Duration::from_micros(500);
const PAUSES: [Duration; 2] = [Duration::from_micros(50), Duration::from_micros(1000)];

const DATA: Tag = 1;
const LIFE: Tag = 2;
static LIVES: [u8; 1] = [0];
static STOPS: [u8; 1] = [1];

/// This process among the ranks of MPI's world.
pub struct Mpi {
    rank: usize,
    ranks: usize,
    wires: Arc<Mutex<Wires>>,
    heart: Mutex<Option<JoinHandle<()>>>,
    resting: Arc<AtomicBool>,
}

/// All that talks to the library, one thread at a time.
struct Wires {
    /// None once it is finalized, or given up.
    universe: Option<Universe>,
    world: SimpleCommunicator,
    rank: usize,
    /// Messages on their way out, in the order of sending; a buffer stays until its message is gone.
    sending: VecDeque<Sending>,
    /// The message that is coming in from each rank, and those that came before anyone asked.
    receiving: Vec<Option<Receiving>>,
    came: Vec<VecDeque<Vec<u8>>>,
    /// A sign of life on its way to each rank.
    beats: Vec<Option<Request<'static, [u8], StaticScope>>>,
    heard: Vec<Instant>,
    stop: Arc<AtomicBool>,
}

// SAFETY: MPI is started with MPI_THREAD_SERIALIZED, and all of this is behind one mutex.
unsafe impl Send for Wires {}

struct Sending {
    request: Option<Request<'static, [u8], StaticScope>>,
    _bytes: Arc<Vec<u8>>,
}

struct Receiving {
    request: Option<Request<'static, [u8], StaticScope>>,
    bytes: Vec<u8>,
}

impl Mpi {
    /// Starts MPI. Errors: the library lets no second thread call it.
    pub fn start(stop: Arc<AtomicBool>) -> Result<Mpi> {
        let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized)
            .ok_or_else(|| Error::usage("MPI was started before in this process"))?;
        if threading < Threading::Serialized {
            drop(universe);
            return Err(Error::usage(
                "this MPI library allows calls from one thread alone: build it with thread support",
            ));
        }
        let world = universe.world();
        // SAFETY: a communicator of a running library. A rank that is gone is found out by its silence, not by an
        // abort.
        unsafe { ffi::MPI_Comm_set_errhandler(world.as_raw(), ffi::RSMPI_ERRORS_RETURN) };
        let (rank, ranks) = (world.rank() as usize, world.size() as usize);
        let wires = Wires {
            universe: Some(universe),
            world,
            rank,
            sending: VecDeque::new(),
            receiving: (0..ranks).map(|_| None).collect(),
            came: vec![VecDeque::new(); ranks],
            beats: (0..ranks).map(|_| None).collect(),
            heard: vec![Instant::now(); ranks],
            stop,
        };
        let (wires, resting) = (Arc::new(Mutex::new(wires)), Arc::new(AtomicBool::new(false)));
        let beat = {
            let (wires, resting) = (wires.clone(), resting.clone());
            move || {
                let mut last: Option<Instant> = None;
                while !resting.load(Ordering::SeqCst) {
                    match last {
                        Some(last) if last.elapsed() < BEAT => lock(&wires).go_on(),
                        _ => {
                            lock(&wires).beat();
                            last = Some(Instant::now());
                        }
                    }
                    std::thread::sleep(TICK);
                }
            }
        };
        let heart = std::thread::spawn(beat);
        Ok(Mpi { rank, ranks, wires, heart: Mutex::new(Some(heart)), resting })
    }

    fn rest(&self) {
        self.resting.store(true, Ordering::SeqCst);
        let heart = self.heart.lock().expect("nobody panics here").take();
        if let Some(heart) = heart {
            let _ = heart.join();
        }
    }
}

fn lock(wires: &Mutex<Wires>) -> MutexGuard<'_, Wires> {
    wires.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Link for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.ranks
    }

    fn send(&self, to: &[usize], bytes: Vec<u8>) -> Result<(), Lost> {
        let bytes = Arc::new(bytes);
        let mut wires = lock(&self.wires);
        to.iter().for_each(|rank| wires.send(*rank, &bytes));
        Ok(())
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>, Lost> {
        let began = Instant::now();
        loop {
            // What only goes out may still be on its way when this returns.
            if let Some(message) = self.arrived(from)? {
                return Ok(message);
            }
            match began.elapsed() {
                waited if waited < EAGER => std::thread::yield_now(),
                waited if waited < 100 * EAGER => std::thread::sleep(PAUSES[0]),
                _ => std::thread::sleep(PAUSES[1]),
            }
        }
    }

    fn arrived(&self, from: usize) -> Result<Option<Vec<u8>>, Lost> {
        let mut wires = lock(&self.wires);
        wires.progress();
        match wires.came[from].pop_front() {
            None => wires.silent().map_or(Ok(None), |rank| Err(Lost { rank })),
            message => Ok(message),
        }
    }

    fn close(&self) {
        let began = Instant::now();
        // What was said last must be out before this process ends.
        while began.elapsed() < SILENCE {
            let mut wires = lock(&self.wires);
            wires.progress();
            if wires.sending.is_empty() {
                break;
            }
            drop(wires);
            std::thread::sleep(PAUSES[0]);
        }
        self.rest();
        lock(&self.wires).finalize();
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        self.rest();
        lock(&self.wires).give_up();
    }
}

impl Wires {
    fn send(&mut self, rank: usize, bytes: &Arc<Vec<u8>>) {
        // SAFETY: the buffer does not move inside its Arc, and is dropped after the request has ended, or never.
        let view: &'static [u8] = unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) };
        let request = self.world.process_at_rank(rank as Rank).immediate_send_with_tag(StaticScope, view, DATA);
        self.sending.push_back(Sending { request: Some(request), _bytes: bytes.clone() });
    }

    /// What is on its way goes on.
    fn go_on(&mut self) {
        if self.universe.is_some() {
            self.progress();
        }
    }

    /// Whatever can go on does.
    fn progress(&mut self) {
        self.sending.retain_mut(|one| !ended(&mut one.request));
        for rank in (0..self.came.len()).filter(|rank| *rank != self.rank) {
            let process = self.world.process_at_rank(rank as Rank);
            // A large message is begun as soon as it is announced, and goes on while this rank computes.
            if self.receiving[rank].is_none()
                && let Some(status) = process.immediate_probe_with_tag(DATA)
            {
                let mut bytes = vec![0u8; status.count(u8::equivalent_datatype()) as usize];
                // SAFETY: the buffer's memory does not move with the Vec, and is dropped after the request, or never.
                let view: &'static mut [u8] =
                    unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr(), bytes.len()) };
                let request = process.immediate_receive_into_with_tag(StaticScope, view, DATA);
                self.receiving[rank] = Some(Receiving { request: Some(request), bytes });
            }
            if self.receiving[rank].as_mut().is_some_and(|one| ended(&mut one.request))
                && let Some(one) = self.receiving[rank].take()
            {
                self.heard[rank] = Instant::now();
                self.came[rank].push_back(one.bytes);
            }
        }
    }

    /// Says that this rank lives, hears who else does, and lets messages go on.
    fn beat(&mut self) {
        if self.universe.is_none() {
            return;
        }
        let word = if self.stop.load(Ordering::SeqCst) { &STOPS } else { &LIVES };
        for rank in (0..self.heard.len()).filter(|rank| *rank != self.rank) {
            let process = self.world.process_at_rank(rank as Rank);
            if ended(&mut self.beats[rank]) {
                self.beats[rank] = Some(process.immediate_send_with_tag(StaticScope, &word[..], LIFE));
            }
            while process.immediate_probe_with_tag(LIFE).is_some() {
                let mut heard = [0u8];
                // It is here: this does not wait.
                process.receive_into_with_tag(&mut heard[..], LIFE);
                self.heard[rank] = Instant::now();
                if heard[0] == STOPS[0] {
                    self.stop.store(true, Ordering::SeqCst);
                }
            }
        }
        self.progress();
    }

    /// The first rank that has said nothing for too long.
    fn silent(&self) -> Option<usize> {
        (0..self.heard.len()).find(|rank| *rank != self.rank && self.heard[*rank].elapsed() > SILENCE)
    }

    /// All ranks must do so.
    fn finalize(&mut self) {
        // The last signs of life, which nobody may be there to hear.
        let began = Instant::now();
        while began.elapsed() < BEAT && !self.beats.iter_mut().all(ended) {
            std::thread::yield_now();
        }
        self.forget();
        drop(self.universe.take());
    }

    /// Leaves the library as it is: waiting for a rank that is gone would take for ever.
    fn give_up(&mut self) {
        self.forget();
        std::mem::forget(self.universe.take());
    }

    /// What has not ended by now belongs to the library, buffers too.
    fn forget(&mut self) {
        self.beats.drain(..).for_each(std::mem::forget);
        self.sending.drain(..).filter(|one| one.request.is_some()).for_each(std::mem::forget);
        self.receiving.drain(..).flatten().for_each(std::mem::forget);
        self.heard.clear();
        self.came.clear();
    }
}

/// Whether there is nothing under way, or no longer.
fn ended(slot: &mut Option<Request<'static, [u8], StaticScope>>) -> bool {
    match slot.take().map(Request::test) {
        None | Some(Ok(_)) => true,
        Some(Err(request)) => {
            *slot = Some(request);
            false
        }
    }
}
