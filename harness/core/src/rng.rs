//! Randomness without generator state: every draw comes from a ChaCha8 stream whose key is (seed, purpose, step, index).
//!
//! Whoever knows the seed and the step can make any task, initial weight or mini-batch order again, so resuming needs
//! no saved generator, and what one task draws never shifts what another one sees. The sampling functions are our own
//! and pinned by golden integers: an update of a dependency cannot change an experiment.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream is for. Streams of different purposes never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial parameters of a run.
    Init = 1,
    /// Drawing training tasks.
    TrainTask = 2,
    /// What a method draws while it works on a training task (mini-batch order, perturbations).
    TrainMethod = 3,
    /// Drawing evaluation episodes; the seed is the benchmark's, never the run's.
    EvalTask = 4,
    /// What a method draws while it adapts to an evaluation episode.
    EvalMethod = 5,
    /// Built-in data: glyphs.
    Data = 6,
    /// Splitting classes into folds or held-out sets.
    Split = 7,
    /// Perturbations of parameters; the seed is a key that an update carries.
    Perturbation = 8,
    /// The order of the queries that are normalised together in an evaluation episode; the seed is the benchmark's.
    EvalDeal = 9,
}

/// A stream of random numbers, cheap to make, identified by its key.
///
/// ```
/// use harness_core::{Purpose, Stream};
///
/// let task = |index| Stream::new(7, Purpose::TrainTask, 100, index).choose(1200, 5);
/// assert_eq!(task(3), task(3), "task 3 of meta-iteration 100 can be drawn again at any time");
/// assert_ne!(task(3), task(4));
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    rng: ChaCha8Rng,
}

impl Stream {
    /// The stream of (seed, purpose, step, index).
    pub fn new(seed: u64, purpose: Purpose, step: u64, index: u64) -> Self {
        let mut key = [0u8; 32];
        for (slot, value) in key.chunks_exact_mut(8).zip([seed, purpose as u64, step, index]) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
        Stream { rng: ChaCha8Rng::from_seed(key) }
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// A uniform integer in `0..n`, without bias (Lemire's multiply and reject). Panics if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "Stream::below(0): nothing to choose from");
        let n = n as u64;
        loop {
            let product = u128::from(self.bits()) * u128::from(n);
            let low = product as u64;
            // Reject the few low values that would make some outcomes likelier than others.
            if low >= n || low >= n.wrapping_neg() % n {
                return (product >> 64) as usize;
            }
        }
    }

    /// A uniform number in [0, 1) with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A uniform number in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A standard normal number (Box–Muller, one of the pair).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Shuffles in place (Fisher–Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// `k` distinct indices of `0..n` in random order. Panics if `k > n`.
    pub fn choose(&mut self, n: usize, k: usize) -> Vec<usize> {
        assert!(k <= n, "Stream::choose: {k} of {n}");
        let mut all: Vec<usize> = (0..n).collect();
        for i in 0..k {
            let j = i + self.below(n - i);
            all.swap(i, j);
        }
        all.truncate(k);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_key() {
        let draw = |seed, purpose, step, index| Stream::new(seed, purpose, step, index).bits();
        let first = draw(1, Purpose::Init, 2, 3);
        assert_eq!(first, draw(1, Purpose::Init, 2, 3));
        for other in [
            draw(2, Purpose::Init, 2, 3),
            draw(1, Purpose::TrainTask, 2, 3),
            draw(1, Purpose::Init, 3, 3),
            draw(1, Purpose::Init, 2, 4),
        ] {
            assert_ne!(first, other);
        }
    }

    /// By a second implementation of ChaCha8 and of what is drawn from it.
    #[test]
    fn draws_are_what_they_always_were() {
        let stream = || Stream::new(0, Purpose::EvalTask, 0, 0);
        let mut rng = stream();
        assert_eq!([(); 3].map(|()| rng.bits()), [0x200a_7424_6531_bbbd, 0x8250_60f0_3e6d_31f7, 0x26ca_f600_9993_d77e]);
        assert_eq!(Stream::new(1, Purpose::TrainTask, 3, 4).bits(), 0x10fb_f7e8_ae24_33fc);
        let mut rng = stream();
        assert_eq!([(); 5].map(|()| rng.below(1200)), [150, 610, 181, 205, 522]);
        let mut rng = stream();
        assert_eq!([(); 2].map(|()| rng.unit()), [0.12515951050335772, 0.5090389811070295]);
        let mut rng = stream();
        // Logarithm and cosine are the system's: within its last bits.
        for (drawn, known) in [(); 2].map(|()| rng.normal()).into_iter().zip([-0.5163000586466988, 0.273302619808949]) {
            assert!((drawn - known).abs() < 1e-14, "{drawn} for {known}");
        }
        assert_eq!(stream().choose(423, 5), [52, 215, 65, 74, 186]);
        let mut all: Vec<usize> = (0..8).collect();
        stream().shuffle(&mut all);
        assert_eq!(all, [6, 2, 4, 7, 5, 0, 3, 1]);
    }

    #[test]
    fn choose_gives_distinct_indices_and_reaches_all() {
        let mut rng = Stream::new(0, Purpose::TrainTask, 0, 0);
        let mut seen = [0u32; 7];
        for _ in 0..7000 {
            let picked = rng.choose(7, 3);
            let mut sorted = picked.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 3);
            for index in picked {
                seen[index] += 1;
            }
        }
        // Each index is expected 3000 times with a standard deviation of about 41.
        assert!(seen.iter().all(|n| (2790..=3210).contains(n)), "{seen:?}");
    }

    #[test]
    fn unit_and_normal_have_their_moments() {
        let mut rng = Stream::new(5, Purpose::Init, 0, 0);
        let n = 100_000;
        let (mut mean, mut square) = (0.0, 0.0);
        for _ in 0..n {
            let u = rng.unit();
            assert!((0.0..1.0).contains(&u));
            let z = rng.normal();
            mean += z / n as f64;
            square += z * z / n as f64;
        }
        assert!(mean.abs() < 0.02 && (square - 1.0).abs() < 0.03, "{mean} {square}");
    }
}
