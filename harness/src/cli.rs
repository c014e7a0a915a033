//! The command line as plain structs: what the user typed. What it means is decided in [`commands`](crate::commands).

use std::path::PathBuf;

use candle_core::Device;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::spec::Budget;

/// Reproduces few-shot meta-learning papers: trains and evaluates every method of a published table on the same
/// episodes, and prints our number beside the published one.
#[derive(Debug, Parser)]
#[command(name = "harness", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train and evaluate every method of a benchmark's table
    Reproduce(Reproduce),
    /// Show the benchmarks, algorithms and data sets that this binary knows
    List(List),
    /// Rebuild summary, tables and plots from what is on disk, without training
    Report(Report),
    /// Fetch, check and find data sets
    Data(Data),
    /// Measure the inner loop on this machine, beside stock candle and the machine's matrix-multiply rate
    Bench(Bench),
    /// Evaluate a checkpoint again
    Eval(Eval),
    /// Write a checkpoint's parameters as plain safetensors, with a model card
    Export(Export),
}

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 internal error · 2 wrong name, key or folder · 3 a published number was missed (paper budget)
            4 nothing ran · 5 interrupted, the same command goes on · 6 data missing or damaged · 7 some runs failed";

const REPRODUCE_EXAMPLES: &str = "\
Examples:
  # Every benchmark whose data is here, in minutes
  harness reproduce

  # Two methods of one table with a longer inner loop, on your copy of Omniglot
  harness reproduce omniglot-5w1s --method reptile --method untrained \\
      --set method.reptile.inner_iters=10 --data-dir ~/data";

/// Trains and evaluates every method of a benchmark's table on the same episodes, then writes the table, CSV files and
/// plots. A run that was stopped goes on where it was.
#[derive(Args, Clone, Debug)]
#[command(after_help = REPRODUCE_EXAMPLES)]
pub struct Reproduce {
    /// A benchmark (see `harness list`) or the path of a TOML file; all benchmarks of ours if absent
    #[arg(value_name = "BENCHMARK|FILE.toml")]
    pub benchmark: Option<String>,

    /// Only this row of the table; may be repeated
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
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,

    /// Where models compute: cpu, cuda:N or metal (the latter two need a build with that feature)
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = device)]
    pub device: Device,

    /// Write a checkpoint of every run about this often
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub checkpoint_every: f64,

    /// Change a number of the benchmark, with its path as in the file; may be repeated
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,

    /// Say what would run and about how long it would take, and stop
    #[arg(long)]
    pub dry_run: bool,

    /// Start over, even where a finished or interrupted run could be used
    #[arg(long)]
    pub fresh: bool,
}

/// Meta-iterations beyond this are a slip of the keyboard, and TOML's integers end soon after.
const MOST: u64 = 1_000_000_000_000;

const LIST_EXAMPLES: &str = "\
Examples:
  # Everything, as tables
  harness list

  # The benchmarks, for a script
  harness list benchmarks --format json";

/// Shows the benchmarks, algorithms and data sets that this binary knows.
#[derive(Args, Clone, Debug)]
#[command(after_help = LIST_EXAMPLES)]
pub struct List {
    /// Only these
    #[arg(value_enum)]
    pub what: Option<Listed>,

    /// How to print them
    #[arg(long, value_enum, default_value = "table")]
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

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

const REPORT_EXAMPLES: &str = "\
Examples:
  # The tables and plots of your own runs
  harness report

  # The committed results, for a script
  harness report results/reference --format json";

/// Rebuilds summary, tables and plots from what is on disk, without training.
#[derive(Args, Clone, Debug)]
#[command(after_help = REPORT_EXAMPLES)]
pub struct Report {
    /// Folder with results: the --out of `reproduce`
    #[arg(value_name = "DIR", default_value = "results/runs")]
    pub dir: PathBuf,

    /// How to print the table
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

impl Report {
    pub fn json(&self) -> bool {
        self.format == Format::Json
    }
}

const DATA_EXAMPLES: &str = "\
Examples:
  # Bring Omniglot (15 MB) into a folder of yours
  harness data fetch omniglot --data-dir ~/data

  # Count, decode and compare everything that is here
  harness data verify --data-dir ~/data";

/// Fetches, checks and finds data sets.
#[derive(Args, Clone, Debug)]
#[command(after_help = DATA_EXAMPLES)]
pub struct Data {
    /// What to do
    #[arg(value_enum)]
    pub action: DataAction,

    /// omniglot, mini-imagenet; both if absent
    #[arg(value_name = "DATASET")]
    pub datasets: Vec<String>,

    /// Folder with data sets; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Agree to the terms of the images (mini-ImageNet) without being asked
    #[arg(long)]
    pub accept_license: bool,

    /// Never use the network
    #[arg(long)]
    pub offline: bool,
}

/// What `data` can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DataAction {
    /// Download what is missing, checked
    Fetch,
    /// Count, decode and compare every image
    Verify,
    /// Say where the data is
    Path,
}

const BENCH_EXAMPLES: &str = "\
Examples:
  # Three rounds of each network, about a minute on an idle machine
  harness bench

  # For a script, on one core
  harness bench --format json --threads 1";

/// Measures the inner loop on this machine: the Omniglot and the mini-ImageNet network, in training and evaluation, in
/// turn with stock candle and with the machine's matrix-multiply rate. Run it on an idle machine.
#[derive(Args, Clone, Debug)]
#[command(after_help = BENCH_EXAMPLES)]
pub struct Bench {
    /// How to print the figures
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,

