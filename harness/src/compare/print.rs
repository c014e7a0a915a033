//! The comparison for people: tables for a terminal, and the same ones as Markdown.

use super::block::{Block, Column};
use super::{Cell, Comparison, Seed};
use crate::report::format;
use crate::report::markdown::escape;
use crate::results::metric::with_mode;
use harness_core::Mode;

impl Comparison {
    /// The tables for a terminal `width` columns wide, and what else a reader must know.
    pub fn table(&self, width: u16) -> String {
        let mut out = format!("A: {}\nB: {}\n\n", self.a.display(), self.b.display());
        for block in self.blocks() {
            out += &format!("{}\n{}\n", block.title, block.grid(width));
            block.notes.iter().for_each(|note| out += &format!("  {note}\n"));
            out.push('\n');
        }
        for (heading, lines) in self.lists() {
            out += &format!("{heading}\n");
            lines.iter().for_each(|line| out += &format!("  {line}\n"));
            out.push('\n');
        }
        out + &self.legend() + "\n"
    }

    /// The same as Markdown.
    pub fn markdown(&self) -> String {
        let (a, b) = (self.a.display().to_string(), self.b.display().to_string());
        let mut out = format!("A: {}, B: {}\n\n", escape(&a), escape(&b));
        for block in self.blocks() {
            out += &block.markdown();
        }
        for (heading, lines) in self.lists() {
            out += &format!("{heading}\n\n");
            lines.iter().for_each(|line| out += &format!("- {}\n", escape(line)));
            out.push('\n');
        }
        out + &self.legend() + "\n"
    }

    /// The tables for a paper, with booktabs.
    pub fn latex(&self) -> String {
        self.blocks().iter().map(Block::latex).collect()
    }

    fn blocks(&self) -> Vec<Block> {
        let place = |cell: &Cell| (cell.budget_a.clone(), cell.budget_b.clone(), cell.benchmark.clone());
        self.cells.chunk_by(|x, y| place(x) == place(y)).map(block).collect()
    }

    /// What needs a name besides its row.
    fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let alone = self.not_compared.iter().map(ToString::to_string).collect::<Vec<_>>();
        let worse: Vec<String> = self.worse().map(named).collect();
        let lists = [("not compared:", alone), ("significantly worse in B:", worse)];
        lists.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
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

fn block(cells: &[Cell]) -> Block {
    let first = &cells[0];
    let budgets = match first.budget_a == first.budget_b {
        true => format!("budget {}", first.budget_a),
        false => format!("budget {} in A, {} in B", first.budget_a, first.budget_b),
    };
    let modes = cells.iter().any(|cell| cell.mode != Mode::Pointwise);
    let several = cells.iter().any(|cell| cell.seeds.len() > 1);
    let all = [
        (true, "method", false),
        (modes, "mode", false),
        (true, "seed", false),
        (true, "A", true),
        (true, "B", true),
        (true, "B - A", true),
        (several, "± seeds", true),
        (true, "episodes", false),
        (true, "change", false),
    ];
    let columns =
        all.iter().filter(|(shown, ..)| *shown).map(|(_, name, right)| Column { name: (*name).into(), right: *right });
    let mut lines = Vec::new();
    for cell in cells {
        let fields = |line: [String; 9]| {
            let shown = line.into_iter().zip(&all).filter(|(_, (shown, ..))| *shown);
            shown.map(|(text, _)| text).collect::<Vec<_>>()
        };
        let value = |value| cell.metric.value(value);
        if cell.seeds.len() > 1 {
            lines.extend(cell.seeds.iter().map(|seed| {
                fields([
                    cell.method.clone(),
                    cell.mode.as_str().to_owned(),
                    seed.seed.to_string(),
                    value(seed.a),
                    value(seed.b),
                    cell.metric.difference(seed.delta, seed.ci95_episodes),
                    String::new(),
                    episodes(seed),
                    String::new(),
                ])
            }));
        }
        let (seed, met) = match cell.seeds.as_slice() {
            [one] => (one.seed.to_string(), episodes(one)),
            several => (format!("mean of {}", several.len()), how(cell.paired).to_owned()),
        };
        lines.push(fields([
            cell.method.clone(),
            cell.mode.as_str().to_owned(),
            seed,
            value(cell.a),
            value(cell.b),
            cell.metric.difference(cell.delta, cell.ci95_episodes),
            cell.ci95_seeds.map(|half| format!("±{}", value(half))).unwrap_or_default(),
            met,
            cell.change.name().to_owned(),
        ]));
    }
    let mut notes: Vec<String> = Vec::new();
    for cell in cells {
        let note = cell.settings.as_ref().map(|what| format!("{}: other settings ({what})", cell.method));
        let sides = [(&cell.tag_a, "A"), (&cell.tag_b, "B")];
        let tags: Vec<String> =
            sides.iter().filter_map(|(tag, side)| Some(format!("{} in {side}", tag.as_ref()?))).collect();
        let tagged = (!tags.is_empty()).then(|| format!("{}: tagged {}", cell.method, tags.join(", ")));
        for note in note.into_iter().chain(tagged) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    let title = format!("{}: {budgets} · {}", first.benchmark, first.metric.heading());
    Block { title, columns: columns.collect(), lines, notes }
}

/// `2,000 paired`, or `2,000 and 500 unpaired`.
fn episodes(seed: &Seed) -> String {
    let (a, b) = (format::thousands(seed.episodes_a as u64), format::thousands(seed.episodes_b as u64));
    let count = if a == b { a } else { format!("{a} and {b}") };
    format!("{count} {}", how(seed.paired))
}

fn how(paired: bool) -> &'static str {
    if paired { "paired" } else { "unpaired" }
}
