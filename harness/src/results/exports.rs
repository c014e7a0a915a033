//! `summary.csv`, and other forms of the numbers beside CSV for those who ask: Parquet and TensorBoard's event files,
//! with the same columns and types.

use super::rows::{Summary, SummaryRow};
use super::run_dir::METRICS;
use super::{frame, layout, metrics, tensorboard};
use clap::Args;
use harness_core::{Error, Result};
use polars::prelude::*;
use std::path::{Path, PathBuf};

/// What to write besides.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Exports {
    /// Write summary.parquet beside summary.csv, and metrics.parquet beside the metrics.csv of every complete run, with
    /// the same columns and types; once they are there, later reports keep them up to date
    #[arg(long)]
    pub parquet: bool,

    /// Write an event file of every complete run for `tensorboard --logdir OUT/<budget>/tensorboard`, each row of
    /// metrics.csv as `<split>/<mode>/<metric>`; once they are there, later reports keep them up to date
    #[arg(long)]
    pub tensorboard: bool,
}

/// Files to write for a budget, with their bytes. What was asked for once is there and is kept up to date: a stale
/// file beside a fresh table would be believed.
pub fn files(
    folder: &Path,
    summary: &Summary,
    rows: &[&SummaryRow],
    exports: Exports,
) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let summary_file = folder.join("summary.parquet");
    let parquet = exports.parquet || summary_file.exists();
    let events = exports.tensorboard || tensorboard::folder(folder).exists();
    let mut files = Vec::new();
    if parquet {
        let bytes = frame::parquet(summary_frame(rows), None).map_err(unwritten(&summary_file))?;
        files.push((summary_file, bytes));
    }
    if !parquet && !events {
        return Ok(files);
    }
    for run in &summary.runs {
        let record = &run.record;
        let rows = metrics::read(&run.path.join(METRICS), &record.benchmark, &record.label, record.seed)?;
        if parquet {
            let room = layout::run(folder, &record.benchmark, &record.label, record.seed);
            std::fs::create_dir_all(&room).map_err(|source| Error::io(&room, source))?;
            let path = room.join("metrics.parquet");
            let frame = metrics::frame((&record.benchmark, &record.label, record.seed), &rows);
            let bytes = frame::parquet(frame, None).map_err(unwritten(&path))?;
            files.push((path, bytes));
        }
        if events {
            let path = tensorboard::path(folder, run);
            let room = path.parent().expect("it lies in a folder of its own");
            std::fs::create_dir_all(room).map_err(|source| Error::io(room, source))?;
            files.push((path, tensorboard::bytes(run, &rows)));
        }
    }
    Ok(files)
}

/// The frame of `rows`, columns in the order that the file promises.
fn summary_frame(rows: &[&SummaryRow]) -> PolarsResult<DataFrame> {
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
pub fn summary_csv(rows: &[&SummaryRow], path: &Path) -> Result<Vec<u8>> {
    frame::csv(summary_frame(rows), true).map_err(unwritten(path))
}

/// The error of a file whose bytes could not be made.
fn unwritten(path: &Path) -> impl FnOnce(PolarsError) -> Error {
    move |error| Error::io(path, std::io::Error::other(error.to_string()))
}
