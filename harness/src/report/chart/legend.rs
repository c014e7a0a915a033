//! The legend: a strip of samples and words beneath the data, never over it.

use super::{
    Stroke,
    canvas::{Drawn, Sheet, px, text_width},
    ink::{self, At, FAINT, INK, TEXT, Type},
    style::Look,
};
use plotters::prelude::*;

/// What a sample shows.
#[derive(Clone, Copy)]
pub enum Sample {
    /// A method's line with its marker.
    Method(Look),
    /// A line alone.
    Line(Stroke),
    /// A dot, filled or open.
    Dot { open: bool },
    /// An interval's stroke.
    Whisker { width: f64, cap: f64 },
    /// A shaded range.
    Ground,
}

/// Samples with their words, broken into rows.
pub struct Legend {
    rows: Vec<Vec<(Sample, String, f64)>>,
    width: f64,
}

/// Width of a sample in pixels.
pub const SAMPLE: f64 = 40.0;
/// Opacity of a shaded range.
pub const GROUND: f64 = 0.16;
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
                ink::text(sheet, words, (px(x + SAMPLE + GAP), y), Type::plain(TEXT))?;
                x += needs;
            }
        }
        Ok(())
    }
}

impl Sample {
    /// Draws it in a strip of [`SAMPLE`] pixels from `(x, y)`, its left middle.
    pub fn draw<DB: DrawingBackend>(self, sheet: &Sheet<DB>, (x, y): At) -> Drawn<DB> {
        let (end, middle) = (x + px(SAMPLE), x + px(SAMPLE / 2.0));
        match self {
            Sample::Method(look) => {
                ink::line(sheet, &[(x, y), (end, y)], Stroke { colour: look.colour, width: 2.0, dash: look.dash })?;
                ink::marker(sheet, (middle, y), look, 8.0)
            }
            Sample::Line(stroke) => ink::line(sheet, &[(x, y), (end, y)], stroke),
            Sample::Dot { open } => ink::dot(sheet, (middle, y), INK, 8.0, open),
            Sample::Whisker { width, cap } => ink::whisker(sheet, [(x, y), (end, y)], width, cap, INK),
            Sample::Ground => {
                sheet.draw(&Rectangle::new([(x, y - px(6.0)), (end, y + px(6.0))], FAINT.mix(GROUND).filled()))
            }
        }
    }
}
