use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, table_or_json};

const EXAMPLES: &str = "\
Examples:
  # Everything, as tables
  harness list

  # One benchmark, written out: which file says what
  harness list benchmarks omniglot-5w1s";

/// Shows the benchmarks, algorithms and data sets that this binary knows.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// Only these
    #[arg(value_enum)]
    pub what: Option<Listed>,

    /// After `benchmarks`: this one, or the TOML file of that path, with every setting and the file that says it
    #[arg(value_name = "BENCHMARK|FILE.toml")]
    pub name: Option<String>,

    /// How to print them
    #[arg(long, value_name = "FORMAT", value_parser = table_or_json(), default_value = "table")]
    pub format: Format,

    /// Folder with data sets; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// What `list` can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// Tables that can be reproduced
    Benchmarks,
    /// Methods that benchmarks can name
    Algorithms,
    /// Data sets, and where to get them
    Datasets,
}
