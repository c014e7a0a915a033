//! The command line: one variant a subcommand, which is one module of [`commands`].

#[cfg(test)]
mod tests;

use clap::{CommandFactory, Parser, Subcommand};
use harness_core::{Entry, Result};

use crate::cli::Verbosity;
use crate::commands;
use crate::commands::across::Across;
use crate::commands::bench::Bench;
use crate::commands::cite::Cite;
use crate::commands::compare::Compare;
use crate::commands::completions::Completions;
use crate::commands::data::Data;
use crate::commands::eval::Eval;
use crate::commands::export::Export;
use crate::commands::list::List;
use crate::commands::new_algorithm::NewAlgorithm;
use crate::commands::new_benchmark::NewBenchmark;
use crate::commands::predict::Predict;
use crate::commands::report::Report;
use crate::commands::reproduce::Reproduce;
use crate::commands::show::Show;
use crate::exit::Exit;

/// Reproduces few-shot meta-learning papers: trains and evaluates every method of a published table on the same
/// episodes, and prints our number beside the published one.
#[derive(Debug, Parser)]
#[command(name = "harness", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub verbosity: Verbosity,

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
    /// Evaluate finished runs on the test classes of other data sets
    Across(Across),
    /// Tell what images of your own show, from a few examples of each class
    Predict(Predict),
    /// Write a checkpoint's parameters as plain safetensors, with a model card and a PyTorch module
    Export(Export),
    /// Write a new method's crate, compiling and registered
    NewAlgorithm(NewAlgorithm),
    /// Write a benchmark file for a folder of images
    NewBenchmark(NewBenchmark),
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
  7  some runs failed
  130  a second Ctrl-C or SIGTERM ended it at once";

impl Command {
    /// Does what was typed, with these methods.
    pub fn run(&self, algorithms: &[Entry]) -> Result<Exit> {
        match self {
            Command::Reproduce(args) => commands::reproduce::run(args, algorithms),
            Command::List(args) => commands::list::run(args, algorithms),
            Command::Report(args) => commands::report::run(args, algorithms),
            Command::Compare(args) => commands::compare::run(args, algorithms),
            Command::Cite(args) => commands::cite::run(args),
            Command::Show(args) => commands::show::run(args),
            Command::Bench(args) => commands::bench::run(args, algorithms),
            Command::Data(args) => commands::data::run(args),
            Command::Eval(args) => commands::eval::run(args, algorithms),
            Command::Across(args) => commands::across::run(args, algorithms),
            Command::Predict(args) => commands::predict::run(args, algorithms),
            Command::Export(args) => commands::export::run(args, algorithms),
            Command::NewAlgorithm(args) => commands::new_algorithm::run(args, algorithms),
            Command::NewBenchmark(args) => commands::new_benchmark::run(args, algorithms),
            Command::Completions(args) => commands::completions::run(args, Cli::command()),
        }
    }
}
