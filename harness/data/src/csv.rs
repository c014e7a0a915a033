//! The lists of Ravi & Larochelle: `filename,label` a line, beside one folder of all images. These may lie in folders of
//! that folder: then the lists name them by their paths below it.

use std::collections::{BTreeMap, HashMap};

use harness_core::{Error, Result, text};

use crate::files::is_image;
use crate::folder::holds_images;
use crate::lists::rows;
use crate::plan::{Classes, LeftOut, Place};
use crate::tree::{Dir, FileRef};

/// Largest list that is read, in bytes: the real ones have 2 MB.
const MAX_LIST: u64 = 64 << 20;

/// What lists say of a folder of images.
pub(crate) struct Listed {
    /// The labels of each list, in the order of their first rows.
    pub labels: Vec<Vec<String>>,
    /// The files of the folder that are in no list.
    pub left_out: Vec<LeftOut>,
}

/// The files of a folder by their names, until a list has taken them.
type Files = HashMap<String, Option<FileRef>>;

fn files(dir: &Dir) -> Result<Files> {
    Ok(dir.entries()?.into_iter().filter_map(|entry| Some((entry.name, Some(entry.node.file()?)))).collect())
}

/// The folder at a path below another one, whatever normal form its names have on disk.
fn below(dir: &Dir, path: &str) -> Option<Dir> {
    path.split('/').try_fold(dir.clone(), |dir, part| {
        let spelt = || dir.folders().into_iter().find(|(name, _)| name == part).map(|(_, found)| found);
        dir.dir(part).or_else(spelt)
    })
}

/// Adds the images of every list. Errors: [`Error::Data`] naming the line: a name that is not plain, a file that is not
/// in `images`, an image listed twice, columns of labels that contradict one another.
pub(crate) fn list(lists: &[FileRef], images: &Dir, classes: &mut Classes) -> Result<Listed> {
    // Of the folder itself and of each folder below it that a list names a file of.
    let mut folders = BTreeMap::from([(String::new(), files(images)?)]);
    // Paths may begin above the folder, with its name.
    let above = images.dir("images").is_none();
    let mut named: BTreeMap<String, Vec<(String, FileRef)>> = BTreeMap::new();
    let mut labels = Vec::new();
    for list in lists {
        let text = list
            .read(MAX_LIST)
            .and_then(|bytes| text::read(&bytes))
            .map_err(|what| Error::data(format!("{} {what}", list.show())))?;
        let mut own: Vec<String> = Vec::new();
        for (number, row) in rows(&text) {
            let at = || format!("{} line {number}", list.show());
            let (file, label) = row.map_err(|what| Error::data(format!("{}: {what}", at())))?;
            let file = match file.strip_prefix("images/") {
                Some(below) if above => below.to_string(),
                _ => file,
            };
            let (home, name) = file.rsplit_once('/').unwrap_or(("", &file));
            if !folders.contains_key(home) {
                let found = below(images, home).map_or(Ok(Files::new()), |dir| files(&dir))?;
                folders.insert(home.to_string(), found);
            }
            let place = match folders.get_mut(home).and_then(|files| files.get_mut(name)) {
                Some(place) => place.take().ok_or(format!("{file} is listed a second time")),
                None => Err(format!("{file} is not in {}; restore it or correct the list", images.show())),
            };
            let place = place.map_err(|what| Error::data(format!("{}: {what}", at())))?;
            if own.last() != Some(&label) && !own.contains(&label) {
                own.push(label.clone());
            }
            named.entry(label).or_default().push((file, place));
        }
        labels.push(own);
    }
    for (label, mut files) in named {
        files.sort_by(|a, b| a.0.cmp(&b.0));
        classes.entry(label).or_default().extend(files.into_iter().map(|(_, file)| Place::File(file)));
    }
    let mut left_out: Vec<LeftOut> = images
        .folders()
        .into_iter()
        .filter(|(name, dir)| {
            !folders.keys().any(|home| home.split('/').next() == Some(name.as_str())) && holds_images(dir, 0)
        })
        .filter_map(|(_, dir)| unlisted(&dir, dir.file_names()))
        .collect();
    let names = folders.into_iter().flat_map(|(home, files)| {
        let names = files.into_iter().filter_map(|(name, file)| file.map(|_| name));
        names.map(move |name| if home.is_empty() { name } else { format!("{home}/{name}") }).collect::<Vec<_>>()
    });
    left_out.extend(unlisted(images, names.collect()));
    Ok(Listed { labels, left_out })
}

/// What is said of the files of `images` that no list took; an image is named before another file.
fn unlisted(images: &Dir, mut names: Vec<String>) -> Option<LeftOut> {
    names.sort();
    let image = names.iter().find(|name| is_image(name));
    let first = image.or(names.first())?;
    let why = format!("in none of the lists, such as {first}; list or remove them");
    Some(LeftOut { folder: images.show(), files: names.len(), why, maybe_images: image.is_some() })
}
