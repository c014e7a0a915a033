//! One drawing, three files: SVG, PNG and PDF from the same commands.
//!
//! plotters draws on whole numbers and fills without smoothing. So every picture is drawn on a grid [`FINE`] times finer
//! than its pixels: the SVG gets a view box and keeps the precision, the PNG is averaged down, which smooths it. The
//! font comes from a crate and is registered by name, so that no picture depends on what the machine has installed.

use super::{Chart, Layout, bitmap::Bitmap, draw, legend, pdf::Pdf, style::Look};
use harness_core::{Error, Result};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, RgbImage, codecs::png};
use plotters::{coord::Shift, drawing::DrawingAreaErrorKind, prelude::*, style::register_font};
use std::{path::Path, sync::Once};

/// Grid points in one pixel of the picture.
const FINE: i32 = 4;
/// Grid points averaged, in each direction, into one pixel of the PNG, which is so twice as fine as the picture's nominal size.
const AVERAGED: u32 = 2;

/// The registered font, written into the SVG as its CSS family: Verdana has the same widths where DejaVu is missing.
pub const FONT: &str = "DejaVu Sans, Verdana, sans-serif";

/// The sheet that pictures draw on.
pub type Sheet<DB> = DrawingArea<DB, Shift>;
/// What drawing returns.
pub type Drawn<DB> = std::result::Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Pixels to grid points.
pub fn px(pixels: f64) -> i32 {
    (pixels * f64::from(FINE)).round() as i32
}

/// Grid points in a pixel: the unit of a drawing's view box.
pub fn grid() -> f64 {
    f64::from(FINE)
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

/// The chart as SVG, laid out by `layout`.
pub fn svg(chart: &Chart, layout: &Layout) -> Result<String> {
    let mut text = String::new();
    paint(
        SVGBackend::with_string(&mut text, fine(layout.size)),
        |sheet| draw::draw(chart, layout, sheet),
        &chart.name,
    )?;
    Ok(compact(&sized(text, layout.size)))
}

/// A method's line with its marker, for legends and tables.
pub fn swatch(look: Look) -> Result<String> {
    let (mut text, size) = (String::new(), (legend::SAMPLE, 14.0));
    let draw = |sheet: &Sheet<SVGBackend>| legend::Sample::Method(look).draw(sheet, (0, px(7.0)));
    paint(SVGBackend::with_string(&mut text, fine(size)), draw, "a swatch")?;
    Ok(compact(&sized(text, size)))
}

/// The chart as a page of its own size.
pub fn pdf(chart: &Chart, layout: &Layout) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A pixel is 1/96 inch, a point 1/72.
    let backend = Pdf::new(&mut bytes, fine(layout.size), f64::from(FINE) * 96.0 / 72.0);
    paint(backend, |sheet| draw::draw(chart, layout, sheet), &chart.name)?;
    Ok(bytes)
}

/// The chart as PNG, two dots for each pixel.
pub fn png(chart: &Chart, layout: &Layout) -> Result<Vec<u8>> {
    let (width, height) = fine(layout.size);
    let (width, height) = (width as usize, height as usize);
    let mut fine = vec![0u8; 3 * width * height];
    let backend = Bitmap::new(&mut fine, (width as u32, height as u32));
    paint(backend, |sheet| draw::draw(chart, layout, sheet), &chart.name)?;
    let fine = RgbImage::from_raw(width as u32, height as u32, fine).expect("three bytes a dot");
    // Of `DynamicImage`, which is compiled with its crate: optimised whatever this one is.
    let small = DynamicImage::from(fine).thumbnail_exact(width as u32 / AVERAGED, height as u32 / AVERAGED);
    let mut bytes = Vec::new();
    png::PngEncoder::new_with_quality(&mut bytes, png::CompressionType::Default, png::FilterType::Adaptive)
        .write_image(small.as_bytes(), small.width(), small.height(), ExtendedColorType::Rgb8)
        .map_err(|e| failed(&chart.name, &e))?;
    Ok(bytes)
}

fn fine((width, height): (f64, f64)) -> (u32, u32) {
    (px(width) as u32, px(height) as u32)
}

fn paint<DB: DrawingBackend>(backend: DB, draw: impl FnOnce(&Sheet<DB>) -> Drawn<DB>, name: &str) -> Result<()> {
    let sheet = backend.into_drawing_area();
    let all = || {
        sheet.fill(&WHITE)?;
        draw(&sheet)?;
        sheet.present()
    };
    all().map_err(|e| failed(name, &e))
}

/// The view box keeps the grid, the size is in pixels.
fn sized(text: String, (width, height): (f64, f64)) -> String {
    let (fine_width, fine_height) = fine((width, height));
    text.replacen(
        &format!("width=\"{fine_width}\" height=\"{fine_height}\""),
        &format!("width=\"{width}\" height=\"{height}\""),
        1,
    )
}

/// The dashes of a line, which plotters writes as lines of their own, as one path: a fifth of the bytes.
fn compact(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len() / 2);
    let mut open: Option<&str> = None;
    for line in svg.lines() {
        let dash = line.strip_prefix("<polyline ").and_then(|rest| rest.split_once(" points=\""));
        let Some((style, points)) = dash.and_then(|(style, rest)| Some((style, rest.strip_suffix(" \"/>")?))) else {
            if open.take().is_some() {
                out += "\"/>\n";
            }
            out += line;
            out.push('\n');
            continue;
        };
        if open != Some(style) {
            if open.is_some() {
                out += "\"/>\n";
            }
            out += &format!("<path {style} d=\"");
        }
        open = Some(style);
        out.push('M');
        out += points;
    }
    out
}

fn failed(name: &str, error: &dyn std::fmt::Display) -> Error {
    Error::io(Path::new(name), std::io::Error::other(format!("cannot draw: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_become_one_path() {
        let dash = |points: &str| format!("<polyline fill=\"none\" stroke=\"#000000\" points=\"{points} \"/>\n");
        let svg = format!("<svg>\n{}{}<rect/>\n{}</svg>\n", dash("1,2 3,4"), dash("5,6 7,8"), dash("0,0 1,1"));
        assert_eq!(
            compact(&svg),
            "<svg>\n<path fill=\"none\" stroke=\"#000000\" d=\"M1,2 3,4M5,6 7,8\"/>\n<rect/>\n<path fill=\"none\" \
             stroke=\"#000000\" d=\"M0,0 1,1\"/>\n</svg>\n"
        );
    }
}
