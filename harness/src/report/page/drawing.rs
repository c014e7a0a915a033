//! The very drawings of the files inside the page: for a wide window and for a phone, in colours that follow the reader's
//! scheme, with their values as tables. The tables are read by those who cannot see the lines, and by the script that
//! shows the value under the pointer.

use super::deviations::escape;
use crate::report::chart::{Chart, Layout, NARROW, Panel, WIDE, svg};
use harness_core::Result;
use serde::Serialize;
use std::collections::BTreeSet;

/// Red, green and blue.
pub type Rgb = (u8, u8, u8);

/// A chart on the page.
#[derive(Serialize)]
pub struct Drawing {
    pub words: String,
    /// SVG, wide and narrow.
    pub svgs: [String; 2],
    /// The values of its panels.
    pub tables: Vec<Table>,
}

/// The values of one panel.
#[derive(Serialize)]
pub struct Table {
    /// Its place among the chart's panels.
    pub panel: usize,
    pub title: String,
    /// What the rows count.
    pub of: String,
    pub columns: Vec<Column>,
    pub rows: Vec<(String, Vec<Option<Value>>)>,
}

/// A line's column.
#[derive(Serialize)]
pub struct Column {
    pub name: String,
    /// As CSS.
    pub colour: String,
    pub level: bool,
}

/// A value, and its place in the plot: 0 to 1 from the left and from the top.
#[derive(Serialize)]
pub struct Value {
    pub text: String,
    pub x: String,
    pub y: String,
}

impl Drawing {
    /// Draws `chart`; the colours that it needs go to `used`.
    pub fn new(chart: &Chart, used: &mut BTreeSet<Rgb>) -> Result<Self> {
        let mut draw = |width, class| {
            let layout = Layout::new(chart, width);
            svg(chart, &layout).map(|svg| placed(&svg, chart, &layout, class, used))
        };
        let svgs = [draw(WIDE, "wide")?, draw(NARROW, "narrow")?];
        let tables = chart.panels.iter().enumerate().filter_map(|(index, panel)| table(index, panel));
        Ok(Drawing { words: chart.words.clone(), svgs, tables: tables.collect() })
    }
}

fn table(index: usize, panel: &Panel) -> Option<Table> {
    let values = panel.values.as_ref()?;
    let y = panel.y_axis();
    let part = |place: f64| format!("{place:.4}");
    let value = |value: &crate::report::chart::Value| Value {
        text: value.text.clone(),
        x: part(panel.x.0.place(value.at.0)),
        y: part(1.0 - y.place(value.at.1)),
    };
    let columns = values.columns.iter().map(|column| Column {
        name: column.name.clone(),
        colour: variable((column.colour.0, column.colour.1, column.colour.2)),
        level: column.level,
    });
    let row = |(step, cells): &(String, Vec<Option<_>>)| {
        (step.clone(), cells.iter().map(|cell| cell.as_ref().map(value)).collect())
    };
    let rows = values.rows.iter().map(row).collect();
    Some(Table { panel: index, title: panel.title.clone(), of: values.of.clone(), columns: columns.collect(), rows })
}

/// The drawing as part of the page: named, scaling with it, its colours variables, its plots where the script finds them.
fn placed(svg: &str, chart: &Chart, layout: &Layout, class: &str, used: &mut BTreeSet<Rgb>) -> String {
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let [width, height] = [layout.size.0, layout.size.1];
    let plots: Vec<String> = layout.plots.iter().map(|plot| plot.map(|v| format!("{v:.1}")).join(" ")).collect();
    // The grid of the drawing is finer than its pixels.
    let grid = crate::report::chart::grid();
    format!(
        "<svg class=\"drawn {class}\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} {}\" style=\"max-width:{width}px\" \
         data-grid=\"{grid}\" data-plots=\"{}\">{}",
        escape(&chart.words),
        width * grid,
        height * grid,
        plots.join(","),
        coloured(body, used)
    )
}

/// `svg` with its colours as variables, whose names go to `used`.
pub fn coloured(svg: &str, used: &mut BTreeSet<Rgb>) -> String {
    let mut out = String::with_capacity(svg.len() * 5 / 4);
    let mut rest = svg;
    while let Some((before, after)) = rest.split_once("\"#") {
        out += before;
        match after.get(..6).and_then(|hex| u32::from_str_radix(hex, 16).ok()).filter(|_| after[6..].starts_with('"')) {
            Some(colour) => {
                let colour = ((colour >> 16) as u8, (colour >> 8) as u8, colour as u8);
                used.insert(colour);
                out += &format!("\"{}\"", variable(colour));
                rest = &after[7..];
            }
            None => {
                out += "\"#";
                rest = after;
            }
        }
    }
    out + rest
}

