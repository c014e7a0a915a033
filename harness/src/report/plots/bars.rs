//! Our value beside the published one, with every interval and the numbers themselves: one row a method and mode.
//!
//! Bars start at zero, so their lengths are honest; what lengths cannot show (97.6 beside 97.7) the figures at the right do.

use super::{
    axis::Axis,
    canvas::{Drawing, Drawn, Sheet, px, text_width},
    frame::{Frame, HEAD, WIDTH},
    legend::Sample,
    marks::{self, At, INK, SMALL, TEXT, Type},
    panel::Panel,
    style::{Look, Styles},
};
use crate::report::{
    format,
    summary::{Cell, Summary},
};
use plotters::prelude::*;

/// One bar with its intervals and its figures.
struct Bar {
    value: f64,
    over_episodes: Option<f64>,
    /// Over seeds, or the published ±.
    thin: Option<f64>,
    words: String,
}

/// A method in one mode.
struct Row {
    method: String,
    mode: String,
    look: Look,
    ours: Option<Bar>,
    published: Option<Bar>,
    /// Top in pixels beneath the top of the plot.
    top: f64,
}

/// The bars of one benchmark.
pub struct Bars {
    frame: Frame,
    metric: String,
    rows: Vec<Row>,
    axis: Axis,
    /// Where methods end, where the plot begins, and how wide the figures beside it are.
    methods: f64,
    labels: f64,
    figures: f64,
    height: f64,
}

const THICK: f64 = 15.0;
const TICKS: f64 = 48.0;

impl Bars {
    /// The bars of the `cells` of one benchmark; None where every run failed.
    pub fn new(summary: &Summary, cells: &[Cell], styles: &Styles) -> Option<Self> {
        let mut rows: Vec<Row> = Vec::new();
        let mut top = 10.0;
        for cell in cells {
            let (ours, published) = (ours(cell), published(cell));
            if ours.is_none() && published.is_none() {
                continue;
            }
            let same = rows.last().is_some_and(|r| r.method == cell.row.method);
            top += if rows.is_empty() || same { 0.0 } else { 12.0 };
            let bars = f64::from(u8::from(ours.is_some()) + u8::from(published.is_some()));
            let look = styles.look(&cell.row.method);
            let (method, mode) = (cell.row.method.clone(), cell.row.mode.clone());
            rows.push(Row { method, mode, look, ours, published, top });
            top += bars * THICK + 9.0;
        }
        let first = &cells.first()?.row;
        let bars = || rows.iter().flat_map(|r| r.ours.iter().chain(&r.published));
        let ends = bars().map(|b| b.value + b.over_episodes.unwrap_or(0.0).max(b.thin.unwrap_or(0.0)));
        let highest = ends.fold(0.0, f64::max);
        if rows.is_empty() || highest <= 0.0 {
            return None;
        }
        let accuracy = first.metric == "accuracy";
        let axis = if accuracy { Axis::exact(0.0, 100.0, 5) } else { Axis::linear(0.0, highest, 6) };
        let wide =
            |words: &str, em, bold| text_width(words, em, if bold { FontStyle::Bold } else { FontStyle::Normal });
        let methods = rows.iter().map(|r| wide(&r.method, TEXT, true)).fold(0.0, f64::max) + 16.0;
        let modes =
            rows.iter().filter(|r| r.mode != "-").map(|r| wide(&r.mode, SMALL, false) + 10.0).fold(0.0, f64::max);
        let figures = bars().map(|b| wide(&b.words, SMALL, false)).fold(0.0, f64::max) + 14.0;
        let mut entries = vec![(Sample::Bar { filled: true }, "ours".to_string())];
        if bars().any(|b| b.over_episodes.is_some()) {
            entries.push((EPISODES, "95 % over episodes".into()));
        }
        if rows.iter().flat_map(|r| &r.ours).any(|b| b.thin.is_some()) {
            entries.push((THIN, "95 % over seeds".into()));
        }
        if rows.iter().any(|r| r.published.is_some()) {
            entries.push((Sample::Bar { filled: false }, "published".into()));
        }
        if rows.iter().flat_map(|r| &r.published).any(|b| b.thin.is_some()) {
            entries.push((THIN, "published ±".into()));
        }
        let title = format!("{}: results, budget {}", first.benchmark, summary.budget);
        Some(Bars {
            frame: Frame::new(title, entries, ""),
            metric: format::metric(&first.metric).to_string(),
            rows,
            axis,
            methods,
            labels: methods + modes + 10.0,
            figures,
            height: top + 4.0,
        })
    }

