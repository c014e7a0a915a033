//! plotters' bitmap backend with text set properly.
//!
//! plotters 0.3.7 places glyphs without their left bearing and rounds each advance, so that words fall apart, and its
//! baseline is not that of its own SVG backend. Here [`glyphs`] sets it; all else is handed on.

use super::glyphs;
use ab_glyph::{Font, point};
use plotters::backend::BitMapBackend;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

/// A bitmap of three bytes a dot.
pub struct Bitmap<'a>(BitMapBackend<'a>);

impl<'a> Bitmap<'a> {
    /// Draws into `buffer`, which holds three bytes for each dot of `size`.
    pub fn new(buffer: &'a mut [u8], size: (u32, u32)) -> Self {
        Bitmap(BitMapBackend::with_buffer(buffer, size))
    }
}

type Done<E> = Result<(), DrawingErrorKind<E>>;

impl<'a> DrawingBackend for Bitmap<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Done<Self::ErrorType> {
        let set = glyphs::set(text, style);
        let ink = style.color();
        for (id, pen) in set.glyphs {
            let glyph = id.with_scale_and_position(set.scale, point(pen, set.baseline));
            let Some(outline) = set.font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            let mut dots = Vec::new();
            outline.draw(|x, y, cover| dots.push(((corner.x as i32 + x as i32, corner.y as i32 + y as i32), cover)));
            for (dot, cover) in dots {
                let (dx, dy) = glyphs::turned(style.transform(), dot);
                let colour = BackendColor { alpha: ink.alpha * f64::from(cover.min(1.0)), ..ink };
                self.0.draw_pixel((at.0 + dx, at.1 + dy), colour)?;
            }
        }
        Ok(())
    }

    fn get_size(&self) -> (u32, u32) {
        self.0.get_size()
    }

    fn ensure_prepared(&mut self) -> Done<Self::ErrorType> {
        self.0.ensure_prepared()
    }

    fn present(&mut self) -> Done<Self::ErrorType> {
        self.0.present()
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Done<Self::ErrorType> {
        self.0.draw_pixel(at, colour)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Done<Self::ErrorType> {
        self.0.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Done<Self::ErrorType> {
        self.0.draw_rect(from, to, style, fill)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Done<Self::ErrorType> {
        self.0.draw_path(path, style)
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Done<Self::ErrorType> {
        self.0.draw_circle(centre, radius, style, fill)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Done<Self::ErrorType> {
        self.0.fill_polygon(corners, style)
    }
}
