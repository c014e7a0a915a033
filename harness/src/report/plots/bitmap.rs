//! plotters' bitmap backend with text set properly.
//!
//! plotters 0.3.7 places glyphs without their left bearing and rounds each advance, so that words fall apart, and its
//! baseline is not that of its own SVG backend. Here text is set with ab_glyph by the rules of the SVG backend; all
//! else is handed on.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use plotters::backend::BitMapBackend;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
    text_anchor::{HPos, VPos},
};
use std::sync::LazyLock;

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| load(dejavu::sans::regular()));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| load(dejavu::sans::bold()));

fn load(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the embedded font is sound")
}

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
        let font = if matches!(style.style(), FontStyle::Bold) { &*BOLD } else { &*REGULAR };
        let em = (style.size() / 1.24) as f32;
        let scaled = font.as_scaled(PxScale::from(em * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0)));
        let mut pen = 0.0;
        let mut glyphs = Vec::new();
        let mut before = None;
        for id in text.chars().map(|c| font.glyph_id(c)) {
            pen += before.map_or(0.0, |b| scaled.kern(b, id));
            glyphs.push((id, pen));
            pen += scaled.h_advance(id);
            before = Some(id);
        }
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -pen / 2.0,
            HPos::Right => -pen,
        };
        // `dy` of the SVG backend: 0.76em, 0.5ex and -0.5ex; an x of this font is 0.547 em high.
        let baseline = em
            * match style.anchor().v_pos {
                VPos::Top => 0.76,
                VPos::Center => 0.273,
                VPos::Bottom => -0.273,
            };
        let turn = |x: i32, y: i32| match style.transform() {
            FontTransform::None => (x, y),
            FontTransform::Rotate90 => (-y, x),
            FontTransform::Rotate180 => (-x, -y),
            FontTransform::Rotate270 => (y, -x),
        };
        let ink = style.color();
        for (id, pen) in glyphs {
            let glyph = id.with_scale_and_position(scaled.scale(), point(left + pen, baseline));
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            let mut dots = Vec::new();
            outline.draw(|x, y, cover| dots.push((corner.x as i32 + x as i32, corner.y as i32 + y as i32, cover)));
            for (x, y, cover) in dots {
                let (dx, dy) = turn(x, y);
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
