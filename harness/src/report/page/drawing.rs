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
    let dark = list(&|colour| super::colour::at_night(colour, dark));
    format!(":root{{{}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}", list(&|colour| colour))
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
}
