//! Tables as files: Parquet and CSV, the same bytes whenever the rows are the same, and Parquet read back.

use std::io::{Cursor, ErrorKind};
use std::panic::catch_unwind;
use std::path::Path;

use harness_core::{Error, Result};
use polars::prelude::*;

use super::disk;

/// The bytes of a Parquet file with so many rows in a group; None: as many as polars takes.
pub fn parquet(frame: PolarsResult<DataFrame>, group: Option<usize>) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    // No parallelism: the same rows give the same bytes.
    ParquetWriter::new(&mut bytes).set_parallel(false).with_row_group_size(group).finish(&mut frame?)?;
    Ok(bytes)
}

/// The bytes of a CSV file, with the line of the columns' names or without.
pub fn csv(frame: PolarsResult<DataFrame>, header: bool) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    CsvWriter::new(&mut bytes).include_header(header).finish(&mut frame?)?;
    Ok(bytes)
}

/// Writes [`parquet`]; `what`: what an error calls the rows.
pub fn write_parquet(path: &Path, what: &str, frame: PolarsResult<DataFrame>, group: Option<usize>) -> Result<()> {
    disk::write(path, &parquet(frame, group).map_err(|error| unformatted(what, &error))?)
}

/// Writes [`csv`] with its header; `what`: what an error calls the rows.
pub fn write_csv(path: &Path, what: &str, frame: PolarsResult<DataFrame>) -> Result<()> {
    disk::write(path, &csv(frame, true).map_err(|error| unformatted(what, &error))?)
}

/// The error of rows that are no table.
pub fn unformatted(what: &str, error: &PolarsError) -> Error {
    Error::usage(format!("{what} could not be formatted: {error}"))
}

/// What is said of a Parquet file that is of no use.
pub struct Words {
    /// Of one that is not there.
    pub missing: &'static str,
    /// What it should hold.
    pub content: &'static str,
    pub remedy: &'static str,
}

/// What `parse` makes of the Parquet file at `path`; its None: the columns are there and what they say cannot be.
///
/// # Errors
/// Data: the file is missing, damaged, or of something else; the text names it, in one line.
pub fn read<T>(path: &Path, words: &Words, parse: fn(&DataFrame) -> PolarsResult<Option<T>>) -> Result<T> {
    let wrong = |what: &str| Error::data(format!("{}: {what}; {}", path.display(), words.remedy));
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => wrong(words.missing),
        _ => Error::io(path, error),
    })?;
    if bytes.len() < 12 || !bytes.starts_with(b"PAR1") || !bytes.ends_with(b"PAR1") {
        return Err(wrong("cut off, or no parquet file"));
    }
    let all = || -> PolarsResult<Option<T>> {
        let frame = ParquetReader::new(Cursor::new(bytes)).finish()?;
        parse(&frame)
    };
    // polars panics on some malformed files, and a damaged file is the user's world, not a bug.
    match catch_unwind(all) {
        Ok(Ok(Some(found))) => Ok(found),
        Ok(Ok(None)) => Err(wrong(&format!("not {}", words.content))),
        Ok(Err(error)) => {
            let text = error.to_string();
            Err(wrong(&format!("cannot be read as parquet: {}", text.lines().next().unwrap_or_default())))
        }
        Err(_) => Err(wrong("cannot be read as parquet: its contents contradict one another")),
    }
}