    /// Worker threads; all cores if absent
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,

    /// Length of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 1.5, value_parser = seconds)]
    pub seconds: f64,
}

const EVAL_EXAMPLES: &str = "\
Examples:
  # The same initialisation on more episodes, each one as a row
  harness eval checkpoint-100000.safetensors omniglot-5w1s --eval-episodes 20000 --episodes-csv episodes.csv

  # Trained on glyphs, tested on Omniglot, by the recipe of another row
  harness eval results/runs/quick/glyphs-5w1s/reptile/seed-0/checkpoint-1500.safetensors omniglot-5w1s --method untrained";

/// Evaluates a checkpoint again, in every mode of the benchmark, on the benchmark's own test episodes.
#[derive(Args, Clone, Debug)]
#[command(after_help = EVAL_EXAMPLES)]
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

    /// Test episodes, instead of the checkpoint's own number
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

    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  # sine-reptile-seed-0.safetensors and sine-reptile-seed-0.json, here
  harness export results/runs/quick/sine/reptile/seed-0/checkpoint-30000.safetensors

  # Under another name
  harness export checkpoint-100000.safetensors --out models/reptile.safetensors";

/// Writes a checkpoint's parameters as plain named safetensors with a model card (JSON) beside them, so that other
/// programs can load the initialisation.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct Export {
    /// A checkpoint-STEP.safetensors of a run
    #[arg(value_name = "CHECKPOINT")]
    pub checkpoint: PathBuf,

    /// The file to write, the card beside it; BENCHMARK-LABEL-seed-N.safetensors here if absent
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `cpu`, `cuda`, `cuda:N` or `metal`.
fn device(text: &str) -> Result<Device, String> {
    let (kind, index) = text.split_once(':').unwrap_or((text, "0"));
    let index: usize = index.parse().map_err(|_| format!("{index} is no device number: write cuda:0"))?;
    let one_line = |error: candle_core::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    match kind {
        "cpu" => Ok(Device::Cpu),
        "cuda" if !cfg!(feature = "cuda") => Err("built without cuda: add --features cuda to cargo run".into()),
        "metal" if !cfg!(feature = "metal") => Err("built without metal: add --features metal to cargo run".into()),
        "cuda" => Device::new_cuda(index).map_err(one_line),
        "metal" => Device::new_metal(index).map_err(one_line),
        _ => Err("one of cpu, cuda:N, metal".into()),
    }
}

/// Splits `path=value` at the first `=`.
fn assignment(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("write it as path=value, such as protocol.ways=10")?;
    Ok((path.trim().to_string(), value.trim().to_string()))
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// Seconds that a [`Duration`](std::time::Duration) can hold, 0 or more.
fn seconds(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if !(0.0..=1e9).contains(&number) {
        return Err("seconds, from 0 to 1000000000".into());
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    fn reproduce(args: &[&str]) -> Result<Reproduce, String> {
        let words = ["harness", "reproduce"].iter().chain(args);
        match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Reproduce(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_main_job_needs_no_argument() {
        let args = reproduce(&[]).unwrap();
        assert_eq!((args.benchmark, args.budget, args.set.len()), (None, Budget::Quick, 0));
        assert_eq!((args.out, args.checkpoint_every), (PathBuf::from("results/runs"), 60.0));
    }

    #[test]
    fn options_arrive() {
        let line = "omniglot-5w1s --method a --method b --budget paper --meta-iters 1000 --seeds 2 --eval-episodes 500 \
                    --data-dir d --offline --out o --threads 2 --checkpoint-every 1.5 --set a.b=c=d --dry-run --fresh";
        let args = reproduce(&line.split_whitespace().collect::<Vec<_>>()).unwrap();
        assert_eq!((args.benchmark.as_deref(), args.method.join(" ").as_str()), (Some("omniglot-5w1s"), "a b"));
        assert_eq!((args.budget, args.meta_iters, args.seeds), (Budget::Paper, Some(1000), Some(2)));
        assert_eq!((args.eval_episodes, args.threads, args.checkpoint_every), (Some(500), Some(2), 1.5));
        assert_eq!(args.set, [("a.b".to_string(), "c=d".to_string())]);
        assert!(args.offline && args.dry_run && args.fresh && args.data_dir == Some("d".into()));
    }

    #[test]
    fn what_no_run_could_mean_is_refused() {
        for wrong in [
            ["--set", "ways"],
            ["--threads", "0"],
            ["--seeds", "0"],
            ["--meta-iters", "-1"],
            ["--eval-episodes", "0"],
            ["--checkpoint-every", "-1"],
            ["--checkpoint-every", "inf"],
            ["--checkpoint-every", "NaN"],
            ["--budget", "long"],
            ["--device", "tpu"],
            ["--device", "cuda:x"],
        ] {
            assert!(reproduce(&wrong).is_err(), "{wrong:?}");
        }
        assert!(reproduce(&["--set", "ways"]).unwrap_err().contains("path=value"));
    }

    #[test]
    fn every_command_shows_two_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.clone().render_help().to_string();
            assert_eq!(help.matches("\n  harness ").count(), 2, "{help}");
        }
    }
}
