//! The request to stop: Ctrl-C or SIGTERM asks once, runs finish their step and write a checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness_core::{Error, Result};

/// A flag that runs look at between steps. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Lets the first SIGINT or SIGTERM raise this flag; the second one ends the process at once.
    pub fn raise_on_signals(&self) -> Result<()> {
        #[cfg(unix)]
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let failed = |source| Error::usage(format!("signals cannot be caught: {source}"));
            // The order matters: the second signal finds the flag raised and ends the process.
            signal_hook::flag::register_conditional_shutdown(signal, 130, self.0.clone()).map_err(failed)?;
            signal_hook::flag::register(signal, self.0.clone()).map_err(failed)?;
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
