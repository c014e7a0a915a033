//! `harness report [DIR]`: tables, plots and the page from what is on disk, no training and nothing changed but its own files.

use std::path::PathBuf;

use clap::Args;
use harness_core::{Entry, Result};

use crate::cli::Format;
use crate::console;
use crate::exit::Exit;
use crate::report;
use crate::results::exports::Exports;

const EXAMPLES: &str = "\
Examples:
  # The tables and plots of your own runs
  harness report

  # The committed results, as Markdown to paste
  harness report results/reference --format markdown";

/// Rebuilds summary, tables and plots from what is on disk, without training. Of a folder that may only be read it prints
/// the tables.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Report {
    /// Folder with results: the --out of `reproduce`
    #[arg(value_name = "DIR", default_value = "results/runs")]
    pub dir: PathBuf,

    /// Write tables, plots and page below this folder instead, and only read DIR
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// How to print the table
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,

    #[command(flatten)]
    pub exports: Exports,
}

/// Rebuilds every budget's summary and plots below the folder and prints the tables.
pub fn run(args: &Report, algorithms: &[Entry]) -> Result<Exit> {
    let (from, own) = (&args.dir, Some(args.dir.as_path()));
    let to = match &args.out {
        Some(out) => Some(out.as_path()),
        None => own.filter(|_| matches!(report::may_be_written(from), Ok(true) | Err(_))),
    };
    let report = super::pool(None)?.install(|| report::build_apart(from, to, args.exports))?;
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
pub(super) fn text(report: &report::Report, format: Format) -> String {
    match format {
        Format::Table => report.terminal_table(console::table_width()),
        Format::Json => report.json(),
        Format::Markdown => report.markdown(),
        Format::Latex => report.latex(),
    }
}

/// Missed targets have an exit code of their own.
pub(super) fn exit(report: &report::Report) -> Exit {
    if report.missed() { Exit::TargetMissed } else { Exit::Done }
}
