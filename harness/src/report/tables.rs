//! The content of the result tables, before anybody decides how to print them: one table a benchmark, with notes.
//!
//! Columns that would say the same in every line (one seed, nothing published, a figure's verdicts) are left out or move
//! into the heading, so that a quick run fits eighty columns.

use super::quick;
use crate::benchmark::folds;
use crate::lists::shared_by;
use crate::results::rows::{Cell, Excluded, Summary};
use crate::results::tag;
use crate::results::verdict::Verdict;
use crate::table::{Column, Table};
use crate::words;
use harness_core::Mode;

/// What the means of a table are over, in words.
pub struct Over {
    /// A run behind a mean.
    pub run: &'static str,
    /// The heading of how many there are.
    pub runs: &'static str,
    /// The heading of the interval over them.
    pub interval: &'static str,
}

/// What the rows of `benchmark` are means over. A mean over folds is over runs of different folds, not of seeds alone.
pub fn over(benchmark: &str) -> Over {
    match folds::is_mean(benchmark) {
        true => Over { run: "run", runs: "runs", interval: "± folds" },
        false => Over { run: "seed", runs: "seeds", interval: "± seeds" },
    }
}

/// What a column says of a cell.
type Print = fn(&Cell) -> String;

/// Marks a published number that is shown and never judged.
const ANOTHER_PROTOCOL: &str = "*";
/// Marks a number that is no better than guessing in any episode.
const AT_CHANCE: &str = " (chance)";

/// Stands before the best value of a table and mode, and before those that are not significantly worse.
const BEST: &str = "• ";

/// The cells of each benchmark.
pub fn chunks(summary: &Summary) -> impl Iterator<Item = &[Cell]> {
    summary.cells.chunk_by(|a, b| a.row.benchmark == b.row.benchmark)
}

/// The tables of one budget, in the order of its cells, each with those that its lines are of.
pub fn tables(summary: &Summary) -> Vec<(Table, &[Cell])> {
    chunks(summary).map(|cells| (table(summary, cells), cells)).collect()
}

/// What the ± are; said once beneath all tables.
pub fn legend(summaries: &[Summary]) -> String {
    let mut text = "±: 95 % over test episodes within a seed, averaged over seeds".to_string();
    let over = |mean: bool| {
        let mut cells = summaries.iter().flat_map(|s| &s.cells).filter(|c| c.row.ci95_seeds.is_some());
        cells.any(|c| folds::is_mean(&c.row.benchmark) == mean)
    };
    if over(false) {
        text += "; ± seeds: 95 % over seeds (Student's t)";
    }
    if over(true) {
        text += "; ± folds: 95 % over folds (Student's t)";
    }
    text += ".";
    if summaries.iter().flat_map(|s| &s.cells).any(|cell| cell.best) {
        text += " •: the best of its table and mode, or not significantly worse (paired over episodes, over seeds from \
                 three on; Holm; 5 %).";
    }
    text
}

/// Runs that are in no table.
pub fn left_out(summary: &Summary) -> Vec<String> {
    let tell = |left: &Excluded| {
        let reason = left.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
        format!("{} {} seed {}: {}{reason}", left.benchmark, left.method, left.seed, left.status)
    };
    summary.excluded.iter().map(tell).collect()
}

fn table(summary: &Summary, cells: &[Cell]) -> Table {
    let first = &cells[0];
    let Over { run, runs, interval } = over(&first.row.benchmark);
    let rows = || cells.iter().map(|c| &c.row);
    let iterations = shared(rows().map(|r| r.meta_iters).filter(|n| *n > 0));
    let seeds = shared(rows().map(|r| r.seeds as u64).filter(|n| *n > 0));
    let episodes = shared(rows().map(|r| r.episodes).filter(|n| *n > 0));
    let modes = rows().any(|r| r.mode != Mode::Pointwise);
    let intervals = rows().any(|r| r.ci95_seeds.is_some());
    let published = rows().any(|r| r.published.is_some());
    // A figure draws what was never printed as a number.
    let unjudged = cells.iter().all(|c| c.figure.is_some() && c.row.verdict == Verdict::NoTarget);
    let fields: [(Column, Print); 10] = [
        (Column::left("method"), |c| c.row.method.clone()),
        (Column::left("mode").only_if(modes), |c| c.row.mode.as_str().into()),
        (Column::right("meta-iters").only_if(iterations.is_none()), |c| words::thousands(c.row.meta_iters)),
        (Column::right(runs).only_if(seeds.is_none()), |c| c.row.seeds.to_string()),
        (Column::right("episodes").only_if(episodes.is_none()), |c| words::thousands(c.row.episodes)),
        (Column::right("ours"), ours),
        (Column::right(interval).only_if(intervals), over_runs),
        (Column::right("published").only_if(published), published_text),
        (Column::right("delta").only_if(published), delta),
        (Column::left("verdict").only_if(!unjudged), |c| c.row.verdict.name().to_string()),
    ];
    let (columns, prints): (Vec<Column>, Vec<Print>) = fields.into_iter().unzip();
    let lines = cells.iter().map(|cell| prints.iter().map(|print| print(cell)).collect::<Vec<_>>());

    let mut said = vec![format!("budget {}", summary.shown()), first.row.metric.heading()];
    said.extend(iterations.map(|n| words::plural(n, "meta-iteration")));
    said.extend(seeds.map(|n| words::plural(n, run)));
    said.extend(episodes.map(|n| words::plural(n, "test episode")));
    let title = match first.title.as_str() {
        "" => first.row.benchmark.clone(),
        title => format!("{}: {title}", first.row.benchmark),
    };
    Table {
        subtitle: said.join(" · "),
        notes: notes(cells).into_iter().chain(chance(cells)).chain(quick::note(summary, cells)).collect(),
        ..Table::new(title, columns, lines)
    }
}

