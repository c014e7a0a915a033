//! Puts the drawings in their order: by alphabet, character and file name, whatever form they are stored in.

use std::collections::BTreeMap;
use std::path::Path;

use harness_core::{Error, Result};

use super::locate::Source;
use super::numbers;
use crate::archive::Archive;
use crate::files::{entries, is_image};
use crate::parquet::Table;
use crate::plan::{Place, Plan};

/// Most drawings that are listed: well above the 32,460 that there are, to end the reading of what is something else.
const MAX_DRAWINGS: usize = 100_000;

/// (alphabet, character) and then file name: the order of the plan.
type Drawings = BTreeMap<(String, String), BTreeMap<String, Place>>;

/// The plan of the drawings in `sources`. Errors: [`Error::Data`] for an archive or folder that cannot be read or holds
/// the same drawing twice.
pub(super) fn list(sources: &[Source]) -> Result<Plan> {
    let mut plan = Plan { name: "omniglot".into(), ..Plan::default() };
    let mut drawings = Drawings::new();
    for source in sources {
        match source {
            Source::Zip(path) => list_zip(path, &mut plan.archives, &mut drawings)?,
            Source::Folder(path) => list_folder(path, &mut drawings)?,
            Source::Parquet(path) => list_parquet(path, &mut plan.tables, &mut drawings)?,
        }
    }
    plan.classes = drawings
        .into_iter()
        .map(|((alphabet, character), images)| (format!("{alphabet}/{character}"), images.into_values().collect()))
        .collect();
    Ok(plan)
}

fn list_zip(path: &Path, archives: &mut Vec<Archive>, drawings: &mut Drawings) -> Result<()> {
    let archive = Archive::open(path)?;
    for (entry, name) in archive.names()? {
        let parts: Vec<&str> = name.split('/').collect();
        // What macOS adds to an archive is no drawing.
        if !is_image(&name) || parts[0] == "__MACOSX" {
            continue;
        }
        let [.., alphabet, character, file] = parts[..] else {
            return Err(Error::data(format!(
                "{}: {name} is not in a folder Alphabet/characterNN; fetch the archive again",
                path.display()
            )));
        };
        let place = Place::Zip { archive: archives.len(), entry, name: name.clone() };
        insert(drawings, alphabet, character, file, place, path)?;
    }
    archives.push(archive);
    Ok(())
}

fn list_folder(root: &Path, drawings: &mut Drawings) -> Result<()> {
    for alphabet in entries(root)?.into_iter().filter(|entry| entry.is_dir) {
        for character in entries(&alphabet.path)?.into_iter().filter(|entry| entry.is_dir) {
            for file in entries(&character.path)?.into_iter().filter(|entry| is_image(&entry.name)) {
                let place = Place::File { path: file.path, stamp: file.stamp };
                insert(drawings, &alphabet.name, &character.name, &file.name, place, root)?;
            }
        }
    }
    Ok(())
}

/// Rows name their drawing by the file that it once was (`0709_01.png`); where they do not, the label is the character's
/// number less one, and the rows of a character are in the order of its drawings.
fn list_parquet(path: &Path, tables: &mut Vec<Table>, drawings: &mut Drawings) -> Result<()> {
    let table = Table::open(path)?;
    let labels = table.labels()?;
    for group in table.groups() {
        let images = table.images(group.clone())?;
        for row in group.clone() {
            let named = images.path(row - group.start).and_then(numbers::of_file);
            let (number, drawing) = named.unwrap_or((labels[row] + 1, 0));
            let Some((alphabet, character)) = numbers::character(number) else {
                return Err(Error::data(format!(
                    "{}: row {row} is of character {number}, and Omniglot has 1 to {}; fetch omniglot again",
                    path.display(),
                    super::CLASSES
                )));
            };
            let place = Place::Row { table: tables.len(), row };
            let file = if drawing > 0 { format!("{drawing:02}") } else { format!("row {row:06}") };
            insert(drawings, alphabet, &character, &file, place, path)?;
        }
    }
    tables.push(table);
    Ok(())
}

fn insert(
    drawings: &mut Drawings,
    alphabet: &str,
    character: &str,
    file: &str,
    place: Place,
    source: &Path,
) -> Result<()> {
    let class = drawings.entry((alphabet.into(), character.into())).or_default();
    if class.insert(file.into(), place).is_some() {
        return Err(Error::data(format!(
            "{}: {alphabet}/{character}/{file} is there twice; fetch omniglot again",
            source.display()
        )));
    }
    if class.len() > MAX_DRAWINGS || drawings.len() > MAX_DRAWINGS {
        return Err(Error::data(format!("{}: too many images to be Omniglot", source.display())));
    }
    Ok(())
}
