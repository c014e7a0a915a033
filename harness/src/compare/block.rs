//! A table under its title, for a terminal, as Markdown and as LaTeX.

use std::borrow::Cow;

use comfy_table::{Cell as Field, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use crate::report::latex;
use crate::report::markdown::escape;

/// Rows of one benchmark.
pub struct Block {
    pub title: String,
    pub columns: Vec<Column>,
    pub lines: Vec<Vec<String>>,
    pub notes: Vec<String>,
}

pub struct Column {
    pub name: Cow<'static, str>,
    pub right: bool,
}

impl Block {
    /// The lines alone, `width` columns wide.
    pub fn grid(&self, width: u16) -> String {
        let mut grid = Table::new();
        let style = TableStyle::new().header_separator(LineStyle::none().fill('─'));
        grid.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).set_width(width).force_no_tty();
        let lean = |right| if right { CellAlignment::Right } else { CellAlignment::Left };
        let field = |text: &str, column: &Column| Field::new(text).set_alignment(lean(column.right));
        grid.set_header(self.columns.iter().map(|column| field(&column.name, column)));
        for line in &self.lines {
            grid.add_row(line.iter().zip(&self.columns).map(|(text, column)| field(text, column)));
        }
        let last = self.columns.len() - 1;
        for (i, column) in grid.column_iter_mut().enumerate() {
            column.set_padding((0, if i == last { 0 } else { 2 }));
        }
        grid.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    /// With its heading and its notes.
    pub fn markdown(&self) -> String {
        let mut out = format!("### {}\n\n", escape(&self.title));
        let names = self.columns.iter().map(|column| column.name.clone().into_owned()).collect();
        let rule = self.columns.iter().map(|column| if column.right { "--:" } else { ":--" }.to_owned()).collect();
        for line in [&names, &rule].into_iter().chain(&self.lines) {
            let line: Vec<String> = line.iter().map(|text| escape(text)).collect();
            out += &format!("| {} |\n", line.join(" | "));
        }
        out.push('\n');
        self.notes.iter().for_each(|note| out += &format!("- {}\n", escape(note)));
        if !self.notes.is_empty() {
            out.push('\n');
        }
        out
    }

    /// As a `tabular`, title and notes as comments.
    pub fn latex(&self) -> String {
        let columns: String = self.columns.iter().map(|column| if column.right { 'r' } else { 'l' }).collect();
        let heads: Vec<String> = self.columns.iter().map(|column| latex::escape(&column.name)).collect();
        let line = |line: &Vec<String>| line.iter().map(|text| latex::escape(text)).collect::<Vec<_>>().join(" & ");
        let said: String = [&self.title].into_iter().chain(&self.notes).map(|note| format!("% {note}\n")).collect();
        said + &latex::tabular(&columns, &heads, &self.lines.iter().map(line).collect::<Vec<_>>())
    }
}
