//! Values over an axis: a line with some markers, and the band around it.

use super::{
    canvas::{Drawn, Sheet},
    marks::{self, At},
    style::Look,
};
use crate::report::series::Point;
use plotters::prelude::*;

/// Which points of a line bear a marker: a handful is enough to tell lines apart; one at every point would hide them.
pub struct Markers {
    /// The first to bear one.
    pub first: usize,
    /// From one to the next.
    pub every: usize,
    /// In pixels.
    pub size: f64,
}

/// The ground between the low and the high ends; nothing for a single point.
pub fn band<DB: DrawingBackend>(
    sheet: &Sheet<DB>,
    place: &dyn Fn(f64, f64) -> At,
    points: &[Point],
    colour: RGBColor,
) -> Drawn<DB> {
    let (low, high): (Vec<At>, Vec<At>) = points.iter().map(|p| (place(p.0, p.2), place(p.0, p.3))).unzip();
    if low.len() > 1 { marks::band(sheet, &low, &high, colour) } else { Ok(()) }
}

/// The line through the middles, `width` pixels wide.
pub fn line<DB: DrawingBackend>(
    sheet: &Sheet<DB>,
    place: &dyn Fn(f64, f64) -> At,
    points: &[Point],
    (look, width): (Look, f64),
    markers: &Markers,
) -> Drawn<DB> {
    let line: Vec<At> = points.iter().map(|p| place(p.0, p.1)).collect();
    marks::line(sheet, &line, look.colour, width, look.dash)?;
    let mut marked = line.iter().skip(markers.first).step_by(markers.every);
    marked.try_for_each(|at| marks::marker(sheet, *at, look, markers.size))
}
