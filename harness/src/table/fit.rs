//! How a table fits a terminal: numbers stay whole, and words as far as there is room.

use std::borrow::Cow;

use super::{Column, Table};

/// A table whose cells are broken into the lines that they are printed in.
pub struct Fitted {
    pub table: Table,
    /// Between two columns.
    pub gap: u16,
    /// Whether every word of a text is on one line.
    pub whole: bool,
}

/// Where a line of a cell may end.
#[derive(Clone, Copy)]
enum Break {
    Nowhere,
    /// Before an interval, or a remark in brackets.
    Intervals,
    Spaces,
    /// After the hyphens of a word too.
    Hyphens,
    /// Inside of words too, after so many letters at least.
    Words(usize),
}

/// What is given up for room, one step after the other: in headings, in texts and in numbers.
const STEPS: [[Break; 3]; 6] = [
    [Break::Nowhere, Break::Nowhere, Break::Nowhere],
    [Break::Spaces, Break::Nowhere, Break::Nowhere],
    [Break::Spaces, Break::Spaces, Break::Nowhere],
    [Break::Hyphens, Break::Hyphens, Break::Nowhere],
    [Break::Hyphens, Break::Hyphens, Break::Intervals],
    [Break::Words(4), Break::Words(8), Break::Intervals],
];
/// The first ones break no word.
const WHOLE: usize = 3;

impl Table {
    /// The table at most `width` columns wide, broken as little as that allows. None: its numbers are
    /// wider.
    pub fn fit(&self, width: u16) -> Option<Fitted> {
        let gaps = self.columns.len().saturating_sub(1);
        for (chosen, step) in STEPS.iter().enumerate() {
            for gap in [2u16, 1] {
                let mut widths: Vec<usize> = (0..self.columns.len()).map(|column| self.least(column, step)).collect();
                let needed = widths.iter().sum::<usize>() + usize::from(gap) * gaps;
                let Some(mut left) = usize::from(width).checked_sub(needed) else { continue };
                // What is left makes columns whole again, the first ones first.
                for (column, wide) in widths.iter_mut().enumerate() {
                    let wider = |step: &[Break; 3]| self.least(column, step).saturating_sub(*wide);
                    let more = STEPS[..chosen].iter().map(wider).find(|more| *more <= left).unwrap_or(0);
                    *wide += more;
                    left -= more;
                }
                return Some(Fitted { table: self.folded(&widths, step), gap, whole: chosen < WHOLE });
            }
        }
        None
    }

    /// The width that a column needs at least, broken as `step` says.
    fn least(&self, column: usize, [heads, texts, numbers]: &[Break; 3]) -> usize {
        let head = &self.columns[column];
        let at = if head.right { *numbers } else { *texts };
        let cells = self.lines.iter().map(|line| least(&line[column], at));
        cells.chain([least(&head.name, *heads)]).max().unwrap_or(0)
    }

    fn folded(&self, widths: &[usize], [heads, texts, numbers]: &[Break; 3]) -> Table {
        let head = |(column, wide): (&Column, &usize)| Column {
            name: Cow::Owned(fold(&column.name, *wide, *heads)),
            ..column.clone()
        };
        let cell = |((text, column), wide): ((&String, &Column), &usize)| {
            fold(text, *wide, if column.right { *numbers } else { *texts })
        };
        let line = |line: &Vec<String>| line.iter().zip(&self.columns).zip(widths).map(cell).collect::<Vec<_>>();
        Table {
            columns: self.columns.iter().zip(widths).map(head).collect(),
            lines: self.lines.iter().map(line).collect(),
            ..Table::default()
        }
    }
}

/// The width of the widest part of `text` that stays whole.
fn least(text: &str, at: Break) -> usize {
    let width = |part: &str| match at {
        Break::Words(most) if !is_number(part) => length(part).min(most),
        _ => length(part),
    };
    text.split('\n').flat_map(|line| parts(line, at)).map(width).max().unwrap_or(0)
}

