//! A table as LaTeX, with booktabs.

use super::Table;

impl Table {
    /// As a `tabular`, headings and notes as comments.
    pub fn latex(&self) -> String {
        let said: String = self.headings().chain(&self.notes).map(|text| format!("% {text}\n")).collect();
        said + &self.tabular(escape)
    }

    /// The lines alone; `written` makes LaTeX of a cell.
    pub fn tabular(&self, written: impl Fn(&str) -> String) -> String {
        let columns: String = self.columns.iter().map(|column| if column.right { 'r' } else { 'l' }).collect();
        let line = |cells: Vec<String>| cells.join(" & ") + " \\\\\n";
        let heads = line(self.columns.iter().map(|column| written(&column.name)).collect());
        let lines = self.lines.iter().map(|cells| line(cells.iter().map(|cell| written(cell)).collect()));
        let lines: String = lines.collect();
        format!(
            "\\begin{{tabular}}{{{columns}}}\n\\toprule\n{heads}\\midrule\n{lines}\\bottomrule\n\\end{{tabular}}\n\n"
        )
    }
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

    #[test]
    fn names_cannot_become_commands() {
        assert_eq!(escape("a_b 5% \\end{x} ±"), "a\\_b 5\\% \\textbackslash{}end\\{x\\} $\\pm$");
    }
}
