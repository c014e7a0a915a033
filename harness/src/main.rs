//! The harness binary: the library with the built-in methods.

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::main_with(harness::registry::ALGORITHMS)
}
