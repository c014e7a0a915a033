//! `adaptation.csv` of a regression run: one test task, its true curve, the sampled points, and the fit after some
//! inner steps.

use super::frame;
use super::table_file::TableFile;
use harness_core::Result;
use polars::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// The columns of `adaptation.csv`.
pub const HEADER: &str = "series,step,x,y";

/// One line of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `true`, `support` or `fit`.
    pub series: &'static str,
    /// Inner steps before a fit.
    pub step: u32,
    pub x: f32,
    pub y: f32,
}

/// Writes the file in one step.
pub fn write(path: &Path, rows: &[Row]) -> Result<()> {
    let mut names = HEADER.split(',');
    let mut name = || PlSmallStr::from(names.next().expect("a name for each column"));
    let columns = vec![
        Column::new(name(), rows.iter().map(|row| row.series).collect::<Vec<_>>()),
        Column::new(name(), rows.iter().map(|row| row.step).collect::<Vec<_>>()),
        Column::new(name(), rows.iter().map(|row| row.x).collect::<Vec<_>>()),
        Column::new(name(), rows.iter().map(|row| row.y).collect::<Vec<_>>()),
    ];
    frame::write_csv(path, "adaptation.csv", DataFrame::new(rows.len(), columns))
}

/// Places on a curve, from left to right.
pub type Points = Vec<(f64, f64)>;

/// What the file of one run holds.
pub struct Adaptation {
    pub truth: Points,
    pub support: Points,
    /// By inner step.
    pub fits: BTreeMap<u64, Points>,
    /// Around the last fit: x, and the smallest and largest value of any seed. Empty for one seed.
    pub band: Vec<(f64, f64, f64)>,
}

/// Reads the file of one run.
///
/// # Errors
/// Data: a damaged file, named with its line.
pub fn read(path: &Path) -> Result<Adaptation> {
    let file = TableFile::read(path, HEADER)?;
    let mut found = Adaptation { truth: Vec::new(), support: Vec::new(), fits: BTreeMap::new(), band: Vec::new() };
    for line in file.lines()? {
        let point: (f64, f64) = (line.number("x")?, line.number("y")?);
        if !(point.0.is_finite() && point.1.is_finite()) {
            continue; // a method that diverged has nothing to draw
        }
        match line.text("series") {
            "true" => found.truth.push(point),
            "support" => found.support.push(point),
            "fit" => found.fits.entry(line.number("step")?).or_default().push(point),
            other => return Err(line.error(&format!("series \"{other}\" is none of true, support, fit"))),
        }
    }
    for points in found.fits.values_mut().chain([&mut found.truth]) {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    Ok(found)
}
