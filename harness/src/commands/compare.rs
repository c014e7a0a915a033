//! `harness compare A B`: is B significantly worse than A anywhere?

use harness_core::{Entry, Result};

use crate::cli::{Compare, Format};
use crate::compare;
use crate::console;
use crate::exit::Exit;
use crate::identity;

/// Prints the comparison; [`Exit::TargetMissed`] where B is significantly worse in a cell.
pub fn run(args: &Compare, algorithms: &[Entry]) -> Result<Exit> {
    let comparison = compare::compare(&args.a, &args.b, args.force)?;
    console::print(&match args.format {
        Format::Table => comparison.table(super::report::terminal_width()),
        Format::Markdown => comparison.markdown(),
        Format::Json => comparison.json(),
    })?;
    identity::note_others(algorithms, &comparison.records);
    match comparison.worse().count() {
        0 => Ok(Exit::Done),
        worse => {
            let cells = if comparison.cells.len() == 1 { "cell" } else { "cells" };
            tracing::warn!("B is significantly worse in {worse} of {} {cells}", comparison.cells.len());
            Ok(Exit::TargetMissed)
        }
    }
}
