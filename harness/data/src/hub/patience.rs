//! How long a server that says nothing is waited for: over all attempts, files and sources of one fetch together.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// What is left of the waiting for one server.
pub(super) struct Patience {
    whole: Duration,
    left: Cell<Duration>,
}

impl Patience {
    pub fn new(whole: Duration) -> Self {
        Patience { whole, left: Cell::new(whole) }
    }

    /// The longest that one wait may take, of `usual`.
    pub fn at_most(&self, usual: Duration) -> Duration {
        // No client takes a limit of nothing.
        self.left.get().min(usual).max(Duration::from_millis(1))
    }

    /// Takes the time since `silent` off, which brought nothing.
    pub fn spend(&self, silent: Instant) {
        self.left.set(self.left.get().saturating_sub(silent.elapsed()));
    }

    /// In words, once nothing is left.
    pub fn over(&self) -> Option<String> {
        let worn = self.left.get().is_zero();
        worn.then(|| format!("gave up after {:?} without an answer, all attempts together", self.whole))
    }

    /// Waits between two attempts; after an answer that never came this counts as waiting for it.
    pub fn pause(&self, pause: Duration, silent: bool) {
        let pause = if silent { pause.min(self.left.get()) } else { pause };
        let began = Instant::now();
        std::thread::sleep(pause);
        if silent {
            self.spend(began);
        }
    }

    /// Something to compare with later: whether what happened in between brought nothing.
    pub fn mark(&self) -> Duration {
        self.left.get()
    }

    /// Whether something was spent since `mark`.
    pub fn spent_since(&self, mark: Duration) -> bool {
        self.left.get() < mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_wears_out_by_silence_alone() {
        let ms = Duration::from_millis;
        let patience = Patience::new(ms(30));
        assert_eq!((patience.at_most(ms(20)), patience.at_most(ms(90))), (ms(20), ms(30)));
        let mark = patience.mark();
        patience.pause(ms(5), false);
        assert!(!patience.spent_since(mark) && patience.over().is_none());
        patience.pause(ms(10), true);
        assert!(patience.spent_since(mark) && patience.over().is_none());
        let began = Instant::now();
        patience.pause(ms(5000), true);
        assert!(began.elapsed() < ms(4000), "it waits no longer than what is left");
        assert!(patience.over().unwrap().contains("30ms"));
    }
}
