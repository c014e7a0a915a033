use std::path::PathBuf;

use clap::Args;

use super::{Format, table_or_json};

const EXAMPLES: &str = "\
Examples:
  # What one run was, and how it went
  harness show results/runs/quick/sine/reptile/seed-0

  # The same for a program
  harness show results/runs/quick/sine/reptile/seed-0 \\
      --format json";

/// Prints what one run was: its numbers, its learning curve, its settings and its history. Trains and writes nothing.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// A run's folder, a file in it, or a folder that holds one run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// How to print it
    #[arg(long, value_name = "FORMAT", value_parser = table_or_json(), default_value = "table")]
    pub format: Format,
}
