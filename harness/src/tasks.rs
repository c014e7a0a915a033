//! Opening the data set that a benchmark names.

use std::collections::HashMap;
use std::sync::Arc;

use harness_core::sources::glyphs;
use harness_core::sources::{ImageTasks, Sine};
use harness_core::splits::ClassSplit;
use harness_core::{Error, Result, TaskSource};
use harness_data::SearchPath;

use crate::spec::DataSpec;

/// The alphabet that every glyphs benchmark reads.
const GLYPHS_SEED: u64 = 0;

/// Opens each data set once.
pub struct Sources {
    search: SearchPath,
    open: HashMap<String, Arc<dyn TaskSource>>,
}

impl Sources {
    pub fn new(search: SearchPath) -> Self {
        Sources { search, open: HashMap::new() }
    }

    /// The task source of a benchmark's `[data]` block. Errors: [`Error::Data`] if it is missing or damaged.
    pub fn open(&mut self, data: &DataSpec) -> Result<Arc<dyn TaskSource>> {
        let key = serde_json::to_string(data).expect("a data block is plain data");
        if let Some(source) = self.open.get(&key) {
            return Ok(source.clone());
        }
        let source: Arc<dyn TaskSource> = match data.dataset.as_str() {
            "sine" => Arc::new(Sine),
            "glyphs" => {
                let split = held_out(glyphs::split(), data.holdout)?;
                Arc::new(ImageTasks::new(Arc::new(glyphs::glyphs(GLYPHS_SEED)), &split)?)
            }
            "omniglot" => {
                let set = harness_data::load_omniglot(&self.search, data.side.unwrap_or(28))?;
                let split = held_out(data.class_split()?, data.holdout)?;
                Arc::new(ImageTasks::new(Arc::new(set), &split)?)
            }
            other => {
                return Err(harness_core::error::unknown("dataset", other, ["sine", "glyphs", "omniglot"]));
            }
        };
        self.open.insert(key, source.clone());
        Ok(source)
    }
}

/// Moves the last `holdout` training classes to the validation part, and evaluates on them instead of the test classes:
/// for choosing settings.
fn held_out(mut split: ClassSplit, holdout: usize) -> Result<ClassSplit> {
    if holdout == 0 {
        return Ok(split);
    }
    if holdout >= split.train.len() {
        return Err(Error::usage(format!(
            "data.holdout = {holdout}, but there are {} training classes: hold out fewer",
            split.train.len()
        )));
    }
    split.test = split.train.split_off(split.train.len() - holdout);
    Ok(split)
}
