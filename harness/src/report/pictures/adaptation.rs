//! Adaptation on one sine task, after Figure 1 of the Reptile paper: the true curve, the sampled points, and each
//! method's fit after 0, 1, 8 and 32 inner steps. All seeds meet the same task: lines are means over them, with a band
//! from the smallest to the largest for the last fit. The true curve sets the scale: a fit that runs away leaves the frame.

use crate::report::chart::{Axis, Chart, INK, Mark, Panel, Sample, Stroke, Styles, Y};
use crate::results::adaptation::{self, Adaptation};
use crate::results::summary::{Cell, Summary};
use harness_core::Result;
use plotters::style::RGBColor;

const TALL: f64 = 290.0;
const OVER_SEEDS: &str = "lines: mean over seeds; band: smallest to largest seed after the last step";
const LEAVES: &str = "the true curve sets the scale; a fit that leaves the frame is cut";
const TRUTH: RGBColor = RGBColor(190, 190, 190);

/// A panel a method over the seeds of one benchmark; None where no run left an `adaptation.csv`.
pub fn chart(summary: &Summary, cells: &[Cell], styles: &Styles) -> Result<Option<Chart>> {
    let found = adaptation::of_cells(summary, cells)?;
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
