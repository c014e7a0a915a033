//! Places at which a test can make the process die as `kill -9` would: each gap between the end of one write and the
//! start of the next. `HARNESS_TEST_KILL_AT=7` dies at the seventh place that is reached, so that a test can walk
//! through all of them. A panic at the start of a command, what a test pretends of the code that runs, and how long a
//! dry run measures. A build without debug assertions has none of it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Dies here if a test asked for it.
pub fn reached() {
    if cfg!(debug_assertions) {
        static AT: OnceLock<Option<u64>> = OnceLock::new();
        static PLACES: AtomicU64 = AtomicU64::new(0);
        let at = AT.get_or_init(|| std::env::var("HARNESS_TEST_KILL_AT").ok()?.parse().ok());
        if at.is_some_and(|at| PLACES.fetch_add(1, Ordering::SeqCst) + 1 == at) {
            die();
        }
    }
}

/// Panics with the words of `HARNESS_TEST_PANIC`: a bug of the harness.
pub fn panics() {
    if cfg!(debug_assertions)
        && let Ok(words) = std::env::var("HARNESS_TEST_PANIC")
    {
        panic!("{words}");
    }
}

/// What a test says that this binary is made of beside what it is made of.
#[derive(Default)]
pub struct Pretended {
    pub training: String,
    pub evaluation: String,
}

/// Another build, for tests: `HARNESS_TEST_TRAINING_CODE` and `HARNESS_TEST_EVALUATION_CODE` go into the hashes.
pub fn pretended_code() -> Pretended {
    if !cfg!(debug_assertions) {
        return Pretended::default();
    }
    let variable = |name| std::env::var(name).unwrap_or_default();
    Pretended { training: variable("HARNESS_TEST_TRAINING_CODE"), evaluation: variable("HARNESS_TEST_EVALUATION_CODE") }
}

/// How long a dry run measures: `usual`, or the milliseconds of `HARNESS_TEST_SAMPLE_MS`, where a test does not ask how long.
pub fn sample(usual: Duration) -> Duration {
    let asked = std::env::var("HARNESS_TEST_SAMPLE_MS").ok().filter(|_| cfg!(debug_assertions));
    asked.and_then(|milliseconds| milliseconds.parse().ok()).map_or(usual, Duration::from_millis)
}

fn die() {
    #[cfg(unix)]
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
    std::process::abort();
}
