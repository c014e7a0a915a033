//! The resolved settings of the benchmarks, pinned: a run of ours is found again by these hashes, and a number beside a
//! published one is of the settings that they stand for. `hashes.txt` may gain lines (a row, a benchmark); a line of it
//! changes only with the settings themselves, on purpose and with the rows trained again.

use clap::Parser;
use harness_core::Error;
use toml::{Table, Value};

use super::{Choice, config};
use crate::benchmark::embedded::{BENCHMARKS, FIGURE_FILES};
use crate::benchmark::{Benchmark, Budget};
use crate::command_line::{Cli, Command};
use crate::commands::reproduce::Reproduce;
use crate::commands::rows::without_data;
use crate::registry::ALGORITHMS;
use crate::runner::{Kinship, sha256_json};

const PINNED: &str = include_str!("hashes.txt");

fn call(budget: Budget) -> Reproduce {
    match Cli::parse_from(["harness", "reproduce", "--budget", budget.as_str()]).command {
        Command::Reproduce(args) => args,
        other => panic!("{other:?}"),
    }
}

/// Sixteen hex digits of the sha256 of a table's text, which has the order of its keys.
fn short(table: &Table) -> String {
    sha256_json(&Value::Table(table.clone()).to_string().into())[..16].to_owned()
}

/// One line for what the rows of a benchmark share, one for each row as it is written out, and one for each row and budget
/// with the hash of its training and that of its evaluation.
fn lines(benchmark: &Benchmark) -> Result<Vec<String>, Error> {
    let mut whole: Table = benchmark.canonical()?.parse().expect("canonical text is TOML");
    let rows = whole.remove("method").and_then(|rows| rows.as_table().cloned()).unwrap_or_default();
    let mut lines = vec![format!("{} shared {}", benchmark.name, short(&whole))];
    for method in &benchmark.methods {
        let row = rows[&method.label].as_table().expect("a row is a table");
        lines.push(format!("{} {} {}", benchmark.name, method.label, short(row)));
        let halves = without_data(benchmark, method, ALGORITHMS).ok().and_then(|algorithm| algorithm.halves());
        for budget in Budget::ALL {
            let args = call(budget);
            let choice = Choice::new(&args, benchmark, method);
            let config = config(benchmark, method, budget, &choice, 0, (&[], halves.as_ref()));
            let kinship = Kinship::new(&config, "", halves.as_ref());
            let (training, evaluation) = (&kinship.training_hash[..16], &kinship.evaluation_hash[..16]);
            lines.push(format!("{} {} {budget} {training} {evaluation}", benchmark.name, method.label));
        }
    }
    Ok(lines)
}

#[test]
fn the_settings_of_every_row_and_their_hashes_are_what_they_were() {
    let mut today = Vec::new();
    for (name, _) in BENCHMARKS.iter().chain(&FIGURE_FILES) {
        today.extend(Benchmark::find(name, &[]).and_then(|benchmark| lines(&benchmark)).unwrap());
    }
    let gone: Vec<&str> = PINNED.lines().filter(|line| !today.iter().any(|found| found == line)).collect();
    let new: Vec<&str> =
        today.iter().map(String::as_str).filter(|line| !PINNED.lines().any(|old| old == *line)).collect();
    let same = gone.is_empty() && new.is_empty();
    assert!(same, "other settings than before:\n{}\nnot in hashes.txt:\n{}", gone.join("\n"), new.join("\n"));
}
