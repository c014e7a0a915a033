//! Puts the drawings in their order: by alphabet, character and file name, whatever form they are stored in.

use std::collections::BTreeMap;
use std::path::Path;

use harness_core::{Error, Result};

use super::locate::{FIRST, HALVES, Source};
use super::numbers;
use crate::files::is_image;
use crate::parquet::Table;
use crate::plan::{Place, Plan};
use crate::tree::{Dir, Node};

/// Most drawings that are listed: well above the 32,460 that there are, to end the reading of what is something else.
const MAX_DRAWINGS: usize = 100_000;

/// Most folders that an archive puts around what it holds.
const WRAPPERS: usize = 3;

/// (alphabet, character) and then file name: the order of the plan.
type Drawings = BTreeMap<(String, String), BTreeMap<String, Place>>;

/// The plan of the drawings in `sources`. Errors: [`Error::Data`] for an archive or folder that cannot be read or holds
/// the same drawing twice.
pub(super) fn list(sources: &[Source]) -> Result<Plan> {
    let mut plan = Plan { name: "omniglot".into(), ..Plan::default() };
    let mut drawings = Drawings::new();
    for source in sources {
        match source {
            Source::Archive(path) => list_folder(&Dir::archive(path)?, &mut drawings)?,
            Source::Folder(path) => list_folder(&Dir::Disk(path.clone()), &mut drawings)?,
            Source::Parquet(path) => list_parquet(path, &mut plan.tables, &mut drawings)?,
        }
    }
    plan.classes = drawings
        .into_iter()
        .map(|((alphabet, character), images)| (format!("{alphabet}/{character}"), images.into_values().collect()))
        .collect();
    Ok(plan)
}

/// The drawings of a folder of alphabets, or of those in it.
fn list_folder(root: &Dir, drawings: &mut Drawings) -> Result<()> {
    for home in alphabets(root) {
        for (alphabet, characters) in home.folders() {
            for (character, files) in characters.folders() {
                for entry in files.entries()? {
                    if let (true, Node::File(file)) = (is_image(&entry.name), entry.node) {
                        insert(drawings, &alphabet, &character, &entry.name, Place::File(file), &home.path())?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The folders of alphabets: the halves in `root`, or `root` itself. An archive holds them below folders of its own.
fn alphabets(root: &Dir) -> Vec<Dir> {
    let mut here = Some(root.clone());
    for _ in 0..=WRAPPERS {
        let Some(dir) = here else { break };
        let halves: Vec<Dir> = HALVES.iter().filter_map(|half| dir.dir(half)).collect();
        if !halves.is_empty() {
            return halves;
        }
        if dir.dir(FIRST).is_some() {
            return vec![dir];
        }
        here = dir.folders().into_iter().next().map(|(_, dir)| dir);
    }
    vec![root.clone()]
}

/// Rows name their drawing by the file that it once was (`0709_01.png`); where they do not, the label is the character's
/// number less one, and the rows of a character are in the order of its drawings, table after table.
fn list_parquet(path: &Path, tables: &mut Vec<Table>, drawings: &mut Drawings) -> Result<()> {
    let table = Table::open(path)?;
    let labels = table.labels()?;
    for group in table.groups() {
        let images = table.images(group.clone())?;
        for row in group.clone() {
            let named = images.path(row - group.start).and_then(numbers::of_file);
            let (number, drawing) = match named {
                Some((number, drawing)) => (Some(number), drawing),
                None => (labels[row].checked_add(1), 0),
            };
            // A name that was read has a number that there is.
            let Some((alphabet, character)) = number.and_then(numbers::character) else {
                return Err(Error::data(format!(
                    "{}: row {row} has label {}, and Omniglot's are 0 to {}; fetch omniglot again",
                    path.display(),
                    labels[row],
                    super::CLASSES - 1
                )));
            };
            let table = tables.len();
            let place = Place::Row { table, row };
            // Rows are counted in each table by itself.
            let file = if drawing > 0 { format!("{drawing:02}") } else { format!("row {table:06} {row:06}") };
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
