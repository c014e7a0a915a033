//! The pictures of one budget: results beside published numbers, learning curves, adaptation on sine; of a benchmark that
//! is a figure, that figure alone.

mod adaptation;
mod axis;
mod bars;
mod bitmap;
mod canvas;
mod curves;
mod figure;
mod frame;
mod legend;
mod marks;
mod panel;
mod points;
mod style;

pub use adaptation::stroke as fit_stroke;
pub use axis::Axis;
pub use figure::looks as figure_looks;
pub use style::{Look, Marker, Styles, colours};

use super::summary::Summary;
use harness_core::{Error, Result};
use std::path::Path;

/// A finished picture.
pub struct Picture {
    /// File name without its ending.
    pub name: String,
    /// What it shows, for those who cannot see it.
    pub words: String,
    pub svg: String,
    pub png: Vec<u8>,
}

/// Draws everything that `summary` can show, benchmark by benchmark.
pub fn draw(summary: &Summary, styles: &Styles) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for cells in summary.cells.chunk_by(|a, b| a.row.benchmark == b.row.benchmark) {
        let benchmark = cells[0].row.benchmark.as_str();
        if let Some(place) = &cells[0].figure {
            let stem = if benchmark.starts_with("figure-") { String::new() } else { "figure-".to_owned() };
            let modes = modes(cells);
            for mode in &modes {
                let Some(drawing) = figure::Figure::new(summary, cells, mode, place) else { continue };
                let ending = if modes.len() > 1 { format!("-{mode}") } else { String::new() };
                pictures.push(picture(&drawing, format!("{stem}{benchmark}{ending}"), figure::title(place, cells))?);
            }
            continue;
        }
        if let Some(bars) = bars::Bars::new(summary, cells, styles) {
            let words = format!("{benchmark}: our results beside published ones");
            pictures.push(picture(&bars, format!("results-{benchmark}"), words)?);
        }
        for mode in modes(cells) {
            if let Some(curves) = curves::Curves::new(summary, cells, mode, styles) {
                let (ending, words) = match mode {
                    "-" => (String::new(), String::new()),
                    mode => (format!("-{mode}"), format!(", {mode}")),
                };
                let words = format!("{benchmark}{words}: learning curves");
                pictures.push(picture(&curves, format!("curves-{benchmark}{ending}"), words)?);
            }
        }
        if let Some(adaptations) = adaptation::Adaptations::new(summary, cells, styles)? {
            let words = format!("{benchmark}: fits after some inner steps");
            pictures.push(picture(&adaptations, format!("adaptation-{benchmark}"), words)?);
        }
    }
    Ok(pictures)
}

/// Modes in the order of the tables.
fn modes(cells: &[super::Cell]) -> Vec<&str> {
    let mut modes: Vec<&str> = Vec::new();
    for cell in cells {
        if !modes.contains(&cell.row.mode.as_str()) {
            modes.push(&cell.row.mode);
        }
    }
    modes
}

fn picture(drawing: &impl canvas::Drawing, name: String, words: String) -> Result<Picture> {
    let (svg, png) = (canvas::svg(drawing, &name)?, canvas::png(drawing, &name)?);
    Ok(Picture { name, words, svg, png })
}

/// Removes pictures of an earlier report whose runs are gone, so that nothing shows what is no longer there. Files
/// with other names are somebody else's and stay.
pub fn remove_stale(folder: &Path, drawn: &[Picture]) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(_) => return Ok(()),
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default();
        let ours = ["results-", "curves-", "adaptation-", "figure-"].iter().any(|prefix| name.starts_with(prefix))
            && path.extension().is_some_and(|e| e == "svg" || e == "png");
        if ours && drawn.iter().all(|p| p.name != name) {
            std::fs::remove_file(&path).map_err(|e| Error::io(&path, e))?;
        }
    }
    Ok(())
}
