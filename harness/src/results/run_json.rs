//! `run.json`: what one run was, so that its numbers can be judged, repeated and doubted.
//!
//! The runner writes it when a run starts and again when it ends; the report reads nothing else about a run but its
//! numbers. Fields that a number cannot be read without are required; the rest may be missing, so that records of
//! older builds stay readable.

use harness_core::{Error, Mode, Result};
use serde::{Deserialize, Serialize};

use super::metric::Metric;
use crate::identity::{Identity, Segment};
use std::{collections::BTreeMap, path::Path};

/// The version of `run.json` that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 2;

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Trained, evaluated and written: its numbers count.
    Complete,
    /// Under way, or killed without a word.
    Running,
    /// Stopped by the user; can be resumed.
    Interrupted,
    /// Ended by an error; `failure` says which.
    Failed,
}

impl Status {
    /// The word in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Running => "running",
            Status::Interrupted => "interrupted",
            Status::Failed => "failed",
        }
    }
}

/// A published number for one method and mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The row's label; a record may carry the rows of other labels too.
    pub label: String,
    pub mode: Mode,
    /// In the unit of the metric (accuracy: percent).
    pub value: f64,
    /// The published ±, whatever it means (`ci_meaning`).
    #[serde(default)]
    pub ci: Option<f64>,
    /// Paper and table, or file and line.
    #[serde(default)]
    pub source: Option<String>,
    /// What the published ± is, where anybody said so.
    #[serde(default)]
    pub ci_meaning: Option<String>,
    /// Largest |ours − published| that still counts as reproduced; without it there is no verdict.
    #[serde(default)]
    pub tolerance: Option<f64>,
    /// False where the protocol differs in kind: shown, never judged.
    #[serde(default = "yes")]
    pub comparable: bool,
}

fn yes() -> bool {
    true
}

/// Where a run stands in the figure that its benchmark draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigurePlace {
    /// As the paper counts: `3`, `4a`.
    pub number: String,
    /// Words beneath the x axis.
    pub x_label: String,
    /// Logarithmic x axis.
    #[serde(default)]
    pub x_log: bool,
    /// The place on that axis; None where the run is a whole learning curve.
    #[serde(default)]
    pub x: Option<f64>,
    /// The line that it is, or is a point of, in the legend's words.
    pub line: String,
    /// What lines of one colour have in common; None where every line has its own.
    #[serde(default)]
    pub colour: Option<String>,
}

/// Who kept a run that another build had made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The code of the build that was asked for the run and did not make it.
    pub beside: Identity,
    #[serde(default)]
    pub git_commit: Option<String>,
}

/// The key of a config's `data` that says which classes a split of the user's has.
pub const CLASSES: &str = "classes";

/// One run: a benchmark, a labelled method and a seed at one budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`FORMAT`] of the build that wrote it.
    pub format: u32,
    pub benchmark: String,
    /// The benchmark in words.
    #[serde(default)]
    pub title: String,
    /// The method's row in the benchmark.
    pub label: String,
    /// The benchmark file's remark on the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The registered algorithm behind the label.
    #[serde(default)]
    pub algorithm: String,
    pub seed: u64,
    /// `quick`, `short` or `paper`: where the schedule came from.
    pub budget: String,
    /// The folder under OUT: the budget, or `custom-<8 hex>` for an overridden run.
    #[serde(default)]
    pub budget_dir: String,
    /// Numbers were overridden on the command line: never a verdict.
    #[serde(default)]
    pub overridden: bool,
    /// The settings that were: `protocol.ways=10`, `meta-iters=40`. Empty in records of older builds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    pub meta_iters: u64,
    /// Forward and backward passes of one image (or point) in a meta-iteration, as the method estimates them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_passes: Option<f64>,
    /// Test episodes of the final evaluation.
    #[serde(default)]
    pub eval_episodes: u64,
    pub metric: Metric,
    /// As the metric has it, for whoever reads the file alone.
    pub higher_is_better: bool,
    /// Modes of the final evaluation, in the order of the tables.
    #[serde(default)]
    pub modes: Vec<Mode>,
    #[serde(default)]
    pub published: Vec<Published>,
    /// Place of the method's block in the benchmark file, so that tables keep its order.
    #[serde(default)]
    pub order: u64,
    /// Only where the benchmark is a figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<FigurePlace>,
    pub status: Status,
    /// Why it failed, in one line.
    #[serde(default)]
    pub failure: Option<String>,

    /// sha256 of the benchmark's effective specification: equal for all its rows and seeds.
    #[serde(default)]
    pub spec_hash: String,
    /// sha256 of `config`.
    #[serde(default)]
    pub config_hash: String,
    /// sha256 of what determines the learned state: equal for all runs that one training serves. Empty in the first
    /// format, and where nothing is trained.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub training_hash: String,
    /// sha256 of what is measured and of what the method does at test.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evaluation_hash: String,
    /// The run that trained, where it is another one: `omniglot-5w1s reptile seed 0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_by: Option<String>,
    /// The meta-iteration up to which other runs had brought the training when this one took it over. Their time is not
    /// in this one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<u64>,
    /// The mode whose validation numbers choose the state that is reported; None: the last state is, or an older build
    /// did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_by: Option<Mode>,
    /// The step of the state that is reported, where it was chosen on validation classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_step: Option<u64>,
    /// Points that the learning curve lacks, since the training had passed them and nobody had kept the state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_points: Vec<u64>,
    /// sha256 of the decoded data.
    #[serde(default)]
    pub data_digest: String,
    /// sha256 over classes that are drawn from each part: which classes train, validate and test. Empty for functions,
    /// and where an older build did not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub classes: String,
    /// sha256 over the test episodes: equal for every method and seed that met the same ones.
    #[serde(default)]
    pub episode_hash: String,
    /// The effective configuration, all defaults filled in.
    #[serde(default)]
    pub config: serde_json::Value,

    /// Versions that may matter to the numbers: `harness`, `candle`, `rustc` and so on.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// The code that made it; None where an older build did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Identity>,
    /// The builds and kinds of machines that made it, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Segment>,
    /// Another build showed it as it is (`--keep`): it never gets a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// What the user calls it (`--tag`): no part of what it is, so in no hash and no path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The commit of the sources that the binary was built from.
    #[serde(default)]
    pub git_commit: Option<String>,
    #[serde(default)]
    pub git_dirty: Option<bool>,
    #[serde(default)]
    pub cpu: String,
    /// What the kernels dispatched to: another one may round differently.
    #[serde(default)]
    pub instruction_set: String,
    #[serde(default)]
    pub threads: u64,
    /// RFC 3339, UTC.
    #[serde(default)]
    pub started: String,
    #[serde(default)]
    pub ended: Option<String>,
    /// Seconds of work, over all resumptions.
    #[serde(default)]
    pub seconds: f64,
}

