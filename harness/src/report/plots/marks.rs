//! Small things to draw with, in grid points: dashed lines, bands, markers, whiskers, text.

use super::{
    canvas::{Drawn, Sheet, font, px},
    style::{Look, Marker},
};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// A point on the sheet.
pub type At = (i32, i32);

/// Ink of text and frames, and its weaker shades.
pub const INK: RGBColor = RGBColor(34, 34, 34);
pub const FAINT: RGBColor = RGBColor(95, 95, 95);
pub const RULE: RGBColor = RGBColor(222, 222, 222);

/// Size of text in pixels.
pub const TEXT: f64 = 13.0;
pub const SMALL: f64 = 11.5;
pub const TITLE: f64 = 16.0;

/// How a piece of text stands at its point.
#[derive(Clone, Copy)]
pub struct Type {
    pub em: f64,
    pub bold: bool,
    pub colour: RGBColor,
    pub across: HPos,
}

impl Type {
    /// Plain text that starts at its point.
    pub const fn plain(em: f64) -> Self {
        Type { em, bold: false, colour: INK, across: HPos::Left }
    }

    pub const fn bold(self) -> Self {
        Type { bold: true, ..self }
    }

    pub const fn faint(self) -> Self {
        Type { colour: FAINT, ..self }
    }

    pub const fn ends(self) -> Self {
        Type { across: HPos::Right, ..self }
    }

    pub const fn centred(self) -> Self {
        Type { across: HPos::Center, ..self }
    }

    pub fn style(self) -> FontStyle {
        if self.bold { FontStyle::Bold } else { FontStyle::Normal }
    }
}

/// `words` vertically centred on `at`.
pub fn text<DB: DrawingBackend>(sheet: &Sheet<DB>, words: &str, at: At, how: Type) -> Drawn<DB> {
    let style = font(how.em, how.style()).color(&how.colour).pos(Pos::new(how.across, VPos::Center));
    sheet.draw(&Text::new(words.to_string(), at, style))
}

/// A line through `points`, `width` pixels wide.
pub fn line<DB: DrawingBackend>(
    sheet: &Sheet<DB>,
    points: &[At],
    colour: RGBColor,
    width: f64,
    dash: &[f64],
) -> Drawn<DB> {
    let stroke = ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: px(width) as u32 };
    for piece in dashes(points, dash) {
        sheet.draw(&PathElement::new(piece, stroke))?;
    }
    Ok(())
}

/// A see-through band between two lines over the same places.
pub fn band<DB: DrawingBackend>(sheet: &Sheet<DB>, low: &[At], high: &[At], colour: RGBColor) -> Drawn<DB> {
    let outline: Vec<At> = low.iter().chain(high.iter().rev()).copied().collect();
    sheet.draw(&Polygon::new(outline, colour.mix(0.16)))
}

/// A vertical or horizontal stroke from `a` to `b` with caps of `cap` pixels (0 for none).
pub fn whisker<DB: DrawingBackend>(
    sheet: &Sheet<DB>,
    a: At,
    b: At,
    width: f64,
    cap: f64,
    colour: RGBColor,
) -> Drawn<DB> {
    line(sheet, &[a, b], colour, width, &[])?;
    if cap > 0.0 {
        let half = px(cap / 2.0);
        let (dx, dy) = if a.1 == b.1 { (0, half) } else { (half, 0) };
        for end in [a, b] {
            line(sheet, &[(end.0 - dx, end.1 - dy), (end.0 + dx, end.1 + dy)], colour, width, &[])?;
        }
    }
    Ok(())
}

/// A bar between two corners: filled, or a pale one with an outline.
pub fn bar<DB: DrawingBackend>(sheet: &Sheet<DB>, corners: [At; 2], colour: RGBColor, filled: bool) -> Drawn<DB> {
    if filled {
        return sheet.draw(&Rectangle::new(corners, colour.filled()));
    }
    sheet.draw(&Rectangle::new(corners, colour.mix(0.22).filled()))?;
    let [(left, top), (right, bottom)] = corners;
    let outline = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
    line(sheet, &outline, colour, 1.25, &[])
}

