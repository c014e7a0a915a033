//! Ranks in one process, for tests: channels with a delay and a rate, as a network has them.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
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

/// One rank's end.
pub struct Local {
    rank: usize,
    network: Network,
    to: Vec<Sender<Message>>,
    from: Vec<Mutex<Receiver<Message>>>,
    /// When this rank's cable is free again, outwards and inwards.
    free: Mutex<(Instant, Instant)>,
}

/// Ranks of one process, connected.
pub fn ranks(many: usize, network: Network) -> Vec<Local> {
    let mut senders: Vec<Vec<Sender<Message>>> = (0..many).map(|_| Vec::new()).collect();
    let mut receivers: Vec<Vec<Mutex<Receiver<Message>>>> = (0..many).map(|_| Vec::new()).collect();
    for outgoing in &mut senders {
        for incoming in &mut receivers {
            let (sender, receiver) = channel();
            outgoing.push(sender);
            incoming.push(Mutex::new(receiver));
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

    fn exchange(&self, to: &[usize], mine: Vec<u8>, from: &[usize]) -> Result<Vec<Vec<u8>>, Lost> {
        let Network { delay, per_byte } = self.network;
        let takes = |bytes: &[u8]| Duration::from_secs_f64(bytes.len() as f64 * per_byte);
        let mut free = self.free.lock().expect("no rank panics on its cable");
        for rank in to {
            free.0 = free.0.max(Instant::now()) + takes(&mine);
            let message = Message { bytes: mine.clone(), arrives: free.0 + Duration::from_secs_f64(delay) };
            self.to[*rank].send(message).map_err(|_| Lost { rank: *rank })?;
        }
        let mut all = Vec::new();
        for rank in from {
            let message = self.from[*rank].lock().expect("one receiver").recv().map_err(|_| Lost { rank: *rank })?;
            // The bytes of one message come in while those of its sender go out; of two senders one after the other.
            free.1 = message.arrives.max(free.1 + takes(&message.bytes));
            all.push((message.bytes, free.1));
        }
        if let Some((_, last)) = all.last() {
            sleep_until(*last);
        }
        Ok(all.into_iter().map(|(bytes, _)| bytes).collect())
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

fn sleep_until(then: Instant) {
    std::thread::sleep(then.saturating_duration_since(Instant::now()));
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
                        let got = link.exchange(&others, vec![link.rank() as u8, round], &others).unwrap();
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
        first.exchange(&[1], vec![0; 1000], &[]).unwrap();
        assert!(began.elapsed() < Duration::from_millis(10), "whoever sends does not wait");
        second.exchange(&[], Vec::new(), &[0]).unwrap();
        assert!(began.elapsed() >= Duration::from_millis(20));
        drop(first);
        assert_eq!(second.exchange(&[], Vec::new(), &[0]), Err(Lost { rank: 0 }));
    }
}
