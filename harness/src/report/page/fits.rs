//! Adaptation on one test task of a regression benchmark, a panel a method: the true curve, the sampled points, and the
//! fit after some inner steps (Figure 1 of the Reptile paper).

use super::{
    curves::Entry,
    frame::{self, Frame, num},
};
use crate::report::{
    adaptation::{self, Adaptation},
    plots::{Axis, Styles, fit_stroke},
    summary::{Cell, Summary},
};
use harness_core::Result;
use serde::Serialize;

/// All panels on the same axes.
#[derive(Serialize)]
pub struct Fits {
    pub panels: Vec<Panel>,
    pub legend: Vec<Entry>,
}

/// One method.
#[derive(Serialize)]
pub struct Panel {
    pub method: String,
    pub svg: String,
}

impl Fits {
    /// The fits of the methods of one benchmark; None where there are none.
    pub fn new(summary: &Summary, cells: &[Cell], styles: &Styles) -> Result<Option<Self>> {
        let found = adaptation::of(summary, cells)?;
        let all = || {
            let of = |a: &Adaptation| a.fits.values().flatten().chain(&a.truth).chain(&a.support).copied().collect();
            found.iter().flat_map(move |(_, a)| -> Vec<(f64, f64)> { of(a) })
        };
        let range = |get: fn((f64, f64)) -> f64| {
            all().map(get).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (x, y) = (range(|p| p.0), range(|p| p.1));
        if !x.0.is_finite() {
            return Ok(None);
        }
        let (x, y) = (Axis::exact(x.0, x.1, 5), Axis::linear(y.0, y.1, 5));
        let mut steps: Vec<u64> = found.iter().flat_map(|(_, a)| a.fits.keys().copied()).collect();
        steps.sort_unstable();
        steps.dedup();
        let panel = |(method, adaptation): &(String, Adaptation)| {
            let (x, y) = (x.clone(), y.clone());
            let frame = Frame { x, y, x_title: "x", width: 400.0, height: 270.0, gutter: 0.0 };
            let told: Vec<String> = adaptation.fits.keys().map(u64::to_string).collect();
            let words = format!(
                "{method}: fits after {} inner steps to {} points of a curve, with the curve itself",
                told.join(", "),
                adaptation.support.len()
            );
            let svg = frame.draw(&words, &marks(&frame, adaptation, &steps, &frame::class(styles.look(method).colour)));
            Panel { method: method.clone(), svg }
        };
        Ok(Some(Fits { panels: found.iter().map(panel).collect(), legend: legend(&steps) }))
    }
}

fn marks(frame: &Frame, adaptation: &Adaptation, steps: &[u64], class: &str) -> String {
    let place =
        |points: &[(f64, f64)]| -> Vec<(f64, f64)> { points.iter().map(|p| (frame.x(p.0), frame.y(p.1))).collect() };
    let mut out =
        format!("<path class=\"truth\" d=\"{}\"/><g class=\"{class}\">", frame::path(&place(&adaptation.truth)));
    for (step, points) in &adaptation.fits {
        let index = steps.iter().position(|s| s == step).unwrap_or(0);
        out += &line(&frame::path(&place(points)), index, steps.len());
    }
    out += "</g><g class=\"support\">";
    for (x, y) in place(&adaptation.support) {
        out += &format!("<circle cx=\"{}\" cy=\"{}\" r=\"3.6\"/>", num(x), num(y));
    }
    out + "</g>"
}

/// A fit: the last in the method's colour, earlier ones grey and broken.
fn line(path: &str, index: usize, count: usize) -> String {
    let (width, pattern) = fit_stroke(index, count);
    let class = if index + 1 == count { "line" } else { "early" };
    format!("<path class=\"{class}\" d=\"{path}\" style=\"stroke-width:{}\"{}/>", num(width), frame::dash(pattern))
}

fn legend(steps: &[u64]) -> Vec<Entry> {
    let swatch =
        |inside: &str| format!("<svg class=\"swatch\" viewBox=\"0 0 34 14\" aria-hidden=\"true\">{inside}</svg>");
    let entry = |label: String, inside: &str| Entry { label, class: String::new(), swatch: swatch(inside) };
    let mut legend = vec![
        entry("true curve".into(), "<path class=\"truth\" d=\"M1 7H33\"/>"),
        entry("sampled points".into(), "<g class=\"support\"><circle cx=\"17\" cy=\"7\" r=\"3.6\"/></g>"),
    ];
    for (index, step) in steps.iter().enumerate() {
        let words = format!("fit after {step} inner step{}", if *step == 1 { "" } else { "s" });
        legend.push(entry(words, &line("M1 7H33", index, steps.len())));
    }
    legend
}
