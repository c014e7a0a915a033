//! The content of the result tables, before anybody decides how to print them: one table a benchmark, with notes.
//!
//! Columns that would say the same in every line (one seed, nothing published, a figure's verdicts) are left out or move
//! into the heading, so that a quick run fits eighty columns.

use super::{format, quick};
use crate::benchmark::folds;
use crate::results::rows::{Cell, Excluded, Summary};
use crate::results::verdict::Verdict;
use crate::tag;
use harness_core::Mode;

/// One benchmark's results at one budget.
pub struct Table {
    /// `omniglot-5w1s: Omniglot, 5-way 1-shot`.
    pub title: String,
    /// What all lines share: budget, metric, schedule, seeds, episodes.
    pub shared: String,
    pub columns: Vec<Column>,
    /// One string a column.
    pub lines: Vec<Vec<String>>,
    /// The verdict of each line.
    pub verdicts: Vec<Verdict>,
    pub notes: Vec<String>,
}

/// A heading and which way its cells lean.
pub struct Column {
    pub name: &'static str,
    pub right: bool,
}

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

/// How a column of a cell is named and printed.
struct Field {
    name: &'static str,
    right: bool,
    print: fn(&Cell) -> String,
}

/// Marks a published number that is shown and never judged.
const ANOTHER_PROTOCOL: &str = "*";
/// Marks a number that is no better than guessing in any episode.
const AT_CHANCE: &str = " (chance)";

/// Stands before the best value of a table and mode, and before those that are not significantly worse.
const BEST: &str = "• ";

/// The tables of one budget, in the order of its cells.
pub fn tables(summary: &Summary) -> Vec<Table> {
    let chunks = summary.cells.chunk_by(|a, b| a.row.benchmark == b.row.benchmark);
    chunks.map(|cells| table(summary, cells)).collect()
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
    let mut fields = vec![Field { name: "method", right: false, print: |c| c.row.method.clone() }];
    let mut push = |wanted: bool, name, right, print| {
        if wanted {
            fields.push(Field { name, right, print });
        }
    };
    let iterations = shared(rows().map(|r| r.meta_iters).filter(|n| *n > 0));
    let seeds = shared(rows().map(|r| r.seeds as u64).filter(|n| *n > 0));
    let episodes = shared(rows().map(|r| r.episodes).filter(|n| *n > 0));
    push(rows().any(|r| r.mode != Mode::Pointwise), "mode", false, |c| c.row.mode.as_str().into());
    push(iterations.is_none(), "meta-iters", true, |c| format::thousands(c.row.meta_iters));
    push(seeds.is_none(), runs, true, |c| c.row.seeds.to_string());
    push(episodes.is_none(), "episodes", true, |c| format::thousands(c.row.episodes));
    push(true, "ours", true, ours);
    push(rows().any(|r| r.ci95_seeds.is_some()), interval, true, |c| {
        c.row.ci95_seeds.map(|ci| format!("±{}", c.row.metric.value(ci))).unwrap_or_default()
    });
    let published = rows().any(|r| r.published.is_some());
    push(published, "published", true, published_text);
    push(published, "delta", true, |c| c.row.delta.map(|d| c.row.metric.signed(d)).unwrap_or_default());
    // A figure draws what was never printed as a number.
    let unjudged = cells.iter().all(|c| c.figure.is_some() && c.row.verdict == Verdict::NoTarget);
    push(!unjudged, "verdict", false, |c| c.row.verdict.name().to_string());

    let mut said = vec![format!("budget {}", summary.budget), first.row.metric.heading()];
    said.extend(iterations.map(|n| format::plural(n, "meta-iteration")));
    said.extend(seeds.map(|n| format::plural(n, run)));
    said.extend(episodes.map(|n| format::plural(n, "test episode")));
    Table {
        title: match first.title.as_str() {
            "" => first.row.benchmark.clone(),
            title => format!("{}: {title}", first.row.benchmark),
        },
        shared: said.join(" · "),
        lines: cells.iter().map(|c| fields.iter().map(|f| (f.print)(c)).collect()).collect(),
        columns: fields.iter().map(|f| Column { name: f.name, right: f.right }).collect(),
        verdicts: rows().map(|r| r.verdict).collect(),
        notes: notes(cells).into_iter().chain(chance(cells)).chain(quick::note(summary, cells)).collect(),
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

fn published_text(cell: &Cell) -> String {
    let row = &cell.row;
    let mark = if cell.comparable { "" } else { ANOTHER_PROTOCOL };
    row.published.map_or(String::new(), |p| row.metric.with_interval(p, row.published_ci) + mark)
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
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for cell in cells.iter().filter(|c| c.row.published.is_some()) {
        let mut text = cell.row.source.clone().unwrap_or("source not given".to_string());
        match (&cell.ci_meaning, cell.row.published_ci) {
            (Some(meaning), _) => text += &format!("; its ±: {meaning}"),
            (None, Some(_)) => text += "; the meaning of its ± is not stated",
            (None, None) => {}
        }
        if !cell.comparable {
            text += &format!(" ({ANOTHER_PROTOCOL} another protocol: shown, not judged)");
        }
        let method = cell.row.method.as_str();
        match said.iter_mut().find(|(t, _)| *t == text) {
            Some((_, methods)) if !methods.contains(&method) => methods.push(method),
            Some(_) => {}
            None => said.push((text, vec![method])),
        }
    }
    let published = said.into_iter().map(|(text, methods)| format!("published {}: {text}", methods.join(", ")));
    let tagged = tag::notes(cells.iter().map(|cell| (cell.row.method.as_str(), cell.tag.as_deref())));
    published.chain(kept(cells)).chain(tagged).collect()
}

/// Rows that another build made.
fn kept(cells: &[Cell]) -> Vec<String> {
    let mut builds: Vec<(&str, Vec<&str>)> = Vec::new();
    for (cell, build) in cells.iter().filter_map(|cell| Some((cell, cell.kept.as_deref()?))) {
        let method = cell.row.method.as_str();
        match builds.iter_mut().find(|(other, _)| *other == build) {
            Some((_, methods)) if methods.contains(&method) => {}
            Some((_, methods)) => methods.push(method),
            None => builds.push((build, vec![method])),
        }
    }
    let tell = |(build, methods): (&str, Vec<&str>)| {
        format!("{} of another build: {}, kept as it was and not judged", methods.join(", "), build)
    };
    builds.into_iter().map(tell).collect()
}
