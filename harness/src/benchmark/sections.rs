//! The parts of a benchmark that all its methods share: data, evaluation, and the numbers to compare with.

use std::path::PathBuf;
use std::sync::Arc;

use harness_core::error::unknown;
use harness_core::{ClassSplit, Error, Fold, ImageSet, Mode, Result, Split, TaskSource};
use harness_data::{Dataset, Open, SETS, Set, find};
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

    /// The data set that it names. Errors if there is none of that name.
    pub fn set(&self) -> Result<&'static Set> {
        find(&self.dataset).ok_or_else(|| unknown("data set", &self.dataset, SETS.iter().map(|set| set.name)))
    }

    /// Where its tasks come from. Errors: no such data set, or a `folder` without a path.
    pub fn tasks(&self) -> Result<Tasks> {
        let set = self.set()?;
        Ok(match set.open {
            Open::Functions(make) => Tasks::Functions(make),
            Open::Drawn(make) => Tasks::Drawn(make),
            Open::Files(_) => Tasks::Files(Dataset::Known(set)),
            Open::Folder => Tasks::Files(Dataset::Folder { path: self.path()?, channels: self.channels.unwrap_or(3) }),
        })
    }

    /// Whether the images are the user's own.
    pub fn is_folder(&self) -> bool {
        find(&self.dataset).is_some_and(|set| matches!(set.open, Open::Folder))
    }

    /// Whether tasks are functions to be fitted, not images to be told apart.
    pub fn is_regression(&self) -> bool {
        find(&self.dataset).is_some_and(Set::is_regression)
    }
}

/// Where the tasks of a benchmark come from.
pub enum Tasks {
    /// Functions that are made up.
    Functions(fn() -> Arc<dyn TaskSource>),
    /// Images that are made up, with their split.
    Drawn(fn() -> (ImageSet, ClassSplit)),
    /// Images that are read.
    Files(Dataset),
}

/// `[eval]`: what is measured, the same episodes for every method and training seed. What a file leaves out stands in
/// `benchmarks/base/defaults.toml`; `default` measures nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Label of one of the benchmark's methods.
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
