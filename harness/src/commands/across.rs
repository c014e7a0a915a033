//! `harness across OUT…`: finished runs on the test classes of other data sets, as a table of its own.
//!
//! A state is evaluated as `harness eval` does it, with the recipe that it was trained with: only the data is another's. What is
//! done is kept in `across.csv` of the results folder.

mod codes;
mod folder;
mod pairs;
mod runs;
mod table;
mod tester;

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use harness_core::error::unknown;
use harness_core::{Entry, Error, Result};

use self::folder::Folder;
use self::pairs::Target;
use crate::benchmark::Budget;
use crate::cli::Sheet;
use crate::cli::value::{positive, threads};
use crate::console;
use crate::exit::Exit;
use crate::lists::unique;
use crate::results::across_csv::{self, Row};
use crate::results::layout;

const EXAMPLES: &str = "\
Examples:
  # Every finished run on every other data set that is here
  harness across results/runs --data-dir ~/data

  # The same table again, without data or evaluating
  harness across results/runs --kept --format markdown";

/// Evaluates finished runs on the test classes of other data sets, each with the recipe that it was trained with and on as many
/// episodes, and prints a row a method, a column a pair of data sets. Images are shown at the size that the state was trained
/// on, and at the other set's own where that is larger. Pairs that make no sense are named with the reason. What was
/// evaluated is kept in OUT/across.csv and is not evaluated again.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Across {
    /// Folders with results: the --out of `reproduce`
    #[arg(value_name = "OUT", required = true)]
    pub out: Vec<PathBuf>,

    /// A data set to test on, or a benchmark file whose data is; may be repeated. Omniglot, mini-ImageNet, CIFAR-FS and FC100
    /// if absent
    #[arg(long, value_name = "DATASET|FILE.toml")]
    pub to: Vec<String>,

    /// Only runs of this row; may be repeated
    #[arg(long, value_name = "LABEL")]
    pub method: Vec<String>,

    /// Only runs of this budget
    #[arg(long, value_enum)]
    pub budget: Option<Budget>,

    /// Episodes, instead of each run's own number
    #[arg(long, value_name = "N", value_parser = positive)]
    pub eval_episodes: Option<usize>,

    /// Print what across.csv holds, and evaluate nothing
    #[arg(long)]
    pub kept: bool,

    /// Folder with data sets, such as DIR/omniglot; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Never use the network
    #[arg(long)]
    pub offline: bool,

    /// Worker threads; all cores if absent. The numbers do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// How to print the table
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    pub format: Sheet,
}

/// Evaluates what is not kept yet and prints the table.
pub fn run(args: &Across, algorithms: &[Entry]) -> Result<Exit> {
    let targets = pairs::targets(&args.to)?;
    let outs = unique(&args.out);
    check_labels(&outs, &args.method)?;
    let mut done = Done::default();
    for out in outs {
        let mut rows = across_csv::read(out)?;
        let finished = runs::finished(out, args.budget, &args.method, &mut done)?;
        if !args.kept {
            let mut folder = Folder { out, runs: &finished, rows: &mut rows, done: &mut done };
            folder.fill(args, &targets, algorithms)?;
        }
        rows.retain(|row| wanted(args, &targets, row));
        runs::keep_current(&finished, &mut rows, &mut done);
        runs::keep_same_images(&mut rows, &mut done);
        done.kept.push((out.clone(), rows));
    }
    let rows = done.kept.iter().map(|(_, rows)| rows.len()).sum::<usize>();
    if args.format != Sheet::Table {
        done.left_out.iter().for_each(|left| tracing::warn!("left out {left}"));
    }
    if rows > 0 {
        console::print(&table::print(&done.kept, &done.left_out, args.format))?;
    } else if args.format == Sheet::Table {
        done.left_out.iter().for_each(|left| tracing::warn!("left out {left}"));
    }
    match (done.interrupted, done.failed, rows) {
        (true, ..) => {
            tracing::warn!("interrupted: the same command goes on where it stopped");
            Ok(Exit::Interrupted)
        }
        (_, true, _) => Ok(Exit::SomeFailed),
        (.., 0) => {
            let why = if !done.left_out.is_empty() {
                "all of it is left out"
            } else if args.kept {
                "across.csv holds no such row: leave --kept out"
            } else {
                "no finished run has another data set"
            };
            tracing::warn!("nothing to show: {why}");
            Ok(Exit::NothingRan)
        }
        _ => Ok(Exit::Done),
    }
}

/// Every folder must be one, and every `--method` a row of at least one of them, of a run or of what
/// is kept.
fn check_labels(outs: &[&PathBuf], asked: &[String]) -> Result<()> {
    let mut known = Vec::new();
    for out in outs {
        if !out.is_dir() {
            return Err(Error::usage(format!(
                "no results folder {}: name the --out of `harness reproduce`",
                out.display()
            )));
        }
        known.extend(layout::labels(out, &HashSet::new())?);
        known.extend(across_csv::read(out)?.into_iter().map(|row| row.method));
    }
    known.sort();
    known.dedup();
    match asked.iter().find(|label| !known.contains(label)) {
        Some(label) if !known.is_empty() => Err(unknown("method", label, known.iter().map(String::as_str))),
        _ => Ok(()),
    }
}

/// What came of all folders.
#[derive(Default)]
struct Done {
    kept: Vec<(PathBuf, Vec<Row>)>,
    /// One line each.
    left_out: Vec<String>,
    interrupted: bool,
    failed: bool,
}

impl Done {
    fn leave_out(&mut self, what: String) {
        if !self.left_out.contains(&what) {
            self.left_out.push(what);
        }
    }
}

/// Whether a row was asked for.
fn wanted(args: &Across, targets: &[Target], row: &Row) -> bool {
    (args.to.is_empty() || targets.iter().any(|target| target.name == row.to))
        && (args.method.is_empty() || args.method.contains(&row.method))
        && args.budget.is_none_or(|budget| row.budget == budget.as_str())
        && args.eval_episodes.is_none_or(|episodes| row.episodes == episodes as u64)
}
