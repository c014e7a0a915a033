//! A table of text: for a terminal, as Markdown and as LaTeX.

mod fit;
pub mod latex;
pub mod markdown;

use std::borrow::Cow;

use comfy_table::{Attribute, Cell, CellAlignment, LineStyle, TableStyle};

use crate::console;

pub use fit::Fitted;

/// Lines of text in columns.
#[derive(Default)]
pub struct Table {
    pub title: String,
    /// What all lines share; empty where the title says it.
    pub subtitle: String,
    pub columns: Vec<Column>,
    /// One text a column.
    pub lines: Vec<Vec<String>>,
    pub notes: Vec<String>,
}

/// A heading and which way its cells lean.
#[derive(Clone)]
pub struct Column {
    pub name: Cow<'static, str>,
    pub right: bool,
    shown: bool,
}

/// How notes stand beneath a table in a terminal.
pub enum Notes {
    /// `  note`
    Indented,
    /// `note.`
    Sentences,
}

impl Column {
    pub fn left(name: impl Into<Cow<'static, str>>) -> Self {
        Column { name: name.into(), right: false, shown: true }
    }

    pub fn right(name: impl Into<Cow<'static, str>>) -> Self {
        Column { name: name.into(), right: true, shown: true }
    }

    /// [`Table::new`] leaves it out unless it is `shown`.
    pub fn only_if(self, shown: bool) -> Self {
        Column { shown, ..self }
    }

    /// A cell of this column in a terminal.
    pub fn cell(&self, text: &str) -> Cell {
        Cell::new(text).set_alignment(if self.right { CellAlignment::Right } else { CellAlignment::Left })
    }
}

impl Table {
    /// Without the columns that are not shown: `lines` have a text for these too.
    pub fn new(
        title: String,
        columns: impl IntoIterator<Item = Column>,
        lines: impl IntoIterator<Item = Vec<String>>,
    ) -> Self {
        let columns: Vec<Column> = columns.into_iter().collect();
        let shown = |line: Vec<String>| -> Vec<String> {
            line.into_iter().zip(&columns).filter(|(_, column)| column.shown).map(|(text, _)| text).collect()
        };
        let lines: Vec<Vec<String>> = lines.into_iter().map(shown).collect();
        Table { title, columns: columns.into_iter().filter(|column| column.shown).collect(), lines, ..Table::default() }
    }

    /// For a terminal `width` columns wide, with headings and notes.
    pub fn text(&self, width: u16, notes: Notes) -> String {
        let mut out = String::new();
        let mut paragraph = |text: &str| {
            for line in console::wrap(text, width.into()) {
                out += &line;
                out.push('\n');
            }
        };
        self.headings().for_each(|heading| paragraph(heading));
        paragraph(&self.grid(width));
        for note in &self.notes {
            paragraph(&match notes {
                Notes::Indented => format!("  {note}"),
                Notes::Sentences => format!("{note}."),
            });
        }
        out
    }

    /// The lines alone, `width` columns wide; a paragraph each where their numbers are wider.
    pub fn grid(&self, width: u16) -> String {
        let Some(Fitted { table, gap, .. }) = self.fit(width) else { return self.paragraphs(width) };
        let cells = |line: &Vec<String>| -> Vec<Cell> {
            line.iter().zip(&table.columns).map(|(text, column)| column.cell(text)).collect()
        };
        printed(table.laid_out(table.lines.iter().map(cells), gap), false)
    }

    /// A paragraph each line.
    pub fn paragraphs(&self, width: u16) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| &*column.name).collect();
        paragraphs(&names, &self.lines, width).trim_end().to_owned()
    }

    /// Rows of cells beneath the names of the columns, a gap between two columns; no line is broken.
    pub fn laid_out(&self, rows: impl IntoIterator<Item = Vec<Cell>>, gap: u16) -> comfy_table::Table {
        let mut grid = comfy_table::Table::new();
        // A rule beneath the heading and air between columns: borders would cost a fifth of eighty columns.
        grid.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
        grid.set_header(self.columns.iter().map(|column| column.cell(&column.name).add_attribute(Attribute::Bold)));
        grid.add_rows(rows);
        let count = self.columns.len();
        for (i, column) in grid.column_iter_mut().enumerate() {
            column.set_padding((0, if i + 1 == count { 0 } else { gap }));
        }
        grid
    }

    /// Title and subtitle, as far as there are any.
    fn headings(&self) -> impl Iterator<Item = &String> {
        [&self.title, &self.subtitle].into_iter().filter(|heading| !heading.is_empty())
    }
}

/// What was laid out, as text.
pub fn printed(mut grid: comfy_table::Table, colour: bool) -> String {
    if colour {
        grid.enforce_styling();
    } else {
        grid.force_no_tty();
    }
    grid.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Each line as a paragraph: its first cell, and beneath it the others with their names. What is
/// empty is left out.
pub fn paragraphs(names: &[&str], lines: &[Vec<String>], width: u16) -> String {
    let paragraph = |line: &Vec<String>| {
        let mut out = format!("{}\n", line[0]);
        for (name, cell) in names.iter().zip(line).skip(1).filter(|(_, cell)| !cell.is_empty()) {
            let lines = console::wrap(&format!("  {name}: {cell}"), width.into());
            out += &format!("{}\n", lines.join("\n"));
        }
        out
    };
    lines.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

/// `heading` and the lines beneath it, each behind `mark`; nothing where there are no lines.
pub fn list(heading: &str, mark: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("{mark}{line}\n")).collect();
    format!("{heading}{lines}\n")
}

/// [`list`] of indented lines for a terminal `width` columns wide.
pub fn indented(heading: &str, lines: &[String], width: u16) -> String {
    let wrapped = |line: &String| console::wrap(&format!("  {line}"), width.into());
    list(heading, "", &lines.iter().flat_map(wrapped).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_not_shown_is_in_no_form() {
        let columns = [Column::left("method"), Column::left("mode").only_if(false), Column::right("ours, %")];
        let lines = [["a*", "inductive", "7"], ["b_1", "inductive", "12"]];
        let lines = lines.map(|line| line.map(str::to_owned).to_vec());
        let table = Table { notes: vec!["one seed".into()], ..Table::new("here".into(), columns, lines) };
        assert_eq!(
            table.text(60, Notes::Indented),
            "here\nmethod  ours, %\n───────────────\na*            7\nb_1          12\n  one seed\n"
        );
        assert!(table.text(60, Notes::Sentences).ends_with("12\none seed.\n"));
        assert_eq!(
            table.markdown(),
            "### here\n\n| method | ours, % |\n| :-- | --: |\n| a\\* | 7 |\n| b_1 | 12 |\n\n- one seed\n\n"
        );
        let latex = table.latex();
        assert!(
            latex.starts_with("% \\usepackage{booktabs}\n% here\n% one seed\n\\begin{tabular}{lr}\n\\toprule\n"),
            "{latex}"
        );
        assert!(latex.contains("\\toprule\nmethod & ours, \\% \\\\\n"), "{latex}");
        assert!(latex.contains("\\midrule\na* & 7 \\\\\nb\\_1 & 12 \\\\\n\\bottomrule\n"), "{latex}");
    }

    #[test]
    fn a_list_of_nothing_has_no_heading() {
        assert_eq!(list("left:\n", "  ", &["a".into(), "b".into()]), "left:\n  a\n  b\n\n");
        assert_eq!(list("left:\n", "  ", &[]), "");
        assert_eq!(indented("left:\n", &["one 1.25".into(), "two".into()], 8), "left:\n  one\n    1.25\n  two\n\n");
        assert_eq!(indented("left:\n", &[], 8), "");
    }
}
