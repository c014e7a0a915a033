use std::path::PathBuf;

use clap::Args;

use super::Format;
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
