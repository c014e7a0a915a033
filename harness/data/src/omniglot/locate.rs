//! Finds Omniglot in the forms that people have it in.

use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

use crate::archive;
use crate::files::survey;
use crate::search::{Located, SearchPath, Shape};

/// The two halves, as the official archives name them.
pub(super) const HALVES: [&str; 2] = ["images_background", "images_evaluation"];

/// Folders below a data folder that hold Omniglot by somebody's habit: ours (fetched ones a level below), torchvision's, a clone of the official
/// repository, and the data folder itself.
const HOMES: [&str; 9] = [
    "omniglot",
    "omniglot/official",
    "omniglot-py",
    "omniglot/omniglot-py",
    "omniglot/python",
    "omniglot-master/python",
    "Omniglot",
    "omniglot/data",
    "",
];

/// The first class, by which a folder of alphabets is known.
pub(super) const FIRST: &str = "Alphabet_of_the_Magi/character01";

/// Where TensorFlow Datasets extracts archives, each into a folder whose name ends in a digest.
const TENSORFLOW: [&str; 2] = ["downloads/extracted", "tensorflow_datasets/downloads/extracted"];

/// Levels of folders that are searched for parquet.
const PARQUET_DEPTH: usize = 3;

/// One half of Omniglot, or all of it in one folder of alphabets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A half or all of it, packed.
    Archive(PathBuf),
    /// A folder of alphabets.
    Folder(PathBuf),
    Parquet(PathBuf),
}

/// Where Omniglot is. Errors: [`Error::Data`] when it is nowhere or only half of it is there.
pub(super) fn located(search: &SearchPath) -> Result<Located> {
    let sources = locate(search)?;
    let shape = |source: &Source| match source {
        Source::Archive(path) => Shape::of_archive(path),
        Source::Folder(_) => Shape::Folders,
        Source::Parquet(_) => Shape::Parquet,
    };
    let path = |source: &Source| match source {
        Source::Archive(path) | Source::Folder(path) | Source::Parquet(path) => path.clone(),
    };
    Ok(Located::new(sources.iter().map(shape), sources.iter().map(path).collect()))
}

/// The files and folders that together are Omniglot, from the first data folder that has all of it.
pub(super) fn locate(search: &SearchPath) -> Result<Vec<Source>> {
    let mut half = None;
    for dir in search.dirs() {
        let homes = HOMES.iter().map(|home| dir.join(home));
        for home in homes.filter(|home| home.is_dir()) {
            match HALVES.map(|name| find_half(&home, name)) {
                [Some(background), Some(evaluation)] => return Ok(vec![background, evaluation]),
                [Some(_), None] => half = half.or(Some((home, HALVES[1]))),
                [None, Some(_)] => half = half.or(Some((home, HALVES[0]))),
                [None, None] if is_alphabets(&home) => return Ok(vec![Source::Folder(home)]),
                // Parquet counts only in a folder of Omniglot's own: elsewhere it is anybody's.
                [None, None] if home != dir.join("") => {
                    let mut files = Vec::new();
                    find_parquet(&home, PARQUET_DEPTH, &mut files);
                    files.sort();
                    if !files.is_empty() {
                        return Ok(files.into_iter().map(Source::Parquet).collect());
                    }
                }
                [None, None] => {}
            }
        }
        if let Some(whole) = find_whole(dir) {
            return Ok(vec![whole]);
        }
        for extracted in TENSORFLOW.iter().map(|habit| dir.join(habit)).filter(|dir| dir.is_dir()) {
            let homes: Vec<PathBuf> = survey(&extracted, true).map(|(_, path)| path).collect();
            let find = |name| homes.iter().find_map(|home| find_half(home, name));
            if let [Some(background), Some(evaluation)] = HALVES.map(find) {
                return Ok(vec![background, evaluation]);
            }
        }
    }
    Err(match half {
        Some((home, missing)) => Error::data(format!(
            "omniglot: {missing}, an archive or a folder, is missing from {}, where the other half lies; {REMEDY}",
            home.display()
        )),
        None => Error::data(format!(
            "omniglot is not here: looked for images_background and images_evaluation as archives or folders, and for parquet, in {}; {REMEDY}",
            search.looked_in("omniglot")
        )),
    })
}

