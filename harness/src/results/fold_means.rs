//! The mean over the folds of a cross-validated benchmark: a row of its own, `NAME@folds-K`, once all folds are there.

use super::rows::Cell;
use super::run_json::{CLASSES, RunRecord};
use super::statistics::{mean, seed_interval, tidy};
use super::verdict::Verdict;
use crate::benchmark::folds::{fold_name, mean_name, of_name};
use harness_core::Mode;
use serde_json::{Value, json};

/// A row for each method and mode that all folds of a benchmark have, in the order of the cells; and, for each method
/// whose folds are not all there, a line that says so.
///
/// In such a row `mean` and `ci95_seeds` are over folds: each fold counts once, whatever the number of its seeds.
pub fn rows(cells: &[Cell]) -> (Vec<Cell>, Vec<String>) {
    let (mut means, mut warnings) = (Vec::new(), Vec::new());
    let mut done: Vec<(String, &str, Mode, &Option<Value>)> = Vec::new();
    for first in cells {
        let Some((benchmark, of)) = of_name(&first.row.benchmark) else { continue };
        // Folds of other settings, or by other code, are another mean.
        let key = (mean_name((benchmark, of)), first.row.method.as_str(), first.row.mode, &first.fold_recipe);
        if done.contains(&key) {
            continue;
        }
        let same = |cell: &&Cell| {
            of_name(&cell.row.benchmark) == Some((benchmark, of))
                && (&cell.row.method, &cell.row.mode) == (&first.row.method, &first.row.mode)
                && cell.row.meta_iters == first.row.meta_iters
                && cell.fold_recipe == first.fold_recipe
        };
        let folds: Vec<&Cell> = cells.iter().filter(same).collect();
        let values: Vec<f64> = folds.iter().filter_map(|cell| cell.row.mean).collect();
        if values.len() == of && folds.len() == of {
            means.push(over(first, &key.0, &folds, &values));
        } else {
            let there = |index: usize| {
                let name = fold_name(benchmark, index, of);
                cells.iter().any(|cell| {
                    cell.row.benchmark == name
                        && (&cell.row.method, cell.row.mean.is_some()) == (&first.row.method, true)
                })
            };
            let line = match (1..=of).all(there) {
                true => format!("{} {}: its folds were not made alike (settings, data or code), no mean", key.0, key.1),
                false => format!("{} {}: {} of {of} folds are there, no mean", key.0, key.1, values.len()),
            };
            if !warnings.contains(&line) {
                warnings.push(line);
            }
        }
        done.push(key);
    }
    (means, warnings)
}

/// What the folds of one mean agree in: settings, data and code. None where the run is no fold.
pub fn recipe(record: &RunRecord) -> Option<Value> {
    let mut config = record.config.clone();
    let data = config.get_mut("data")?.as_object_mut()?;
    data.remove("fold")?;
    data.remove(CLASSES);
    let all = config.as_object_mut()?;
    ["benchmark", "seed"].into_iter().for_each(|own| drop(all.remove(own)));
    Some(json!({ "config": config, "digest": record.data_digest, "code": record.code, "kept": record.kept.is_some() }))
}

fn over(first: &Cell, name: &str, folds: &[&Cell], values: &[f64]) -> Cell {
    let within: Vec<f64> = folds.iter().filter_map(|cell| cell.row.ci95_episodes).collect();
    let mut cell = first.clone();
    cell.title = first.title.rsplit_once(", fold ").map_or(&*first.title, |(title, _)| title).to_owned()
        + &format!(", mean over {} folds", folds.len());
    (cell.of_seeds, cell.best) = (Vec::new(), false);
    cell.chance = folds.iter().all(|fold| fold.chance);
    let row = &mut cell.row;
    row.benchmark = name.to_owned();
    row.mean = Some(tidy(mean(values)));
    row.ci95_seeds = seed_interval(values).map(tidy);
    row.ci95_episodes = (!within.is_empty()).then(|| tidy(mean(&within)));
    row.seeds = folds.iter().map(|cell| cell.row.seeds).sum();
    let any = |verdict| folds.iter().any(|cell| cell.row.verdict == verdict);
    row.verdict = match (any(Verdict::Failed), any(Verdict::OtherBuild)) {
        (true, _) => Verdict::Failed,
        (false, true) => Verdict::OtherBuild,
        (false, false) => Verdict::NoTarget,
    };
    cell.kept = folds.iter().find_map(|cell| cell.kept.clone());
    cell
}
