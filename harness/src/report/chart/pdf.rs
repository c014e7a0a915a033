//! plotters on PDF: lines, shapes and text as outlines, for papers. The letters are drawn and not set, so that no publisher
//! misses a font or refuses one. svg2pdf would do the same from the SVG with sixty more crates.

use super::glyphs;
use ab_glyph::{Font, OutlineCurve, Point};
use flate2::{Compression, write::ZlibEncoder};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};
use std::{collections::BTreeMap, convert::Infallible, fmt::Write as _, io::Write as _};

/// A page under way.
pub struct Pdf<'a> {
    out: &'a mut Vec<u8>,
    size: (u32, u32),
    /// Grid points of a point of paper.
    fine: f64,
    page: String,
    /// Opacities in percent that the page uses.
    alphas: BTreeMap<u32, ()>,
    /// Outlines by weight and number.
    outlines: BTreeMap<(bool, u16), String>,
}

type Done = Result<(), DrawingErrorKind<Infallible>>;

impl<'a> Pdf<'a> {
    /// A page of `size` grid points, `fine` of which are a point (1/72 inch); written to `out` when it is presented.
    pub fn new(out: &'a mut Vec<u8>, size: (u32, u32), fine: f64) -> Self {
        Pdf { out, size, fine, page: String::new(), alphas: BTreeMap::new(), outlines: BTreeMap::new() }
    }

    fn put(&mut self, text: std::fmt::Arguments) {
        self.page.write_fmt(text).expect("a string grows");
    }

    /// Colour of lines and areas, and their opacity.
    fn ink(&mut self, ink: BackendColor) {
        let part = |c: u8| (f64::from(c) / 2.55).round() / 100.0;
        let ((r, g, b), alpha) = (ink.rgb, (ink.alpha * 100.0).round() as u32);
        let (r, g, b) = (part(r), part(g), part(b));
        self.alphas.insert(alpha, ());
        self.put(format_args!("/A{alpha} gs {r} {g} {b} rg {r} {g} {b} RG\n"));
    }

    /// Draws through `points` and ends the path with `end`: `S` strokes, `f` fills.
    fn path<S: BackendStyle>(&mut self, points: impl IntoIterator<Item = BackendCoord>, style: &S, end: &str) -> Done {
        if style.color().alpha > 0.0 {
            self.ink(style.color());
            self.put(format_args!("{} w ", style.stroke_width()));
            for (index, (x, y)) in points.into_iter().enumerate() {
                self.put(format_args!("{x} {y} {} ", if index == 0 { "m" } else { "l" }));
            }
            self.put(format_args!("{end}\n"));
        }
        Ok(())
    }

    /// The whole file.
    fn file(&self) -> Vec<u8> {
        let points = |grid: u32| f64::from(grid) / self.fine;
        let (width, height, scale) = (points(self.size.0), points(self.size.1), 1.0 / self.fine);
        // The grid runs down, paper runs up.
        let page = format!("{scale:.6} 0 0 -{scale:.6} 0 {height} cm 1 j\n{}", self.page);
        let alphas: String = self
            .alphas
            .keys()
            .map(|a| {
                let part = f64::from(*a) / 100.0;
                format!("/A{a} <</ca {part} /CA {part}>> ")
            })
            .collect();
        let first = 5;
        let names: String = (first..)
            .zip(self.outlines.keys())
            .map(|(number, (bold, id))| format!("/{} {number} 0 R ", outline_name(*bold, *id)))
            .collect();
        let mut objects = vec![
            b"<</Type /Catalog /Pages 2 0 R>>".to_vec(),
            b"<</Type /Pages /Kids [3 0 R] /Count 1>>".to_vec(),
            format!(
                "<</Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R /Resources <</ExtGState \
                 <<{alphas}>> /XObject <<{names}>>>>>>"
            )
            .into_bytes(),
            stream("", &page),
        ];
        objects.extend(
            self.outlines
                .values()
                .map(|path| stream("/Type /XObject /Subtype /Form /BBox [-2000 -2000 4000 4000] ", path)),
        );
        let mut file = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let mut places = Vec::new();
        for (number, object) in (1..).zip(&objects) {
            places.push(file.len());
            file.extend(format!("{number} 0 obj\n").bytes());
            file.extend(object);
            file.extend(b"\nendobj\n");
        }
        let (at, count) = (file.len(), objects.len() + 1);
        file.extend(format!("xref\n0 {count}\n0000000000 65535 f \n").bytes());
        places.iter().for_each(|place| file.extend(format!("{place:010} 00000 n \n").bytes()));
        file.extend(format!("trailer\n<</Size {count} /Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n").bytes());
        file
    }
}

fn outline_name(bold: bool, id: u16) -> String {
    format!("{}{id}", if bold { "B" } else { "R" })
}

/// A compressed stream with these entries in its dictionary.
fn stream(entries: &str, text: &str) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text.as_bytes()).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    let mut out = format!("<<{entries}/Filter /FlateDecode /Length {}>>\nstream\n", packed.len()).into_bytes();
    out.extend(packed);
    out.extend(b"\nendstream");
    out
}

