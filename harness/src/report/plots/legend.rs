//! The legend: a strip of samples and words beneath the data, never over it.

use super::{
    canvas::{Drawn, Sheet, px, text_width},
    marks::{self, At, FAINT, INK, TEXT, Type},
    style::Look,
};
use plotters::prelude::*;

/// What a sample shows.
#[derive(Clone, Copy)]
pub enum Sample {
    /// A method's line with its marker.
    Method(Look),
    /// A line alone.
    Line { colour: RGBColor, width: f64, dash: &'static [f64] },
    /// A large marker: the final evaluation.
    Final,
    /// A sampled point.
    Dot,
    /// A filled bar, or an outlined one.
    Bar { filled: bool },
    /// An interval's stroke.
    Whisker { width: f64, cap: f64 },
}

/// Samples with their words, broken into rows.
pub struct Legend {
    rows: Vec<Vec<(Sample, String, f64)>>,
    width: f64,
}

const SAMPLE: f64 = 40.0;
const GAP: f64 = 7.0;
const BETWEEN: f64 = 22.0;
const ROW: f64 = 22.0;

impl Legend {
    /// Lays `entries` out in rows of at most `width` pixels.
    pub fn new(entries: Vec<(Sample, String)>, width: f64) -> Self {
        let mut rows: Vec<Vec<(Sample, String, f64)>> = vec![Vec::new()];
        let mut used = 0.0;
        for (sample, words) in entries {
            let needs = SAMPLE + GAP + text_width(&words, TEXT, FontStyle::Normal) + BETWEEN;
            if used + needs - BETWEEN > width && !rows[rows.len() - 1].is_empty() {
                rows.push(Vec::new());
                used = 0.0;
            }
            used += needs;
            let last = rows.len() - 1;
            rows[last].push((sample, words, needs));
        }
        Legend { rows, width }
    }

    /// Height in pixels.
    pub fn height(&self) -> f64 {
        ROW * self.rows.len() as f64
    }

    /// Draws the rows, each centred, with the top left corner at `(left, top)` pixels.
    pub fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, left: f64, top: f64) -> Drawn<DB> {
        for (index, row) in self.rows.iter().enumerate() {
            let used: f64 = row.iter().map(|(_, _, needs)| needs).sum::<f64>() - BETWEEN;
            let mut x = left + ((self.width - used) / 2.0).max(0.0);
            let y = px(top + ROW * (index as f64 + 0.5));
            for (sample, words, needs) in row {
                sample.draw(sheet, (px(x), y))?;
                marks::text(sheet, words, (px(x + SAMPLE + GAP), y), Type::plain(TEXT))?;
                x += needs;
            }
        }
        Ok(())
    }
}

impl Sample {
    fn draw<DB: DrawingBackend>(self, sheet: &Sheet<DB>, (x, y): At) -> Drawn<DB> {
        let (end, middle) = (x + px(SAMPLE), x + px(SAMPLE / 2.0));
        let corners = [(x, y - px(6.0)), (end, y + px(6.0))];
        match self {
            Sample::Method(look) => {
                marks::line(sheet, &[(x, y), (end, y)], look.colour, 2.0, look.dash)?;
                marks::marker(sheet, (middle, y), look, 7.0)
            }
            Sample::Line { colour, width, dash } => marks::line(sheet, &[(x, y), (end, y)], colour, width, dash),
            Sample::Final => {
                marks::whisker(sheet, (middle, y - px(8.0)), (middle, y + px(8.0)), 1.5, 6.0, INK)?;
                sheet.draw(&Circle::new((middle, y), px(5.0), INK.filled()))
            }
            Sample::Dot => sheet.draw(&Circle::new((middle, y), px(4.0), INK.filled())),
            Sample::Bar { filled } => marks::bar(sheet, corners, FAINT, filled),
            Sample::Whisker { width, cap } => marks::whisker(sheet, (x, y), (end, y), width, cap, INK),
        }
    }
}
