//! Adaptation on one sine task, after Figure 1 of the Reptile paper: the true curve, the sampled points, and each
//! method's fit after 0, 1, 8 and 32 inner steps. All seeds meet the same task: lines are means over them, with a band
//! from the smallest to the largest for the last fit.

use super::{
    axis::Axis,
    canvas::{Drawing, Drawn, Sheet, px},
    curves,
    legend::{Legend, Sample},
    marks::{self, At, INK, SMALL, TITLE, Type},
    panel::Panel,
    style::Styles,
};
use crate::report::{
    stats::mean,
    summary::{Cell, Summary},
    table_file::TableFile,
};
use harness_core::Result;
use plotters::prelude::*;
use std::{collections::BTreeMap, path::Path};

/// The columns of `adaptation.csv`.
pub const HEADER: &str = "series,step,x,y";

type Points = Vec<(f64, f64)>;

/// What `adaptation.csv` of one run holds.
struct Adaptation {
    truth: Points,
    support: Points,
    /// By inner step.
    fits: BTreeMap<u64, Points>,
    /// Around the last fit: x, and the smallest and largest value of any seed. Empty for one seed.
    band: Vec<(f64, f64, f64)>,
}

/// One panel a method.
pub struct Adaptations {
    title: String,
    panels: Vec<(String, RGBColor, Adaptation)>,
    x: Axis,
    y: Axis,
    steps: Vec<u64>,
    legend: Legend,
    /// What the band is; empty where there is none.
    caption: &'static str,
}

const WIDTH: f64 = 960.0;
const HEAD: f64 = 40.0;
const TALL: f64 = 290.0;
const CAPTION: f64 = 22.0;
const OVER_SEEDS: &str = "lines: mean over seeds; band: smallest to largest seed after the last step";
const TRUTH: RGBColor = RGBColor(190, 190, 190);

impl Adaptations {
    /// The seeds of each method of one benchmark; None where no run left an `adaptation.csv`.
    pub fn new(summary: &Summary, cells: &[Cell], styles: &Styles) -> Result<Option<Self>> {
        let mut panels: Vec<(String, RGBColor, Adaptation)> = Vec::new();
        for cell in cells {
            let row = &cell.row;
            if panels.iter().any(|(label, ..)| *label == row.method) {
                continue;
            }
            let paths = curves::runs(summary, cell).into_iter().map(|run| run.path.join("adaptation.csv"));
            let seeds = paths.filter(|path| path.exists()).map(|path| read(&path)).collect::<Result<Vec<_>>>()?;
            if let Some(adaptation) = over_seeds(seeds) {
                panels.push((row.method.clone(), styles.look(&row.method).colour, adaptation));
            }
        }
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
        Ok(Some(Adaptations {
            title: format!("{name}: adaptation on one test task, budget {}", summary.budget),
            panels,
            x: Axis::exact(x.0, x.1, 5),
            y: Axis::linear(y.0, y.1, 6),
            steps,
            legend: Legend::new(entries, WIDTH - 40.0),
            caption,
        }))
    }

    /// Columns and rows of panels.
    fn grid(&self) -> (usize, usize) {
        let count = self.panels.len();
        let columns = if count == 4 { 2 } else { count.min(3) };
        (columns, count.div_ceil(columns))
    }
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

/// Early fits are thin and broken, the last is solid.
fn stroke(index: usize, count: usize) -> (f64, &'static [f64]) {
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
        let caption = if self.caption.is_empty() { 0.0 } else { CAPTION };
        (WIDTH, HEAD + TALL * self.grid().1 as f64 + self.legend.height() + caption + 18.0)
    }

    fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawn<DB> {
        marks::text(sheet, &self.title, (px(WIDTH / 2.0), px(HEAD / 2.0)), Type::plain(TITLE).bold().centred())?;
        let (columns, rows) = self.grid();
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
        let top = HEAD + TALL * rows as f64 + 6.0;
        self.legend.draw(sheet, 20.0, top)?;
        if self.caption.is_empty() {
            return Ok(());
        }
        let at = (px(WIDTH / 2.0), px(top + self.legend.height() + CAPTION / 2.0));
        marks::text(sheet, self.caption, at, Type::plain(SMALL).faint().centred())
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
