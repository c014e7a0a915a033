//! `harness report [DIR]`: tables and plots from what is on disk, no training.

use std::path::Path;

use harness_core::Result;

use crate::exit::Exit;

/// Rebuilds every budget's summary and plots below `dir` and prints the tables.
pub fn run(dir: &Path, json: bool) -> Result<Exit> {
    let report = crate::report::build(dir)?;
    match json {
        true => println!("{}", report.json()),
        false => print!("{}", report.terminal_table(crate::report::terminal_width())),
    }
    Ok(report.exit())
}
