//! What lies on disk, and the one place that knows how: the layout of a results folder, each file's form with its writing
//! and its reading, and what its numbers come to. Files are whole or absent, never half.

pub mod atomic;
pub mod best;
pub mod checkpoint;
pub mod episodes;
pub mod exports;
pub mod fault;
pub mod folds;
pub mod layout;
pub mod lock;
pub mod metric;
pub mod metrics;
pub mod paired;
pub mod parquet;
pub mod plan_json;
pub mod run;
pub mod run_json;
pub mod statistics;
pub mod summary;
pub mod summary_csv;
pub mod table_file;
pub mod tensorboard;
pub mod verdict;

#[cfg(test)]
pub mod fixtures;

pub use atomic::write as write_atomic;
