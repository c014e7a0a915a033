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
