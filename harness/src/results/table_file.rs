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
    pub fn read(path: &Path, header: &str) -> Result<Self> {
        Self::parse(path, std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?, header)
    }

    /// The same of a file that is no run's: what to do where it is damaged.
    pub fn read_other(path: &Path, header: &str, remedy: &'static str) -> Result<Self> {
        Self::new(path, std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?, header, remedy)
    }

    /// The same of a `text` that was read from `path`.
    pub fn parse(path: &Path, text: String, header: &str) -> Result<Self> {
        Self::new(path, text, header, RUN_AGAIN)
    }

    fn new(path: &Path, text: String, header: &str, remedy: &'static str) -> Result<Self> {
        let file = TableFile { path: path.to_path_buf(), text, remedy };
        let first = file.text.lines().next().unwrap_or_default();
        if first != header {
            return Err(file.damaged(1, &format!("expected the columns {header}, found \"{first}\"")));
        }
        Ok(file)
    }

    /// The lines after the header, each with as many fields as the header has.
    pub fn lines(&self) -> Result<Vec<Line<'_>>> {
        let columns = self.text.lines().next().map_or(0, |header| header.split(',').count());
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
    /// The text of column `index`.
    pub fn text(&self, index: usize) -> &'a str {
        self.fields[index]
    }

    /// Column `index` as a number.
    pub fn number<T: std::str::FromStr>(&self, index: usize, name: &str) -> Result<T> {
        let text = self.fields[index];
        text.parse().map_err(|_| self.error(&format!("{name} \"{text}\" is not a number")))
    }

    /// Column `index` as a number, or None where it is empty.
    pub fn optional<T: std::str::FromStr>(&self, index: usize, name: &str) -> Result<Option<T>> {
        if self.fields[index].is_empty() { Ok(None) } else { self.number(index, name).map(Some) }
    }

    /// An error at this line.
    pub fn error(&self, what: &str) -> Error {
        self.file.damaged(self.number, what)
    }
}
