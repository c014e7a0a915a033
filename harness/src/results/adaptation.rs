//! `adaptation.csv` of a regression run: one test task, its true curve, the sampled points, and the fit after some inner
//! steps.

use super::disk;
use super::run_dir::ADAPTATION;
use super::statistics::mean;
use super::summary::{Cell, Summary};
use super::table_file::TableFile;
use harness_core::{Error, Result};
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
    let broken = |error: PolarsError| Error::usage(format!("adaptation.csv could not be formatted: {error}"));
    let mut bytes = Vec::new();
    let mut frame = DataFrame::new(rows.len(), columns).map_err(broken)?;
    CsvWriter::new(&mut bytes).finish(&mut frame).map_err(broken)?;
    disk::write(path, &bytes)
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

/// Each method of the `cells` of one benchmark, over its seeds; empty where no run left an `adaptation.csv`.
pub fn of_cells(summary: &Summary, cells: &[Cell]) -> Result<Vec<(String, Adaptation)>> {
    let mut found: Vec<(String, Adaptation)> = Vec::new();
    for cell in cells {
        let row = &cell.row;
        if found.iter().any(|(label, _)| *label == row.method) {
            continue;
        }
        let paths = summary.runs_of(cell).into_iter().map(|run| run.path.join(ADAPTATION));
        let seeds = paths.filter(|path| path.exists()).map(|path| read(&path)).collect::<Result<Vec<_>>>()?;
        if let Some(adaptation) = over_seeds(seeds) {
            found.push((row.method.clone(), adaptation));
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Adaptation> {
    let file = TableFile::read(path, HEADER)?;
    let mut found = Adaptation { truth: Vec::new(), support: Vec::new(), fits: BTreeMap::new(), band: Vec::new() };
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

/// Means over seeds and the band around the last fit. Fits on other places than the first seed's are left out: a seed that
/// diverged has fewer.
fn over_seeds(seeds: Vec<Adaptation>) -> Option<Adaptation> {
    let mut seeds = seeds.into_iter();
    let (mut first, others) = (seeds.next()?, seeds.collect::<Vec<_>>());
    let last = first.fits.keys().next_back().copied();
    for (step, points) in &mut first.fits {
        let alike = |fit: &&Points| fit.len() == points.len() && fit.iter().zip(&*points).all(|(a, b)| a.0 == b.0);
        let fits: Vec<Points> = others.iter().filter_map(|other| other.fits.get(step).filter(alike).cloned()).collect();
        if fits.is_empty() {
            continue;
        }
        let at = |index: usize, own: f64| fits.iter().map(move |fit| fit[index].1).chain([own]);
        if Some(*step) == last {
            let ends = |(index, (x, y)): (usize, &(f64, f64))| {
                (*x, at(index, *y).fold(f64::INFINITY, f64::min), at(index, *y).fold(f64::NEG_INFINITY, f64::max))
            };
            first.band = points.iter().enumerate().map(ends).collect();
        }
        let means: Points = (0..).zip(&*points).map(|(i, (x, y))| (*x, mean(&at(i, *y).collect::<Vec<_>>()))).collect();
        *points = means;
    }
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(last: [f64; 2]) -> Adaptation {
        let points = |y: [f64; 2]| vec![(-1.0, y[0]), (1.0, y[1])];
        let fits = BTreeMap::from([(0, points([0.0, 0.0])), (32, points(last))]);
        Adaptation { truth: points([1.0, 2.0]), support: vec![], fits, band: vec![] }
    }

    #[test]
    fn seeds_become_a_mean_and_a_band_around_the_last_fit() {
        let three = over_seeds(vec![seed([1.0, 5.0]), seed([2.0, 4.0]), seed([6.0, 3.0])]).unwrap();
        assert_eq!(three.fits[&32], [(-1.0, 3.0), (1.0, 4.0)]);
        assert_eq!(three.band, [(-1.0, 1.0, 6.0), (1.0, 3.0, 5.0)]);
        assert_eq!(three.fits[&0], [(-1.0, 0.0), (1.0, 0.0)]);
        let one = over_seeds(vec![seed([1.0, 5.0])]).unwrap();
        assert!(one.band.is_empty() && one.fits[&32] == [(-1.0, 1.0), (1.0, 5.0)]);
        assert!(over_seeds(vec![]).is_none());
    }

    #[test]
    fn a_seed_that_lacks_points_is_left_out_of_the_mean() {
        let mut broken = seed([9.0, 9.0]);
        broken.fits.get_mut(&32).unwrap().pop();
        let both = over_seeds(vec![seed([1.0, 5.0]), broken]).unwrap();
        assert_eq!((both.fits[&32][0].1, both.band.len()), (1.0, 0));
    }
}
