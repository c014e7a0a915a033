//! `harness compare A B`: is B significantly worse than A anywhere? `harness compare OUT --against LABEL`: is a method
//! better than another?

use harness_core::{Entry, Result};

use crate::cli::{Compare, Format};
use crate::compare::{self, against::Asked};
use crate::console;
use crate::exit::Exit;

/// Prints the comparison; [`Exit::TargetMissed`] where B is significantly worse in a cell.
pub fn run(args: &Compare, algorithms: &[Entry]) -> Result<Exit> {
    let Some(b) = &args.b else { return against(args) };
    let comparison = compare::compare(&args.a, b, args.force)?;
    console::print(&match args.format {
        Format::Table => comparison.table(super::report::terminal_width()),
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
        Format::Table => found.table(super::report::terminal_width()),
        Format::Markdown => found.markdown(),
        Format::Json => found.json(),
        Format::Latex => found.latex(),
    })?;
    Ok(Exit::Done)
}