/// Three ways to get it.
const REMEDY: &str = "get it with `harness data fetch omniglot`, or put images_background.zip and \
images_evaluation.zip of github.com/brendenlake/omniglot (folder python) there, or point --data-dir or \
HARNESS_DATA_DIR at the folder that holds your omniglot folder";

/// The archive is preferred to the folder, since it cannot be half extracted, and a zip has checksums.
fn find_half(home: &Path, name: &str) -> Option<Source> {
    let folder = || Some(home.join(name)).filter(|folder| folder.is_dir());
    archive::named(home, name).map(Source::Archive).or_else(|| folder().map(Source::Folder))
}

/// The archive that stands for one of the folders, or lies in it under its name.
fn find_whole(dir: &Path) -> Option<Source> {
    let named = |home: &&str| {
        let name = home.rsplit('/').next().filter(|name| !name.is_empty())?;
        archive::named(dir, home).or_else(|| archive::named(&dir.join(home), name))
    };
    HOMES.iter().find_map(named).map(Source::Archive)
}

/// Adds the parquet files below `folder`.
fn find_parquet(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    files.extend(survey(folder, false).filter(|(name, _)| name.ends_with(".parquet")).map(|(_, path)| path));
    if depth > 0 {
        survey(folder, true).for_each(|(_, below)| find_parquet(&below, depth - 1, files));
    }
}

/// Whether a folder holds alphabets directly, both halves in one, as the original Reptile code keeps them.
fn is_alphabets(home: &Path) -> bool {
    home.join(FIRST).is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn found(paths: &[&str], dir: &Path) -> Result<Located> {
        for path in paths {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if archive::stem(&path.to_string_lossy()).is_some() {
                fs::write(path, b"").unwrap();
            } else {
                fs::create_dir_all(path).unwrap();
            }
        }
        located(&SearchPath::only([dir]))
    }

    #[test]
    fn every_habit_is_found() {
        for (paths, form) in [
            (vec!["omniglot/images_background.zip", "omniglot/images_evaluation.zip"], "zip"),
            (vec!["omniglot/images_background", "omniglot/images_evaluation"], "folders"),
            (vec!["omniglot-py/images_background.zip", "omniglot-py/images_evaluation"], "zip and folders"),
            (vec!["images_background", "images_evaluation"], "folders"),
            (vec!["omniglot/images_background.tar", "omniglot/images_evaluation.tar.gz"], "tar"),
            (vec!["omniglot.zip"], "zip"),
            (vec!["omniglot/omniglot.tgz"], "tar"),
            (vec!["omniglot/Alphabet_of_the_Magi/character01"], "folders"),
            (
                vec!["downloads/extracted/ZIP.a1/images_background", "downloads/extracted/ZIP.b2/images_evaluation"],
                "folders",
            ),
        ] {
            let dir = tempfile::tempdir().unwrap();
            assert_eq!(found(&paths, dir.path()).unwrap().form(), form, "{paths:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_three_ways_to_get_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = found(&["omniglot/images_background.zip"], dir.path()).unwrap_err().to_string();
        assert!(error.contains("images_evaluation, an archive or a folder, is missing from"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let error = found(&[], dir.path()).unwrap_err().to_string();
        assert!(error.contains(&dir.path().join("omniglot").display().to_string()), "{error}");
        for way in ["data fetch omniglot", "brendenlake/omniglot", "HARNESS_DATA_DIR"] {
            assert!(error.contains(way), "{error}");
        }
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn a_later_folder_that_is_whole_beats_an_earlier_half() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        found(&["omniglot/images_background.zip"], first.path()).unwrap_err();
        found(&["omniglot/images_background", "omniglot/images_evaluation"], second.path()).unwrap();
        let found = located(&SearchPath::only([first.path(), second.path()])).unwrap();
        assert!(found.paths[0].starts_with(second.path()));
    }
}
