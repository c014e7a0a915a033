//! From files on disk to what a person sees: `summary.csv`, `summary.md`, plots, the terminal's table and `report.html`.
//!
//! The report trains nothing and remembers nothing: it reads the run folders under `OUT/<budget>/` and writes the same
//! bytes whenever they are the same. Everything downstream of a number goes one way:
//! layout → run → summary → tables (terminal, Markdown, CSV, JSON) and charts (files and the page).

mod chart;
pub(crate) mod csv;
mod latex;
pub(crate) mod learning_curve;
pub(crate) mod made;
mod markdown;
mod page;
mod pictures;
mod quick;
mod tables;
mod terminal;

#[cfg(test)]
mod tests;

use crate::results::exports::Exports;
use crate::results::lock::FolderLock;
use crate::results::rows::{Summary, SummaryRow};
use crate::results::verdict::Verdict;
use crate::results::{disk, exports, layout, summary, tensorboard};
use harness_core::Result;
use std::io::ErrorKind;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

/// What was found and written under one results folder.
#[derive(Debug, Clone)]
pub struct Report {
    /// Where it is written.
    pub out: PathBuf,
    /// One a budget, the shortest first.
    pub budgets: Vec<Summary>,
    /// Every file that was written; none where the folder may only be read.
    pub files: Vec<PathBuf>,
}

/// Rebuilds `summary.csv`, `summary.md` and `plots/` of every budget under `out` (`results/runs`, `results/reference`),
/// and `report.html` over all of them.
///
/// # Errors
/// Usage: no run there. Data: a damaged `run.json`, `metrics.csv` or `adaptation.csv`, named with its line; nothing is
/// written for any budget then. Io: a file that cannot be read or written.
pub fn build(out: &Path) -> Result<Report> {
    build_apart(out, Some(out), Exports::default())
}

/// [`build`] that writes below `to`, or nothing at all, with other forms of the numbers: the results in `from` are only
/// read.
pub fn build_apart(from: &Path, to: Option<&Path>, exports: Exports) -> Result<Report> {
    build_budgets((from, to), layout::budgets(from)?, |_| true, exports)
}

/// Whether a report may be written into `out` and its budget folders. Other obstacles than permissions are for the writing
/// to name.
pub fn may_be_written(out: &Path) -> Result<bool> {
    let folders = layout::budgets(out)?.into_iter().map(|name| out.join(name));
    Ok(folders.chain([out.to_path_buf()]).all(|folder| match disk::writable(&folder) {
        Ok(()) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem),
    }))
}

/// [`build_apart`] for one budget folder (`quick`, `custom-1a2b3c4d`) alone. The page still shows all of them; damage in
/// another budget is told there and is no error.
pub fn build_budget(out: &Path, budget: &str, exports: Exports) -> Result<Report> {
    let mut names = layout::budgets(out)?;
    if !names.iter().any(|name| name == budget) {
        names.push(budget.to_string());
    }
    build_budgets((out, Some(out)), names, |name| name == budget, exports)
}

/// Reads the budgets `names` below `out`, writes the files of those that are `wanted` and the page of all below `to`, if
/// anywhere.
fn build_budgets(
    (out, to): (&Path, Option<&Path>),
    names: Vec<String>,
    wanted: impl Fn(&str) -> bool,
    exports: Exports,
) -> Result<Report> {
    // From the first look to the last file: two reports at once would each write what it saw, and remove the other's.
    let folders = to.into_iter().flat_map(|to| names.iter().filter(|name| wanted(name)).map(|name| to.join(name)));
    let lock = |folder: PathBuf| {
        std::fs::create_dir_all(&folder).map_err(|source| disk::explain(&folder, source))?;
        FolderLock::wait(&folder)
    };
    let _locks = folders.map(lock).collect::<Result<Vec<_>>>()?;
    let summaries: Vec<(String, Result<Summary>)> =
        names.into_iter().map(|name| (name.clone(), summary::summarize(out, &name))).collect();
    let cells = summaries.iter().filter_map(|(_, summary)| summary.as_ref().ok()).flat_map(|summary| &summary.cells);
    let figures = cells.filter(|cell| cell.figure.is_some()).map(|cell| cell.row.benchmark.as_str()).collect();
    let styles = chart::Styles::of_labels(&layout::labels(out, &figures)?);
    let mut read = Vec::new();
    for (name, summary) in summaries {
        match summary.and_then(|summary| pictures::all(&summary, &styles).map(|pictures| (summary, pictures))) {
            Err(error) if wanted(&name) => return Err(error),
            found => read.push((name, found)),
        }
    }
    let page: Vec<page::Found> = read
        .iter()
        .map(|(budget, found)| match found {
            Ok((summary, pictures)) => page::Found::Read(summary, pictures),
            Err(error) => page::Found::Unreadable { budget, error: error.to_string() },
        })
        .collect();
    let page = page::render(&page, &styles)?;
    let mut report = Report { out: to.unwrap_or(out).to_path_buf(), budgets: Vec::new(), files: Vec::new() };
    for (name, found) in read {
        if let (true, Ok((summary, pictures))) = (wanted(&name), found) {
            if let Some(to) = to {
                report.files.extend(write(&to.join(&name), &summary, &pictures, exports)?);
            }
            report.budgets.push(summary);
        }
    }
    if to.is_some() {
        disk::write(&report.page(), page.as_bytes())?;
        report.files.push(report.page());
    }
    Ok(report)
}

