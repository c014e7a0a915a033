//! What stands around the panels of every picture: the title above them, the legend and a caption below.

use super::{
    canvas::{Drawn, Sheet, px},
    legend::{Legend, Sample},
    marks::{self, SMALL, TITLE, Type},
};
use plotters::prelude::*;

/// Pixels across every picture.
pub const WIDTH: f64 = 960.0;
/// Pixels above the panels.
pub const HEAD: f64 = 40.0;
/// Pixels between the panels and the legend.
const GAP: f64 = 6.0;
/// Height of a caption in pixels.
const CAPTION: f64 = 26.0;
/// Pixels for the gap and below everything.
const FOOT: f64 = 14.0;

/// Title, legend and caption of a picture.
pub struct Frame {
    title: String,
    legend: Legend,
    /// Empty where nothing needs to be said.
    caption: String,
}

impl Frame {
    pub fn new(title: String, legend: Vec<(Sample, String)>, caption: impl Into<String>) -> Self {
        Frame { title, legend: Legend::new(legend, WIDTH - 40.0), caption: caption.into() }
    }

    /// Width and height of the whole picture in pixels, around panels of that height.
    pub fn size(&self, panels: f64) -> (f64, f64) {
        let caption = if self.caption.is_empty() { 0.0 } else { CAPTION };
        (WIDTH, HEAD + panels + self.legend.height() + caption + FOOT)
    }

    /// Draws all but the panels, which begin at [`HEAD`] and are `panels` pixels high.
    pub fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, panels: f64) -> Drawn<DB> {
        marks::text(sheet, &self.title, (px(WIDTH / 2.0), px(HEAD / 2.0)), Type::plain(TITLE).bold().centred())?;
        let top = HEAD + panels + GAP;
        self.legend.draw(sheet, 20.0, top)?;
        if self.caption.is_empty() {
            return Ok(());
        }
        let at = (px(WIDTH / 2.0), px(top + self.legend.height() + CAPTION / 2.0));
        marks::text(sheet, &self.caption, at, Type::plain(SMALL).faint().centred())
    }
}
