//! The tables for a terminal.

use super::tables;
use crate::console;
use crate::results::rows::{Cell, Summary};
use crate::results::verdict::Verdict;
use crate::table::{self, Column, Fitted, Table};
use comfy_table::{Attribute, Cell as Field, Color};

/// All tables of `summaries`, at most `width` columns wide where words allow it. Colour only on a terminal without
/// `NO_COLOR`, and never the only carrier of a verdict.
pub fn render(summaries: &[Summary], width: u16) -> String {
    render_with(summaries, width, console::colour())
}

fn render_with(summaries: &[Summary], width: u16, colour: bool) -> String {
    let mut out = String::new();
    let mut paragraph = |text: &str| {
        for line in console::wrap(text, width.into()) {
            out += &line;
            out.push('\n');
        }
    };
    for summary in summaries {
        for (table, cells) in tables::tables(summary) {
            paragraph(&table.title);
            paragraph(&table.subtitle);
            paragraph(&grid(&table, cells, width, colour));
            table.notes.iter().for_each(|note| paragraph(note));
            paragraph("");
        }
        summary.warnings.iter().for_each(|warning| paragraph(&format!("warning: {warning}")));
        let left = tables::left_out(summary);
        if !left.is_empty() {
            paragraph(&format!("not in the tables (budget {}):", summary.budget));
            left.iter().for_each(|line| paragraph(&format!("  {line}")));
            paragraph("");
        }
    }
    paragraph(&tables::legend(summaries));
    out
}

/// The same table with the modes beneath their method: a column less for a narrow terminal.
fn fold_modes(table: &Table) -> Table {
    let mut above = "";
    let mut lines: Vec<Vec<String>> = Vec::new();
    for line in &table.lines {
        let first = if line[0] == above { line[1].clone() } else { format!("{}\n{}", line[0], line[1]) };
        above = &line[0];
        lines.push([first].into_iter().chain(line[2..].iter().cloned()).collect());
    }
    let columns = [Column::left("method, mode")].into_iter().chain(table.columns[2..].iter().cloned());
    Table::new(String::new(), columns, lines)
}

/// The lines of `cells`, their verdicts in colour.
fn grid(table: &Table, cells: &[Cell], width: u16, colour: bool) -> String {
    let modes = table.columns.get(1).is_some_and(|column| column.name == "mode");
    let whole = table.fit(width).is_some_and(|fitted| fitted.whole);
    let folded = (modes && !whole).then(|| fold_modes(table));
    let named = folded.as_ref().unwrap_or(table);
    let Some(Fitted { table: fitted, gap, .. }) = named.fit(width) else { return table.paragraphs(width) };
    let mut above = "";
    let mut rows: Vec<Vec<Field>> = Vec::new();
    for (line, cell) in fitted.lines.iter().zip(cells) {
        // A method is named once; its modes follow beneath.
        let method = line[0].as_str();
        let fields = line.iter().zip(&fitted.columns).enumerate().map(|(i, (text, column))| match i {
            0 if method == above => column.cell(""),
            _ if named.columns[i].name == "verdict" => paint(column.cell(text), cell.row.verdict),
            _ => column.cell(text),
        });
        rows.push(fields.collect());
        above = method;
    }
    table::printed(fitted.laid_out(rows, gap), colour)
}

fn paint(field: Field, verdict: Verdict) -> Field {
    match verdict {
        Verdict::Reproduced | Verdict::Above => field.fg(Color::Green),
        Verdict::Below | Verdict::Failed => field.fg(Color::Red).add_attribute(Attribute::Bold),
        Verdict::NoTarget | Verdict::PartialBudget | Verdict::OtherBuild => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures;
    use crate::results::summary::summarize;

    #[test]
    fn a_quick_run_fits_eighty_columns_and_sixty_without_panic() {
        let out = fixtures::tree();
        let summaries = [summarize(out.path(), "quick").unwrap(), summarize(out.path(), "paper").unwrap()];
        let text = render_with(&summaries, 80, false);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", line.chars().count());
        }
        assert!(!text.contains('\u{1b}'), "no colour asked for");
        assert!(render_with(&summaries, 80, true).contains('\u{1b}'), "colour asked for");
        assert!(text.contains("partial budget") && text.contains("reproduced"), "{text}");
        for line in render_with(&summaries, 60, false).lines() {
            assert!(line.chars().count() <= 60, "{line}");
        }
    }

    #[test]
    fn tables_as_a_person_sees_them() {
        let (out, odd) = (fixtures::tree(), fixtures::odd_tree());
        let paper = [summarize(out.path(), "paper").unwrap()];
        for width in [60, 80, 120] {
            insta::assert_snapshot!(format!("paper-{width}"), render_with(&paper, width, false));
        }
        insta::assert_snapshot!("quick-80", render_with(&[summarize(out.path(), "quick").unwrap()], 80, false));
        insta::assert_snapshot!("odd-80", render_with(&[summarize(odd.path(), "quick").unwrap()], 80, false));
    }
}
