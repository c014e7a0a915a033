//! Adaptation on one sine task, after Figure 1 of the Reptile paper: the true curve, the sampled points, and each
//! method's fit after 0, 1, 8 and 32 inner steps. All seeds meet the same task: lines are means over them, with a band
//! from the smallest to the largest for the last fit.

use super::{
    axis::Axis,
    canvas::{Drawing, Drawn, Sheet, px},
    frame::{Frame, HEAD, WIDTH},
    legend::Sample,
    marks::{self, At, INK},
    panel::Panel,
    style::Styles,
};
use crate::report::{
    adaptation::{self, Adaptation, Points},
    summary::{Cell, Summary},
};
use harness_core::Result;
use plotters::prelude::*;

/// One panel a method.
pub struct Adaptations {
    frame: Frame,
    panels: Vec<(String, RGBColor, Adaptation)>,
    x: Axis,
    y: Axis,
    steps: Vec<u64>,
}

const TALL: f64 = 290.0;
const OVER_SEEDS: &str = "lines: mean over seeds; band: smallest to largest seed after the last step";
const TRUTH: RGBColor = RGBColor(190, 190, 190);

impl Adaptations {
    /// The seeds of each method of one benchmark; None where no run left an `adaptation.csv`.
    pub fn new(summary: &Summary, cells: &[Cell], styles: &Styles) -> Result<Option<Self>> {
        let found = adaptation::of(summary, cells)?;
        let looked = |(label, adaptation): (String, Adaptation)| {
            let colour = styles.look(&label).colour;
            (label, colour, adaptation)
        };
        let panels: Vec<(String, RGBColor, Adaptation)> = found.into_iter().map(looked).collect();
        let all = || {
            let band = |a: &Adaptation| -> Points { a.band.iter().flat_map(|b| [(b.0, b.1), (b.0, b.2)]).collect() };
            let of = |a: &Adaptation| a.fits.values().flatten().chain(&a.truth).chain(&a.support).copied().collect();
            panels.iter().flat_map(move |(.., a)| -> Points { [of(a), band(a)].concat() })
        };
        let Some(first) = all().next() else { return Ok(None) };
        let (mut x, mut y) = ((first.0, first.0), (first.1, first.1));
        for p in all() {
            x = (x.0.min(p.0), x.1.max(p.0));
            y = (y.0.min(p.1), y.1.max(p.1));
        }
        let mut steps: Vec<u64> = panels.iter().flat_map(|(.., a)| a.fits.keys().copied()).collect();
        steps.sort_unstable();
        steps.dedup();
        let mut entries = vec![(Sample::Line { colour: TRUTH, width: 5.0, dash: &[] }, "true curve".to_string())];
        entries.push((Sample::Dot, "sampled points".into()));
        for (index, step) in steps.iter().enumerate() {
            let (width, dash) = stroke(index, steps.len());
            let lead = if index == 0 { "fit after " } else { "" };
            let words = format!("{lead}{step} step{}", if *step == 1 { "" } else { "s" });
            entries.push((Sample::Line { colour: shade(INK, index, steps.len()), width, dash }, words));
        }
        let caption = if panels.iter().any(|(.., a)| !a.band.is_empty()) { OVER_SEEDS } else { "" };
        let name = cells.first().map_or("", |c| c.row.benchmark.as_str());
        let title = format!("{name}: adaptation on one test task, budget {}", summary.budget);
        Ok(Some(Adaptations {
            frame: Frame::new(title, entries, caption),
            panels,
            x: Axis::exact(x.0, x.1, 5),
            y: Axis::linear(y.0, y.1, 6),
            steps,
        }))
    }

    /// Columns and rows of panels.
    fn grid(&self) -> (usize, usize) {
        let count = self.panels.len();
        let columns = if count == 4 { 2 } else { count.min(3) };
        (columns, count.div_ceil(columns))
    }

    /// Pixels down over all panels.
    fn tall(&self) -> f64 {
        TALL * self.grid().1 as f64
    }
}

/// Early fits are thin and broken, the last is solid.
pub fn stroke(index: usize, count: usize) -> (f64, &'static [f64]) {
    match count - 1 - index {
        0 => (2.5, &[]),
        1 => (2.0, &[9.0, 3.0]),
        2 => (1.75, &[5.0, 3.0]),
        _ => (1.5, &[1.75, 2.75]),
    }
}

/// Early fits are paler.
fn shade(colour: RGBColor, index: usize, count: usize) -> RGBColor {
    let strength = 1.0 - 0.5 * (count - 1 - index) as f64 / (count.max(2) - 1) as f64;
    let mix = |c: u8| (255.0 - (255.0 - f64::from(c)) * strength).round() as u8;
    RGBColor(mix(colour.0), mix(colour.1), mix(colour.2))
}

impl Drawing for Adaptations {
    fn size(&self) -> (f64, f64) {
        self.frame.size(self.tall())
    }

    fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawn<DB> {
        let (columns, _) = self.grid();
        let width = (WIDTH - 20.0) / columns as f64;
        for (index, (label, colour, adaptation)) in self.panels.iter().enumerate() {
            let (column, row) = (index % columns, index / columns);
            let panel = Panel {
                place: (10.0 + width * column as f64, HEAD + TALL * row as f64, width, TALL),
                title: label,
                x: (self.x.clone(), "x"),
                y: (self.y.clone(), if column == 0 { "y" } else { "" }),
                y_labels: 50.0,
                x_labels: 46.0,
            };
            panel.draw(sheet, |place| self.draw_one(sheet, place, *colour, adaptation))?;
        }
        self.frame.draw(sheet, self.tall())
    }
}

impl Adaptations {
    fn draw_one<DB: DrawingBackend>(
        &self,
        sheet: &Sheet<DB>,
        place: &dyn Fn(f64, f64) -> At,
        colour: RGBColor,
        adaptation: &Adaptation,
    ) -> Drawn<DB> {
        let path = |points: &Points| -> Vec<At> { points.iter().map(|p| place(p.0, p.1)).collect() };
        marks::line(sheet, &path(&adaptation.truth), TRUTH, 5.0, &[])?;
        let ends = |end: fn(&(f64, f64, f64)) -> f64| -> Vec<At> {
            adaptation.band.iter().map(|b| place(b.0, end(b))).collect()
        };
        if !adaptation.band.is_empty() {
            marks::band(sheet, &ends(|b| b.1), &ends(|b| b.2), colour)?;
        }
        for (step, points) in &adaptation.fits {
            let index = self.steps.iter().position(|s| s == step).unwrap_or(0);
            let (width, dash) = stroke(index, self.steps.len());
            marks::line(sheet, &path(points), shade(colour, index, self.steps.len()), width, dash)?;
        }
        for at in path(&adaptation.support) {
            sheet.draw(&Circle::new(at, px(5.2), WHITE.filled()))?;
            sheet.draw(&Circle::new(at, px(4.0), INK.filled()))?;
        }
        Ok(())
    }
}
