//! A benchmark as data: one cell of a published table, read from a TOML file.
//!
//! The file says what is measured and by which recipes; it holds no code, and every number in it has a source in a
//! comment. `benchmarks/README.md` explains each field. Reading goes text → the files that it is based on → one tree →
//! overrides → expressions → checked [`Benchmark`]: whatever is wrong is one line that names the key and the nearest right one.

mod base;
mod budget;
mod canonical;
pub mod embedded;
mod expression;
mod figure;
pub mod folds;
mod method;
mod origin;
mod overrides;
mod read;
mod sections;
mod sweep;
mod syntax;
mod validate;

#[cfg(test)]
mod test_base;
#[cfg(test)]
mod test_keys;
#[cfg(test)]
mod tests;

use harness_core::{Mode, ModelSpec, Protocol, Result};

pub use budget::{Budget, PerBudget};
pub use figure::{FigureBlock, META_ITERATIONS};
pub use method::MethodBlock;
pub use origin::Traced;
pub use sections::{DataBlock, EvalBlock, PublishedValue, Tasks};

/// A benchmark.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    /// Name of its folder and of the `benchmark` column; the file's name unless it says otherwise.
    pub name: String,
    /// One line for people.
    pub title: String,
    pub data: DataBlock,
    /// The network, unless a method's own paper has another.
    pub model: ModelSpec,
    pub protocol: Protocol,
    pub eval: EvalBlock,
    /// Where the runs are a figure's, not a table's.
    pub figure: Option<FigureBlock>,
    /// In the order of the file.
    pub methods: Vec<MethodBlock>,
    pub published: Vec<PublishedValue>,
}

impl Benchmark {
    /// Reads and checks a benchmark. `origin` is the path of its file, or its name; it stands before every error.
    pub fn parse(text: &str, origin: &str) -> Result<Benchmark> {
        read::parse(text, origin, &[])
    }

    /// As [`Benchmark::parse`], with `--set` paths and values applied first.
    pub fn parse_with(text: &str, origin: &str, set: &[(String, String)]) -> Result<Benchmark> {
        read::parse(text, origin, set)
    }

    /// The row of that label.
    pub fn method(&self, label: &str) -> Option<&MethodBlock> {
        self.methods.iter().find(|method| method.label == label)
    }

    /// The network that a method trains: its own or the benchmark's.
    pub fn model_of<'a>(&'a self, method: &'a MethodBlock) -> &'a ModelSpec {
        method.model.as_ref().unwrap_or(&self.model)
    }

    /// The data of a method: the benchmark's, with the method's own class split where it has one.
    pub fn data_of(&self, method: &MethodBlock) -> DataBlock {
        let split = method.split.clone().or_else(|| self.data.split.clone());
        DataBlock { split, ..self.data.clone() }
    }

    /// What was published for a row.
    pub fn published_for(&self, label: &str, mode: Mode) -> Option<&PublishedValue> {
        self.published.iter().find(|row| row.label == label && row.mode == mode)
    }
}
