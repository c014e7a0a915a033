//! The numbers as Parquet, for programs that would rather not parse text: the same columns and types as the CSV files.

use super::metrics_read::MetricRow;
use super::run::Run;
use harness_core::{Error, Result};
use polars::prelude::*;
use std::path::Path;

/// The columns of a run's `metrics.csv`.
pub fn metrics(run: &Run, rows: &[MetricRow]) -> PolarsResult<DataFrame> {
    let text = |get: fn(&MetricRow) -> &str| rows.iter().map(get).collect::<Vec<_>>();
    df!(
        "benchmark" => vec![run.record.benchmark.as_str(); rows.len()],
        "method" => vec![run.record.label.as_str(); rows.len()],
        "seed" => vec![run.record.seed; rows.len()],
        "step" => rows.iter().map(|row| row.step).collect::<Vec<_>>(),
        "split" => text(|row| &row.split),
        "mode" => text(|row| &row.mode),
        "metric" => text(|row| &row.metric),
        "value" => rows.iter().map(|row| row.value).collect::<Vec<_>>(),
        "ci95" => rows.iter().map(|row| row.ci95).collect::<Vec<_>>(),
        // An empty field was read as 0.
        "n" => rows.iter().map(|row| Some(row.n).filter(|n| *n > 0)).collect::<Vec<_>>(),
        "wall_s" => rows.iter().map(|row| row.wall_s).collect::<Vec<_>>(),
    )
}

/// The bytes of a file, the same whenever the frame is; `path` is only named in errors.
pub fn bytes(frame: PolarsResult<DataFrame>, path: &Path) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    frame
        .and_then(|mut frame| ParquetWriter::new(&mut buffer).set_parallel(false).finish(&mut frame))
        .map_err(|error| Error::io(path, std::io::Error::other(error.to_string())))?;
    Ok(buffer)
}
