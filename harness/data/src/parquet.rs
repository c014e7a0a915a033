//! Parquet as the hub keeps images: a column `image` of {bytes, path} and a column `label`, or of other names (`img`,
//! `fine_label`), read with polars.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use harness_core::{Error, Result};
use polars::prelude::*;

use crate::files::Stamp;

/// Largest group of rows that is read, in bytes when unpacked: one group at a time is in memory.
const MAX_GROUP: usize = 800 << 20;
/// Names of the column of images, the likeliest first.
const IMAGES: [&str; 5] = ["image", "img", "images", "picture", "jpg"];
/// Names of the column of labels. Where there are fine and coarse ones, the fine ones are the classes.
const LABELS: [&str; 8] = ["label", "fine_label", "labels", "fine_labels", "class", "class_id", "target", "y"];

/// A file whose footer has been read; its images have not.
#[derive(Debug)]
pub(crate) struct Table {
    pub path: PathBuf,
    pub stamp: Stamp,
    /// Names of the labels, where the file's metadata has them (`datasets` writes them).
    pub label_names: Option<Vec<String>>,
    group_rows: Vec<usize>,
    /// The columns of images and of labels.
    columns: (String, String),
}

/// The images of some rows.
pub(crate) struct Images {
    bytes: BinaryChunked,
    paths: Option<StringChunked>,
}

impl Images {
    /// The encoded image of a row, counted from the first that was read; none where the cell is empty.
    pub fn bytes(&self, row: usize) -> Option<&[u8]> {
        self.bytes.get(row)
    }

    /// The file name that the image once had.
    pub fn path(&self, row: usize) -> Option<&str> {
        self.paths.as_ref()?.get(row)
    }
}

impl Table {
    /// Reads the footer. Errors: [`Error::Data`] naming a file that is cut off, not parquet, or without the columns.
    pub fn open(path: &Path) -> Result<Self> {
        let stamp = check_ends(path)?;
        let (about, group_rows, all_rows, largest, columns) = guarded(path, |mut reader| {
            let schema = reader.schema()?;
            let columns: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
            let metadata = reader.get_metadata()?;
            let rows = metadata.row_groups.iter().map(|group| group.num_rows()).collect::<Vec<_>>();
            let largest = metadata.row_groups.iter().map(|group| group.total_byte_size()).max().unwrap_or(0);
            let about = metadata.key_value_metadata.iter().flatten().find(|pair| pair.key == "huggingface");
            let about = about.and_then(|pair| pair.value.as_deref().map(str::to_string));
            Ok((about, rows, metadata.num_rows, largest, columns))
        })?;
        if group_rows.iter().try_fold(0usize, |all, rows| all.checked_add(*rows)) != Some(all_rows) {
            return Err(broken(path, &"its groups of rows do not add up"));
        }
        let column = |known: &[&str]| {
            let found = known.iter().find(|known| columns.iter().any(|column| column == *known));
            found.map(|found| found.to_string()).ok_or_else(|| {
                let columns = columns.join(", ");
                wrong(path, &format!("has no column {}, only {columns}; it is another data set", known[0]))
            })
        };
        let columns = (column(&IMAGES)?, column(&LABELS)?);
        let label_names = about.and_then(|about| label_names(&about, &columns.1));
        if largest > MAX_GROUP {
            return Err(wrong(path, &format!("has a group of rows of {} MB, too large to read", largest >> 20)));
        }
        Ok(Table { path: path.to_path_buf(), stamp, label_names, group_rows, columns })
    }

    /// The rows of each group.
    pub fn groups(&self) -> impl Iterator<Item = Range<usize>> {
        self.group_rows.iter().scan(0, |next, rows| {
            let first = *next;
            *next += rows;
            Some(first..*next)
        })
    }

    /// The label of every row.
    pub fn labels(&self) -> Result<Vec<i64>> {
        let column = guarded(&self.path, |reader| {
            let frame = reader.with_columns(Some(vec![self.columns.1.clone()])).finish()?;
            frame.column(&self.columns.1)?.cast(&DataType::Int64)
        })?;
        if column.len() != self.group_rows.iter().sum::<usize>() {
            return Err(broken(&self.path, &"a column has another number of rows than the file"));
        }
        let labels = column.i64().map_err(|error| broken(&self.path, &error))?;
        let missing = || wrong(&self.path, "has rows without a label");
        labels.iter().map(|label| label.ok_or_else(missing)).collect()
    }

    /// The images of some rows.
    pub fn images(&self, rows: Range<usize>) -> Result<Images> {
        let images = guarded(&self.path, |reader| {
            let slice = Some((rows.start, rows.len()));
            let frame = reader.with_columns(Some(vec![self.columns.0.clone()])).with_slice(slice).finish()?;
            let column = frame.column(&self.columns.0)?.rechunk();
            match column.dtype() {
                DataType::Binary => Ok(Images { bytes: column.binary()?.clone(), paths: None }),
                _ => {
                    let fields = column.struct_()?;
                    let paths = fields.field_by_name("path").ok();
                    Ok(Images {
                        bytes: fields.field_by_name("bytes")?.binary()?.clone(),
                        paths: paths.and_then(|paths| paths.str().ok().cloned()),
                    })
                }
            }
        })?;
        if images.bytes.len() != rows.len() {
            return Err(broken(&self.path, &"a column has another number of rows than the file"));
        }
        Ok(images)
    }
}

/// Runs `read` on the file. polars panics on some malformed files, and a damaged file is the user's world, not a bug.
fn guarded<T>(path: &Path, read: impl FnOnce(ParquetReader<File>) -> PolarsResult<T>) -> Result<T> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    match catch_unwind(AssertUnwindSafe(|| read(ParquetReader::new(file)))) {
        Ok(result) => result.map_err(|error| broken(path, &error)),
        Err(_) => Err(broken(path, &"its contents contradict one another")),
    }
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> Error {
    wrong(path, &format!("cannot be read as parquet: {}; fetch it again", crate::one_line(error)))
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::data(format!("{} {what}", path.display()))
}

/// That the file begins and ends as parquet does: what a cut, an error page or a pointer file does not.
fn check_ends(path: &Path) -> Result<Stamp> {
    let read = || {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let (mut first, mut last) = ([0; 4], [0; 4]);
        if metadata.len() >= 12 {
            file.read_exact(&mut first)?;
            file.seek(SeekFrom::End(-4))?;
            file.read_exact(&mut last)?;
        }
        Ok((Stamp::of(&metadata), first, last))
    };
    let (stamp, first, last) = read().map_err(|error| Error::io(path, error))?;
    match (&first, &last) {
        (b"PAR1", b"PAR1") => Ok(stamp),
        (b"PAR1", _) => Err(wrong(path, "is a parquet file cut off before its end; fetch it again")),
        ([b'<', ..], _) => Err(wrong(path, "is a web page, not parquet; fetch it again")),
        (b"vers", _) => Err(wrong(path, "is a Git LFS pointer, not the data; fetch it with `git lfs pull`")),
        _ => Err(wrong(path, "is not parquet; fetch it again")),
    }
}

/// The names of the classes of the column `label` in the metadata that the `datasets` library writes.
fn label_names(metadata: &str, label: &str) -> Option<Vec<String>> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    let names = metadata.pointer(&format!("/info/features/{label}/names"))?.as_array()?;
    names.iter().map(|name| name.as_str().map(str::to_string)).collect()
}
