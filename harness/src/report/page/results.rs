//! Rows of results as the page prints them, and the matrix of methods × benchmarks.

use crate::lists::unique;
use crate::report::pictures;
use crate::results::metric::with_mode;
use crate::results::rows::{Cell, Summary};
use crate::results::statistics::mean;
use crate::results::verdict::Verdict;
use crate::words;
use harness_core::Mode;
use serde::Serialize;

/// A verdict with what carries it beside its colour.
#[derive(Serialize)]
pub struct Judged {
    pub word: &'static str,
    /// CSS class, from the word.
    pub class: &'static str,
    /// A sign for the eye; the word is for everybody.
    pub sign: &'static str,
}

impl Judged {
    pub fn new(verdict: Verdict) -> Self {
        let (class, sign) = match verdict {
            Verdict::Reproduced => ("reproduced", "✓"),
            Verdict::Above => ("above", "▲"),
            Verdict::Below => ("below", "▼"),
            Verdict::NoTarget => ("no-target", "○"),
            Verdict::PartialBudget => ("partial-budget", "◐"),
            Verdict::Failed => ("failed", "✕"),
            Verdict::OtherBuild => ("other-build", "◇"),
        };
        Judged { word: verdict.name(), class, sign }
    }
}

/// A printed number and the key by which its column sorts; both empty where there is none.
#[derive(Default, Serialize)]
pub struct Number {
    pub text: String,
    pub sort: String,
}

impl Number {
    fn new(value: Option<f64>, print: impl Fn(f64) -> String) -> Self {
        value.map_or_else(Number::default, |v| Number { text: print(v).replace('-', "−"), sort: v.to_string() })
    }
}

/// One row of a benchmark's table, one entry of the matrix.
#[derive(Serialize)]
pub struct Row {
    pub method: String,
    pub note: Option<String>,
    /// `-` for regression, which has none.
    pub mode: String,
    pub ours: Number,
    /// The best of its table and mode, or not significantly worse.
    pub best: bool,
    /// Half-width over episodes.
    pub episodes: Number,
    /// Half-width over seeds.
    pub seeds: Number,
    pub published: Number,
    pub published_ci: Number,
    /// False where the published number is of another protocol.
    pub comparable: bool,
    pub delta: Number,
    pub tolerance: Number,
    /// None where nothing was published that could be missed.
    pub verdict: Option<Judged>,
    pub meta_iters: Number,
    /// Image passes of the whole training, of one seed.
    pub passes: Number,
    /// Seconds of work of one seed, averaged; nothing where another run trained.
    pub hours: Number,
    pub of_seeds: String,
    pub of_episodes: Number,
}

impl Row {
    pub fn new(summary: &Summary, cell: &Cell) -> Self {
        let row = &cell.row;
        let print = |value: f64| row.metric.value(value);
        let interval = |value: f64| format!("±{}", print(value));
        let count = |n: u64| Number { text: words::thousands(n), sort: n.to_string() };
        let records = summary.runs.iter().map(|run| &run.record).chain(&summary.unfinished);
        let mut notes = records.filter(|r| (&r.benchmark, &r.label) == (&row.benchmark, &row.method));
        let runs = summary.runs_of(cell);
        let passes = runs.first().and_then(|run| Some(run.record.image_passes? * run.record.meta_iters as f64));
        let seconds: Option<Vec<f64>> = runs.iter().map(|run| run.record.whole_seconds()).collect();
        let unjudged = row.published.is_none() && row.verdict == Verdict::NoTarget;
        Row {
            method: row.method.clone(),
            note: notes.find_map(|record| record.note.clone()),
            mode: row.mode.as_str().into(),
            ours: Number::new(row.mean, |mean| print(mean) + if cell.chance { " (chance)" } else { "" }),
            best: cell.best,
            episodes: Number::new(row.ci95_episodes, interval),
            seeds: Number::new(row.ci95_seeds, interval),
            published: Number::new(row.published, print),
            published_ci: Number::new(row.published_ci, interval),
            comparable: cell.comparable,
            delta: Number::new(row.delta, |d| row.metric.signed(d)),
            tolerance: Number::new(cell.tolerance.filter(|_| cell.comparable), interval),
            verdict: (!unjudged).then(|| Judged::new(row.verdict)),
            meta_iters: count(row.meta_iters),
            passes: Number::new(passes.filter(|p| *p > 0.0), |n| words::thousands(n.round() as u64)),
            hours: Number::new(seconds.filter(|all| !all.is_empty()).map(|all| mean(&all)), words::hours),
            of_seeds: row.seeds.to_string(),
            of_episodes: count(row.episodes),
        }
    }
}