/// Pictures that are drawn at the same time, if there are threads for them: each takes some 50 MB meanwhile.
const DRAWN_AT_ONCE: usize = 8;

/// Writes the files of one budget and returns their names.
fn write(folder: &Path, summary: &Summary, pictures: &[pictures::Picture], exports: Exports) -> Result<Vec<PathBuf>> {
    let rows: Vec<&SummaryRow> = summary.cells.iter().map(|c| &c.row).collect();
    let names: Vec<(String, String)> = pictures.iter().map(|p| (p.chart.name.clone(), p.chart.words.clone())).collect();
    let csv = folder.join("summary.csv");
    let mut files = Vec::new();
    let mut write = |path: PathBuf, bytes: &[u8]| disk::write(&path, bytes).map(|()| files.push(path));
    let plots = folder.join("plots");
    std::fs::create_dir_all(&plots).map_err(|source| harness_core::Error::io(&plots, source))?;
    write(csv.clone(), &exports::summary_csv(&rows, &csv)?)?;
    write(folder.join("summary.md"), markdown::page(summary, &names).as_bytes())?;
    write(folder.join("made.md"), markdown::made(summary).as_bytes())?;
    for some in pictures.chunks(rayon::current_num_threads().min(DRAWN_AT_ONCE)) {
        // Threads of their own: a waiting one of the pool takes up what else there is to do, such as another report, and
        // that one waits for the lock which this one holds.
        let drawn: Vec<_> = std::thread::scope(|scope| {
            let (draw, plots) = (pictures::Picture::files, &plots);
            let begun: Vec<_> = some.iter().map(|picture| scope.spawn(move || draw(picture, plots))).collect();
            begun.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic))).collect::<Result<_>>()
        })?;
        drawn.into_iter().flatten().try_for_each(|(path, bytes)| write(path, &bytes))?;
    }
    pictures::remove_stale(&plots, pictures)?;
    let others = exports::files(folder, summary, &rows, exports)?;
    others.iter().try_for_each(|(path, bytes)| write(path.clone(), bytes))?;
    tensorboard::remove_stale(folder, &files)?;
    Ok(files)
}

impl Report {
    /// The page over all budgets of the folder.
    pub fn page(&self) -> PathBuf {
        self.out.join(page::FILE)
    }

    /// Every row of every budget, as `--format json` prints them.
    pub fn rows(&self) -> Vec<&SummaryRow> {
        self.budgets.iter().flat_map(|b| &b.cells).map(|c| &c.row).collect()
    }

    /// The rows as a JSON array.
    pub fn json(&self) -> String {
        /// The columns of summary.csv, and what the user calls the runs.
        #[derive(serde::Serialize)]
        struct Row<'a> {
            #[serde(flatten)]
            row: &'a SummaryRow,
            #[serde(skip_serializing_if = "Option::is_none")]
            tag: Option<&'a str>,
        }
        let cells = self.budgets.iter().flat_map(|budget| &budget.cells);
        let rows: Vec<Row> = cells.map(|cell| Row { row: &cell.row, tag: cell.tag.as_deref() }).collect();
        serde_json::to_string_pretty(&rows).expect("rows are plain data") + "\n"
    }

    /// The tables for a terminal `width` columns wide.
    pub fn terminal_table(&self, width: u16) -> String {
        terminal::render(&self.budgets, width)
    }

    /// The tables to copy and paste.
    pub fn markdown(&self) -> String {
        markdown::render(&self.budgets, 3)
    }

    /// The tables for a paper.
    pub fn latex(&self) -> String {
        latex::render(&self.budgets)
    }

    /// What is not in the tables, by name: `sine reptile seed 1: missing`.
    pub fn left(&self) -> Vec<String> {
        self.budgets.iter().flat_map(tables::left_out).collect()
    }

    /// Keeps what `reproduce` was asked for: one budget folder and the benchmarks it ran. Files stay as they are.
    pub fn select(&mut self, budget: &str, benchmarks: &[String]) {
        self.budgets.retain(|b| b.budget == budget);
        for summary in &mut self.budgets {
            summary.cells.retain(|c| benchmarks.contains(&c.row.benchmark));
            summary.excluded.retain(|l| benchmarks.contains(&l.benchmark));
            summary.runs.retain(|r| benchmarks.contains(&r.record.benchmark));
            summary.warnings.retain(|w| benchmarks.iter().any(|b| w.split(' ').next() == Some(b)));
        }
    }

    /// Whether a target was missed: the verdict is `below`, which only whole `paper` runs can get.
    pub fn missed(&self) -> bool {
        self.rows().iter().any(|row| row.verdict == Verdict::Below)
    }
}
