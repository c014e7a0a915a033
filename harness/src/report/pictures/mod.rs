//! What the pictures of a budget show: results beside published numbers, learning curves, what was spent, adaptation on
//! sine; of a benchmark that is a figure, that figure alone. [`chart`](super::chart) draws them.

mod adaptation;
mod curves;
mod detail;
mod figure;
mod lines;
mod results;
#[cfg(test)]
mod tests;

pub use lines::looks as figure_looks;

use super::chart::{Chart, Layout, Styles, WIDE, pdf, png, svg};
use crate::lists::unique;
use crate::report::tables;
use crate::results::rows::{Cell, Summary};
use harness_core::{Error, Mode, Result};
use std::path::{Path, PathBuf};

/// A chart and the benchmark that it belongs to.
pub struct Picture {
    pub benchmark: String,
    pub chart: Chart,
}

/// Everything that `summary` can show, benchmark by benchmark.
pub fn all(summary: &Summary, styles: &Styles) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for cells in tables::chunks(summary) {
        let benchmark = &cells[0].row.benchmark;
        let mut charts = Vec::new();
        match &cells[0].figure {
            Some(place) => charts.extend(figure::charts(summary, cells, place)),
            None => {
                charts.extend(results::chart(summary, cells, styles));
                charts.extend(curves::charts(summary, cells, styles));
                charts.extend(adaptation::chart(summary, cells, styles)?);
            }
        }
        pictures.extend(charts.into_iter().map(|chart| Picture { benchmark: benchmark.clone(), chart }));
    }
    Ok(pictures)
}

/// Modes in the order of the tables.
pub fn modes(cells: &[Cell]) -> Vec<Mode> {
    unique(cells.iter().map(|cell| cell.row.mode))
}

/// The endings of a picture's files.
const ENDINGS: [&str; 3] = ["svg", "png", "pdf"];

impl Picture {
    /// Its files in `folder`, drawn.
    pub fn files(&self, folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let layout = Layout::new(&self.chart, WIDE);
        let bytes = [svg(&self.chart, &layout)?.into_bytes(), png(&self.chart, &layout)?, pdf(&self.chart, &layout)?];
        let path = |ending| folder.join(format!("{}.{ending}", self.chart.name));
        Ok(ENDINGS.map(path).into_iter().zip(bytes).collect())
    }
}

/// Removes pictures of an earlier report whose runs are gone, so that nothing shows what is no longer there. Files
/// with other names are somebody else's and stay.
pub fn remove_stale(folder: &Path, drawn: &[Picture]) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(_) => return Ok(()),
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default();
        let ours = ["results-", "curves-", "spending-", "adaptation-", "figure-"].iter().any(|p| name.starts_with(p))
            && path.extension().is_some_and(|e| ENDINGS.iter().any(|ending| e == *ending));
        if ours && drawn.iter().all(|p| p.chart.name != name) {
            std::fs::remove_file(&path).map_err(|e| Error::io(&path, e))?;
        }
    }
    Ok(())
}