/// `text` in lines that are at most `width` wide, as far as it may be broken.
fn fold(text: &str, width: usize, at: Break) -> String {
    let mut lines = Vec::new();
    for whole in text.split('\n') {
        let mut line = String::new();
        for part in parts(whole, at) {
            if !line.is_empty() && line.chars().count() + length(part) > width {
                lines.push(std::mem::take(&mut line));
            }
            line += part;
            while matches!(at, Break::Words(_)) && !is_number(part) && length(&line) > width {
                let cut = line.char_indices().nth(width).map_or(line.len(), |(place, _)| place);
                let rest = line.split_off(cut);
                lines.push(std::mem::replace(&mut line, rest));
            }
        }
        lines.push(line);
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// The parts of a line that stay whole, each with the space or the hyphen that ends it.
fn parts(line: &str, at: Break) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut earlier, mut before) = ('\0', '\0');
    for (place, next) in line.char_indices() {
        let after_hyphen = before == '-' && earlier.is_alphabetic() && next.is_alphanumeric();
        let ends = match at {
            Break::Nowhere => false,
            Break::Intervals => before == ' ' && matches!(next, '±' | '('),
            Break::Spaces => before == ' ',
            Break::Hyphens | Break::Words(_) => before == ' ' || after_hyphen,
        };
        if ends {
            parts.push(&line[start..place]);
            start = place;
        }
        (earlier, before) = (before, next);
    }
    parts.push(&line[start..]);
    parts
}

fn length(part: &str) -> usize {
    part.trim_end().chars().count()
}

fn is_number(part: &str) -> bool {
    part.contains(|c: char| c.is_ascii_digit()) && !part.contains(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = [Column::left("method"), Column::right("ours"), Column::right("image passes")];
        let lines = [["baseline-plus-plus", "97.60 ±0.14", "25,000,000"], ["reptile", "7.00 ±0.10", "1,920,000"]];
        Table::new(String::new(), columns, lines.map(|line| line.map(str::to_owned).to_vec()))
    }

    #[test]
    fn words_give_way_before_numbers() {
        let whole = "method                     ours  image passes\n\
                     ─────────────────────────────────────────────\n\
                     baseline-plus-plus  97.60 ±0.14    25,000,000\n\
                     reptile              7.00 ±0.10     1,920,000";
        assert_eq!(table().grid(45), whole);
        let closer = "method                    ours      image\n                                   passes\n\
                      ─────────────────────────────────────────\n\
                      baseline-plus-plus 97.60 ±0.14 25,000,000\n\
                      reptile             7.00 ±0.10  1,920,000";
        assert_eq!(table().grid(42), closer);
        let folded = "method            ours  image passes\n\
                      ────────────────────────────────────\n\
                      baseline-  97.60 ±0.14    25,000,000\nplus-plus\n\
                      reptile     7.00 ±0.10     1,920,000";
        assert_eq!(table().grid(40), folded);
    }

    #[test]
    fn an_interval_stands_beneath_its_value_before_a_number_breaks() {
        let stacked = "method      ours       image\n                      passes\n\
                       ────────────────────────────\n\
                       baseline-  97.60  25,000,000\nplus-plus  ±0.14\n\
                       reptile     7.00   1,920,000\n           ±0.10";
        assert_eq!(table().grid(28), stacked);
        let broken = "method    ours      image\n                   passes\n\
                      ─────────────────────────\n\
                      baseline 97.60 25,000,000\n-plus-   ±0.14\nplus\n\
                      reptile   7.00  1,920,000\n         ±0.10";
        assert_eq!(table().grid(25), broken);
        assert!(table().fit(24).is_none());
        let paragraphs = "baseline-plus-plus\n  ours: 97.60 ±0.14\n  image passes:\n    25,000,000\n\n\
                          reptile\n  ours: 7.00 ±0.10\n  image passes:\n    1,920,000";
        assert_eq!(table().grid(24), paragraphs);
    }

    #[test]
    fn a_number_among_words_stays_whole() {
        let at = Break::Words(4);
        assert_eq!(fold("episodes 10,000 -5.00", 6, at), "episod\nes\n10,000\n-5.00");
        assert_eq!((least("episodes 10,000", at), least("• 97.60 ±0.14", Break::Intervals)), (6, 7));
        assert_eq!(fold("• 97.60 ±0.14 (chance)", 8, Break::Intervals), "• 97.60\n±0.14\n(chance)");
        assert_eq!(fold("custom-1a2b3c4d\n-", 9, Break::Hyphens), "custom-\n1a2b3c4d\n-");
    }
}
