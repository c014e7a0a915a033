//! One budget on the page, and the benchmarks in it.

use super::{
    Found,
    drawing::{self, Drawing, Rgb},
    methods::slug,
    mistakes::{self, Mistakes},
    results::{Matrix, Row, Sweep},
    runs::Appendix,
};
use crate::report::chart::Styles;
use crate::report::pictures::{self, Picture};
use crate::report::tables;
use crate::results::rows::{Cell, Summary};
use crate::table::Table;
use harness_core::Result;
use serde::Serialize;
use std::collections::BTreeSet;

/// One budget.
#[derive(Serialize)]
pub struct Part {
    pub anchor: String,
    /// The folder's.
    pub name: String,
    /// What people call it.
    pub shown: String,
    /// What the budget is.
    pub words: &'static str,
    pub overridden: bool,
    pub error: Option<String>,
    pub warnings: Vec<String>,
    pub left: Vec<String>,
    pub matrices: Vec<Matrix>,
    pub benchmarks: Vec<Benchmark>,
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
    pub published: bool,
    /// Whether any row has a verdict to show; a failed run is told where nothing was published too.
    pub judged: bool,
    /// How the interval over seeds or folds and the number of runs are headed.
    pub interval: &'static str,
    pub runs: &'static str,
    /// A row, and its method's line.
    pub rows: Vec<(Row, String)>,
    /// Whether any row is marked as the best.
    pub best: bool,
    pub notes: Vec<String>,
    /// In place of the rows, where the benchmark is a figure.
    pub sweeps: Vec<Sweep>,
    /// What a row's name is called there.
    pub heading: String,
    pub drawings: Vec<Drawing>,
    /// Whether nothing was evaluated during training.
    pub no_curve: bool,
    pub mistakes: Vec<Mistakes>,
    pub appendix: Appendix,
}

impl Part {
    /// The colours of its drawings go to `used`.
    pub fn new(index: usize, found: &Found, styles: &Styles, used: &mut BTreeSet<Rgb>) -> Result<Self> {
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
            shown: found.summary().map_or(name.to_owned(), Summary::shown),
            words,
            overridden,
            error: None,
            warnings: Vec::new(),
            left: Vec::new(),
            matrices: Vec::new(),
            benchmarks: Vec::new(),
        };
        match found {
            Found::Unreadable { error, .. } => part.error = Some(error.clone()),
            Found::Read(summary, pictures) => part.fill(index, summary, pictures, styles, used)?,
        }
        Ok(part)
    }

    fn fill(
        &mut self,
        index: usize,
        summary: &Summary,
        pictures: &[Picture],
        styles: &Styles,
        used: &mut BTreeSet<Rgb>,
    ) -> Result<()> {
        let names: Vec<&str> = tables::chunks(summary).map(|cells| cells[0].row.benchmark.as_str()).collect();
        // Names come from users' folders: the position keeps anchors apart whatever they are.
        let anchor = |benchmark: &str| {
            let place = names.iter().position(|name| *name == benchmark).unwrap_or_default();
            format!("b{index}-{place}-{}", slug(benchmark))
        };
        self.warnings = summary.warnings.clone();
        self.left = tables::left_out(summary);
        self.matrices = Matrix::all(summary, anchor);
        for (table, cells) in tables::tables(summary) {
            let name = &cells[0].row.benchmark;
            let own = pictures.iter().filter(|picture| picture.benchmark == *name);
            let drawings = own.map(|picture| Drawing::new(&picture.chart, used)).collect::<Result<_>>()?;
            let figure = cells[0].figure.is_some();
            let looks = match figure {
                true => pictures::figure_looks(summary, cells),
                false => cells.iter().map(|cell| Some(styles.look(&cell.row.method))).collect(),
            };
            let mut swatch = |look| drawing::swatch(look, used);
            let swatches: Vec<String> = looks
                .into_iter()
                .map(|look| look.map(&mut swatch).transpose().map(Option::unwrap_or_default))
                .collect::<Result<_>>()?;
            self.benchmarks.push(Benchmark::new(summary, cells, table, anchor(name), swatches, drawings));
        }
        Ok(())
    }
}

impl Benchmark {
    fn new(
        summary: &Summary,
        cells: &[Cell],
        table: Table,
        anchor: String,
        swatches: Vec<String>,
        drawings: Vec<Drawing>,
    ) -> Self {
        let name = cells[0].row.benchmark.clone();
        let figure = cells[0].figure.as_ref();
        let has = |column: &str| table.columns.iter().any(|c| c.name == column);
        let over = tables::over(&name);
        let mut notes = table.notes;
        let mistakes = mistakes::all(summary, cells, &mut notes);
        let sweeps = if figure.is_some() { Sweep::all(summary, cells, &swatches) } else { Vec::new() };
        let rows: Vec<(Row, String)> = cells.iter().map(|cell| Row::new(summary, cell)).zip(swatches).collect();
        let curve = summary.runs.iter().any(|run| run.record.benchmark == name && !run.curve.is_empty());
        Benchmark {
            anchor,
            title: cells[0].title.clone(),
            heading: figure.map_or(name.clone(), |place| format!("Figure {}", place.number)),
            modes: has("mode"),
            published: has("published"),
            judged: rows.iter().any(|(row, _)| row.verdict.is_some()),
            interval: over.interval,
            runs: over.runs,
            sweeps,
            rows,
            best: cells.iter().any(|cell| cell.best),
            drawings,
            no_curve: !curve,
            appendix: Appendix::new(summary, &name),
            shared: table.subtitle,
            notes,
            mistakes,
            name,
        }
    }
}