fn ours(cell: &Cell) -> String {
    let row = &cell.row;
    let mark = if cell.best { BEST } else { "" };
    let number = |mean| mark.to_owned() + &row.metric.with_interval(mean, row.ci95_episodes);
    row.mean.map_or("-".to_string(), number) + if cell.chance { AT_CHANCE } else { "" }
}

/// What it means that a method is exactly at chance in every episode.
fn chance(cells: &[Cell]) -> Option<String> {
    let rows = cells.iter().filter(|cell| cell.chance).map(|cell| &cell.row);
    let rows: Vec<String> = rows.map(|row| format!("{} {}", row.method, row.mode.as_str())).collect();
    let rows = (!rows.is_empty()).then(|| rows.join(", "))?;
    Some(format!("{rows}: exactly at chance in every episode, as if it answered the same whatever it is shown"))
}

fn over_runs(cell: &Cell) -> String {
    cell.row.ci95_seeds.map_or(String::new(), |ci| format!("±{}", cell.row.metric.value(ci)))
}

fn published_text(cell: &Cell) -> String {
    let row = &cell.row;
    let mark = if cell.comparable { "" } else { ANOTHER_PROTOCOL };
    row.published.map_or(String::new(), |p| row.metric.with_interval(p, row.published_ci) + mark)
}

fn delta(cell: &Cell) -> String {
    cell.row.delta.map_or(String::new(), |d| cell.row.metric.signed(d))
}

/// The one value that all share; None where they differ. Of nothing: zero times nothing to say, so None too.
fn shared(mut values: impl Iterator<Item = u64>) -> Option<u64> {
    let first = values.next()?;
    values.all(|v| v == first).then_some(first)
}

/// Whether `cell` is another mode of the very runs of `above`: runs of other settings may have the same label.
pub fn same_runs(above: &Cell, cell: &Cell) -> bool {
    (&above.row.method, above.row.meta_iters) == (&cell.row.method, cell.row.meta_iters)
        && (&above.of_seeds, &above.fold_recipe) == (&cell.of_seeds, &cell.fold_recipe)
}

/// Where the published numbers come from and what their ± is, each said once for all methods that share it.
pub fn notes(cells: &[Cell]) -> Vec<String> {
    let published = cells.iter().filter(|c| c.row.published.is_some()).map(|cell| {
        let mut text = cell.row.source.clone().unwrap_or("source not given".to_string());
        match (&cell.ci_meaning, cell.row.published_ci) {
            (Some(meaning), _) => text += &format!("; its ±: {meaning}"),
            (None, Some(_)) => text += "; the meaning of its ± is not stated",
            (None, None) => {}
        }
        if !cell.comparable {
            text += &format!(" ({ANOTHER_PROTOCOL} another protocol: shown, not judged)");
        }
        (text, cell.row.method.as_str())
    });
    let published = shared_by(published).into_iter();
    let published = published.map(|(text, methods)| format!("published {}: {text}", methods.join(", ")));
    let tagged = tag::notes(cells.iter().map(|cell| (cell.row.method.as_str(), cell.tag.as_deref())));
    published.chain(kept(cells)).chain(tagged).collect()
}

/// Rows that another build made.
fn kept(cells: &[Cell]) -> impl Iterator<Item = String> {
    let builds = cells.iter().filter_map(|cell| Some((cell.kept.as_deref()?, cell.row.method.as_str())));
    shared_by(builds).into_iter().map(|(build, methods)| {
        format!("{} of another build: {build}, kept as it was and not judged", methods.join(", "))
    })
}
