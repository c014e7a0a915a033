//! `report.html`: everything under a results folder on one page that needs nothing but itself.
//!
//! The page is one for the whole folder, not one a budget: a reader wants the paper's budget and the quick trial beside
//! each other, and one file is what can be sent to somebody. Its text is a template; its pictures are the drawings of the
//! files, with colours that follow the reader's light or dark scheme.

mod deviations;
mod drawing;
mod methods;
mod mistakes;
mod part;
mod policy;
mod results;
mod runs;

#[cfg(test)]
mod tests;

use super::chart::Styles;
use super::pictures::Picture;
use crate::benchmark::folds;
use crate::results::rows::Summary;
use crate::results::verdict::Verdict;
use crate::words;
use harness_core::{Error, Result};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// The file's name under the results folder.
pub const FILE: &str = "report.html";

const STYLE: &str = include_str!("../../../templates/report/style.css");
const SCRIPT: &str = include_str!("../../../templates/report/script.js");

/// The page and its parts. The ending `html` makes every value in them escaped, unless it is marked as markup.
const TEMPLATES: [(&str, &str); 9] = [
    ("report.html", include_str!("../../../templates/report/report.html")),
    ("matrix.html", include_str!("../../../templates/report/matrix.html")),
    ("benchmark.html", include_str!("../../../templates/report/benchmark.html")),
    ("sweep.html", include_str!("../../../templates/report/sweep.html")),
    ("drawing.html", include_str!("../../../templates/report/drawing.html")),
    ("runs.html", include_str!("../../../templates/report/runs.html")),
    ("number.html", include_str!("../../../templates/report/number.html")),
    ("mistakes.html", include_str!("../../../templates/report/mistakes.html")),
    ("verdict.html", include_str!("../../../templates/report/verdict.html")),
];

/// The ground of dark pages, as the style sheet has it.
const NIGHT: drawing::Rgb = (21, 24, 29);

/// What is known of one budget's folder.
pub enum Found<'a> {
    Read(&'a Summary, &'a [Picture]),
    /// Named on the page, so that damage in one budget does not hide the others.
    Unreadable {
        budget: &'a str,
        error: String,
    },
}

#[derive(Serialize)]
struct Page<'a> {
    style: &'a str,
    script: &'a str,
    policy: String,
    colours: String,
    tally: Vec<(results::Judged, usize)>,
    facts: String,
    parts: Vec<part::Part>,
    methods: Vec<methods::Method>,
    /// Whether any row is a mean over folds.
    folds: bool,
    verdicts: Vec<Meaning>,
}

/// A verdict and what it says, for the legend; named as the verdicts of rows are.
#[derive(Serialize)]
struct Meaning {
    word: &'static str,
    class: &'static str,
    sign: &'static str,
    meaning: &'static str,
}

/// The page of all budgets; the same input gives the same bytes. `styles` are those of the results folder.
pub fn render(found: &[Found], styles: &Styles) -> Result<String> {
    // The fullest budget is what a reader came for; overridden runs come last.
    let rank = |name: &str| ["paper", "short", "quick"].iter().position(|b| *b == name).unwrap_or(3);
    let mut found: Vec<&Found> = found.iter().collect();
    found.sort_by_key(|found| rank(found.budget()));
    let summaries = || found.iter().filter_map(|found| found.summary());
    let mut used = BTreeSet::new();
    let parts = found.iter().enumerate().map(|(i, found)| part::Part::new(i, found, styles, &mut used));
    let parts = parts.collect::<Result<_>>()?;
    let page = Page {
        style: STYLE,
        script: SCRIPT,
        policy: policy::policy(SCRIPT),
        colours: drawing::variables(&used, NIGHT),
        tally: results::tally(summaries()),
        facts: facts(summaries()),
        parts,
        methods: methods::all(summaries()),
        folds: summaries().flat_map(|summary| &summary.cells).any(|cell| folds::is_mean(&cell.row.benchmark)),
        verdicts: meanings(summaries().any(|summary| summary.cells.iter().any(|cell| cell.kept.is_some()))),
    };
    // The chain down to the line of the template that is wrong.
    let failed = |e: minijinja::Error| Error::io(Path::new(FILE), std::io::Error::other(format!("{e:?}")));
    filled(&page).map_err(failed)
}

fn filled(page: &Page) -> std::result::Result<String, minijinja::Error> {
    let mut templates = minijinja::Environment::new();
    // A misspelt name in a template is an error and not a gap on the page.
    templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    for (name, text) in TEMPLATES {
        templates.add_template(name, text)?;
    }
    templates.get_template("report.html")?.render(minijinja::value::Serde(page))
}

impl Found<'_> {
    fn budget(&self) -> &str {
        match self {
            Found::Read(summary, _) => &summary.budget,
            Found::Unreadable { budget, .. } => budget,
        }
    }

    fn summary(&self) -> Option<&Summary> {
        match self {
            Found::Read(summary, _) => Some(summary),
            Found::Unreadable { .. } => None,
        }
    }
}

/// How much there is, in a sentence.
fn facts<'a>(summaries: impl Iterator<Item = &'a Summary>) -> String {
    let (mut runs, mut seconds) = (0, 0.0);
    let (mut methods, mut benchmarks): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let (mut figures, mut commits): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for record in summaries.flat_map(|s| &s.runs).map(|run| &run.record) {
        runs += 1;
        seconds += record.seconds;
        // A figure's rows are settings of few methods.
        let lists = match record.figure {
            Some(_) => vec![(&mut figures, Some(&record.benchmark))],
            None => vec![(&mut methods, Some(&record.label)), (&mut benchmarks, Some(&record.benchmark))],
        };
        for (list, name) in lists.into_iter().chain([(&mut commits, record.git_commit.as_ref())]) {
            if let Some(name) = name.filter(|name| !list.contains(&name.as_str())) {
                list.push(name);
            }
        }
    }
    let mut of = Vec::new();
    let count = |list: &[&str], word| words::plural(list.len() as u64, word);
    if !methods.is_empty() {
        of.push(format!("{} on {}", count(&methods, "method"), count(&benchmarks, "benchmark")));
    }
    if !figures.is_empty() {
        of.push(count(&figures, "figure"));
    }
    let mut said = format!("{} of {}", words::plural(runs, "complete run"), of.join(" and "));
    if seconds > 0.0 {
        said += &format!("; {} of work", words::duration(seconds));
    }
    if !commits.is_empty() {
        said += &format!("; {}", count(&commits, "commit"));
    }
    said + "."
}

fn meanings(kept: bool) -> Vec<Meaning> {
    use Verdict::*;
    let mut all = vec![
        (Reproduced, "the difference is within the tolerance"),
        (Above, "better than published by more than the tolerance"),
        (Below, "worse by more than the tolerance: a miss"),
        (PartialBudget, "not the paper’s whole work, so not judged"),
        (NoTarget, "nothing comparable was published"),
        (Failed, "a run did not finish"),
    ];
    if kept {
        all.push((OtherBuild, "another build made it, and it was kept: shown, not judged"));
    }
    let one = |(verdict, meaning)| {
        let judged = results::Judged::new(verdict);
        Meaning { word: judged.word, class: judged.class, sign: judged.sign, meaning }
    };
    all.into_iter().map(one).collect()
}
