//! The request to stop: Ctrl-C or SIGTERM asks once, runs finish their step and write a checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::time::{Duration, Instant};

use harness_core::{Error, Result};

/// `timeout` and some schedulers send a signal to a process and to its group, so that it comes twice: within this time
/// it is one.
#[cfg(unix)]
const TWICE: Duration = Duration::from_millis(200);

/// A flag that runs look at between steps. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Lets the first SIGINT or SIGTERM raise this flag, and says so; the second one ends the process at once.
    pub fn raise_on_signals(&self) -> Result<()> {
        #[cfg(unix)]
        {
            let failed = |source| Error::usage(format!("signals cannot be caught: {source}"));
            let kinds = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];
            for kind in kinds {
                signal_hook::flag::register(kind, self.0.clone()).map_err(failed)?;
            }
            let mut signals = signal_hook::iterator::Signals::new(kinds).map_err(failed)?;
            std::thread::spawn(move || {
                let mut first: Option<Instant> = None;
                for _ in signals.forever() {
                    match first {
                        None => {
                            first = Some(Instant::now());
                            tracing::info!(
                                "stopping after the step that is under way; a second signal does not wait for it"
                            );
                        }
                        Some(first) if first.elapsed() < TWICE => {}
                        Some(_) => signal_hook::low_level::exit(130),
                    }
                }
            });
        }
        Ok(())
    }

    /// The flag itself, for who must not know runs.
    pub fn flag(&self) -> &Arc<AtomicBool> {
        &self.0
    }

    /// Raises the flag.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
