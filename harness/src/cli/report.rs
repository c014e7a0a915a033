use std::path::PathBuf;

use clap::Args;

use super::Format;
use crate::report::Also;

const EXAMPLES: &str = "\
Examples:
  # The tables and plots of your own runs
  harness report

  # The committed results, as Markdown to paste
  harness report results/reference --format markdown";

/// Rebuilds summary, tables and plots from what is on disk, without training.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Report {
    /// Folder with results: the --out of `reproduce`
    #[arg(value_name = "DIR", default_value = "results/runs")]
    pub dir: PathBuf,

    /// How to print the table
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,

    #[command(flatten)]
    pub also: Also,
}
