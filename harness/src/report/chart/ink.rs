//! Small things to draw with, in grid points: dashed lines, bands, markers, strokes with caps, text.

use super::{
    Stroke,
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

/// A line through `points`.
pub fn line<DB: DrawingBackend>(sheet: &Sheet<DB>, points: &[At], stroke: Stroke) -> Drawn<DB> {
    let style = ShapeStyle { color: stroke.colour.to_rgba(), filled: false, stroke_width: px(stroke.width) as u32 };
    dashes(points, stroke.dash).into_iter().try_for_each(|piece| sheet.draw(&PathElement::new(piece, style)))
}

/// A solid line from `a` to `b`.
fn rule<DB: DrawingBackend>(sheet: &Sheet<DB>, a: At, b: At, width: f64, colour: RGBColor) -> Drawn<DB> {
    line(sheet, &[a, b], Stroke { colour, width, dash: &[] })
}

/// A see-through band between two lines over the same places.
pub fn band<DB: DrawingBackend>(sheet: &Sheet<DB>, low: &[At], high: &[At], colour: RGBColor) -> Drawn<DB> {
    let outline: Vec<At> = low.iter().chain(high.iter().rev()).copied().collect();
    sheet.draw(&Polygon::new(outline, colour.mix(0.16)))
}

/// A vertical or horizontal stroke from `a` to `b` with caps of `cap` pixels (0 for none).
pub fn whisker<DB: DrawingBackend>(
    sheet: &Sheet<DB>,
    [a, b]: [At; 2],
    width: f64,
    cap: f64,
    colour: RGBColor,
) -> Drawn<DB> {
    rule(sheet, a, b, width, colour)?;
    let half = px(cap / 2.0);
    let (dx, dy) = if a.1 == b.1 { (0, half) } else { (half, 0) };
    let caps: &[At] = if cap > 0.0 { &[a, b] } else { &[] };
    caps.iter().try_for_each(|at| rule(sheet, (at.0 - dx, at.1 - dy), (at.0 + dx, at.1 + dy), width, colour))
}

/// A circle of `size` pixels with a white rim, filled or open.
pub fn dot<DB: DrawingBackend>(sheet: &Sheet<DB>, at: At, colour: RGBColor, size: f64, open: bool) -> Drawn<DB> {
    let circle = |size: f64, colour: RGBColor| sheet.draw(&Circle::new(at, px(size / 2.0), colour.filled()));
    circle(size + 2.4, WHITE)?;
    circle(size, colour)?;
    if open { circle(size - 3.2, WHITE) } else { Ok(()) }
}

/// The method's marker, about `size` pixels across, with a white rim that lifts it off the lines.
pub fn marker<DB: DrawingBackend>(sheet: &Sheet<DB>, at: At, look: Look, size: f64) -> Drawn<DB> {
    let turn = match look.marker {
        Marker::Cross => Some((0.42, 0.42)),
        Marker::Plus => Some((0.55, 0.0)),
        _ => None,
    };
    if let Some((x, y)) = turn {
        let arms = |size: f64, colour, width| {
            let (dx, dy) = (px(x * size), px(y * size));
            rule(sheet, (at.0 - dx, at.1 - dy), (at.0 + dx, at.1 + dy), width, colour)?;
            rule(sheet, (at.0 + dy, at.1 - dx), (at.0 - dy, at.1 + dx), width, colour)
        };
        arms(size * 1.25, WHITE, size * 0.55)?;
        return arms(size, look.colour, size * 0.28);
    }
    shape(sheet, at, look.marker, size * 1.45, WHITE)?;
    shape(sheet, at, look.marker, size * if look.open { 1.15 } else { 1.0 }, look.colour)?;
    if look.open { shape(sheet, at, look.marker, size * 0.55, WHITE) } else { Ok(()) }
}

fn shape<DB: DrawingBackend>(sheet: &Sheet<DB>, at: At, marker: Marker, size: f64, colour: RGBColor) -> Drawn<DB> {
    let corners: &[(f64, f64)] = match marker {
        Marker::Circle => return sheet.draw(&Circle::new(at, px(size / 2.0), colour.filled())),
        Marker::Square | Marker::Cross | Marker::Plus => &[(-0.45, -0.45), (0.45, -0.45), (0.45, 0.45), (-0.45, 0.45)],
        Marker::Triangle => &[(0.0, -0.6), (0.58, 0.42), (-0.58, 0.42)],
        Marker::Down => &[(0.0, 0.6), (0.58, -0.42), (-0.58, -0.42)],
        Marker::Left => &[(-0.6, 0.0), (0.42, 0.58), (0.42, -0.58)],
        Marker::Right => &[(0.6, 0.0), (-0.42, 0.58), (-0.42, -0.58)],
        Marker::Diamond => &[(0.0, -0.62), (0.62, 0.0), (0.0, 0.62), (-0.62, 0.0)],
        Marker::Pentagon => &[(0.0, -0.56), (0.53, -0.17), (0.33, 0.45), (-0.33, 0.45), (-0.53, -0.17)],
        Marker::Hourglass => &[(-0.5, -0.55), (0.5, -0.55), (-0.5, 0.55), (0.5, 0.55)],
        Marker::Bow => &[(-0.55, -0.5), (-0.55, 0.5), (0.55, -0.5), (0.55, 0.5)],
        Marker::Bar => &[(-0.65, -0.22), (0.65, -0.22), (0.65, 0.22), (-0.65, 0.22)],
        Marker::Pillar => &[(-0.22, -0.65), (0.22, -0.65), (0.22, 0.65), (-0.22, 0.65)],
        Marker::Chevron => &[(0.0, -0.55), (0.65, 0.2), (0.65, 0.6), (0.0, -0.08), (-0.65, 0.6), (-0.65, 0.2)],
        Marker::Vee => &[(0.0, 0.55), (0.65, -0.2), (0.65, -0.6), (0.0, 0.08), (-0.65, -0.6), (-0.65, -0.2)],
        Marker::Ell => &[(-0.5, -0.6), (-0.14, -0.6), (-0.14, 0.24), (0.55, 0.24), (0.55, 0.6), (-0.5, 0.6)],
        Marker::Tee => &[
            (-0.6, -0.55),
            (0.6, -0.55),
            (0.6, -0.19),
            (0.18, -0.19),
            (0.18, 0.6),
            (-0.18, 0.6),
            (-0.18, -0.19),
            (-0.6, -0.19),
        ],
        Marker::Star => &[
            (0.0, -0.68),
            (0.16, -0.22),
            (0.65, -0.21),
            (0.26, 0.08),
            (0.4, 0.55),
            (0.0, 0.27),
            (-0.4, 0.55),
            (-0.26, 0.08),
            (-0.65, -0.21),
            (-0.16, -0.22),
        ],
    };
    let place = |(x, y): &(f64, f64)| (at.0 + px(x * size), at.1 + px(y * size));
    // A bitmap fills only what does not cross itself: these two are halves that meet in the middle.
    if matches!(marker, Marker::Hourglass | Marker::Bow) {
        let halves = [&corners[..2], &corners[2..]];
        return halves.into_iter().try_for_each(|half| {
            let half: Vec<At> = half.iter().map(place).chain([at]).collect();
            sheet.draw(&Polygon::new(half, colour))
        });
    }
    sheet.draw(&Polygon::new(corners.iter().map(place).collect::<Vec<_>>(), colour))
}

/// The pieces of a line between `top` and `bottom`, cut where it crosses them: a fit that runs away must not be drawn
/// along the edge as if it stayed there. Places are pixels.
pub fn between(points: &[(f64, f64)], top: f64, bottom: f64) -> Vec<Vec<(f64, f64)>> {
    let inside = |p: &(f64, f64)| p.1 >= top && p.1 <= bottom;
    let cut = |a: (f64, f64), b: (f64, f64), y: f64| (a.0 + (b.0 - a.0) * (y - a.1) / (b.1 - a.1), y);
    let (mut pieces, mut piece) = (Vec::new(), Vec::new());
    piece.extend(points.first().filter(|p| inside(p)).copied());
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let mut crossings: Vec<(f64, f64)> = [top, bottom]
            .into_iter()
            .filter(|y| (a.1 < *y) != (b.1 < *y) && a.1 != *y && b.1 != *y)
            .map(|y| cut(a, b, y))
            .collect();
        if a.1 > b.1 {
            crossings.reverse();
        }
        for at in crossings {
            piece.push(at);
            if piece.len() > 1 {
                pieces.push(std::mem::take(&mut piece));
            }
        }
        if inside(&b) {
            piece.push(b);
        } else if piece.len() > 1 {
            pieces.push(std::mem::take(&mut piece));
        } else {
            piece.clear();
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
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
    fn a_line_that_leaves_is_cut_at_the_edge_and_comes_back() {
        let line = [(0.0, 5.0), (1.0, 15.0), (2.0, 5.0), (3.0, 5.0)];
        let cut = [vec![(0.0, 5.0), (0.5, 10.0)], vec![(1.5, 10.0), (2.0, 5.0), (3.0, 5.0)]];
        assert_eq!(between(&line, 0.0, 10.0), cut);
        assert_eq!(between(&[(0.0, -10.0), (1.0, 20.0)], 0.0, 10.0), [vec![(1.0 / 3.0, 0.0), (2.0 / 3.0, 10.0)]]);
        assert!(between(&[(0.0, 11.0), (1.0, 12.0)], 0.0, 10.0).is_empty());
        assert_eq!(between(&line[2..], 0.0, 10.0), [line[2..].to_vec()]);
    }

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
