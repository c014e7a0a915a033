//! Other forms of the numbers beside CSV: Parquet and TensorBoard's event files, for those who ask.

use super::summary::{Summary, SummaryRow};
use super::{metrics, parquet, summary_csv, tensorboard};
use clap::Args;
use harness_core::{Error, Result};
use std::path::{Path, PathBuf};

/// What to write besides.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Also {
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
pub fn files(folder: &Path, summary: &Summary, rows: &[&SummaryRow], also: Also) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let summary_file = folder.join("summary.parquet");
    let parquet = also.parquet || summary_file.exists();
    let events = also.tensorboard || tensorboard::folder(folder).exists();
    let mut files = Vec::new();
    if parquet {
        let bytes = parquet::bytes(summary_csv::frame(rows), &summary_file)?;
        files.push((summary_file, bytes));
    }
    if !parquet && !events {
        return Ok(files);
    }
    for run in &summary.runs {
        let record = &run.record;
        let rows = metrics::read(&run.path.join("metrics.csv"), &record.benchmark, &record.label, record.seed)?;
        if parquet {
            let room = folder.join(&record.benchmark).join(&record.label).join(format!("seed-{}", record.seed));
            std::fs::create_dir_all(&room).map_err(|source| Error::io(&room, source))?;
            let path = room.join("metrics.parquet");
            let bytes = parquet::bytes(metrics::frame((&record.benchmark, &record.label, record.seed), &rows), &path)?;
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
