//! Adaptation on one sine task, after Figure 1 of the Reptile paper: the true curve, the sampled points, and each
//! method's fit after 0, 1, 8 and 32 inner steps. All seeds meet the same task: lines are means over them, with a band
//! from the smallest to the largest for the last fit. The true curve sets the scale: a fit that runs away leaves the frame.

use crate::report::chart::{Axis, Chart, INK, Mark, Panel, Sample, Stroke, Styles, Y};
use crate::results::adaptation::{self, Adaptation, Points};
use crate::results::rows::{Cell, Summary};
use crate::results::run_dir::ADAPTATION;
use crate::results::statistics::mean;
use harness_core::Result;
use plotters::style::RGBColor;

const TALL: f64 = 290.0;
const OVER_SEEDS: &str = "lines: mean over seeds; band: smallest to largest seed after the last step";
const LEAVES: &str = "the true curve sets the scale; a fit that leaves the frame is cut";
const TRUTH: RGBColor = RGBColor(190, 190, 190);

/// A panel a method over the seeds of one benchmark; None where no run left an `adaptation.csv`.
pub fn chart(summary: &Summary, cells: &[Cell], styles: &Styles) -> Result<Option<Chart>> {
    let found = of_cells(summary, cells)?;
    let range = |points: Vec<f64>| {
        points.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let true_points = || found.iter().flat_map(|(_, a)| a.truth.iter().chain(&a.support));
    let (x, y) = (range(true_points().map(|p| p.0).collect()), range(true_points().map(|p| p.1).collect()));
    if !x.0.is_finite() {
        return Ok(None);
    }
    let air = (y.1 - y.0).max(1e-6) * 0.25;
    let (x, y) = (Axis::exact(x.0, x.1, 5), Axis::exact(y.0 - air, y.1 + air, 6));
    let mut steps: Vec<u64> = found.iter().flat_map(|(_, a)| a.fits.keys().copied()).collect();
    steps.sort_unstable();
    steps.dedup();
    let mut legend = vec![
        (Sample::Line(Stroke { colour: TRUTH, width: 5.0, dash: &[] }), "true curve".to_owned()),
        (Sample::Dot { open: false }, "sampled points".to_owned()),
    ];
    for (index, step) in steps.iter().enumerate() {
        let lead = if index == 0 { "fit after " } else { "" };
        let words = format!("{lead}{step} step{}", if *step == 1 { "" } else { "s" });
        legend.push((Sample::Line(stroke(INK, index, steps.len())), words));
    }
    let (bottom, top) = y.ends();
    let leaves = found.iter().flat_map(|(_, a)| a.fits.values().flatten()).any(|p| p.1 < bottom || p.1 > top);
    let banded = found.iter().any(|(_, a)| !a.band.is_empty());
    let said = [(banded, OVER_SEEDS), (leaves, LEAVES)];
    let caption: Vec<&str> = said.into_iter().filter(|(wanted, _)| *wanted).map(|(_, words)| words).collect();
    let columns = if found.len() == 4 { 2 } else { found.len().min(3) };
    let panel = |(index, (label, adaptation)): (usize, &(String, Adaptation))| Panel {
        title: label.clone(),
        height: TALL,
        x: (x.clone(), "x".into()),
        y: Y::Axis(y.clone(), if index % columns == 0 { "y".into() } else { String::new() }),
        marks: marks(adaptation, &steps, styles.look(label).colour),
        values: None,
    };
    let benchmark = cells.first().map_or("", |c| c.row.benchmark.as_str());
    Ok(Some(Chart {
        name: format!("adaptation-{benchmark}"),
        words: format!("{benchmark}: fits after some inner steps"),
        title: format!("{benchmark}: adaptation on one test task, budget {}", summary.shown()),
        legend,
        caption: caption.join("; "),
        panels: found.iter().enumerate().map(panel).collect(),
        across: columns,
    }))
}

fn marks(adaptation: &Adaptation, steps: &[u64], colour: RGBColor) -> Vec<Mark> {
    let truth = Stroke { colour: TRUTH, width: 5.0, dash: &[] };
    let mut marks = vec![Mark::Line { points: adaptation.truth.clone(), stroke: truth }];
    marks.push(Mark::Band { points: adaptation.band.clone(), colour });
    for (step, points) in &adaptation.fits {
        let index = steps.iter().position(|s| s == step).unwrap_or(0);
        marks.push(Mark::Line { points: points.clone(), stroke: stroke(colour, index, steps.len()) });
    }
    marks.extend(adaptation.support.iter().map(|at| Mark::Dot { at: *at, colour: INK, size: 8.0, open: false }));
    marks
}

/// Early fits are thin, pale and broken, the last is solid.
fn stroke(colour: RGBColor, index: usize, count: usize) -> Stroke {
    let (width, dash): (f64, &'static [f64]) = match count - 1 - index {
        0 => (2.5, &[]),
        1 => (2.0, &[9.0, 3.0]),
        2 => (1.75, &[5.0, 3.0]),
        _ => (1.5, &[1.75, 2.75]),
    };
    let strength = 1.0 - 0.5 * (count - 1 - index) as f64 / (count.max(2) - 1) as f64;
    let mix = |c: u8| (255.0 - (255.0 - f64::from(c)) * strength).round() as u8;
    Stroke { colour: RGBColor(mix(colour.0), mix(colour.1), mix(colour.2)), width, dash }
}

/// Each method of the `cells` of one benchmark, over its seeds; empty where no run left an `adaptation.csv`.
fn of_cells(summary: &Summary, cells: &[Cell]) -> Result<Vec<(String, Adaptation)>> {
    let mut found: Vec<(String, Adaptation)> = Vec::new();
    for cell in cells {
        let row = &cell.row;
        if found.iter().any(|(label, _)| *label == row.method) {
            continue;
        }
        let paths = summary.runs_of(cell).into_iter().map(|run| run.path.join(ADAPTATION));
        let seeds =
            paths.filter(|path| path.exists()).map(|path| adaptation::read(&path)).collect::<Result<Vec<_>>>()?;
        if let Some(adaptation) = over_seeds(seeds) {
            found.push((row.method.clone(), adaptation));
        }
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
    use std::collections::BTreeMap;

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
