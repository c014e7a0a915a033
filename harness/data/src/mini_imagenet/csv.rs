//! The lists of Ravi & Larochelle: `filename,label` a line, beside one folder of all images.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

use super::Classes;
use super::lines::rows;
use crate::files::{entries, read_limited};
use crate::plan::Place;

/// Largest list that is read, in bytes: the real ones have 2 MB.
const MAX_LIST: u64 = 64 << 20;

/// Adds the images of every list. Errors: [`Error::Data`] naming the line: a name that is not plain, a file that is not
/// in `images`, an image listed twice.
pub(super) fn list(lists: &[PathBuf], images: &Path, classes: &mut Classes) -> Result<()> {
    let mut there: HashMap<String, Option<Place>> = entries(images)?
        .into_iter()
        .filter(|entry| !entry.is_dir)
        .map(|entry| (entry.name, Some(Place::File { path: entry.path, stamp: entry.stamp })))
        .collect();
    for list in lists {
        let text = read_limited(list, MAX_LIST)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".into()))
            .map_err(|what| Error::data(format!("{} {what}", list.display())))?;
        for (number, row) in rows(&text) {
            let at = || format!("{} line {number}", list.display());
            let (file, label) = row.map_err(|what| Error::data(format!("{}: {what}", at())))?;
            let place = match there.get_mut(&file) {
                Some(place) => place.take().ok_or(format!("{file} is listed a second time")),
                None => Err(format!("{file} is not in {}; restore it or correct the list", images.display())),
            };
            classes.entry(label).or_default().push(place.map_err(|what| Error::data(format!("{}: {what}", at())))?);
        }
    }
    for images in classes.values_mut() {
        images.sort_by_cached_key(|place| match place {
            Place::File { path, .. } => path.clone(),
            _ => unreachable!("lists name files"),
        });
    }
    Ok(())
}
