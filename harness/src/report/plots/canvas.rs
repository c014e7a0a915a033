//! One drawing, two files: SVG and PNG from the same commands.
//!
//! plotters draws on whole numbers and fills without smoothing. So every picture is drawn on a grid [`FINE`] times finer
//! than its pixels: the SVG gets a view box and keeps the precision, the PNG is averaged down, which smooths it. The
//! font comes from a crate and is registered by name, so that no picture depends on what the machine has installed.

use super::bitmap::Bitmap;
use harness_core::{Error, Result};
use image::{ExtendedColorType, ImageEncoder, codecs::png};
use plotters::{coord::Shift, drawing::DrawingAreaErrorKind, prelude::*, style::register_font};
use std::{path::Path, sync::Once};

/// Grid points in one pixel of the picture.
const FINE: i32 = 4;
/// Grid points averaged, in each direction, into one pixel of the PNG, which is so twice as fine as the picture's nominal size.
const AVERAGED: usize = 2;

/// The registered font, written into the SVG as its CSS family: Verdana has the same widths where DejaVu is missing.
pub const FONT: &str = "DejaVu Sans, Verdana, sans-serif";

/// The sheet that pictures draw on.
pub type Sheet<DB> = DrawingArea<DB, Shift>;
/// What drawing returns.
pub type Drawn<DB> = std::result::Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Something that can draw itself.
pub trait Drawing {
    /// Width and height in pixels.
    fn size(&self) -> (f64, f64);
    /// Draws on a white sheet of that size, positions in grid points ([`px`]).
    fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawn<DB>;
}

/// Pixels to grid points.
pub fn px(pixels: f64) -> i32 {
    (pixels * f64::from(FINE)).round() as i32
}

/// A font of `em` pixels.
pub fn font(em: f64, style: FontStyle) -> FontDesc<'static> {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        for (style, bytes) in [(FontStyle::Normal, dejavu::sans::regular()), (FontStyle::Bold, dejavu::sans::bold())] {
            // Without this, plotters measures no text and fails at run time.
            register_font(FONT, style, bytes).unwrap_or_else(|_| panic!("the embedded font is sound"));
        }
    });
    // plotters divides by 1.24 to come from its size to the em.
    FontDesc::new(FontFamily::Name(FONT), em * 1.24 * f64::from(FINE), style)
}

/// Width of `text` in pixels.
pub fn text_width(text: &str, em: f64, style: FontStyle) -> f64 {
    let (width, _) = font(em, style).box_size(text).expect("the font is registered");
    f64::from(width) / f64::from(FINE)
}

/// The picture as SVG.
pub fn svg(drawing: &impl Drawing, name: &str) -> Result<String> {
    let (width, height) = drawing.size();
    let fine = (px(width) as u32, px(height) as u32);
    let mut text = String::new();
    draw(drawing, SVGBackend::with_string(&mut text, fine), name)?;
    let size = |(w, h): (f64, f64)| format!("width=\"{w}\" height=\"{h}\"");
    Ok(text.replacen(&size((fine.0.into(), fine.1.into())), &size((width, height)), 1))
}

/// The picture as PNG, two dots for each pixel.
pub fn png(drawing: &impl Drawing, name: &str) -> Result<Vec<u8>> {
    let (width, height) = drawing.size();
    let (width, height) = (px(width) as usize, px(height) as usize);
    let mut fine = vec![0u8; 3 * width * height];
    draw(drawing, Bitmap::new(&mut fine, (width as u32, height as u32)), name)?;
    let (small_width, small_height) = (width / AVERAGED, height / AVERAGED);
    let mut small = Vec::with_capacity(3 * small_width * small_height);
    for y in 0..small_height {
        for x in 0..small_width {
            for channel in 0..3 {
                let dot = |dy, dx| usize::from(fine[3 * ((y * AVERAGED + dy) * width + x * AVERAGED + dx) + channel]);
                let sum: usize = (0..AVERAGED).flat_map(|dy| (0..AVERAGED).map(move |dx| dot(dy, dx))).sum();
                small.push((sum / (AVERAGED * AVERAGED)) as u8);
            }
        }
    }
    let mut bytes = Vec::new();
    png::PngEncoder::new_with_quality(&mut bytes, png::CompressionType::Best, png::FilterType::Adaptive)
        .write_image(&small, small_width as u32, small_height as u32, ExtendedColorType::Rgb8)
        .map_err(|e| failed(name, &e))?;
    Ok(bytes)
}

fn draw<DB: DrawingBackend>(drawing: &impl Drawing, backend: DB, name: &str) -> Result<()> {
    let sheet = backend.into_drawing_area();
    let paint = || {
        sheet.fill(&WHITE)?;
        drawing.draw(&sheet)?;
        sheet.present()
    };
    paint().map_err(|e| failed(name, &e))
}

fn failed(name: &str, error: &dyn std::fmt::Display) -> Error {
    Error::io(Path::new(name), std::io::Error::other(format!("cannot draw: {error}")))
}
