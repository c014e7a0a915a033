//! The tables as LaTeX for a paper, with booktabs.

use super::{made, tables};
use crate::benchmark::folds;
use crate::results::metric::{Metric, with_mode};
use crate::results::rows::{Cell, Summary};
use harness_core::Mode;

/// The tables of `summaries`, figures left out, one `tabular` a benchmark.
pub fn render(summaries: &[Summary]) -> String {
    let mut out =
        String::from("% \\usepackage{booktabs}; bold: the best of its mode, or not significantly worse than it\n");
    for summary in summaries {
        for cells in summary.cells.chunk_by(|a, b| a.row.benchmark == b.row.benchmark) {
            if cells[0].figure.is_none() {
                out += &table(summary, cells);
            }
        }
        let records = summary.runs.iter().map(|run| &run.record);
        made::note(records).lines().for_each(|line| out += &format!("% {line}\n"));
    }
    out
}

/// Of the interval over training seeds, and over folds.
const SEEDS: &str = "$\\pm$ seeds";
const FOLDS: &str = "$\\pm$ folds";

fn table(summary: &Summary, cells: &[Cell]) -> String {
    let modes = cells.iter().any(|cell| cell.row.mode != Mode::Pointwise);
    let published = cells.iter().any(|cell| cell.row.published.is_some());
    let mut heads = vec!["Method"];
    heads.extend(modes.then_some("Mode"));
    heads.extend(published.then_some("Published"));
    heads.push("Ours");
    // Two intervals, two columns: one of them has a row of one seed too, the other says what another training would do.
    let seeds = cells.iter().any(|cell| cell.row.ci95_seeds.is_some());
    let (head, over) = match folds::is_mean(&cells[0].row.benchmark) {
        true => (FOLDS, "folds"),
        false => (SEEDS, "training seeds"),
    };
    heads.extend(seeds.then_some(head));
    let mut lines = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let row = &cell.row;
        let again = index > 0 && cells[index - 1].row.method == row.method;
        let mut fields = vec![if again { String::new() } else { escape(&row.method) }];
        fields.extend(modes.then(|| escape(&with_mode("", row.mode))));
        let value = |value: Option<f64>, half| value.map(|value| number(row.metric, value, half, false));
        let mark = if cell.comparable { "" } else { "$^{*}$" };
        fields.extend(published.then(|| value(row.published, row.published_ci).map_or("--".into(), |v| v + mark)));
        fields.push(row.mean.map_or("--".into(), |mean| number(row.metric, mean, row.ci95_episodes, cell.best)));
        let over_seeds = |half| format!("$\\pm {}$", row.metric.value(half));
        fields.extend(seeds.then(|| row.ci95_seeds.map_or(String::new(), over_seeds)));
        lines.push(fields.join(" & "));
    }
    let notes: Vec<String> = tables::notes(cells).iter().map(|note| format!("% {note}\n")).collect();
    let columns =
        heads.iter().map(|head| if matches!(*head, "Published" | "Ours" | SEEDS | FOLDS) { 'r' } else { 'l' });
    let name = &cells[0].row.benchmark;
    format!(
        "% {name}, budget {}; ours: \\pm 95 % over test episodes{}\n{}{}",
        summary.shown(),
        if seeds { format!("; last column: over {over}") } else { String::new() },
        notes.concat(),
        tabular(&columns.collect::<String>(), &heads.iter().map(ToString::to_string).collect::<Vec<_>>(), &lines)
    )
}

/// A whole `tabular`; `heads` and `lines` are LaTeX.
pub fn tabular(columns: &str, heads: &[String], lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line} \\\\\n")).collect();
    let heads = heads.join(" & ");
    format!(
        "\\begin{{tabular}}{{{columns}}}\n\\toprule\n{heads} \\\\\n\\midrule\n{lines}\\bottomrule\n\\end{{tabular}}\n\n"
    )
}

/// `$97.61 \pm 0.12$`, or in bold.
fn number(metric: Metric, value: f64, half: Option<f64>, bold: bool) -> String {
    let half = half.map(|half| format!(" \\pm {}", metric.value(half))).unwrap_or_default();
    let value = metric.value(value);
    if bold { format!("$\\mathbf{{{value}}}{half}$") } else { format!("${value}{half}$") }
}

/// Text as LaTeX.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out += &format!("\\{c}"),
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '\\' => out += "\\textbackslash{}",
            '±' => out += "$\\pm$",
            '−' => out += "$-$",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures;
    use crate::results::summary::summarize;

    #[test]
    fn a_table_is_booktabs_with_published_beside_ours() {
        let out = fixtures::tree();
        let mut summary = summarize(out.path(), "paper").unwrap();
        summary.cells[0].best = true;
        let text = render(&[summary]);
        for words in [
            "\\begin{tabular}{llrrr}\n\\toprule\nMethod & Mode & Published & Ours & $\\pm$ seeds \\\\\n\\midrule\n",
            "reptile & transductive & $97.68 \\pm 0.04$ & $\\mathbf{97.60} \\pm 0.08$ & $\\pm 0.27$ \\\\\n",
            " & inductive & $95.39 \\pm 0.09$ & $95.20",
            "$79.20 \\pm 0.30$$^{*}$",
            "\\bottomrule\n\\end{tabular}",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn names_cannot_become_commands() {
        assert_eq!(escape("a_b 5% \\end{x} ±"), "a\\_b 5\\% \\textbackslash{}end\\{x\\} $\\pm$");
    }
}
