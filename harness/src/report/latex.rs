//! The tables as LaTeX for a paper, with booktabs.

use super::{made, tables};
use crate::benchmark::folds;
use crate::results::metric::{Metric, with_mode};
use crate::results::rows::{Cell, Summary};
use crate::results::verdict::Verdict;
use crate::table::latex::{comment, escape};
use crate::table::{Column, Table};
use harness_core::Mode;

/// The tables of `summaries`, figures left out, one `tabular` a benchmark.
pub fn render(summaries: &[Summary]) -> String {
    let mut out =
        String::from("% \\usepackage{booktabs}; bold: the best of its mode, or not significantly worse than it\n");
    for summary in summaries {
        for cells in tables::chunks(summary) {
            if cells[0].figure.is_none() {
                out += &table(summary, cells);
            }
        }
        let records = summary.runs.iter().map(|run| &run.record);
        summary.warnings.iter().for_each(|warning| out += &comment(&format!("warning: {warning}")));
        let left = tables::left_out(summary);
        if !left.is_empty() {
            out += &comment(&format!("not in the tables (budget {}):", summary.budget));
            left.iter().for_each(|line| out += &comment(&format!("  {line}")));
        }
        out += &comment(&made::note(records));
    }
    out
}

/// Behind a mean over the seeds that are left, where others failed.
const IN_PART: &str = "$^{\\dagger}$";

fn table(summary: &Summary, cells: &[Cell]) -> String {
    let modes = cells.iter().any(|cell| cell.row.mode != Mode::Pointwise);
    let published = cells.iter().any(|cell| cell.row.published.is_some());
    // Two intervals, two columns: one of them has a row of one seed too, the other says what another training would do.
    let seeds = cells.iter().any(|cell| cell.row.ci95_seeds.is_some());
    let (head, over) = match folds::is_mean(&cells[0].row.benchmark) {
        true => ("$\\pm$ folds", "folds"),
        false => ("$\\pm$ seeds", "training seeds"),
    };
    let columns = [
        Column::left("Method"),
        Column::left("Mode").only_if(modes),
        Column::right("Published").only_if(published),
        Column::right("Ours"),
        Column::right(head).only_if(seeds),
    ];
    let line = |(index, cell): (usize, &Cell)| {
        let row = &cell.row;
        let again = index > 0 && tables::same_runs(&cells[index - 1], cell);
        let mark = if cell.comparable { "" } else { "$^{*}$" };
        let published = |value| number(row.metric, value, row.published_ci, false) + mark;
        let part = if in_part(cell) { IN_PART } else { "" };
        let ours = |mean| number(row.metric, mean, row.ci95_episodes, cell.best) + part;
        let over_seeds = |half| format!("$\\pm {}$", value_of(row.metric, half));
        vec![
            if again { String::new() } else { escape(&row.method) },
            escape(&with_mode("", row.mode)),
            row.published.map_or("--".into(), published),
            row.mean.map_or("--".into(), ours),
            row.ci95_seeds.map_or(String::new(), over_seeds),
        ]
    };
    let table = Table::new(String::new(), columns, cells.iter().enumerate().map(line));
    let part = cells.iter().any(in_part).then(|| "dagger: a run failed, the mean is over the others".to_owned());
    let notes: Vec<String> = tables::notes(cells).into_iter().chain(part).map(|note| comment(&note)).collect();
    let name = &cells[0].row.benchmark;
    format!(
        "% {name}, budget {}; ours: \\pm 95 % over test episodes{}\n{}{}",
        summary.shown(),
        if seeds { format!("; last column: over {over}") } else { String::new() },
        notes.concat(),
        table.tabular(str::to_owned)
    )
}

/// Whether the mean is without a run that failed.
fn in_part(cell: &Cell) -> bool {
    cell.row.mean.is_some() && cell.row.verdict == Verdict::Failed
}

/// A number for mathematics: `97.61`, `7.2\times10^{-7}`.
fn value_of(metric: Metric, value: f64) -> String {
    let text = metric.value(value);
    match text.split_once('e') {
        Some((digits, power)) => format!("{digits}\\times10^{{{power}}}"),
        None => text,
    }
}

/// `$97.61 \pm 0.12$`, or in bold.
fn number(metric: Metric, value: f64, half: Option<f64>, bold: bool) -> String {
    let half = half.map(|half| format!(" \\pm {}", value_of(metric, half))).unwrap_or_default();
    let value = value_of(metric, value);
    if bold { format!("$\\mathbf{{{value}}}{half}$") } else { format!("${value}{half}$") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures::{self, Made};
    use crate::results::metric::{ACCURACY, MSE};
    use crate::results::run_json::Status;
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
    fn small_numbers_are_products_with_a_power_of_ten() {
        let (value, half) = (7.2e-7, Some(1e-8));
        assert_eq!(number(MSE, value, half, false), "$7.2\\times10^{-7} \\pm 1.0\\times10^{-8}$");
        assert_eq!(number(MSE, value, half, true), "$\\mathbf{7.2\\times10^{-7}} \\pm 1.0\\times10^{-8}$");
        assert_eq!(number(MSE, 0.12, Some(0.01), false), "$0.120 \\pm 0.010$");
        assert_eq!(number(ACCURACY, 97.61, None, false), "$97.61$");
    }

    /// What the other tables say of a row, this one says too.
    #[test]
    fn failed_runs_and_warnings_are_told_and_every_row_has_its_name() {
        let out = tempfile::tempdir().unwrap();
        let runs =
            [(0, 97.0, 1000, Status::Complete), (1, 97.4, 1000, Status::Failed), (2, 80.0, 2000, Status::Complete)];
        for (seed, value, meta_iters, status) in runs {
            let finals = [("transductive", value, 0.1), ("inductive", value - 2.0, 0.1)];
            let mut run = Made::new("quick", "omniglot-5w1s", "maml", seed).finals(&finals);
            (run.meta_iters, run.status) = (meta_iters, status);
            run.write(out.path());
        }
        let text = render(&[summarize(out.path(), "quick").unwrap()]);
        for line in [
            "maml & transductive & $97.00 \\pm 0.10$$^{\\dagger}$ \\\\\n & inductive & $95.00 \\pm 0.10$$^{\\dagger}$",
            "maml & transductive & $80.00 \\pm 0.10$ \\\\\n & inductive & $78.00 \\pm 0.10$ \\\\\n",
            "% dagger: a run failed, the mean is over the others\n",
            "% warning: omniglot-5w1s maml: runs with 1000 and 2000 meta-iterations lie side by side",
            "% not in the tables (budget quick):\n",
            "%   omniglot-5w1s maml seed 1: failed: loss became NaN at meta-iteration 17\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
