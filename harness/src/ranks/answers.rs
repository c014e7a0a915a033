//! The answers of all ranks to one call: each is sent as soon as it is there, and taken as soon as it comes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::Device;
use harness_core::{Error, Result};

use super::link::{Link, Lost};
use super::wire::{self, Wire, error_of_bytes, error_to_bytes};

/// Why a call ends before all answers are there.
pub(super) enum Ended {
    Lost(Lost),
    /// An answer that cannot be read.
    Broken(Error),
}

/// Those of one call, seen from one rank.
pub(super) struct Answers<'a, O> {
    link: &'a dyn Link,
    device: &'a Device,
    /// The other ranks that take part, and how many answers are still to come from each. One thread at a time takes
    /// from one rank, and no more than there are: what comes after them belongs to the next call.
    left: Vec<(usize, Mutex<usize>)>,
    /// In the order of the items.
    all: Mutex<Vec<Option<Result<O>>>>,
    /// Of the messages, each counted once.
    bytes: AtomicUsize,
}

impl<'a, O: Wire> Answers<'a, O> {
    /// Of items 0 to `n`, dealt to the first `parts` ranks: item i to rank i modulo their number.
    pub(super) fn new(link: &'a dyn Link, n: usize, parts: usize, device: &'a Device) -> Answers<'a, O> {
        let others = (0..parts).filter(|rank| *rank != link.rank());
        let left = others.map(|rank| (rank, Mutex::new((rank..n).step_by(parts).count()))).collect();
        let all = Mutex::new((0..n).map(|_| None).collect());
        Answers { link, device, left, all, bytes: AtomicUsize::new(0) }
    }

    /// This rank's answer to an item: the others get it, or the word that it cannot be written.
    pub(super) fn give(&self, item: usize, answer: Result<O>) -> Result<(), Ended> {
        if self.left.is_empty() {
            self.put(item, answer);
            return Ok(());
        }
        let mut message = Vec::new();
        let begun = |message: &mut Vec<u8>, kind: u8| {
            message.clear();
            message.extend((item as u64).to_le_bytes());
            message.push(kind);
        };
        begun(&mut message, ANSWER);
        let answer = answer.and_then(|answer| answer.write(&mut message).map(|()| answer));
        if let Err(error) = &answer {
            begun(&mut message, ERROR);
            message.extend(error_to_bytes(error));
        }
        self.put(item, answer);
        self.bytes.fetch_add(message.len(), Ordering::Relaxed);
        let others: Vec<usize> = self.left.iter().map(|(rank, _)| *rank).collect();
        self.link.send(&others, message).map_err(Ended::Lost)
    }

    /// Takes what `next` has of each other rank, until it has nothing or nothing is left.
    pub(super) fn take(&self, next: impl Fn(&dyn Link, usize) -> Result<Option<Vec<u8>>, Lost>) -> Result<(), Ended> {
        for (rank, left) in &self.left {
            let one = || -> Result<Option<Vec<u8>>, Ended> {
                let mut left = left.lock().expect("nobody panics here");
                let message = if *left > 0 { next(self.link, *rank).map_err(Ended::Lost)? } else { None };
                *left -= usize::from(message.is_some());
                Ok(message)
            };
            while let Some(message) = one()? {
                self.bytes.fetch_add(message.len(), Ordering::Relaxed);
                self.read(&message).map_err(Ended::Broken)?;
            }
        }
        Ok(())
    }

    fn read(&self, mut message: &[u8]) -> Result<()> {
        let item = wire::take_u64(&mut message)? as usize;
        let answer = match wire::take(&mut message, 1)?[0] {
            ANSWER => Ok(O::read(message, self.device)?),
            _ => Err(error_of_bytes(message)),
        };
        self.put(item, answer);
        Ok(())
    }

    fn put(&self, item: usize, answer: Result<O>) {
        if let Some(place) = self.all.lock().expect("nobody panics here").get_mut(item) {
            *place = Some(answer);
        }
    }

    /// What all ranks together sent, each copy counted.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed) * self.left.len()
    }

    /// Of several errors that of the first item.
    pub(super) fn in_order(self) -> Result<Vec<O>> {
        let all = self.all.into_inner().expect("nobody panics here");
        all.into_iter()
            .map(|one| one.unwrap_or_else(|| Err(Error::data("an answer between ranks is missing"))))
            .collect()
    }
}

const ERROR: u8 = 0;
const ANSWER: u8 = 1;
