//! Command line, runner, results and report of the harness. A binary of your own adds methods without a fork:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     let mut algorithms = harness::registry::ALGORITHMS.to_vec();
//!     // algorithms.push(my_method::ENTRY);
//!     harness::main_with(&algorithms)
//! }
//! ```

pub mod benchmark;
mod cli;
pub mod command_line;
pub mod commands;
mod compare;
mod console;
pub mod exit;
mod failpoint;
mod identity;
mod lists;
mod load;
mod log;
mod panics;
mod progress;
mod ranks;
pub mod registry;
pub mod report;
pub mod results;
mod runlog;
pub mod runner;
mod table;
mod tasks;
mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;
use harness_core::Entry;

/// Parses the command line, does what it says with these methods and returns the documented exit code.
pub fn main_with(algorithms: &[Entry]) -> ExitCode {
    environment();
    panics::silence();
    registry::know(algorithms);
    let args = match command_line::Cli::try_parse() {
        Ok(args) => args,
        // What is wrong is wrong on every rank, and one says so.
        Err(error) if ranks::silent() && error.use_stderr() => return exit::Exit::Usage.into(),
        Err(error) => error.exit(),
    };
    if let Err(error) = log::start(args.verbosity, ranks::silent()) {
        eprintln!("error: {error}");
        return exit::Exit::of(&error).into();
    }
    // A panic of a method costs its run only and is caught there; what arrives here is a bug of the harness.
    let command = || {
        failpoint::panics();
        args.command.run(algorithms)
    };
    let ended = match catch_unwind(AssertUnwindSafe(command)) {
        Ok(ended) => ended,
        Err(panic) => {
            eprintln!("internal error: {}; RUST_BACKTRACE=1 says where", panics::words(panic.as_ref()));
            return exit::Exit::Internal.into();
        }
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error}");
            exit::Exit::of(&error).into()
        }
    }
}

/// Settings that candle reads from the environment once per process or thread, made before any thread starts.
fn environment() {
    // SAFETY: the first statement of main, when no other thread runs.
    unsafe {
        // Exact second order: gradients stay part of the graph unless a method detaches them.
        std::env::set_var("CANDLE_GRAD_DO_NOT_DETACH", "1");
        // candle's matrix products would each use all cores; here every task has one.
        std::env::set_var("RAYON_NUM_THREADS", "1");
    }
}
