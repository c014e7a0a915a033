//! `summary.csv`: the rows as a polars frame.

use super::summary::SummaryRow;
use harness_core::{Error, Result};
use polars::prelude::*;
use std::path::Path;

/// The frame of `rows`, columns in the order that the file promises.
pub fn frame(rows: &[&SummaryRow]) -> PolarsResult<DataFrame> {
    let text = |name: &str, get: fn(&SummaryRow) -> &str| {
        Column::new(name.into(), rows.iter().map(|r| get(r)).collect::<Vec<_>>())
    };
    let float = |name: &str, get: fn(&SummaryRow) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(|r| get(r)).collect::<Vec<_>>())
    };
    let count = |name: &str, get: fn(&SummaryRow) -> u64| {
        Column::new(name.into(), rows.iter().map(|r| get(r)).collect::<Vec<_>>())
    };
    let source: Vec<Option<&str>> = rows.iter().map(|r| r.source.as_deref()).collect();
    DataFrame::new(
        rows.len(),
        vec![
            text("benchmark", |r| &r.benchmark),
            text("method", |r| &r.method),
            text("mode", |r| r.mode.as_str()),
            text("metric", |r| r.metric.name),
            float("mean", |r| r.mean),
            float("ci95_seeds", |r| r.ci95_seeds),
            float("ci95_episodes", |r| r.ci95_episodes),
            count("seeds", |r| r.seeds as u64),
            count("episodes", |r| r.episodes),
            count("meta_iters", |r| r.meta_iters),
            text("budget", |r| &r.budget),
            float("published", |r| r.published),
            float("published_ci", |r| r.published_ci),
            Column::new("source".into(), source),
            float("delta", |r| r.delta),
            text("verdict", |r| r.verdict.name()),
        ],
    )
}

/// The bytes of `summary.csv`; `path` is only named in errors.
pub fn bytes(rows: &[&SummaryRow], path: &Path) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    frame(rows)
        .and_then(|mut frame| CsvWriter::new(&mut buffer).include_header(true).finish(&mut frame))
        .map_err(|e| Error::io(path, std::io::Error::other(e.to_string())))?;
    Ok(buffer)
}
