//! The frame of a chart (axes, grid, ticks) and the marks inside it, as inline SVG. Colours, widths and sizes of text
//! are the style sheet's, so that one drawing serves light and dark, wide and narrow.

use crate::report::plots::{Axis, Look, Marker};
use plotters::style::RGBColor;
use std::fmt::Write;

/// Where a chart's axes lie, in units of its view box.
pub struct Frame {
    pub x: Axis,
    pub y: Axis,
    /// What the horizontal axis counts; said beneath it.
    pub x_title: &'static str,
    pub width: f64,
    pub height: f64,
    /// Room to the right of the plot.
    pub gutter: f64,
}

const LEFT: f64 = 42.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 44.0;

impl Frame {
    fn right(&self) -> f64 {
        self.width - 10.0 - self.gutter
    }

    fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    /// The middle of the room to the right.
    pub fn gutter_middle(&self) -> f64 {
        self.right() + 5.0 + self.gutter / 2.0
    }

    pub fn x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (self.right() - LEFT)
    }

    pub fn y(&self, value: f64) -> f64 {
        self.bottom() - self.y.place(value) * (self.bottom() - TOP)
    }

    /// The whole picture: axes first, then `marks`.
    pub fn draw(&self, words: &str, marks: &str) -> String {
        let (width, height, bottom, right) = (num(self.width), num(self.height), num(self.bottom()), num(self.right()));
        let mut out = format!(
            "<svg class=\"chart\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {width} {height}\" \
             data-top=\"{TOP}\" data-bottom=\"{bottom}\">",
            super::deviations::escape(words)
        );
        let mut put = |text: String| out += &text;
        put("<g class=\"grid\">".into());
        for tick in &self.y.ticks {
            let y = num(self.y(*tick));
            put(format!("<path d=\"M{LEFT} {y}H{right}\"/>"));
        }
        put("</g><g class=\"axis\">".into());
        put(format!("<path d=\"M{LEFT} {bottom}H{right}\"/>"));
        for tick in &self.x.ticks {
            put(format!("<path d=\"M{} {bottom}v4\"/>", num(self.x(*tick))));
        }
        put("</g><g class=\"ticks\">".into());
        for tick in &self.y.ticks {
            let (y, label) = (num(self.y(*tick)), minus(&self.y.label(*tick)));
            put(format!("<text x=\"{}\" y=\"{y}\" dy=\"0.35em\" class=\"end\">{label}</text>", LEFT - 6.0));
        }
        for tick in &self.x.ticks {
            let (x, label) = (num(self.x(*tick)), minus(&self.x.label(*tick)));
            put(format!("<text x=\"{x}\" y=\"{}\" dy=\"0.8em\">{label}</text>", num(self.bottom() + 8.0)));
        }
        let middle = num((LEFT + self.right()) / 2.0);
        put(format!("<text x=\"{middle}\" y=\"{}\" class=\"title\">{}</text>", num(self.height - 5.0), self.x_title));
        put("</g>".into());
        put(marks.to_string());
        out + "</svg>"
    }
}

/// A coordinate: a tenth of a unit is finer than any screen.
pub fn num(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
}

fn minus(label: &str) -> String {
    label.replace('-', "−")
}

/// `M… L…` through `points`.
pub fn path(points: &[(f64, f64)]) -> String {
    let mut out = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let _ = write!(out, "{}{} {}", if i == 0 { "M" } else { "L" }, num(*x), num(*y));
    }
    out
}

/// The closed band between `low` and `high`.
pub fn band(low: &[(f64, f64)], high: &[(f64, f64)]) -> String {
    let back: Vec<(f64, f64)> = high.iter().rev().copied().collect();
    path(low) + &path(&back).replacen('M', "L", 1) + "Z"
}

/// The pattern of a broken line as an attribute, or nothing.
pub fn dash(pattern: &[f64]) -> String {
    if pattern.is_empty() {
        return String::new();
    }
    let lengths: Vec<String> = pattern.iter().map(|length| num(*length)).collect();
    format!(" stroke-dasharray=\"{}\"", lengths.join(" "))
}

/// The marker of `look`, `size` wide, with its middle at `at`.
pub fn marker(look: Look, at: (f64, f64), size: f64) -> String {
    let corners: &[(f64, f64)] = match look.marker {
        Marker::Circle => {
            let r = num(size / 2.0);
            return format!("<circle class=\"mark\" cx=\"{}\" cy=\"{}\" r=\"{r}\"/>", num(at.0), num(at.1));
        }
        Marker::Cross => {
            let (r, x, y) = (size * 0.42, at.0, at.1);
            let stroke = |dx: f64, dy: f64| path(&[(x - dx, y - dy), (x + dx, y + dy)]);
            return format!("<path class=\"cross\" d=\"{}{}\"/>", stroke(r, r), stroke(r, -r));
        }
        Marker::Square => &[(-0.45, -0.45), (0.45, -0.45), (0.45, 0.45), (-0.45, 0.45)],
        Marker::Triangle => &[(0.0, -0.6), (0.58, 0.42), (-0.58, 0.42)],
        Marker::Down => &[(0.0, 0.6), (0.58, -0.42), (-0.58, -0.42)],
        Marker::Diamond => &[(0.0, -0.62), (0.62, 0.0), (0.0, 0.62), (-0.62, 0.0)],
    };
    let corners: Vec<(f64, f64)> = corners.iter().map(|(x, y)| (at.0 + x * size, at.1 + y * size)).collect();
    format!("<path class=\"mark\" d=\"{}Z\"/>", path(&corners))
}

/// The CSS class that carries a colour.
pub fn class(colour: RGBColor) -> String {
    format!("c{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// A line with its marker, for a legend.
pub fn swatch(look: Look) -> String {
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 34 14\" aria-hidden=\"true\"><path class=\"line\" d=\"M1 7H33\"{}/>{}</svg>",
        dash(look.dash),
        marker(look, (17.0, 7.0), 8.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let (x, y) = (Axis::exact(0.0, 100.0, 5), Axis::linear(0.0, 100.0, 5));
        Frame { x, y, x_title: "steps", width: 252.0, height: 154.0, gutter: 0.0 }
    }

    #[test]
    fn values_lie_where_the_axes_say() {
        // the plot spans 42..242 and 10..110
        let frame = frame();
        assert_eq!((frame.x(0.0), frame.x(50.0), frame.x(100.0)), (42.0, 142.0, 242.0));
        assert_eq!((frame.y(0.0), frame.y(25.0), frame.y(100.0)), (110.0, 85.0, 10.0));
    }

    #[test]
    fn marks_are_paths() {
        assert_eq!(path(&[(1.0, 2.04), (3.25, 4.0)]), "M1 2L3.2 4");
        assert_eq!(band(&[(0.0, 1.0), (2.0, 1.0)], &[(0.0, 5.0), (2.0, 6.0)]), "M0 1L2 1L2 6L0 5Z");
        assert_eq!((dash(&[]), dash(&[8.0, 3.5])), (String::new(), " stroke-dasharray=\"8 3.5\"".to_string()));
    }

    #[test]
    fn a_picture_has_a_name_and_ticks() {
        let svg = frame().draw("a \"b\"", "<g/>");
        assert!(svg.contains("aria-label=\"a &quot;b&quot;\"") && svg.ends_with("<g/></svg>"), "{svg}");
        for tick in ["0", "20", "100"] {
            assert!(svg.contains(&format!(">{tick}</text>")), "{tick}");
        }
    }
}
