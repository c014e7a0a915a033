//! episodes.parquet: the final evaluation, episode by episode.

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

/// Writes `episode,mode,correct,n,loss`, modes one after the other.
pub fn write(path: &Path, all: &[(Mode, Vec<Outcome>)]) -> Result<()> {
    let broken = |error: PolarsError| Error::usage(format!("episodes.parquet could not be formatted: {error}"));
    let flat = || all.iter().flat_map(|(_, outcomes)| outcomes);
    let modes = all.iter().flat_map(|(mode, outcomes)| std::iter::repeat_n(mode.as_str(), outcomes.len()));
    let mut frame = df!(
        "episode" => all.iter().flat_map(|(_, outcomes)| 0..outcomes.len() as u32).collect::<Vec<_>>(),
        "mode" => modes.collect::<Vec<_>>(),
        "correct" => flat().map(|outcome| outcome.correct).collect::<Vec<_>>(),
        "n" => flat().map(|outcome| outcome.n).collect::<Vec<_>>(),
        "loss" => flat().map(|outcome| outcome.loss).collect::<Vec<_>>(),
    )
    .map_err(broken)?;
    let mut bytes = Vec::new();
    // One row group, no parallelism: the same rows give the same bytes.
    ParquetWriter::new(&mut bytes).set_parallel(false).finish(&mut frame).map_err(broken)?;
    super::atomic::write(path, &bytes)
}