/// A look's line with its marker; its colour goes to `used`.
pub fn swatch(look: crate::report::chart::Look, used: &mut BTreeSet<Rgb>) -> Result<String> {
    let svg = crate::report::chart::swatch(look)?;
    // No ground of its own: it stands in text.
    let body = svg.split_once("/>").map_or("", |(_, body)| body);
    let grid = crate::report::chart::grid();
    let head = format!("<svg class=\"swatch\" viewBox=\"0 0 {} {}\" aria-hidden=\"true\">", 40.0 * grid, 14.0 * grid);
    Ok(head + coloured(body, used).trim_end())
}

/// The CSS variable of a colour.
fn variable((r, g, b): Rgb) -> String {
    format!("var(--i{r:02x}{g:02x}{b:02x})")
}

/// The variables of `used` for both schemes: as drawn on white, and on the dark ground what can be told from it.
pub fn variables(used: &BTreeSet<Rgb>, dark: Rgb) -> String {
    let list = |of: &dyn Fn(Rgb) -> Rgb| -> String {
        let one = |colour: &Rgb| {
            let ((r, g, b), (x, y, z)) = (*colour, of(*colour));
            format!("--i{r:02x}{g:02x}{b:02x}:#{x:02x}{y:02x}{z:02x};")
        };
        used.iter().map(one).collect()
    };
    let dark = list(&|colour| at_night(colour, dark));
    format!(":root{{{}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}", list(&|colour| colour))
}

/// Relative luminance of WCAG 2, 0 for black and 1 for white.
fn luminance(colour: Rgb) -> f64 {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2)
}

/// Contrast of WCAG 2: 1 for equal colours, 21 for black on white.
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// `colour`, moved towards white on a dark ground and towards black on a light one as far as it takes to reach the
/// contrast `least`.
fn legible(colour: Rgb, ground: Rgb, least: f64) -> Rgb {
    let end = if luminance(ground) < 0.2 { 255.0 } else { 0.0 };
    let mixed = |part: f64| {
        let mix = |c: u8| (f64::from(c) + (end - f64::from(c)) * part).round() as u8;
        (mix(colour.0), mix(colour.1), mix(colour.2))
    };
    let enough = (0..=50).map(|i| mixed(f64::from(i) / 50.0)).find(|c| contrast(*c, ground) >= least);
    enough.unwrap_or(mixed(1.0))
}

/// What a colour of a drawing on white is on a dark `ground`: greys change places, white being the ground; others become as
/// light as thin lines need to be told apart there.
fn at_night(colour: Rgb, ground: Rgb) -> Rgb {
    let (r, g, b) = colour;
    if r.max(g).max(b) - r.min(g).min(b) < 16 {
        let dark = 1.0 - f64::from(r) / 255.0;
        let mix = |from: u8| (f64::from(from) + (238.0 - f64::from(from)) * dark).round() as u8;
        return (mix(ground.0), mix(ground.1), mix(ground.2));
    }
    legible(colour, ground, 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_variables_for_both_schemes() {
        let mut used = BTreeSet::new();
        let svg = coloured("<rect fill=\"#FFFFFF\" stroke=\"#0072B2\"/><a b=\"#here\"/>", &mut used);
        assert_eq!(svg, "<rect fill=\"var(--iffffff)\" stroke=\"var(--i0072b2)\"/><a b=\"#here\"/>");
        let css = variables(&used, (21, 24, 29));
        assert!(css.starts_with(":root{--i0072b2:#0072b2;--iffffff:#ffffff;}"), "{css}");
        assert!(css.contains("--iffffff:#15181d;"), "white is the ground: {css}");
    }

    #[test]
    fn contrast_is_wcags() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 1e-9);
        // WebAIM's checker: #777777 on white is 4.48
        assert!((contrast((0x77, 0x77, 0x77), (255, 255, 255)) - 4.48).abs() < 0.005);
        assert_eq!(contrast((9, 80, 200), (9, 80, 200)), 1.0);
    }

    #[test]
    fn night_swaps_greys_and_lightens_the_rest() {
        let night = (17, 20, 24);
        assert_eq!(at_night((255, 255, 255), night), night);
        assert!(contrast(at_night((34, 34, 34), night), night) > 10.0, "ink");
        assert!(contrast(at_night((95, 95, 95), night), night) > 4.5, "faint words");
        assert!(contrast(at_night((0, 62, 116), night), night) >= 5.0, "a dark blue");
    }

    #[test]
    fn colours_move_only_as_far_as_they_must() {
        let (white, night) = ((255, 255, 255), (17, 20, 24));
        let blue = (0, 114, 178);
        assert_eq!(legible(blue, white, 3.0), blue);
        for (colour, ground) in [((20, 20, 20), night), (blue, night), ((230, 159, 0), white), (white, white)] {
            let moved = legible(colour, ground, 3.0);
            assert!(contrast(moved, ground) >= 3.0, "{colour:?} on {ground:?}: {moved:?}");
        }
    }
}
