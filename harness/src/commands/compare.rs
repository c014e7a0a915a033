//! `harness compare A B`: is B significantly worse than A anywhere? `harness compare OUT --against LABEL`: is a method
//! better than another?

use std::path::PathBuf;

use clap::Args;
use harness_core::{Entry, Result};

use crate::cli::Format;
use crate::compare::{self, against::Asked};
use crate::console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  # Did my change make anything worse? Exit code 3 says so
  harness compare results/reference results/runs

  # The methods of one folder: is any better than reptile?
  harness compare results/runs --against reptile

Exit codes:
  0  nothing is significantly worse
  2  wrong folder, or other episodes without --force
  3  B is significantly worse in a cell (never with
     --against)
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
///
/// With --against, each method of one folder is compared with that row of its own table, episode by episode: the difference
/// with its uncorrected 95 % interval, p adjusted by Holm over all rows of a table and mode, and better, worse or unclear at
/// 5 %. With one or two seeds this compares the trained states, not the methods; from three common seeds on, the interval
/// over seeds decides. `same` is said of identical answers, or of an interval inside --margin.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Compare {
    /// The results to compare with
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// The results in question
    #[arg(value_name = "B", required_unless_present = "against", conflicts_with = "against")]
    pub b: Option<PathBuf>,

    /// Compare the methods in A with this row of their own table
    #[arg(long, value_name = "LABEL")]
    pub against: Option<String>,

    /// Only these rows beside the one of --against
    #[arg(long, value_name = "LABEL", requires = "against")]
    pub method: Vec<String>,

    /// Call a row the same if its whole interval lies within this much of zero, in the unit of the metric
    #[arg(long, value_name = "DIFFERENCE", requires = "against", value_parser = crate::cli::value::margin)]
    pub margin: Option<f64>,

    /// Show when the learning curve on test first reaches this value
    #[arg(long, value_name = "VALUE", requires = "against")]
    pub target: Option<f64>,

    /// Compare even where A and B met different test episodes: such rows are marked unpaired, with a wider interval
    #[arg(long)]
    pub force: bool,

    /// How to print the table
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// Prints the comparison; [`Exit::TargetMissed`] where B is significantly worse in a cell.
pub fn run(args: &Compare, algorithms: &[Entry]) -> Result<Exit> {
    let Some(b) = &args.b else { return against(args) };
    let comparison = compare::compare(&args.a, b, args.force)?;
    console::print(&match args.format {
        Format::Table => comparison.table(console::table_width()),
        Format::Markdown => comparison.markdown(),
        Format::Json => comparison.json(),
        Format::Latex => comparison.latex(),
    })?;
    super::note_others(algorithms, &comparison.records);
    match comparison.worse().count() {
        0 => Ok(Exit::Done),
        worse => {
            let cells = if comparison.cells.len() == 1 { "cell" } else { "cells" };
            tracing::warn!("B is significantly worse in {worse} of {} {cells}", comparison.cells.len());
            Ok(Exit::TargetMissed)
        }
    }
}

/// The methods of one folder beside one of them; nothing here is a miss.
fn against(args: &Compare) -> Result<Exit> {
    let label = args.against.as_deref().unwrap_or_default();
    let asked = Asked { label, methods: &args.method, margin: args.margin, target: args.target };
    let found = compare::against::compare(&args.a, &asked)?;
    console::print(&match args.format {
        Format::Table => found.table(console::table_width()),
        Format::Markdown => found.markdown(),
        Format::Json => found.json(),
        Format::Latex => found.latex(),
    })?;
    Ok(Exit::Done)
}
