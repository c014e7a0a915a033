//! `harness report [DIR]`: tables, plots and the page from what is on disk, no training.

use harness_core::{Entry, Result};

use crate::cli::{self, Format};
use crate::console;
use crate::exit::Exit;
use crate::identity;
use crate::report::Report;

/// Rebuilds every budget's summary and plots below the folder and prints the tables.
pub fn run(args: &cli::Report, algorithms: &[Entry]) -> Result<Exit> {
    let report = crate::report::build_with(&args.dir, args.also)?;
    console::print(&text(&report, args.format))?;
    if args.format == Format::Json {
        report.left().iter().for_each(|left| tracing::warn!("not in the rows: {left}"));
    }
    let records = report.budgets.iter().flat_map(|budget| budget.runs.iter().map(|run| &run.record));
    identity::note_others(algorithms, records);
    let (count, page) = (report.files.len(), report.page());
    tracing::info!("{count} files written below {}; page: {}", args.dir.display(), page.display());
    Ok(exit(&report))
}

/// What goes to stdout.
pub(super) fn text(report: &Report, format: Format) -> String {
    match format {
        Format::Table => report.terminal_table(terminal_width()),
        Format::Json => report.json(),
        Format::Markdown => report.markdown(),
    }
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
