//! The finished runs of a results folder.

use std::path::Path;

use harness_core::Result;

use super::Done;
use crate::benchmark::Budget;
use crate::commands::trained::Trained;
use crate::results::across_csv::Row;
use crate::results::layout;
use crate::results::run;
use crate::results::run_dir::RunDir;
use crate::results::run_json::{RunRecord, Status};
use crate::results::summary;

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
    pub fn trained_code(&self) -> &str {
        self.record.code.as_ref().map(|code| code.training.as_str()).unwrap_or_default()
    }

    /// Whether `row` is of the state that this run has now.
    fn has(&self, row: &Row) -> bool {
        let trained = row.code.split('+').next();
        self.is_of(row) && row.config_hash == self.record.config_hash && trained == Some(self.trained_code())
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
        let name = format!("{} {} seed {}", row.benchmark, row.method, row.seed);
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
