//! The comparison for people: tables for a terminal, and the same ones as Markdown.

use super::{Cell, Comparison, Seed};
use crate::console;
use crate::lists::unique;
use crate::results::metric::with_mode;
use crate::table::markdown::{escape, escaped};
use crate::table::{Column, Notes, Table, indented, list};
use crate::words;
use harness_core::Mode;

impl Comparison {
    /// The tables for a terminal `width` columns wide, and what else a reader must know.
    pub fn table(&self, width: u16) -> String {
        let mut out = format!("A: {}\nB: {}\n\n", self.a.display(), self.b.display());
        self.tables().iter().for_each(|table| out += &(table.text(width, Notes::Indented) + "\n"));
        self.lists().iter().for_each(|(heading, lines)| out += &indented(&format!("{heading}\n"), lines, width));
        out + &console::wrap(&self.legend(), width.into()).join("\n") + "\n"
    }

    /// The same as Markdown.
    pub fn markdown(&self) -> String {
        let (a, b) = (self.a.display().to_string(), self.b.display().to_string());
        let mut out = format!("A: {}, B: {}\n\n", escape(&a), escape(&b));
        self.tables().iter().for_each(|table| out += &table.markdown());
        self.lists().iter().for_each(|(heading, lines)| out += &list(&format!("{heading}\n\n"), "- ", &escaped(lines)));
        out + &self.legend() + "\n"
    }

    /// The tables for a paper, with booktabs.
    pub fn latex(&self) -> String {
        self.tables().iter().map(Table::latex).collect()
    }

    fn tables(&self) -> Vec<Table> {
        let place = |cell: &Cell| (cell.budget_a.clone(), cell.budget_b.clone(), cell.benchmark.clone());
        self.cells.chunk_by(|x, y| place(x) == place(y)).map(table).collect()
    }

    /// What needs a name besides its row.
    fn lists(&self) -> [(&'static str, Vec<String>); 2] {
        let alone = self.not_compared.iter().map(ToString::to_string).collect();
        [("not compared:", alone), ("significantly worse in B:", self.worse().map(named).collect())]
    }

    fn legend(&self) -> String {
        let mut text = "B - A ±: 95 % over test episodes".to_owned();
        if self.cells.iter().any(|cell| cell.seeds.len() > 1) {
            text += " averaged over seeds; ± seeds: 95 % over seeds (Student's t)";
        }
        if self.cells.iter().any(|cell| !cell.paired) {
            text += "; unpaired: A and B met different test episodes (--force)";
        }
        text + "."
    }
}

/// `quick glyphs-5w1s reptile inductive: 62.00 -> 57.00 (-5.00 ±1.20)`.
fn named(cell: &Cell) -> String {
    let (a, b) = (cell.metric.value(cell.a), cell.metric.value(cell.b));
    let (mode, delta) = (with_mode(" ", cell.mode), cell.metric.difference(cell.delta, cell.ci95_episodes));
    format!("{} {} {}{mode}: {a} -> {b} ({delta})", cell.budget_b, cell.benchmark, cell.method)
}

/// The rows of one benchmark.
fn table(cells: &[Cell]) -> Table {
    let first = &cells[0];
    let budgets = match first.budget_a == first.budget_b {
        true => format!("budget {}", first.budget_a),
        false => format!("budget {} in A, {} in B", first.budget_a, first.budget_b),
    };
    let modes = cells.iter().any(|cell| cell.mode != Mode::Pointwise);
    let several = cells.iter().any(|cell| cell.seeds.len() > 1);
    let columns = [
        Column::left("method"),
        Column::left("mode").only_if(modes),
        Column::left("seed"),
        Column::right("A"),
        Column::right("B"),
        Column::right("B - A"),
        Column::right("± seeds").only_if(several),
        Column::left("episodes"),
        Column::left("change"),
    ];
    let mut lines = Vec::new();
    for cell in cells {
        let value = |value| cell.metric.value(value);
        if cell.seeds.len() > 1 {
            lines.extend(cell.seeds.iter().map(|seed| {
                vec![
                    cell.method.clone(),
                    cell.mode.as_str().to_owned(),
                    seed.seed.to_string(),
                    value(seed.a),
                    value(seed.b),
                    cell.metric.difference(seed.delta, seed.ci95_episodes),
                    String::new(),
                    episodes(seed),
                    String::new(),
                ]
            }));
        }
        let (seed, met) = match cell.seeds.as_slice() {
            [one] => (one.seed.to_string(), episodes(one)),
            several => (format!("mean of {}", several.len()), how(cell.paired).to_owned()),
        };
        lines.push(vec![
            cell.method.clone(),
            cell.mode.as_str().to_owned(),
            seed,
            value(cell.a),
            value(cell.b),
            cell.metric.difference(cell.delta, cell.ci95_episodes),
            cell.ci95_seeds.map(|half| format!("±{}", value(half))).unwrap_or_default(),
            met,
            cell.change.name().to_owned(),
        ]);
    }
    let notes = cells.iter().flat_map(|cell| {
        let note = cell.settings.as_ref().map(|what| format!("{}: other settings ({what})", cell.method));
        let sides = [(&cell.tag_a, "A"), (&cell.tag_b, "B")];
        let tags: Vec<String> =
            sides.iter().filter_map(|(tag, side)| Some(format!("{} in {side}", tag.as_ref()?))).collect();
        let tagged = (!tags.is_empty()).then(|| format!("{}: tagged {}", cell.method, tags.join(", ")));
        note.into_iter().chain(tagged)
    });
    let title = format!("{}: {budgets} · {}", first.benchmark, first.metric.heading());
    Table { notes: unique(notes), ..Table::new(title, columns, lines) }
}

/// `2,000 paired`, or `2,000 and 500 unpaired`.
fn episodes(seed: &Seed) -> String {
    let (a, b) = (words::thousands(seed.episodes_a as u64), words::thousands(seed.episodes_b as u64));
    let count = if a == b { a } else { format!("{a} and {b}") };
    format!("{count} {}", how(seed.paired))
}

fn how(paired: bool) -> &'static str {
    if paired { "paired" } else { "unpaired" }
}
