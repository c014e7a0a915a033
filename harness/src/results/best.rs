//! Which rows of a table are the best: in each mode the one with the best mean, and all that are not significantly
//! worse than it, corrected for their number.

use super::rows::{Cell, Summary};
use super::run::{self, Run, ValuesByMode};
use super::run_dir::EPISODES;
use super::run_json::RunRecord;
use super::statistics::{self, LEVEL, SeedValues};
use crate::lists::unique;
use harness_core::Error;
use std::path::Path;

/// Marks them. A table whose rows did not all meet the same episodes, or left none, has no mark; a damaged file is
/// told.
pub fn mark(summary: &mut Summary) {
    let Summary { cells, .. } = &*summary;
    let ranked = cells.iter().filter(|cell| cell.figure.is_none() && cell.row.mean.is_some());
    let keys = unique(ranked.map(|cell| (&cell.row.benchmark, cell.row.mode)));
    let (mut best, mut damaged) = (Vec::new(), Vec::new());
    let mut read: Vec<(&Path, Result<ValuesByMode, Error>)> = Vec::new();
    for (benchmark, mode) in keys {
        let here = |(_, cell): &(usize, &Cell)| {
            (&cell.row.benchmark, cell.row.mode) == (benchmark, mode) && cell.row.mean.is_some()
        };
        let rows: Vec<(usize, &Cell)> = cells.iter().enumerate().filter(here).collect();
        let runs: Vec<Vec<&Run>> = rows.iter().map(|(_, cell)| summary.runs_of(cell)).collect();
        let records: Vec<&RunRecord> = runs.iter().flatten().map(|run| &run.record).collect();
        let alike = records.iter().all(|record| run::same_episodes(records[0], record));
        if rows.len() < 2 || !alike || runs.iter().any(Vec::is_empty) {
            continue;
        }
        let mut values: Vec<Vec<SeedValues>> = Vec::new();
        for runs in &runs {
            let mut seeds = Vec::new();
            for run in runs.iter().filter(|run| run.path.join(EPISODES).exists()) {
                if !read.iter().any(|(path, _)| *path == run.path) {
                    read.push((&run.path, run::values(&run.path, &run.record)));
                }
                match read.iter().find(|(path, _)| *path == run.path).map(|(_, found)| found) {
                    Some(Ok(modes)) => {
                        let own = modes.iter().find(|(name, _)| *name == mode);
                        // One that diverged has no mean, and so no row here.
                        let numbers = own.and_then(|(_, values)| values.as_ref().ok());
                        seeds.extend(numbers.map(|values| (run.record.seed, values.clone())));
                    }
                    Some(Err(error)) if !damaged.contains(&error.to_string()) => damaged.push(error.to_string()),
                    _ => {}
                }
            }
            values.push(seeds);
        }
        let gain = |cell: &Cell| cell.row.mean.map(|mean| cell.row.metric.gain(mean));
        let by_mean = |a: &usize, b: &usize| {
            gain(rows[*a].1).unwrap_or(f64::MIN).total_cmp(&gain(rows[*b].1).unwrap_or(f64::MIN))
        };
        let Some(first) = (0..rows.len()).max_by(by_mean) else { continue };
        let others: Vec<usize> = (0..rows.len()).filter(|row| *row != first).collect();
        let against = |row: &usize| statistics::difference(&values[first], &values[*row]);
        let Some(found) = others.iter().map(against).collect::<Option<Vec<_>>>() else { continue };
        let p = statistics::holm(&found.iter().map(|found| found.p).collect::<Vec<_>>());
        // The difference is over the seeds that both have: there a row of fewer seeds may even be ahead of the best
        // mean.
        let worse = |at: usize| p[at] < LEVEL && rows[first].1.row.metric.gain(found[at].delta) < 0.0;
        let equal = (0..others.len()).filter(|at| !worse(*at)).map(|at| others[at]);
        best.extend([first].into_iter().chain(equal).map(|row| rows[row].0));
    }
    best.into_iter().for_each(|index| summary.cells[index].best = true);
    summary.warnings.extend(damaged.into_iter().map(|why| format!("no best rows are marked: {why}")));
}
