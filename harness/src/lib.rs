//! Reproduces few-shot meta-learning papers: command line, runner, results and report.

pub mod files;
pub mod record;
pub mod report;
