use std::path::PathBuf;

use candle_core::Device;
use clap::Args;
use harness_kernels::Cap;

use crate::benchmark::Budget;
use crate::cli::value::{assignment, device, instruction_set, positive, seconds, threads};
use crate::cli::{Format, Shard};
use crate::results::exports::Exports;

const EXAMPLES: &str = "\
Examples:
  # Every benchmark whose data is here, in minutes
  harness reproduce

  # Two methods of one table with a longer inner loop
  harness reproduce omniglot-5w1s --data-dir ~/data \\
      --method reptile --method untrained \\
      --set method.reptile.inner_iters=10";

/// Trains and evaluates every method of a benchmark's table on the same episodes, then writes the table, CSV files and
/// plots. A run that was stopped goes on where it was.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Reproduce {
    /// Benchmarks (see `harness list`), paths of TOML files, or `figures` for all that draw a figure of the Reptile
    /// paper; all tables of ours if absent
    #[arg(value_name = "BENCHMARK|FILE.toml|figures")]
    pub benchmarks: Vec<String>,

    /// Only this row of the table, or this line of a figure; may be repeated
    #[arg(long, value_name = "LABEL")]
    pub method: Vec<String>,

    /// How much of the paper's work to do
    #[arg(long, value_enum, default_value = "quick")]
    pub budget: Budget,

    /// Meta-iterations of every method that trains at all, instead of the budget's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub meta_iters: Option<u64>,

    /// Training seeds 0 to N - 1, instead of the benchmark's number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub seeds: Option<u64>,

    /// Test episodes of the final evaluation, instead of the benchmark's number
    #[arg(long, value_name = "N", value_parser = positive)]
    pub eval_episodes: Option<usize>,

    /// Cross-validate: deal the classes (whole alphabets) into K folds, test on each once; no verdicts
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub folds: Option<u64>,

    /// Keep every query of the final evaluation with its class, what it was taken for and its image, in queries.parquet of
    /// the run's folder; the page then shows which classes were taken for which. Takes the evaluation once more
    #[arg(long)]
    pub keep_queries: bool,

    /// Only every N-th training with its runs, from the I-th on (1/N to N/N), so that N processes or machines fill one
    /// --out together: the same command with another I each. They are numbered method by method, whatever is done already
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,

    /// Folder with data sets, such as DIR/omniglot; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Never use the network
    #[arg(long)]
    pub offline: bool,

    /// Folder for results
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    pub out: PathBuf,

    /// Worker threads; all cores if absent. The numbers do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Where models compute: cpu, cuda:N or metal (the latter two need a build with that feature)
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = device)]
    pub device: Device,

    /// Use no more than these instructions of the processor, so that unlike machines give the same bytes; the widest that
    /// this one has if absent
    #[arg(long, value_name = "SET", value_parser = instruction_set)]
    pub instruction_set: Option<Cap>,

    /// Write a checkpoint of every run about this often
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub checkpoint_every: f64,

    /// Call these runs by a name of yours, also those that are complete already: tables and comparisons show it. It changes
    /// neither numbers nor folders
    #[arg(long, value_name = "NAME", value_parser = crate::results::tag::parse)]
    pub tag: Option<String>,

    /// Change a number of the benchmark, with its path as in the file; may be repeated
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,

    /// How to print the table
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,

    #[command(flatten)]
    pub exports: Exports,

    /// Say what would run and about how long it would take, and stop
    #[arg(long)]
    pub dry_run: bool,

    /// Start over, even where a finished or interrupted run could be used
    #[arg(long)]
    pub fresh: bool,

    /// Show finished runs that another build made as they are, marked and without a verdict
    #[arg(long, conflicts_with = "fresh")]
    pub keep: bool,
}

/// Meta-iterations beyond this are a slip of the keyboard, and TOML's integers end soon after.
const MOST: u64 = 1_000_000_000_000;
