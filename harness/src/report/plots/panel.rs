//! A framed pair of axes: where data become places on the sheet.

use super::{
    axis::Axis,
    canvas::{Drawn, Sheet, font, px},
    marks::{self, At, FAINT, RULE, SMALL, TEXT, Type},
};
use plotters::prelude::*;

/// A panel and what stands around it.
pub struct Panel<'a> {
    /// Left, top, width and height in pixels, labels included.
    pub place: (f64, f64, f64, f64),
    pub title: &'a str,
    pub x: (Axis, &'a str),
    pub y: (Axis, &'a str),
    /// Pixels for the labels of the y axis; 0 leaves out the labels and the lines across.
    pub y_labels: f64,
    /// Pixels for the labels of the x axis.
    pub x_labels: f64,
}

/// Height of a panel's title in pixels; 0 if it has none.
const HEADING: f64 = 24.0;
/// Free pixels at the right, for the last tick label.
const RIGHT: f64 = 18.0;

impl Panel<'_> {
    /// Draws title, grid and axes, and hands the map from data to places to `data`.
    pub fn draw<DB: DrawingBackend>(
        &self,
        sheet: &Sheet<DB>,
        data: impl FnOnce(&dyn Fn(f64, f64) -> At) -> Drawn<DB>,
    ) -> Drawn<DB> {
        let (left, top, width, height) = self.place;
        let heading = if self.title.is_empty() { 0.0 } else { HEADING };
        let area = sheet.clone().shrink((px(left), px(top + heading)), (px(width), px(height - heading)));
        let mut chart = ChartBuilder::on(&area)
            .margin_top(px(5.0))
            .margin_right(px(RIGHT))
            .x_label_area_size(px(self.x_labels))
            .y_label_area_size(px(self.y_labels))
            .build_cartesian_2d(self.x.0.clone(), self.y.0.clone())?;
        let mut mesh = chart.configure_mesh();
        mesh.bold_line_style(RULE.stroke_width(px(1.0) as u32))
            .light_line_style(TRANSPARENT)
            .axis_style(FAINT.stroke_width(px(1.0) as u32))
            .set_all_tick_mark_size(px(4.0))
            .label_style(font(SMALL, FontStyle::Normal).color(&marks::INK))
            .axis_desc_style(font(TEXT, FontStyle::Normal).color(&marks::INK))
            .x_labels(self.x.0.ticks.len())
            .y_labels(self.y.0.ticks.len())
            .x_desc(self.x.1)
            .y_desc(self.y.1);
        if self.y_labels == 0.0 {
            mesh.disable_y_mesh();
        }
        mesh.draw()?;
        if !self.title.is_empty() {
            let middle = left + self.y_labels + (width - self.y_labels - RIGHT) / 2.0;
            marks::text(sheet, self.title, (px(middle), px(top + heading / 2.0)), Type::plain(TEXT).bold().centred())?;
        }
        let place = |x: f64, y: f64| chart.backend_coord(&(x, y));
        data(&place)
    }
}
