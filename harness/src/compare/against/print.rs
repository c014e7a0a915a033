//! The methods beside one of them, for people: tables for a terminal, and the same ones as Markdown and as LaTeX.

use super::{Against, Over, Row, Spending, Table as Compared};
use crate::console;
use crate::lists::unique;
use crate::results::metric::with_mode;
use crate::results::tag;
use crate::table::markdown::escaped;
use crate::table::{Column, Notes, Table, indented, list};
use crate::words;

impl Against {
    /// The tables for a terminal `width` columns wide.
    pub fn table(&self, width: u16) -> String {
        let tables: String = self.printed().iter().map(|table| table.text(width, Notes::Indented) + "\n").collect();
        let legend = console::wrap(&self.legend(), width.into()).join("\n");
        tables + &indented("not compared:\n", &self.not_compared, width) + &legend + "\n"
    }

    /// The same as Markdown.
    pub fn markdown(&self) -> String {
        let tables: String = self.printed().iter().map(Table::markdown).collect();
        tables + &list("not compared:\n\n", "- ", &escaped(&self.not_compared)) + &self.legend() + "\n"
    }

    /// For a paper.
    pub fn latex(&self) -> String {
        self.printed().iter().map(Table::latex).collect::<String>() + "% " + &self.legend() + "\n"
    }

    fn legend(&self) -> String {
        let mut text = format!(
            "difference: method - {}, paired, over the seeds that both hold, with its 95 % interval (uncorrected); p: \
             two-sided, adjusted by Holm over the rows of the table and mode; better and worse: p < 0.05",
            self.against
        );
        if let Some(margin) = self.margin {
            text += &format!("; same: the interval lies within ±{margin}");
        }
        text + "."
    }

    fn printed(&self) -> Vec<Table> {
        self.tables.iter().map(|compared| self.one(compared)).collect()
    }

    fn one(&self, compared: &Compared) -> Table {
        let passes = all(compared).any(|row| row.image_passes.is_some());
        let columns = [
            Column::left("method"),
            Column::right("value"),
            Column::right("difference"),
            Column::right("p (Holm)"),
            Column::left("answer"),
            Column::right("meta-iters"),
            Column::right("image passes").only_if(passes),
            Column::right("time"),
            Column::right("target at").only_if(self.target.is_some()),
        ];
        let line = |row: &Spending, [difference, p, answer]: [String; 3]| {
            vec![
                row.method.clone(),
                compared.metric.value(row.value),
                difference,
                p,
                answer,
                words::thousands(row.meta_iters),
                row.image_passes.map_or(String::new(), |n| words::thousands(n.round() as u64)),
                row.seconds.map_or(String::new(), words::duration),
                reached_words(row),
            ]
        };
        let mut lines = vec![line(&compared.reference, Default::default())];
        for row in &compared.rows {
            let difference = compared.metric.difference(row.delta, row.ci95);
            lines.push(line(&row.spending, [difference, p_value(row.p_holm), row.answer.name().into()]));
        }
        let mode = with_mode(", ", compared.mode);
        let title = format!("{}{mode}: budget {} · {}", compared.benchmark, compared.budget, compared.metric.heading());
        let tags = tag::notes(all(compared).map(|row| (row.method.as_str(), row.tag.as_deref())));
        Table { notes: notes(compared).into_iter().chain(tags).collect(), ..Table::new(title, columns, lines) }
    }
}

/// The rows, the reference first.
fn all(compared: &Compared) -> impl Iterator<Item = &Spending> {
    [&compared.reference].into_iter().chain(compared.rows.iter().map(|row| &row.spending))
}

/// What the differences are between.
fn notes(compared: &Compared) -> Vec<String> {
    let notes = unique(compared.rows.iter().map(|row| {
        let seeds = row.common_seeds.len() as u64;
        match row.over {
            Over::Seeds => format!("over {} that both hold: compares the methods", words::plural(seeds, "seed")),
            Over::Episodes => {
                let seeds = if seeds == 1 { "one seed".to_owned() } else { format!("{seeds} seeds") };
                format!("over test episodes, {seeds}: compares these trained states, not the methods")
            }
        }
    }));
    if notes.len() < 2 {
        return notes;
    }
    // Where rows differ, each says its own.
    let own = |row: &Row| match row.over {
        Over::Seeds => format!("{}: over {} seeds: the methods", row.spending.method, row.common_seeds.len()),
        Over::Episodes => {
            let seeds = words::plural(row.common_seeds.len() as u64, "seed");
            format!("{}: over test episodes, {seeds}: these trained states, not the methods", row.spending.method)
        }
    };
    compared.rows.iter().map(own).collect()
}

/// When a row reaches the target: `4,000 (2 min 3 s)`, `never`, or how many of its seeds do.
fn reached_words(row: &Spending) -> String {
    match (row.reached, row.seeds_reached) {
        (Some((step, Some(seconds))), _) => {
            format!("{} ({})", words::thousands(step.round() as u64), words::duration(seconds))
        }
        (Some((step, None)), _) => words::thousands(step.round() as u64),
        (None, Some(some @ 1..)) => format!("{some} of {}", words::plural(row.seeds.len() as u64, "seed")),
        (None, _) => "never".into(),
    }
}

/// `0.031`, `< 0.0001`.
fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".into() } else { format!("{p:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_told_with_the_seeds_that_reach_it() {
        let words = |reached, seeds_reached| {
            let (method, value, seeds, meta_iters) = ("a".into(), 90.0, vec![0, 1, 2], 10);
            let (image_passes, seconds, tag) = (None, None, None);
            let row = Spending { method, value, seeds, meta_iters, image_passes, seconds, reached, seeds_reached, tag };
            reached_words(&row)
        };
        assert_eq!(words(Some((4000.0, None)), Some(3)), "4,000");
        assert_eq!(words(None, Some(2)), "2 of 3 seeds");
        assert_eq!(words(None, Some(0)), "never");
    }

    #[test]
    fn p_is_short() {
        assert_eq!([p_value(0.03141), p_value(1.0), p_value(1e-9)], ["0.0314", "1.0000", "< 0.0001"]);
    }
}
