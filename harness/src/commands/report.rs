//! `harness report [DIR]`: tables, plots and the page from what is on disk, no training.

use std::path::Path;

use harness_core::Result;

use crate::exit::Exit;
use crate::report::Report;

/// Rebuilds every budget's summary and plots below `dir` and prints the tables.
pub fn run(dir: &Path, json: bool) -> Result<Exit> {
    let report = crate::report::build(dir)?;
    match json {
        true => print!("{}", report.json()),
        false => print!("{}", report.terminal_table(terminal_width())),
    }
    eprintln!("{} files written below {}; page: {}", report.files.len(), dir.display(), report.page().display());
    Ok(exit(&report))
}

/// Missed targets have an exit code of their own.
pub(super) fn exit(report: &Report) -> Exit {
    match report.exit_status() {
        0 => Exit::Done,
        _ => Exit::TargetMissed,
    }
}

/// Columns of the terminal, or 100 where there is none.
pub(super) fn terminal_width() -> u16 {
    comfy_table::Table::new().width().unwrap_or(100).max(60)
}
