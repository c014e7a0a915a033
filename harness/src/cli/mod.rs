//! The command line as plain structs, one file a command: what the user typed. What it means is decided in
//! [`commands`](crate::commands).

mod bench;
mod cite;
mod compare;
mod completions;
mod data;
mod eval;
mod export;
mod list;
mod new_algorithm;
mod report;
mod reproduce;
mod shard;
mod show;
mod talk;
#[cfg(test)]
mod tests;
mod value;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};

pub use self::bench::Bench;
pub use self::cite::Cite;
pub use self::compare::Compare;
pub use self::completions::{Completions, Shell};
pub use self::data::{Data, DataAction};
pub use self::eval::Eval;
pub use self::export::Export;
pub use self::list::{List, Listed};
pub use self::new_algorithm::NewAlgorithm;
pub use self::report::Report;
pub use self::reproduce::Reproduce;
pub use self::shard::Shard;
pub use self::show::Show;
pub use self::talk::Talk;

/// Reproduces few-shot meta-learning papers: trains and evaluates every method of a published table on the same
/// episodes, and prints our number beside the published one.
#[derive(Debug, Parser)]
#[command(name = "harness", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub talk: Talk,

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
    /// Compare two results folders, or the methods of one, on the same test episodes; exit code 3 if the second folder is
    /// significantly worse
    Compare(Compare),
    /// Print BibTeX for every method and data set of a table, or where its numbers were made
    Cite(Cite),
    /// Show one run: its numbers, learning curve, settings and history
    Show(Show),
    /// Fetch, check and find data sets
    Data(Data),
    /// Measure the inner loop on this machine, beside stock candle and the machine's matrix-multiply rate
    Bench(Bench),
    /// Evaluate a checkpoint again
    Eval(Eval),
    /// Write a checkpoint's parameters as plain safetensors, with a model card and a PyTorch module
    Export(Export),
    /// Write a new method's crate, compiling and registered
    NewAlgorithm(NewAlgorithm),
    /// Print completions for bash, zsh or fish, or the manual page
    Completions(Completions),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  internal error
  2  wrong name, key or folder
  3  a published number was missed (paper budget), or
     `compare` found a worse one
  4  nothing ran
  5  interrupted, the same command goes on
  6  data missing or damaged
  7  some runs failed";

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// To copy and paste
    Markdown,
    /// For a paper
    Latex,
}

/// Reads `table` or `json`, for commands whose output nobody pastes.
fn table_or_json() -> impl TypedValueParser<Value = Format> {
    let values = [Format::Table, Format::Json].map(|format| format.to_possible_value().expect("none is hidden"));
    PossibleValuesParser::new(values).map(|name| Format::from_str(&name, false).expect("one of the possible values"))
}