    fn plot_height(&self) -> f64 {
        self.height + TICKS
    }
}

const EPISODES: Sample = Sample::Whisker { width: 3.5, cap: 0.0 };
const THIN: Sample = Sample::Whisker { width: 1.25, cap: 8.0 };

fn ours(cell: &Cell) -> Option<Bar> {
    let row = &cell.row;
    let value = row.mean?;
    let mut words = format::with_interval(&row.metric, value, row.ci95_episodes);
    if let Some(seeds) = row.ci95_seeds {
        words += &format!("  (seeds ±{})", format::value(&row.metric, seeds));
    }
    Some(Bar { value, over_episodes: row.ci95_episodes, thin: row.ci95_seeds, words })
}

fn published(cell: &Cell) -> Option<Bar> {
    let row = &cell.row;
    let value = row.published?;
    let note = if cell.comparable { "" } else { ", another protocol" };
    let words = format!("{} published{note}", format::with_interval(&row.metric, value, row.published_ci));
    Some(Bar { value, over_episodes: None, thin: row.published_ci, words })
}

impl Drawing for Bars {
    fn size(&self) -> (f64, f64) {
        self.frame.size(self.plot_height())
    }

    fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawn<DB> {
        let right = WIDTH - self.figures - 6.0;
        let panel = Panel {
            place: (self.labels, HEAD, right - self.labels, self.plot_height()),
            title: "",
            x: (self.axis.clone(), &self.metric),
            y: (Axis::exact(0.0, 1.0, 1), ""),
            y_labels: 0.0,
            x_labels: TICKS,
        };
        panel.draw(sheet, |place| {
            for row in &self.rows {
                row.draw(sheet, place, (self.methods, right))?;
            }
            let base = place(0.0, 0.0);
            marks::line(sheet, &[base, (base.0, place(0.0, 1.0).1)], INK, 1.0, &[])
        })?;
        self.frame.draw(sheet, self.plot_height())
    }
}

impl Row {
    fn draw<DB: DrawingBackend>(
        &self,
        sheet: &Sheet<DB>,
        place: &dyn Fn(f64, f64) -> At,
        (methods, right): (f64, f64),
    ) -> Drawn<DB> {
        let mut y = HEAD + self.top;
        let bars: Vec<(&Bar, bool)> =
            self.ours.iter().map(|b| (b, true)).chain(self.published.iter().map(|b| (b, false))).collect();
        let middle = px(y + THICK * bars.len() as f64 / 2.0);
        marks::text(sheet, &self.method, (px(methods), middle), Type::plain(TEXT).bold().ends())?;
        if self.mode != "-" {
            marks::text(sheet, &self.mode, (px(methods + 10.0), middle), Type::plain(SMALL).faint())?;
        }
        for (bar, ours) in bars {
            let (top, bottom, centre) = (px(y + 1.0), px(y + THICK - 1.0), px(y + THICK / 2.0));
            let x = |value: f64| place(value, 0.0).0;
            marks::bar(sheet, [(x(0.0), top), (x(bar.value), bottom)], self.look.colour, ours)?;
            let span = |half: f64| ((x(bar.value - half), centre), (x(bar.value + half), centre));
            if let Some(half) = bar.over_episodes {
                let (a, b) = span(half);
                marks::whisker(sheet, a, b, 3.5, 0.0, INK)?;
            }
            if let Some(half) = bar.thin {
                let (a, b) = span(half);
                marks::whisker(sheet, a, b, 1.25, 8.0, INK)?;
            }
            let words = if ours { Type::plain(SMALL) } else { Type::plain(SMALL).faint() };
            marks::text(sheet, &bar.words, (px(right), centre), words)?;
            y += THICK;
        }
        Ok(())
    }
}
