//! The run that a path means.

use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

use crate::results::run_dir::RECORD;

/// How deep a run lies below a results folder: budget, benchmark, label, seed.
const DEPTH: usize = 4;

/// The folder of the run: `path` itself, the folder of the file `path`, or the only run below it. Errors (usage) if there
/// is none, or more than one, which are then counted and one of them named.
pub fn run(path: &Path) -> Result<PathBuf> {
    let folder = match path.is_file() {
        true => path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        false => path,
    };
    let mut found = Vec::new();
    below(folder, DEPTH, &mut found);
    found.sort();
    let named = path.display();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] if !path.exists() => Err(Error::usage(format!("{named}: no such file or folder; name a run's folder"))),
        [] => Err(Error::usage(format!("{named}: no run lies here: name the folder of one, which holds {RECORD}"))),
        [first, ..] => {
            let (count, first) = (found.len(), first.display());
            Err(Error::usage(format!("{named}: {count} runs lie here: name one, such as {first}")))
        }
    }
}

/// Runs hold no runs, and what begins with a dot is none.
fn below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if folder.join(RECORD).is_file() {
        return found.push(folder.to_path_buf());
    }
    if depth == 0 {
        return;
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
            below(&entry.path(), depth - 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_run_at_or_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path();
        let error = |path: &Path| run(path).unwrap_err().to_string();
        assert!(error(out).contains("no run lies here"));
        assert!(error(&out.join("nowhere")).contains("no such file"));
        let one = out.join("quick/sine/reptile/seed-0");
        std::fs::create_dir_all(&one).unwrap();
        std::fs::write(one.join("run.json"), "{}").unwrap();
        for path in [out, &one, &one.join("run.json"), &out.join("quick/sine")] {
            assert_eq!(run(path).unwrap(), one, "{}", path.display());
        }
        let two = out.join("quick/sine/maml/seed-0");
        std::fs::create_dir_all(&two).unwrap();
        std::fs::write(two.join("run.json"), "{}").unwrap();
        assert!(error(out).contains("2 runs lie here: name one, such as ") && error(out).contains("maml"));
    }
}
