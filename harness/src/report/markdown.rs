//! The tables as Markdown, to be copied and pasted.

use super::{made, tables};
use crate::results::rows::Summary;

/// The tables of `summaries`, each benchmark under a heading of `level` hashes.
pub fn render(summaries: &[Summary], level: usize) -> String {
    let hashes = "#".repeat(level);
    let mut out = String::new();
    for summary in summaries {
        for table in tables::tables(summary) {
            let names: Vec<String> = table.columns.iter().map(|c| c.name.to_string()).collect();
            let rule: Vec<String> =
                table.columns.iter().map(|c| if c.right { "--:" } else { ":--" }.to_string()).collect();
            out += &format!("{hashes} {}\n\n{}\n\n", escape(&table.title), escape(&table.shared));
            for line in [&names, &rule].into_iter().chain(&table.lines) {
                let cells: Vec<String> = line.iter().map(|cell| escape(cell)).collect();
                out += &format!("| {} |\n", cells.join(" | "));
            }
            out.push('\n');
            table.notes.iter().for_each(|note| out += &format!("- {}\n", escape(note)));
            if !table.notes.is_empty() {
                out.push('\n');
            }
        }
        list(&mut out, "Warnings:", &summary.warnings);
        list(&mut out, &format!("Not in the tables (budget {}):", summary.budget), &tables::left_out(summary));
    }
    out + &tables::legend(summaries) + "\n"
}

fn list(out: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        *out += &format!("{heading}\n\n");
        lines.iter().for_each(|line| *out += &format!("- {}\n", escape(line)));
        out.push('\n');
    }
}

/// A bar would end a cell, a star would start emphasis.
pub fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}

/// `made.md` of one budget: which build and machine made its rows, and how long that took. It is a file of its own, since
/// `summary.md` has the same bytes however long a run took.
pub fn made(summary: &Summary) -> String {
    let line = |m: &made::Made| {
        let cells = [&m.benchmark, &m.what, &m.commit, &m.machine, &m.hours].map(|cell| escape(cell));
        format!("| {} |\n", cells.join(" | "))
    };
    let lines: String = made::table(summary).iter().map(line).collect();
    let head = "| benchmark | rows | commit | machine | hours |\n| :-- | :-- | :-- | :-- | --: |\n";
    format!("# How the results of budget {} were made\n\n{head}{lines}", summary.budget)
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
