//! What lies on disk, and the one place that knows how: the layout of a results folder, each file's form with its
//! writing and its reading, and what its numbers come to. Files are whole or absent, never half.
//!
//! - Bytes: [`disk`], [`lock`]; tables of numbers: [`frame`], [`table_file`].
//! - A run: [`layout`], [`run_json`], its [`tag`], [`metrics`], [`episodes`], [`checkpoint`], [`adaptation`],
//!   [`queries`], [`ranks_csv`] and [`classes`], written through [`run_dir`] and read together in [`run`].
//! - A budget: [`plan_json`], and its [`rows`] from [`summary`], with [`verdict`], [`statistics`], [`best`] rows,
//!   [`confusion`] and [`exports`].
//! - A folder: [`across_csv`].

pub mod across_csv;
pub mod adaptation;
pub mod best;
pub mod checkpoint;
pub mod classes;
pub mod confusion;
pub mod disk;
pub mod episodes;
pub mod exports;
pub mod fold_means;
pub mod frame;
pub mod layout;
pub mod lock;
pub mod metric;
pub mod metrics;
pub mod plan_json;
pub mod queries;
pub mod ranks_csv;
pub mod rows;
pub mod run;
pub mod run_dir;
pub mod run_json;
pub mod statistics;
pub mod summary;
pub mod table_file;
pub mod tag;
pub mod tensorboard;
pub mod verdict;

#[cfg(test)]
pub mod fixtures;
