//! `harness report [DIR]`: tables and plots from what is on disk, no training.

use std::path::Path;

use harness_core::Result;

use crate::console;
use crate::exit::Exit;
use crate::report::Report;

/// Rebuilds every budget's summary and plots below `dir` and prints the tables.
pub fn run(dir: &Path, json: bool) -> Result<Exit> {
    let report = crate::report::build(dir)?;
    console::print(&match json {
        true => report.json(),
        false => report.terminal_table(terminal_width()),
    })?;
    tracing::info!("{} files written below {}", report.files.len(), dir.display());
    Ok(exit(&report))
}

/// Missed targets have an exit code of their own.
pub(super) fn exit(report: &Report) -> Exit {
    match report.exit_status() {
        0 => Exit::Done,
        _ => Exit::TargetMissed,
    }
}

/// Columns of a table of results.
pub(super) fn terminal_width() -> u16 {
    console::width(100)
}
