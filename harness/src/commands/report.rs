//! `harness report [DIR]`: tables, plots and the page from what is on disk, no training and nothing changed but its own files.

use harness_core::{Entry, Result};

use crate::cli::{self, Format};
use crate::console;
use crate::exit::Exit;
use crate::report::Report;

/// Rebuilds every budget's summary and plots below the folder and prints the tables.
pub fn run(args: &cli::Report, algorithms: &[Entry]) -> Result<Exit> {
    let (from, own) = (&args.dir, Some(args.dir.as_path()));
    let to = match &args.out {
        Some(out) => Some(out.as_path()),
        None => own.filter(|_| matches!(crate::report::may_be_written(from), Ok(true) | Err(_))),
    };
    let report = crate::report::build_apart(from, to, args.exports)?;
    console::print(&text(&report, args.format))?;
    if args.format == Format::Json {
        report.left().iter().for_each(|left| tracing::warn!("not in the rows: {left}"));
    }
    let records = report.budgets.iter().flat_map(|budget| budget.runs.iter().map(|run| &run.record));
    super::note_others(algorithms, records);
    let (count, page) = (report.files.len(), report.page());
    match to {
        Some(to) => tracing::info!("{count} files written below {}; page: {}", to.display(), page.display()),
        None => tracing::warn!(
            "{} may only be read, so nothing is written: --out DIR puts plots and page elsewhere",
            from.display()
        ),
    }
    Ok(exit(&report))
}

/// What goes to stdout.
pub(super) fn text(report: &Report, format: Format) -> String {
    match format {
        Format::Table => report.terminal_table(terminal_width()),
        Format::Json => report.json(),
        Format::Markdown => report.markdown(),
        Format::Latex => report.latex(),
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
