//! Strict reading of the small CSV files that runs leave behind.
//!
//! A run's numbers are read line by line and not by a tolerant parser: a file that was cut off, mixed up or edited is
//! an error that names the line, never a mean over what happened to be left.

use harness_core::{Error, Result};
use std::path::{Path, PathBuf};

/// A CSV file without quoting whose header is known in advance.
pub struct TableFile {
    path: PathBuf,
    text: String,
    columns: Vec<&'static str>,
    /// What to do about damage.
    remedy: &'static str,
}

/// Of a file of a run.
const RUN_AGAIN: &str = "delete that folder and run that seed again";

/// One line of it.
pub struct Line<'a> {
    file: &'a TableFile,
    number: usize,
    fields: Vec<&'a str>,
}

impl TableFile {
    /// Reads `path`, whose first line must be `header`.
    pub fn read(path: &Path, header: &'static str) -> Result<Self> {
        Self::parse(path, std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?, header)
    }

    /// The same of a file that is no run's: what to do where it is damaged.
    pub fn read_other(path: &Path, header: &'static str, remedy: &'static str) -> Result<Self> {
        Self::new(path, std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?, header, remedy)
    }

    /// The same of a `text` that was read from `path`.
    pub fn parse(path: &Path, text: String, header: &'static str) -> Result<Self> {
        Self::new(path, text, header, RUN_AGAIN)
    }

    fn new(path: &Path, text: String, header: &'static str, remedy: &'static str) -> Result<Self> {
        let file = TableFile { path: path.to_path_buf(), text, columns: header.split(',').collect(), remedy };
        let first = file.text.lines().next().unwrap_or_default();
        if first != header {
            return Err(file.damaged(1, &format!("expected the columns {header}, found \"{first}\"")));
        }
        Ok(file)
    }

    /// The lines after the header, each with as many fields as the header has.
    pub fn lines(&self) -> Result<Vec<Line<'_>>> {
        let columns = self.columns.len();
        let total = self.text.lines().count();
        if !self.text.ends_with('\n') {
            return Err(self.damaged(total, "the last line does not end: the file was cut off"));
        }
        let mut lines = Vec::with_capacity(total);
        for (index, text) in self.text.lines().enumerate().skip(1) {
            let (number, fields) = (index + 1, text.split(',').collect::<Vec<_>>());
            if fields.len() != columns {
                return Err(self.damaged(number, &format!("{} fields instead of {columns}", fields.len())));
            }
            lines.push(Line { file: self, number, fields });
        }
        Ok(lines)
    }

    /// The error for a bad `line` (counted from 1).
    pub fn damaged(&self, line: usize, what: &str) -> Error {
        Error::data(format!("{}:{line}: {what}; {}", self.path.display(), self.remedy))
    }
}

impl<'a> Line<'a> {
    /// The text in the column of this name, which the header has.
    pub fn text(&self, column: &str) -> &'a str {
        let place = self.file.columns.iter().position(|name| *name == column);
        self.fields[place.expect("a column of the header")]
    }

    /// The same as a number.
    pub fn number<T: std::str::FromStr>(&self, column: &str) -> Result<T> {
        let text = self.text(column);
        text.parse().map_err(|_| self.error(&format!("{column} \"{text}\" is not a number")))
    }

    /// The same, or None where it is empty.
    pub fn optional<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>> {
        if self.text(column).is_empty() { Ok(None) } else { self.number(column).map(Some) }
    }

    /// An error at this line.
    pub fn error(&self, what: &str) -> Error {
        self.file.damaged(self.number, what)
    }
}
