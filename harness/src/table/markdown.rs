//! A table as Markdown, to be copied and pasted.

use super::{Table, list};

impl Table {
    /// Beneath a heading of the third level.
    pub fn markdown(&self) -> String {
        self.markdown_at(3)
    }

    /// Beneath a heading of `level` hashes.
    pub fn markdown_at(&self, level: usize) -> String {
        let mut out = format!("{} {}\n\n", "#".repeat(level), escape(&self.title));
        if !self.subtitle.is_empty() {
            out += &format!("{}\n\n", escape(&self.subtitle));
        }
        out + &self.markdown_lines() + "\n" + &list("", "- ", &escaped(&self.notes))
    }

    /// The lines alone.
    pub fn markdown_lines(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.to_string()).collect();
        let rule: Vec<String> =
            self.columns.iter().map(|column| if column.right { "--:" } else { ":--" }.to_owned()).collect();
        let line = |line: &Vec<String>| format!("| {} |\n", escaped(line).join(" | "));
        [&names, &rule].into_iter().chain(&self.lines).map(line).collect()
    }
}

/// A bar would end a cell, a star would start emphasis.
pub fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}

pub fn escaped(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| escape(text)).collect()
}