/// The rows of a figure as what they are: a line each, a column a value of what was swept.
#[derive(Serialize)]
pub struct Sweep {
    /// Empty where the figure has one mode.
    pub mode: String,
    /// What the columns are values of; empty for learning curves, which have their final value alone.
    pub label: String,
    pub columns: Vec<String>,
    /// Words, swatch and the values.
    pub lines: Vec<(String, String, Vec<Option<Row>>)>,
}

impl Sweep {
    /// The matrices of the `cells` of a figure, a mode each; `swatches` are those of the cells' lines.
    pub fn all(summary: &Summary, cells: &[Cell], swatches: &[String]) -> Vec<Self> {
        let modes = pictures::modes(cells);
        let one = |mode: &Mode| {
            let here = || cells.iter().zip(swatches).filter(|(cell, _)| cell.row.mode == *mode);
            // Of a failed point too: there is no run of it.
            let place = |cell: &Cell| cell.figure.as_ref()?.x;
            let mut xs: Vec<f64> = here().filter_map(|(cell, _)| place(cell)).collect();
            xs.sort_by(f64::total_cmp);
            xs.dedup();
            let columns = xs.len().max(1);
            let mut lines: Vec<(String, String, Vec<Option<Row>>)> = Vec::new();
            for (cell, swatch) in here() {
                let Some(figure) = &cell.figure else { continue };
                let column = place(cell).and_then(|x| xs.iter().position(|other| *other == x)).unwrap_or(0);
                let row = Row::new(summary, cell);
                match lines.iter_mut().find(|(words, _, at)| *words == figure.line && at[column].is_none()) {
                    Some((_, own, at)) => {
                        // A failed point has no look of its own.
                        if own.is_empty() {
                            own.clone_from(swatch);
                        }
                        at[column] = Some(row);
                    }
                    None => {
                        let mut at: Vec<Option<Row>> = (0..columns).map(|_| None).collect();
                        at[column] = Some(row);
                        lines.push((figure.line.clone(), swatch.clone(), at));
                    }
                }
            }
            let label = cells[0].figure.as_ref().filter(|_| !xs.is_empty()).map(|figure| figure.x_label.clone());
            Sweep {
                mode: if modes.len() > 1 { mode.as_str().to_owned() } else { String::new() },
                label: label.unwrap_or_default(),
                columns: if xs.is_empty() { vec!["final".into()] } else { xs.iter().map(f64::to_string).collect() },
                lines,
            }
        };
        modes.iter().map(one).collect()
    }
}

/// Benchmarks of a budget beside each other, a row a method, a column a benchmark and mode.
#[derive(Serialize)]
pub struct Matrix {
    pub heads: Vec<Head>,
    /// `omniglot-5w1s inductive`, as a phone names the cells.
    pub columns: Vec<String>,
    pub rows: Vec<(String, Vec<Vec<Row>>)>,
}

/// A benchmark's columns.
#[derive(Serialize)]
pub struct Head {
    pub benchmark: String,
    pub anchor: String,
    pub metric: String,
    pub modes: Vec<Mode>,
}

/// Columns of a matrix that fit beside each other on a page.
const MOST_COLUMNS: usize = 8;

impl Matrix {
    /// The matrices of `summary` without its figures, one for the benchmarks of a data set; none for a single benchmark,
    /// whose own table says the same. `anchor` names the place of a benchmark on the page.
    pub fn all(summary: &Summary, anchor: impl Fn(&str) -> String) -> Vec<Self> {
        let mut heads: Vec<Head> = Vec::new();
        for cell in summary.cells.iter().filter(|cell| cell.figure.is_none()) {
            let row = &cell.row;
            if heads.last().is_none_or(|head| head.benchmark != row.benchmark) {
                let (metric, anchor) = (row.metric.heading(), anchor(&row.benchmark));
                heads.push(Head { benchmark: row.benchmark.clone(), anchor, metric, modes: Vec::new() });
            }
            let modes = &mut heads.last_mut().expect("just pushed").modes;
            if !modes.contains(&row.mode) {
                modes.push(row.mode);
            }
        }
        if heads.len() < 2 {
            return Vec::new();
        }
        let mut tables = side_by_side(heads);
        // First those that hold a number against a published one.
        let judged = |cell: &&Cell| cell.row.published.is_some() && cell.comparable;
        let known = unique(summary.cells.iter().filter(judged).map(|cell| cell.row.benchmark.as_str()));
        tables.sort_by_key(|heads| !heads.iter().any(|head| known.contains(&head.benchmark.as_str())));
        tables.into_iter().map(|heads| Matrix::new(summary, heads)).collect()
    }

