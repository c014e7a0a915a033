//! The tables as Markdown, to be copied and pasted.

use super::{made, tables};
use crate::results::rows::Summary;
use crate::table::markdown::escaped;
use crate::table::{Column, Table, list};

/// The tables of `summaries`, each benchmark under a heading of `level` hashes.
pub fn render(summaries: &[Summary], level: usize) -> String {
    let mut out = String::new();
    for summary in summaries {
        tables::tables(summary).iter().for_each(|(table, _)| out += &table.markdown_at(level));
        out += &list("Warnings:\n\n", "- ", &escaped(&summary.warnings));
        let left = format!("Not in the tables (budget {}):\n\n", summary.budget);
        out += &list(&left, "- ", &escaped(&tables::left_out(summary)));
    }
    out + &tables::legend(summaries) + "\n"
}

/// `made.md` of one budget: which build and machine made its rows, and how long that took. It is a file of its own, since
/// `summary.md` has the same bytes however long a run took.
pub fn made(summary: &Summary) -> String {
    let columns = ["benchmark", "rows", "commit", "machine"].map(Column::left).into_iter();
    let lines = made::table(summary).into_iter().map(|m| vec![m.benchmark, m.what, m.commit, m.machine, m.hours]);
    let table = Table::new(String::new(), columns.chain([Column::right("hours")]), lines);
    format!("# How the results of budget {} were made\n\n{}", summary.budget, table.markdown_lines())
}

/// `summary.md` of one budget: its tables and its pictures.
pub fn page(summary: &Summary, pictures: &[(String, String)]) -> String {
    let mut out = format!("# Results, budget {}\n\n", summary.budget);
    out += &render(std::slice::from_ref(summary), 2);
    for (file, words) in pictures {
        out += &format!("\n![{words}](plots/{file}.svg)\n");
    }
    out
}