/// The method's marker, about `size` pixels across, with a white rim that lifts it off the lines.
pub fn marker<DB: DrawingBackend>(sheet: &Sheet<DB>, at: At, look: Look, size: f64) -> Drawn<DB> {
    if look.marker == Marker::Cross {
        let arms = |size: f64, colour, width| {
            let r = px(size / 2.0);
            let (x, y) = at;
            line(sheet, &[(x - r, y - r), (x + r, y + r)], colour, width, &[])?;
            line(sheet, &[(x - r, y + r), (x + r, y - r)], colour, width, &[])
        };
        arms(size * 1.1, WHITE, size * 0.5)?;
        return arms(size * 0.85, look.colour, size * 0.26);
    }
    shape(sheet, at, look.marker, size * 1.45, WHITE)?;
    shape(sheet, at, look.marker, size, look.colour)
}

fn shape<DB: DrawingBackend>(sheet: &Sheet<DB>, at: At, marker: Marker, size: f64, colour: RGBColor) -> Drawn<DB> {
    let corners: &[(f64, f64)] = match marker {
        Marker::Circle | Marker::Cross => return sheet.draw(&Circle::new(at, px(size / 2.0), colour.filled())),
        Marker::Square => &[(-0.45, -0.45), (0.45, -0.45), (0.45, 0.45), (-0.45, 0.45)],
        Marker::Triangle => &[(0.0, -0.6), (0.58, 0.42), (-0.58, 0.42)],
        Marker::Down => &[(0.0, 0.6), (0.58, -0.42), (-0.58, -0.42)],
        Marker::Diamond => &[(0.0, -0.62), (0.62, 0.0), (0.0, 0.62), (-0.62, 0.0)],
    };
    let corners: Vec<At> = corners.iter().map(|(x, y)| (at.0 + px(x * size), at.1 + px(y * size))).collect();
    sheet.draw(&Polygon::new(corners, colour))
}

/// Cuts a line into its dashes; the pattern runs on round corners.
fn dashes(points: &[At], pattern: &[f64]) -> Vec<Vec<At>> {
    if pattern.is_empty() {
        return vec![points.to_vec()];
    }
    let lengths: Vec<f64> = pattern.iter().map(|p| f64::from(px(*p))).collect();
    let (mut pieces, mut index, mut left) = (Vec::new(), 0, lengths[0]);
    let mut piece: Vec<At> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let (dx, dy) = (f64::from(b.0 - a.0), f64::from(b.1 - a.1));
        let (length, mut gone) = (dx.hypot(dy), 0.0);
        while length - gone > left {
            gone += left;
            let at = (a.0 + (dx * gone / length).round() as i32, a.1 + (dy * gone / length).round() as i32);
            if index % 2 == 0 {
                piece.push(at);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![at];
            }
            index = (index + 1) % lengths.len();
            left = lengths[index];
        }
        left -= length - gone;
        if index % 2 == 0 {
            piece.push(b);
        }
    }
    if index % 2 == 0 && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_and_turn_corners() {
        let ten = px(10.0);
        // 10 on, 10 off along 40 pixels with a corner at 25: on 0..10, off 10..20, on 20..30 (round the corner), off 30..40
        let corner = [(0, 0), (px(25.0), 0), (px(25.0), px(15.0))];
        let pieces = dashes(&corner, &[10.0, 10.0]);
        assert_eq!(pieces, [vec![(0, 0), (ten, 0)], vec![(2 * ten, 0), (px(25.0), 0), (px(25.0), px(5.0))]]);
        assert_eq!(dashes(&corner, &[]), [corner.to_vec()]);
        assert!(dashes(&[], &[1.0, 1.0]).is_empty());
    }
}
