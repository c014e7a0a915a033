use std::path::PathBuf;

use clap::Args;
use harness_core::Split;
use harness_kernels::Cap;

use super::Format;
use super::value::{assignment, instruction_set, positive, split};

const EXAMPLES: &str = "\
Examples:
  # On more episodes, each one as a row
  harness eval checkpoint-100000.safetensors omniglot-5w1s \\
      --eval-episodes 20000 --episodes-csv episodes.csv

  # Trained on glyphs, on Omniglot's training characters
  harness eval checkpoint-1500.safetensors omniglot-5w1s \\
      --method untrained --split train \\
      --set protocol.queries=5";

/// Evaluates a checkpoint again, in every mode of the benchmark, on the benchmark's own test episodes: another benchmark's
/// data or protocol too, as far as the network fits.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Eval {
    /// A checkpoint-STEP.safetensors of a run
    #[arg(value_name = "CHECKPOINT")]
    pub checkpoint: PathBuf,

    /// A benchmark (see `harness list`) or the path of a TOML file
    #[arg(value_name = "BENCHMARK|FILE.toml")]
    pub benchmark: String,

    /// The row of the benchmark whose recipe adapts; the checkpoint's own label if absent
    #[arg(long, value_name = "LABEL")]
    pub method: Option<String>,

    /// The classes to draw episodes from: those that were trained on, those for choosing, or those of the tables
    #[arg(long, value_name = "train|val|test", value_parser = split, default_value = "test")]
    pub split: Split,

    /// Change a number of the benchmark, with its path as in the file, such as protocol.queries; may be repeated
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,

    /// Episodes, instead of the checkpoint's own number
    #[arg(long, value_name = "N", value_parser = positive)]
    pub eval_episodes: Option<usize>,

    /// Write every episode to this file: episode,mode,correct,n,loss
    #[arg(long, value_name = "FILE")]
    pub episodes_csv: Option<PathBuf>,

    /// Folder with data sets, such as DIR/omniglot; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Worker threads; all cores if absent. The numbers do not depend on it
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,

    /// Use no more than these instructions of the processor; the widest that this one has if absent
    #[arg(long, value_name = "SET", value_parser = instruction_set)]
    pub instruction_set: Option<Cap>,

    /// How to print the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    pub format: Format,
}
