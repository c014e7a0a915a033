//! An evaluation, episode by episode: episodes.parquet of a run, or a CSV file of `harness eval`.

use std::path::Path;

use harness_core::{Error, Mode, Result};
use polars::prelude::*;

/// How one episode went in one mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Right answers; 0 on regression.
    pub correct: u32,
    /// Queries.
    pub n: u32,
    /// Mean loss over the queries: cross-entropy, or squared error on regression.
    pub loss: f64,
}

/// Writes episodes.parquet: `episode,mode,correct,n,loss`, modes one after the other.
pub fn write(path: &Path, all: &[(Mode, Vec<Outcome>)]) -> Result<()> {
    let mut bytes = Vec::new();
    // One row group, no parallelism: the same rows give the same bytes.
    ParquetWriter::new(&mut bytes).set_parallel(false).finish(&mut frame(all)?).map_err(broken)?;
    super::atomic::write(path, &bytes)
}

/// Writes the same columns as CSV.
pub fn write_csv(path: &Path, all: &[(Mode, Vec<Outcome>)]) -> Result<()> {
    let mut bytes = Vec::new();
    CsvWriter::new(&mut bytes).finish(&mut frame(all)?).map_err(broken)?;
    super::atomic::write(path, &bytes)
}

fn frame(all: &[(Mode, Vec<Outcome>)]) -> Result<DataFrame> {
    let flat = || all.iter().flat_map(|(_, outcomes)| outcomes);
    let modes = all.iter().flat_map(|(mode, outcomes)| std::iter::repeat_n(mode.as_str(), outcomes.len()));
    df!(
        "episode" => all.iter().flat_map(|(_, outcomes)| 0..outcomes.len() as u32).collect::<Vec<_>>(),
        "mode" => modes.collect::<Vec<_>>(),
        "correct" => flat().map(|outcome| outcome.correct).collect::<Vec<_>>(),
        "n" => flat().map(|outcome| outcome.n).collect::<Vec<_>>(),
        "loss" => flat().map(|outcome| outcome.loss).collect::<Vec<_>>(),
    )
    .map_err(broken)
}

fn broken(error: PolarsError) -> Error {
    Error::usage(format!("the episodes could not be formatted: {error}"))
}