    fn new(summary: &Summary, heads: Vec<Head>) -> Self {
        let columns = || heads.iter().flat_map(|head| head.modes.iter().map(move |mode| (&head.benchmark, *mode)));
        let here = |cell: &&Cell| heads.iter().any(|head| head.benchmark == cell.row.benchmark);
        let methods = unique(summary.cells.iter().filter(here).map(|cell| cell.row.method.as_str()));
        let entry = |method: &str, benchmark: &str, mode: Mode| {
            let here = |cell: &&Cell| {
                (cell.row.method.as_str(), cell.row.benchmark.as_str(), cell.row.mode) == (method, benchmark, mode)
            };
            summary.cells.iter().filter(here).map(|cell| Row::new(summary, cell)).collect::<Vec<_>>()
        };
        let line = |method: &&str| {
            (method.to_string(), columns().map(|(benchmark, mode)| entry(method, benchmark, mode)).collect())
        };
        let rows = methods.iter().map(line).collect();
        let named = |(benchmark, mode): (&String, Mode)| format!("{benchmark}{}", with_mode(" ", mode));
        Matrix { columns: columns().map(named).collect(), heads, rows }
    }
}

/// Benchmarks that stand in one matrix: those of a data set, which their names begin with, and those that are alone.
fn side_by_side(heads: Vec<Head>) -> Vec<Vec<Head>> {
    let stem = |head: &Head| head.benchmark.rsplit_once('-').map_or(&*head.benchmark, |(stem, _)| stem).to_owned();
    let of_a_data_set = filled(heads, |one, other| stem(one) == stem(other));
    let (mut tables, alone): (Vec<_>, Vec<_>) = of_a_data_set.into_iter().partition(|heads| heads.len() > 1);
    tables.extend(filled(alone.into_iter().flatten(), |_, _| true));
    tables
}

/// Neighbours that `belong` together, as many as a page is wide.
fn filled(heads: impl IntoIterator<Item = Head>, belong: impl Fn(&Head, &Head) -> bool) -> Vec<Vec<Head>> {
    let columns = |heads: &[Head]| heads.iter().map(|head| head.modes.len()).sum::<usize>();
    let mut tables: Vec<Vec<Head>> = Vec::new();
    for head in heads {
        match tables.last_mut() {
            Some(last) if belong(&last[0], &head) && columns(last) + head.modes.len() <= MOST_COLUMNS => {
                last.push(head);
            }
            _ => tables.push(vec![head]),
        }
    }
    tables
}

/// How often each verdict was given, in the order of the legend. The rows of figures have nothing to be judged by.
pub fn tally<'a>(summaries: impl Iterator<Item = &'a Summary> + Clone) -> Vec<(Judged, usize)> {
    use Verdict::*;
    let target = |cell: &&Cell| cell.row.published.is_some() || cell.row.verdict != Verdict::NoTarget;
    let judged = summaries.flat_map(|s| &s.cells).filter(|cell| cell.figure.is_none()).filter(target);
    let count = |verdict: Verdict| judged.clone().filter(|cell| cell.row.verdict == verdict).count();
    let all = [Reproduced, Above, Below, PartialBudget, NoTarget, OtherBuild, Failed];
    all.into_iter().map(|v| (Judged::new(v), count(v))).filter(|(_, n)| *n > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_of_a_data_set_stand_together_and_no_table_is_wider_than_a_page() {
        let head = |(name, modes): (&str, usize)| Head {
            benchmark: name.into(),
            anchor: String::new(),
            metric: String::new(),
            modes: [Mode::Transductive, Mode::Inductive].into_iter().cycle().take(modes).collect(),
        };
        let tables = |heads: &[(&str, usize)]| -> Vec<Vec<String>> {
            let tables = side_by_side(heads.iter().copied().map(head).collect());
            tables.into_iter().map(|heads| heads.into_iter().map(|head| head.benchmark).collect()).collect()
        };
        assert_eq!(
            tables(&[("m-5w1s", 2), ("quadratic", 1), ("o-5w1s", 2), ("o-5w5s", 2), ("m-x-5w1s", 2), ("sine", 1)]),
            [vec!["o-5w1s", "o-5w5s"], vec!["m-5w1s", "quadratic", "m-x-5w1s", "sine"]]
        );
        let many = [("o-1", 2), ("o-2", 2), ("o-3", 2), ("o-4", 2), ("o-5", 2)];
        assert_eq!(tables(&many), [vec!["o-1", "o-2", "o-3", "o-4"], vec!["o-5"]]);
        let alone = ["a", "b", "c", "d", "e"].map(|name| (name, 2));
        assert_eq!(tables(&alone), [vec!["a", "b", "c", "d"], vec!["e"]]);
    }
}
