//! A table as LaTeX, with booktabs.

use super::Table;

impl Table {
    /// As a `tabular`, what it needs, its headings and its notes as comments.
    pub fn latex(&self) -> String {
        let said: String = self.headings().chain(&self.notes).map(|text| comment(text)).collect();
        comment("\\usepackage{booktabs}") + &said + &self.tabular(escape)
    }

    /// The lines alone; `written` makes LaTeX of a cell.
    pub fn tabular(&self, written: impl Fn(&str) -> String) -> String {
        let columns: String = self.columns.iter().map(|column| if column.right { 'r' } else { 'l' }).collect();
        // The end of a line takes a star or a bracket behind it for its own.
        let guard = |line: String| if line.starts_with(['*', '[']) { format!("{{}}{line}") } else { line };
        let line = |cells: Vec<String>| guard(cells.join(" & ")) + " \\\\\n";
        let heads = line(self.columns.iter().map(|column| written(&column.name)).collect());
        let lines = self.lines.iter().map(|cells| line(cells.iter().map(|cell| written(cell)).collect()));
        let lines: String = lines.collect();
        format!(
            "\\begin{{tabular}}{{{columns}}}\n\\toprule\n{heads}\\midrule\n{lines}\\bottomrule\n\\end{{tabular}}\n\n"
        )
    }
}

/// `text` as lines that LaTeX passes over.
pub fn comment(text: &str) -> String {
    text.lines().map(|line| format!("% {line}\n")).collect()
}

/// Text as LaTeX for pdfTeX, whose own fonts lack most of these signs or have another one in their
/// place.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out += &format!("\\{c}"),
            '<' | '>' | '|' => out += &format!("${c}$"),
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '\\' => out += "\\textbackslash{}",
            '±' => out += "$\\pm$",
            '−' => out += "$-$",
            '×' => out += "$\\times$",
            '·' => out += "$\\cdot$",
            '•' => out += "$\\bullet$",
            '→' => out += "$\\rightarrow$",
            '←' => out += "$\\leftarrow$",
            '↑' => out += "$\\uparrow$",
            '↓' => out += "$\\downarrow$",
            '²' => out += "$^2$",
            '³' => out += "$^3$",
            '–' => out += "--",
            '—' => out += "---",
            '’' => out.push('\''),
            '…' => out += "\\ldots{}",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::Benchmark;
    use crate::table::Column;

    #[test]
    fn names_cannot_become_commands() {
        assert_eq!(escape("a_b 5% \\end{x} ±"), "a\\_b 5\\% \\textbackslash{}end\\{x\\} $\\pm$");
        assert_eq!(escape("&$#~^"), "\\&\\$\\#\\textasciitilde{}\\textasciicircum{}");
        assert_eq!(comment("one\ntwo"), "% one\n% two\n", "no line of it becomes text");
    }

    /// pdfTeX's usual fonts print `<` as another sign, and `→` is an error without a package.
    #[test]
    fn every_sign_of_a_table_is_one_that_pdftex_knows() {
        let all = "< > | → ← ↑ ↓ ± − × · • ² ³ – — ’ …";
        let known = "$<$ $>$ $|$ $\\rightarrow$ $\\leftarrow$ $\\uparrow$ $\\downarrow$ $\\pm$ $-$ $\\times$ $\\cdot$ \
                     $\\bullet$ $^2$ $^3$ -- --- ' \\ldots{}";
        assert_eq!(escape(all), known);
        let ours = Benchmark::all(&[]).unwrap().into_iter().chain(Benchmark::figures(&[]).unwrap());
        for benchmark in ours {
            let methods = benchmark.methods.iter().flat_map(|method| {
                [Some(&method.label), method.note.as_ref(), method.legend.as_ref()].into_iter().flatten()
            });
            for text in methods.chain([&benchmark.name, &benchmark.title]) {
                // Letters with an accent are made of two.
                let known = |c: char| c.is_ascii() || matches!(c, 'À'..='ÿ');
                assert!(escape(text).chars().all(known), "{}: {text}", benchmark.name);
            }
        }
    }

    #[test]
    fn a_line_begins_with_its_first_cell() {
        let lines = [["[1].png", "*"], ["*", "x"]].map(|line| line.map(str::to_owned).to_vec());
        let table = Table::new(String::new(), ["file", "label"].map(Column::left), lines);
        let latex = table.latex();
        assert!(latex.starts_with("% \\usepackage{booktabs}\n\\begin{tabular}{ll}\n"), "{latex}");
        assert!(latex.contains("\\midrule\n{}[1].png & * \\\\\n{}* & x \\\\\n\\bottomrule"), "{latex}");
    }
}
