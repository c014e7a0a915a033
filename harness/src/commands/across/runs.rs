//! The finished runs of a results folder.

use std::path::Path;

use harness_core::{Entry, Result};

use super::Done;
use super::codes::Codes;
use crate::benchmark::Budget;
use crate::commands::trained::Trained;
use crate::results::across_csv::Row;
use crate::results::layout;
use crate::results::run;
use crate::results::run_dir::RunDir;
use crate::results::run_json::{RunRecord, Status};
use crate::results::summary;
use crate::runner;

/// A run on images that is complete.
pub struct Finished {
    pub dir: RunDir,
    /// The folder: `paper`, `custom-…`.
    pub budget: String,
    pub record: RunRecord,
    pub trained: Trained,
}

impl Finished {
    pub fn name(&self) -> String {
        self.trained.name()
    }

    /// Whether `row` is of this run.
    pub fn is_of(&self, row: &Row) -> bool {
        let Trained { benchmark, label, seed, .. } = &self.trained;
        (&row.budget, &row.benchmark, &row.method, row.seed) == (&self.budget, benchmark, label, *seed)
    }

    /// Of the code that trained it; empty where the record does not say.
    fn trained_code(&self) -> &str {
        self.record.code.as_ref().map(|code| code.training.as_str()).unwrap_or_default()
    }

    /// What trained its state, and what this binary tests it by.
    pub fn codes(&self, algorithms: &[Entry]) -> Codes {
        let here = runner::code(algorithms, &self.record.config).unwrap_or_default();
        Codes { trained: self.trained_code().to_owned(), evaluated: here.evaluation }
    }

    /// Whether `row` is of the state that this run has now.
    pub fn has(&self, row: &Row) -> bool {
        let RunRecord { config_hash, data_digest, .. } = &self.record;
        let state = (config_hash, data_digest, self.record.reported_step());
        let Ok(codes) = row.code.parse::<Codes>();
        self.is_of(row)
            && (&row.config_hash, &row.trained_on, row.step) == state
            && codes.trained == self.trained_code()
    }
}

/// Leaves those rows that are of a finished run as it is now, and of these, where seeds of one row were made in more than one way,
/// those that most were made in: the others are no seeds of the same mean.
pub fn keep_current(finished: &[Finished], rows: &mut Vec<Row>, done: &mut Done) {
    let place = |run: &Finished| (run.budget.clone(), run.trained.benchmark.clone(), run.trained.label.clone());
    let is_odd = |run: &&Finished| {
        let seeds: Vec<&Finished> = finished.iter().filter(|other| place(other) == place(run)).collect();
        let records: Vec<&RunRecord> = seeds.iter().map(|seed| &seed.record).collect();
        let stays = summary::largest_cell(&records);
        seeds.iter().zip(stays).any(|(seed, stays)| std::ptr::eq(*seed, *run) && !stays)
    };
    let odd: Vec<&Finished> = finished.iter().filter(is_odd).collect();
    rows.retain(|row| {
        let name = row.name();
        match finished.iter().find(|run| run.has(row)) {
            None => done.leave_out(format!("{name} → {}: the run is not there as it was when it was tested", row.to)),
            Some(_) if odd.iter().any(|run| run.is_of(row)) => {
                done.leave_out(format!("{name}: not as its other seeds were made"));
            }
            Some(_) => return true,
        }
        false
    });
}

/// Leaves, of the rows of one cell, those that were tested on the same images: those of the images that most were tested on, of
/// equals the newest. A mean over others as well would be of nothing.
pub fn keep_same_images(rows: &mut Vec<Row>, done: &mut Done) {
    let all = rows.clone();
    rows.retain(|row| {
        let cell: Vec<&Row> = all.iter().filter(|other| is_same_cell(row, other)).collect();
        let alike = |one: &Row| cell.iter().filter(|other| other.data_digest == one.data_digest).count();
        let most = cell.iter().max_by_key(|other| alike(other)).map(|most| &most.data_digest);
        let stays = most == Some(&row.data_digest);
        if !stays {
            done.leave_out(format!("{} → {}: tested on other images than its other seeds", row.name(), row.to));
        }
        stays
    });
}

fn is_same_cell(a: &Row, b: &Row) -> bool {
    (&a.budget, &a.benchmark, &a.method, &a.to, a.side, a.mode, a.episodes)
        == (&b.budget, &b.benchmark, &b.method, &b.to, b.side, b.mode, b.episodes)
}

/// All of them, in the order of the tables. A regression is passed over; what cannot be read is left out by name.
pub fn finished(out: &Path, budget: Option<Budget>, methods: &[String], done: &mut Done) -> Result<Vec<Finished>> {
    let mut found = Vec::new();
    for name in layout::budgets(out)? {
        if budget.is_some_and(|budget| budget.as_str() != name) {
            continue;
        }
        let mut here = Vec::new();
        for folder in layout::runs(&out.join(&name))? {
            if !methods.is_empty() && !methods.contains(&folder.label) {
                continue;
            }
            let Some(record) = run::record(&folder)?.filter(|record| record.status == Status::Complete) else {
                continue;
            };
            // A figure's rows are settings of few methods.
            if !record.metric.is_percent() || record.figure.is_some() {
                continue;
            }
            let dir = RunDir::from(folder.path.clone());
            match Trained::read(&record.config, dir.path()) {
                Ok(trained) => here.push(Finished { dir, budget: name.clone(), record, trained }),
                Err(why) => {
                    done.leave_out(format!("{} {} seed {}: {why}", record.benchmark, record.label, record.seed))
                }
            }
        }
        here.sort_by(|a, b| {
            let key = |run: &Finished| (run.record.order, run.record.seed);
            layout::natural(&a.record.benchmark, &b.record.benchmark).then(key(a).cmp(&key(b)))
        });
        found.extend(here);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use harness_core::Mode;

    use super::*;

    #[test]
    fn seeds_of_one_mean_were_tested_on_the_same_images() {
        let row = |seed, digest: &str, to: &str| Row {
            budget: "paper".into(),
            benchmark: "b".into(),
            method: "reptile".into(),
            seed,
            step: 9,
            ways: 5,
            shots: 1,
            to: to.into(),
            side: 28,
            mode: Mode::Inductive,
            value: 40.0,
            ci95: None,
            episodes: 10,
            config_hash: String::new(),
            trained_on: String::new(),
            data_digest: digest.into(),
            code: String::new(),
        };
        let left = |rows: &[Row]| {
            let (mut rows, mut done) = (rows.to_vec(), Done::default());
            keep_same_images(&mut rows, &mut done);
            (rows.iter().map(|row| row.seed).collect::<Vec<_>>(), done.left_out)
        };
        let (stay, said) = left(&[row(0, "x", "c"), row(1, "y", "c"), row(2, "x", "c"), row(3, "y", "d")]);
        assert_eq!(stay, [0, 2, 3]);
        assert_eq!(said, ["b reptile seed 1 → c: tested on other images than its other seeds"]);
        assert_eq!(left(&[row(0, "x", "c"), row(1, "y", "c")]).0, [1], "of equals the newest");
    }
}
