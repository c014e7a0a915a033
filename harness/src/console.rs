//! The terminal: how wide it is, whether it shows colours, and printing to it.

use std::io::{self, ErrorKind, IsTerminal, Write};

use harness_core::{Error, Result};

/// The narrowest table that is laid out.
const NARROWEST: u16 = 40;

/// Columns for results: the variable `COLUMNS`, else the terminal's, else `otherwise`; 40 at least.
pub fn width(otherwise: u16) -> u16 {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    let wide = asked.filter(|columns| *columns > 0).or_else(|| comfy_table::Table::new().width()).unwrap_or(otherwise);
    wide.max(NARROWEST)
}

/// Columns of a table of results, [`width`] where the terminal says nothing.
pub fn table_width() -> u16 {
    width(100)
}

/// Whether results may be coloured: a terminal that is not dumb, and `NO_COLOR` absent or empty.
pub fn colour() -> bool {
    io::stdout().is_terminal() && !dumb() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether stderr can redraw a line: a terminal that is not dumb.
pub fn redraws() -> bool {
    io::stderr().is_terminal() && !dumb()
}

/// Columns of the terminal in which bars are drawn.
pub fn progress_width() -> u16 {
    comfy_table::Table::new().use_stderr().width().unwrap_or(80)
}

/// Whether the terminal can only append. Windows' own terminals set no `TERM`.
fn dumb() -> bool {
    std::env::var_os("TERM").map_or(cfg!(unix), |term| term == "dumb")
}

/// Prints a result. A reader that went away (`| head`) has what it wanted; any other failure is an error.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::io("standard output", error)),
        _ => Ok(()),
    }
}

/// Breaks prose at spaces, with the indent of its first line; lines that are tables are left alone.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    if text.contains('\n') || text.chars().count() <= width {
        return text.lines().map(String::from).chain(text.is_empty().then(String::new)).collect();
    }
    let indent: String = text.chars().take_while(|c| *c == ' ').chain("  ".chars()).collect();
    let (mut lines, mut line) = (Vec::new(), indent[2..].to_string());
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_wraps_with_an_indent() {
        assert_eq!(wrap("one two three", 8), ["one two", "  three"]);
        assert_eq!(wrap("  ab cd", 6), ["  ab", "    cd"]);
        assert_eq!(wrap("", 8), [""]);
    }
}
