use std::path::PathBuf;

use clap::Args;

use super::Format;

const EXAMPLES: &str = "\
Examples:
  # Did my change make anything worse? Exit code 3 says so
  harness compare results/reference results/runs

  # Two recipes of one table, in folders of any name
  harness compare results/runs/quick \\
      results/runs/custom-1a2b3c4d

Exit codes:
  0  nothing is significantly worse
  2  wrong folder, or other episodes without --force
  3  B is significantly worse in a cell
  6  a damaged file";

/// Compares the results in B with those in A on the same test episodes: is B significantly worse anywhere?
///
/// A cell is a benchmark, a method and a mode; its runs are paired by seed. The difference is B - A over the episodes of
/// episodes.parquet, paired episode by episode, with its 95 % interval over episodes; of several seeds the episodes are
/// averaged over the seeds first, and the interval over seeds (Student's t) stands beside it. A cell is worse where the
/// interval over episodes lies wholly on the bad side of zero: below it for accuracy, above it for errors.
///
/// A and B are results folders (the --out of `reproduce`), or budget folders inside them. Of two results folders,
/// budgets pair by their name: quick with quick, and a custom-… folder with the one that the same overrides made. Two
/// budget folders pair with each other whatever they are called, so that overrides can be compared; a budget folder and
/// a results folder pair with the budget of that name. What is in one folder only, or not complete, is listed by name.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Compare {
    /// The results to compare with
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// The results in question
    #[arg(value_name = "B")]
    pub b: PathBuf,

    /// Compare even where A and B met different test episodes: such rows are marked unpaired, with a wider interval
    #[arg(long)]
    pub force: bool,

    /// How to print the table
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}
