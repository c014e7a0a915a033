//! One budget on the page, and the benchmarks in it.

use super::{
    Found,
    curves::Curves,
    fits::Fits,
    frame,
    methods::slug,
    picture,
    results::{Matrix, Row},
    runs::{self, Recipe, RunLine},
};
use crate::report::{
    plots::{self, Look, Picture, Styles},
    summary::{Cell, Summary},
    tables,
};
use harness_core::Result;
use serde::Serialize;

/// One budget.
#[derive(Serialize)]
pub struct Part {
    pub anchor: String,
    pub name: String,
    /// What the budget is.
    pub words: &'static str,
    pub overridden: bool,
    pub error: Option<String>,
    pub warnings: Vec<String>,
    pub left: Vec<String>,
    pub matrix: Option<Matrix>,
    pub benchmarks: Vec<Benchmark>,
    /// Pictures that belong to no benchmark of the tables.
    pub figures: Vec<Figure>,
}

/// One benchmark at one budget.
#[derive(Serialize)]
pub struct Benchmark {
    pub anchor: String,
    pub name: String,
    pub title: String,
    /// What all rows share.
    pub shared: String,
    /// Which columns the table has.
    pub modes: bool,
    pub iterations: bool,
    pub counts: bool,
    pub published: bool,
    pub verdicts: bool,
    /// A row, the class of its method's colour, and its line.
    pub rows: Vec<(Row, String, String)>,
    pub notes: Vec<String>,
    /// Whether its picture is the result: curves would say the same, or nothing.
    pub figure: bool,
    pub curves: Option<Curves>,
    pub fits: Option<Fits>,
    pub figures: Vec<Figure>,
    pub runs: Vec<RunLine>,
    pub recipes: Vec<Recipe>,
}

/// An embedded picture.
#[derive(Serialize)]
pub struct Figure {
    pub words: String,
    pub svg: String,
}

/// Drawn on the page itself, from the same numbers.
const OWN: [&str; 2] = ["curves-", "adaptation-"];

impl Part {
    pub fn new(index: usize, found: &Found, styles: &Styles) -> Result<Self> {
        let name = found.budget();
        let (words, overridden) = match name {
            "paper" => ("The paper’s whole schedule and settings: every comparable row is judged.", false),
            "short" => {
                ("About a fifth of the paper’s meta-iterations: shows where a method is going, never judged.", false)
            }
            "quick" => ("Minutes on a laptop, to see that everything works: never judged.", false),
            _ => ("Numbers were overridden on the command line, so that these runs are never judged.", true),
        };
        let mut part = Part {
            anchor: slug(name),
            name: name.to_string(),
            words,
            overridden,
            error: None,
            warnings: Vec::new(),
            left: Vec::new(),
            matrix: None,
            benchmarks: Vec::new(),
            figures: Vec::new(),
        };
        match found {
            Found::Unreadable { error, .. } => part.error = Some(error.clone()),
            Found::Read(summary, pictures) => part.fill(index, summary, pictures, styles)?,
        }
        Ok(part)
    }

    fn fill(&mut self, index: usize, summary: &Summary, pictures: &[Picture], styles: &Styles) -> Result<()> {
        let names: Vec<&str> = names(summary);
        // Names come from users' folders: the position keeps anchors apart whatever they are.
        let anchor = |benchmark: &str| {
            let place = names.iter().position(|name| *name == benchmark).unwrap_or_default();
            format!("b{index}-{place}-{}", slug(benchmark))
        };
        self.warnings = summary.warnings.clone();
        self.left = tables::left_out(summary);
        self.matrix = Matrix::new(summary, anchor);
        for (table, cells) in tables::tables(summary).into_iter().zip(chunks(summary)) {
            let anchor = anchor(&cells[0].row.benchmark);
            self.benchmarks.push(Benchmark::new(summary, cells, table, anchor, styles)?);
        }
        for (number, picture) in pictures.iter().enumerate() {
            if OWN.iter().any(|own| picture.name.starts_with(own)) {
                continue;
            }
            let Some(svg) = picture::embed(&picture.svg, &picture.words, &format!("f{index}-{number}-")) else {
                continue;
            };
            let figure = Figure { words: picture.words.clone(), svg };
            match owner(&picture.name, &names) {
                Some(name) => self
                    .benchmarks
                    .iter_mut()
                    .find(|b| b.name == name)
                    .expect("a name of the tables")
                    .figures
                    .push(figure),
                None => self.figures.push(figure),
            }
        }
        Ok(())
    }
}

/// The cells of each benchmark, as `tables` cuts them.
fn chunks(summary: &Summary) -> impl Iterator<Item = &[Cell]> {
    summary.cells.chunk_by(|a, b| a.row.benchmark == b.row.benchmark)
}

fn names(summary: &Summary) -> Vec<&str> {
    chunks(summary).map(|cells| cells[0].row.benchmark.as_str()).collect()
}

/// The benchmark that a picture called `results-<benchmark>-…` shows: the longest name that fits.
fn owner<'a>(picture: &str, benchmarks: &[&'a str]) -> Option<&'a str> {
    let fits =
        |rest: &str, name: &str| rest.strip_prefix(name).is_some_and(|end| end.is_empty() || end.starts_with('-'));
    let rest = picture.split_once('-').map_or(picture, |(_, rest)| rest);
    let own = benchmarks.iter().filter(|name| fits(rest, name) || fits(picture, name));
    own.max_by_key(|name| name.len()).copied()
}

impl Benchmark {
    fn new(summary: &Summary, cells: &[Cell], table: tables::Table, anchor: String, styles: &Styles) -> Result<Self> {
        let name = cells[0].row.benchmark.clone();
        let has = |column: &str| table.columns.iter().any(|c| c.name == column);
        let figure = cells[0].figure.is_some();
        let looks = match figure {
            true => plots::figure_looks(summary, cells),
            false => cells.iter().map(|cell| Some(styles.look(&cell.row.method))).collect(),
        };
        let row = |(cell, look): (&Cell, Option<Look>)| {
            let (class, swatch) =
                look.map_or_else(Default::default, |look| (frame::class(look.colour), frame::swatch(look)));
            (Row::new(summary, cell), class, swatch)
        };
        Ok(Benchmark {
            anchor,
            title: cells[0].title.clone(),
            modes: has("mode"),
            iterations: has("meta-iters"),
            counts: has("seeds") || has("episodes"),
            published: has("published"),
            verdicts: has("verdict"),
            rows: cells.iter().zip(looks).map(row).collect(),
            curves: if figure { None } else { Curves::new(summary, cells, styles) },
            fits: Fits::new(summary, cells, styles)?,
            figure,
            figures: Vec::new(),
            runs: runs::lines(summary, &name),
            recipes: runs::recipes(summary, &name),
            shared: table.shared,
            notes: table.notes,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::owner;

    #[test]
    fn pictures_find_their_benchmark() {
        let names = ["omniglot", "omniglot-5w1s", "figures"];
        assert_eq!(owner("results-omniglot-5w1s", &names), Some("omniglot-5w1s"));
        assert_eq!(owner("results-omniglot", &names), Some("omniglot"));
        assert_eq!(owner("figures-overlap", &names), Some("figures"));
        assert_eq!(owner("results-omniglot-20w1s", &["omniglot-5w1s"]), None);
        assert_eq!(owner("theory", &names), None);
    }
}
