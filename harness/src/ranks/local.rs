//! Ranks in one process, for tests: channels with a delay and a rate, as a network has them.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use super::link::{Link, Lost};

/// What a simulated network does to a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// Seconds from the end of sending to the arrival.
    pub delay: f64,
    /// Seconds a byte: what a rank sends goes out one message after the other, and comes in so too.
    pub per_byte: f64,
}

struct Message {
    bytes: Vec<u8>,
    arrives: Instant,
}

/// Messages from one rank.
struct Incoming {
    channel: Receiver<Message>,
    /// Those that are on this rank's cable, with the time at which they are in.
    on_cable: VecDeque<(Vec<u8>, Instant)>,
}

/// One rank's end.
pub struct Local {
    rank: usize,
    network: Network,
    to: Vec<Sender<Message>>,
    from: Vec<Mutex<Incoming>>,
    /// When this rank's cable is free again, outwards and inwards.
    free: Mutex<(Instant, Instant)>,
}

/// Ranks of one process, connected.
pub fn ranks(many: usize, network: Network) -> Vec<Local> {
    let mut senders: Vec<Vec<Sender<Message>>> = (0..many).map(|_| Vec::new()).collect();
    let mut receivers: Vec<Vec<Mutex<Incoming>>> = (0..many).map(|_| Vec::new()).collect();
    for outgoing in &mut senders {
        for incoming in &mut receivers {
            let (sender, receiver) = channel();
            outgoing.push(sender);
            incoming.push(Mutex::new(Incoming { channel: receiver, on_cable: VecDeque::new() }));
        }
    }
    let now = Instant::now();
    let ends = senders.into_iter().zip(receivers).enumerate();
    ends.map(|(rank, (to, from))| Local { rank, network, to, from, free: Mutex::new((now, now)) }).collect()
}

impl Link for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.to.len()
    }

    fn send(&self, to: &[usize], bytes: Vec<u8>) -> Result<(), Lost> {
        let mut free = self.free.lock().expect("no rank panics on its cable");
        for rank in to {
            free.0 = free.0.max(Instant::now()) + self.takes(&bytes);
            let arrives = free.0 + Duration::from_secs_f64(self.network.delay);
            let message = Message { bytes: bytes.clone(), arrives };
            self.to[*rank].send(message).map_err(|_| Lost { rank: *rank })?;
        }
        Ok(())
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>, Lost> {
        let mut incoming = self.from[from].lock().expect("nobody panics here");
        if incoming.on_cable.is_empty() {
            let message = incoming.channel.recv().map_err(|_| Lost { rank: from })?;
            self.on_cable(&mut incoming, message);
        }
        let (bytes, is_in) = incoming.on_cable.pop_front().expect("one is there");
        std::thread::sleep(is_in.saturating_duration_since(Instant::now()));
        Ok(bytes)
    }

    fn arrived(&self, from: usize) -> Result<Option<Vec<u8>>, Lost> {
        let mut incoming = self.from[from].lock().expect("nobody panics here");
        loop {
            match incoming.channel.try_recv() {
                Ok(message) => self.on_cable(&mut incoming, message),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) if incoming.on_cable.is_empty() => return Err(Lost { rank: from }),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        let here = incoming.on_cable.front().is_some_and(|(_, is_in)| *is_in <= Instant::now());
        Ok(incoming.on_cable.pop_front_if(|_| here).map(|(bytes, _)| bytes))
    }
}

impl Local {
    fn takes(&self, bytes: &[u8]) -> Duration {
        Duration::from_secs_f64(bytes.len() as f64 * self.network.per_byte)
    }

    /// The bytes of one message come in while those of its sender go out; of two senders one after the other.
    fn on_cable(&self, incoming: &mut Incoming, Message { bytes, arrives }: Message) {
        let mut free = self.free.lock().expect("no rank panics on its cable");
        free.1 = arrives.max(free.1 + self.takes(&bytes));
        incoming.on_cable.push_back((bytes, free.1));
    }
}

/// Seconds of a core that this thread has had; of a clock where the system does not say.
pub fn of_this_thread() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = text.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()),
        |nanoseconds| nanoseconds / 1e9,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_hears_everyone_in_order() {
        let all = ranks(3, Network::default());
        std::thread::scope(|scope| {
            for link in &all {
                scope.spawn(move || {
                    let others: Vec<usize> = (0..3).filter(|rank| *rank != link.rank()).collect();
                    for round in 0..5 {
                        link.send(&others, vec![link.rank() as u8, round]).unwrap();
                        let got = others.iter().map(|rank| link.receive(*rank).unwrap()).collect::<Vec<_>>();
                        let wanted: Vec<Vec<u8>> = others.iter().map(|rank| vec![*rank as u8, round]).collect();
                        assert_eq!(got, wanted);
                    }
                });
            }
        });
    }

    #[test]
    fn a_network_takes_its_time() {
        let mut all = ranks(2, Network { delay: 0.01, per_byte: 1e-5 });
        let (second, first) = (all.pop().unwrap(), all.pop().unwrap());
        let began = Instant::now();
        first.send(&[1], vec![0; 1000]).unwrap();
        first.send(&[1], vec![1; 1000]).unwrap();
        let early = second.arrived(0).unwrap();
        if began.elapsed() < Duration::from_millis(20) {
            assert_eq!(early, None, "neither is here yet");
        }
        assert_eq!(early.map_or_else(|| second.receive(0), Ok), Ok(vec![0; 1000]));
        assert!(began.elapsed() >= Duration::from_millis(20));
        drop(first);
        let last = loop {
            match second.arrived(0).unwrap() {
                Some(bytes) => break bytes,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        assert!(began.elapsed() >= Duration::from_millis(30));
        assert_eq!(last, [1u8; 1000], "what was sent arrives");
        assert_eq!(second.arrived(0), Err(Lost { rank: 0 }));
        assert_eq!(second.receive(0), Err(Lost { rank: 0 }));
    }
}
