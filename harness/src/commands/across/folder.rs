//! One results folder: its runs are tested where that is missing, and its file is written after every pair, so that nothing is
//! done twice.

use std::ops::ControlFlow;
use std::path::Path;

use harness_core::{Entry, Result};

use super::pairs::{Pair, Target, pairs};
use super::runs::Finished;
use super::tester::{Subject, Tested, Tester};
use super::{Across, Done};
use crate::results::across_csv::{self, Row};
use crate::results::disk;

/// A results folder.
pub struct Folder<'a> {
    pub out: &'a Path,
    pub runs: &'a [Finished],
    /// What its file holds.
    pub rows: &'a mut Vec<Row>,
    pub done: &'a mut Done,
}

impl Folder<'_> {
    /// Tests every run on every target, until it is asked to stop.
    pub fn fill(&mut self, args: &Across, targets: &[Target], algorithms: &[Entry]) -> Result<()> {
        if !self.runs.is_empty() {
            // Before anything is spent.
            disk::writable(self.out).map_err(|source| disk::explain(self.out, source))?;
        }
        let progress = crate::progress::data();
        let mut tester = Tester::new(args, &progress)?;
        for run in self.runs {
            let subject = match Subject::new(run, algorithms) {
                Ok(subject) => subject,
                Err(why) => {
                    self.done.leave_out(format!("{}: {why}", run.name()));
                    continue;
                }
            };
            if self.test(&mut tester, &subject, targets)?.is_break() {
                self.done.interrupted = true;
                break;
            }
        }
        Ok(())
    }

    /// Tests a run on every target. Breaks off where it is asked to stop.
    fn test(&mut self, tester: &mut Tester<'_>, subject: &Subject<'_>, targets: &[Target]) -> Result<ControlFlow<()>> {
        let trained = &subject.run.trained;
        for target in targets {
            let ended = match pairs(trained, target) {
                Ok(pairs) => self.test_pairs(tester, subject, &pairs)?,
                Err(why) => {
                    self.done.leave_out(format!("{} → {}: {why}", trained.benchmark, target.name));
                    continue;
                }
            };
            if ended.is_break() {
                return Ok(ended);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Tests a run on the sizes of one target, each unless a row of it as it is now is there already.
    fn test_pairs(
        &mut self,
        tester: &mut Tester<'_>,
        subject: &Subject<'_>,
        pairs: &[Pair<'_>],
    ) -> Result<ControlFlow<()>> {
        let (run, episodes) = (subject.run, tester.episodes(subject.run));
        for pair in pairs {
            let to = &pair.target.name;
            let same =
                |row: &Row| run.is_of(row) && row.to == *to && row.side == pair.side && row.episodes == episodes as u64;
            let current = |row: &&Row| same(row) && run.has(row) && row.code == subject.code;
            if let Some(row) = self.rows.iter().find(current)
                && tester.is_same_data(row, pair)
            {
                continue;
            }
            match tester.test(subject, pair) {
                Ok(Tested::Rows(new)) => {
                    self.rows.retain(|row| !same(row));
                    self.rows.extend(new);
                    across_csv::write(self.out, self.rows)?;
                }
                Ok(Tested::LeftOut(why)) => self.done.leave_out(why),
                Ok(Tested::Seen(why)) => {
                    self.done.leave_out(why);
                    // An older build may have tested it.
                    self.rows.retain(|row| !(run.is_of(row) && row.to == *to));
                    across_csv::write(self.out, self.rows)?;
                    break;
                }
                Ok(Tested::Stopped) => return Ok(ControlFlow::Break(())),
                Err(error) => {
                    self.done.failed = true;
                    eprintln!("error: {} → {to} at {} pixels: {error}", run.name(), pair.side);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
