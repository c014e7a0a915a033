//! `adaptation.csv` of a regression run: one test task, its true curve, the sampled points, and the fit after some inner
//! steps.

use super::{
    run::Run,
    summary::{Cell, Summary},
    table_file::TableFile,
};
use harness_core::Result;
use std::{collections::BTreeMap, path::Path};

/// The columns of `adaptation.csv`.
pub const HEADER: &str = "series,step,x,y";

/// Places on a curve, from left to right.
pub type Points = Vec<(f64, f64)>;

/// What the file of one run holds.
pub struct Adaptation {
    pub truth: Points,
    pub support: Points,
    /// By inner step.
    pub fits: BTreeMap<u64, Points>,
}

/// The first seed of each method of the `cells` of one benchmark; empty where no run left an `adaptation.csv`.
pub fn of(summary: &Summary, cells: &[Cell]) -> Result<Vec<(String, Adaptation)>> {
    let mut found: Vec<(String, Adaptation)> = Vec::new();
    for cell in cells {
        let row = &cell.row;
        let of_cell = |run: &&Run| run.record.benchmark == row.benchmark && run.record.label == row.method;
        let Some(run) = summary.runs.iter().find(of_cell) else { continue };
        let path = run.path.join("adaptation.csv");
        if path.exists() && found.iter().all(|(label, _)| *label != row.method) {
            found.push((row.method.clone(), read(&path)?));
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Adaptation> {
    let file = TableFile::read(path, HEADER)?;
    let mut found = Adaptation { truth: Vec::new(), support: Vec::new(), fits: BTreeMap::new() };
    for line in file.lines()? {
        let point: (f64, f64) = (line.number(2, "x")?, line.number(3, "y")?);
        if !(point.0.is_finite() && point.1.is_finite()) {
            continue; // a method that diverged has nothing to draw
        }
        match line.text(0) {
            "true" => found.truth.push(point),
            "support" => found.support.push(point),
            "fit" => found.fits.entry(line.number(1, "step")?).or_default().push(point),
            other => return Err(line.error(&format!("series \"{other}\" is none of true, support, fit"))),
        }
    }
    for points in found.fits.values_mut().chain([&mut found.truth]) {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    Ok(found)
}