impl RunRecord {
    /// Reads `run.json`. Errors are one line that names the file: [`Error::Data`] if it is damaged, [`Error::Usage`] if
    /// a newer build wrote it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        let record: RunRecord = serde_json::from_str(&text).map_err(|e| {
            Error::data(format!(
                "{}: not a run record: {e}; delete this file and run that seed again: it goes on from its checkpoint",
                path.display()
            ))
        })?;
        if record.format > FORMAT {
            return Err(Error::usage(format!(
                "{}: written in format {}, this build reads up to {FORMAT}: use a newer build",
                path.display(),
                record.format
            )));
        }
        Ok(record)
    }

    /// Meta-iterations of the state that is reported once the run is complete: its last one, or the one that validation
    /// classes chose.
    pub fn reported_step(&self) -> u64 {
        self.selected_step.unwrap_or(self.meta_iters)
    }

    /// Writes `run.json` in one step.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("a record is plain data");
        text.push('\n');
        super::disk::write(path, text.as_bytes())
    }

    /// The budget with what was changed of it: `paper with protocol.ways=10, meta-iters=40`.
    pub fn whole_budget(&self) -> String {
        match self.overrides.is_empty() {
            true => self.budget.clone(),
            false => format!("{} with {}", self.budget, self.overrides.join(", ")),
        }
    }

    /// Seconds of work behind its numbers. None where another run trained, all the way or a part of it: its work is not
    /// in this one's. None too where the record does not say.
    pub fn whole_seconds(&self) -> Option<f64> {
        (self.trained_alone() && self.seconds > 0.0).then_some(self.seconds)
    }

    /// The time of a point of its learning curve. None where another run trained: such points are measured afterwards,
    /// by another clock.
    pub fn clock(&self, wall_s: Option<f64>) -> Option<f64> {
        wall_s.filter(|_| self.trained_alone())
    }

    /// The meta-iteration at which it took a training over from runs whose time nobody counts.
    pub fn took_over(&self) -> Option<u64> {
        self.joined.filter(|_| self.trained_by.is_none())
    }

    fn trained_alone(&self) -> bool {
        // Only a training that somebody else made leaves a curve without its points.
        self.trained_by.is_none() && self.joined.is_none() && self.missing_points.is_empty()
    }

    /// The published number for this run's label in `mode`: a comparable one first.
    pub fn published_for(&self, mode: Mode) -> Option<&Published> {
        let mut rows = self.published.iter().filter(|p| p.label == self.label && p.mode == mode);
        let first = rows.clone().next();
        rows.find(|p| p.comparable).or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = r#"{"format":1,"benchmark":"sine","label":"reptile","seed":1,"budget":"quick",
        "meta_iters":10,"metric":"mse","higher_is_better":false,"status":"complete","unheard_of":3}"#;

    #[test]
    fn a_record_with_the_needed_fields_alone_is_readable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        std::fs::write(&path, SMALLEST).unwrap();
        let record = RunRecord::read(&path).unwrap();
        assert_eq!((record.seed, record.status, record.git_dirty), (1, Status::Complete, None));
        record.write(&path).unwrap();
        assert_eq!(RunRecord::read(&path).unwrap(), record);
    }

    #[test]
    fn a_damaged_or_newer_record_is_named_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        for (text, word) in [
            (&SMALLEST[..60], "not a run record"),
            (&SMALLEST.replace("\"format\":1", "\"format\":9") as &str, "format 9"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = RunRecord::read(&path).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("run.json"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_comparable_row_comes_before_one_that_is_not() {
        let mut record: RunRecord = serde_json::from_str(SMALLEST).unwrap();
        let row = |value, comparable| Published {
            label: "reptile".into(),
            mode: Mode::Pointwise,
            value,
            ci: None,
            source: None,
            ci_meaning: None,
            tolerance: None,
            comparable,
        };
        record.published = vec![row(1.0, false), row(2.0, true)];
        assert_eq!(record.published_for(Mode::Pointwise).unwrap().value, 2.0);
        assert_eq!(record.published_for(Mode::Inductive), None);
    }
}
