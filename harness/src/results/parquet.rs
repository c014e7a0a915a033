//! The numbers as Parquet, for programs that would rather not parse text: the same columns and types as the CSV files.

use harness_core::{Error, Result};
use polars::prelude::*;
use std::path::Path;

/// The bytes of a file, the same whenever the frame is; `path` is only named in errors.
pub fn bytes(frame: PolarsResult<DataFrame>, path: &Path) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    frame
        .and_then(|mut frame| ParquetWriter::new(&mut buffer).set_parallel(false).finish(&mut frame))
        .map_err(|error| Error::io(path, std::io::Error::other(error.to_string())))?;
    Ok(buffer)
}
