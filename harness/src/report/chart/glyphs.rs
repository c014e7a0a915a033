//! The embedded font, and where the glyphs of a text stand: the same for bitmaps and PDF, by the rules of plotters' own
//! SVG backend.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont};
use plotters_backend::{
    BackendCoord, BackendTextStyle, FontStyle, FontTransform,
    text_anchor::{HPos, VPos},
};
use std::sync::LazyLock;

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| load(dejavu::sans::regular()));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| load(dejavu::sans::bold()));

fn load(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the embedded font is sound")
}

/// A text, set: its glyphs from left to right of its point, with the baseline beneath it.
pub struct Set {
    pub font: &'static FontRef<'static>,
    pub bold: bool,
    /// Grid points of an em.
    pub em: f32,
    pub scale: PxScale,
    /// Down from the text's point.
    pub baseline: f32,
    /// With their places along the baseline.
    pub glyphs: Vec<(GlyphId, f32)>,
}

/// Sets `text` in `style`.
pub fn set<S: BackendTextStyle>(text: &str, style: &S) -> Set {
    let bold = matches!(style.style(), FontStyle::Bold);
    let font = if bold { &*BOLD } else { &*REGULAR };
    // plotters multiplies by 1.24 to come from the em to its size.
    let em = (style.size() / 1.24) as f32;
    let scaled = font.as_scaled(PxScale::from(em * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0)));
    let (mut pen, mut glyphs, mut before) = (0.0, Vec::new(), None);
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
    glyphs.iter_mut().for_each(|(_, pen)| *pen += left);
    // `dy` of the SVG backend: 0.76em, 0.5ex and -0.5ex; an x of this font is 0.547 em high.
    let baseline = em
        * match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.273,
            VPos::Bottom => -0.273,
        };
    Set { font, bold, em, scale: scaled.scale(), baseline, glyphs }
}

/// `(x, y)`, turned as the text is.
pub fn turned(by: FontTransform, (x, y): BackendCoord) -> BackendCoord {
    match by {
        FontTransform::None => (x, y),
        FontTransform::Rotate90 => (-y, x),
        FontTransform::Rotate180 => (-x, -y),
        FontTransform::Rotate270 => (y, -x),
    }
}
