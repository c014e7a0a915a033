//! The parts of a benchmark that all its methods share: data, evaluation, and the numbers to compare with.

use std::path::PathBuf;

use harness_core::{Error, Fold, Mode, Result, Split};
use serde::{Deserialize, Serialize};

use super::PerBudget;

/// `[data]`: where tasks come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataBlock {
    /// A name of [`SETS`](harness_data::SETS).
    pub dataset: String,
    /// Height and width in pixels to which images are resized; as they come if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<usize>,
    /// A list of `benchmarks/splits`, or the path of one relative to the benchmark's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Folder or archive of images of the data set `folder`, one folder a class; relative to the benchmark's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// 1 (grey) or 3 (colour) for the data set `folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// The last so many training classes are held out and evaluated instead of the test classes: for choosing settings.
    pub holdout: usize,
    /// Cross-validation: this fold of all classes tests instead of the benchmark's test classes. Set by `--folds` alone.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
    /// Where the benchmark's file lies; relative paths in it start here. Not part of the benchmark's identity.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl DataBlock {
    /// The folder of a `folder` data set. Errors if the benchmark names none.
    pub fn path(&self) -> Result<PathBuf> {
        let path = self.path.as_ref().ok_or_else(|| {
            Error::usage("data.dataset = \"folder\" needs data.path, a folder with one folder of images a class")
        })?;
        Ok(self.folder.join(harness_data::expand_home(path)))
    }

    /// Whether tasks are functions to be fitted, not images to be told apart.
    pub fn is_regression(&self) -> bool {
        harness_data::find(&self.dataset).is_some_and(|set| set.regression)
    }
}

/// `[eval]`: what is measured, the same episodes for every method and training seed. What a file leaves out stands in
/// `benchmarks/base/defaults.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvalBlock {
    /// Test episodes of the final evaluation.
    pub episodes: PerBudget<usize>,
    pub modes: Vec<Mode>,
    /// Seed of the episodes.
    pub seed: u64,
    /// Most points of a learning curve, start and end among them. Short runs have fewer, so that the curve stays cheap.
    pub curve_points: PerBudget<usize>,
    /// Most episodes of a point, on training and on test classes each.
    pub curve_episodes: PerBudget<usize>,
    /// All points and episodes of the curve, whatever they cost beside the training: where the curve is the result.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub curve_in_full: bool,
    /// Classes that the curve is measured on; all that the data has if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve_splits: Option<Vec<Split>>,
}

/// A row of a published table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedValue {
    /// Label of the method. A row whose method has no block yet waits for it and is shown nowhere.
    pub label: String,
    pub mode: Mode,
    /// Accuracy in percent, or mean squared error on regression.
    pub value: f64,
    /// The printed ±, in the unit of `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<f64>,
    /// What the ± is, where the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_meaning: Option<String>,
    pub source: String,
    /// Largest difference from `value` that still counts as reproduced, in the unit of `value`.
    #[serde(default)]
    pub tolerance: f64,
    /// False where the source's protocol differs in kind: the row is shown, but no verdict is drawn from it.
    #[serde(default = "yes")]
    pub comparable: bool,
}

fn yes() -> bool {
    true
}