/// A glyph's outline in thousandths of an em, filled.
fn outline(font: &impl Font, id: ab_glyph::GlyphId) -> String {
    let unit = 1000.0 / font.units_per_em().unwrap_or(1000.0);
    let at = |p: Point| format!("{} {}", (p.x * unit).round(), (p.y * unit).round());
    let (mut out, mut pen) = (String::new(), None);
    for curve in font.outline(id).map(|outline| outline.curves).unwrap_or_default() {
        let third = |end: Point, control: Point| {
            let part = |e: f32, c: f32| e + (c - e) * 2.0 / 3.0;
            at(Point { x: part(end.x, control.x), y: part(end.y, control.y) })
        };
        let (from, step, to) = match curve {
            OutlineCurve::Line(a, b) => (a, format!("{} l ", at(b)), b),
            OutlineCurve::Quad(a, c, b) => (a, format!("{} {} {} c ", third(a, c), third(b, c), at(b)), b),
            OutlineCurve::Cubic(a, c, d, b) => (a, format!("{} {} {} c ", at(c), at(d), at(b)), b),
        };
        if pen != Some(from) {
            out += &format!("{} m ", at(from));
        }
        out += &step;
        pen = Some(to);
    }
    out + "f"
}

impl DrawingBackend for Pdf<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Done {
        Ok(())
    }

    fn present(&mut self) -> Done {
        *self.out = self.file();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Done {
        self.draw_rect((x, y), (x + 1, y + 1), &colour, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Done {
        self.path([from, to], style, "S")
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Done {
        let corners = [from, (to.0, from.1), to, (from.0, to.1)];
        self.path(corners, style, if fill { "f" } else { "s" })
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Done {
        self.path(path, style, "S")
    }

    fn draw_circle<S: BackendStyle>(&mut self, centre: BackendCoord, radius: u32, style: &S, fill: bool) -> Done {
        self.ink(style.color());
        let ((x, y), r) = (centre, radius as i32);
        // Four cubics are a circle to within 0.03 %.
        let k = (f64::from(r) * 0.5523).round() as i32;
        let (end, width) = (if fill { "f" } else { "s" }, style.stroke_width());
        let (left, right, top, bottom) = (x - r, x + r, y - r, y + r);
        self.put(format_args!(
            "{width} w {right} {y} m {right} {} {} {bottom} {x} {bottom} c {} {bottom} {left} {} {left} {y} c \
             {left} {} {} {top} {x} {top} c {} {top} {right} {} {right} {y} c {end}\n",
            y + k,
            x + k,
            x - k,
            y + k,
            y - k,
            x - k,
            x + k,
            y - k
        ));
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, corners: I, style: &S) -> Done {
        self.path(corners, style, "f")
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Done {
        let set = glyphs::set(text, style);
        self.ink(style.color());
        let size = set.em / 1000.0;
        let (right, up) = (glyphs::turned(style.transform(), (1, 0)), glyphs::turned(style.transform(), (0, -1)));
        let along = |(x, y): BackendCoord| (x as f32 * size, y as f32 * size);
        let (right, up) = (along(right), along(up));
        for (id, pen) in set.glyphs {
            let (dx, dy) = glyphs::turned(style.transform(), (pen.round() as i32, set.baseline.round() as i32));
            self.outlines.entry((set.bold, id.0)).or_insert_with(|| outline(set.font, id));
            let (name, x, y) = (outline_name(set.bold, id.0), at.0 + dx, at.1 + dy);
            self.put(format_args!("q {} {} {} {} {x} {y} cm /{name} Do Q\n", right.0, right.1, up.0, up.1));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::prelude::*;

    #[test]
    fn a_page_is_whole_and_its_table_of_objects_right() {
        let mut bytes = Vec::new();
        {
            let sheet = Pdf::new(&mut bytes, (400, 200), 4.0).into_drawing_area();
            sheet.draw(&Circle::new((40, 40), 10, RED.filled())).unwrap();
            sheet.draw(&PathElement::new([(0, 0), (9, 9)], BLUE.mix(0.16))).unwrap();
            sheet.draw(&Text::new("AA", (9, 9), super::super::canvas::font(12.0, FontStyle::Bold))).unwrap();
            sheet.present().unwrap();
        }
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-1.5") && text.ends_with("%%EOF\n"));
        assert!(text.contains("/MediaBox [0 0 100 50]") && text.contains("/A16 <</ca 0.16 /CA 0.16>>"), "{text}");
        // The same letter twice is one outline.
        assert_eq!(text.matches("/Subtype /Form").count(), 1);
        let find = |what: &[u8]| bytes.windows(what.len()).position(|w| w == what).unwrap();
        let table = find(b"xref\n0 ");
        let lines: Vec<&str> = std::str::from_utf8(&bytes[table..]).unwrap().lines().collect();
        for (number, line) in lines[3..].iter().take_while(|line| line.ends_with(" n ")).enumerate() {
            let at: usize = line[..10].parse().unwrap();
            assert!(bytes[at..].starts_with(format!("{} 0 obj", number + 1).as_bytes()), "object {}", number + 1);
        }
    }
}
