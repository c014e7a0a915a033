//! What lies in the two folders, and which budget folder pairs with which.

use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

use crate::results::run_json::{RunRecord, Status};
use crate::results::{layout, run};

/// One run on one side.
pub struct FoundRun {
    pub benchmark: String,
    pub label: String,
    pub seed: u64,
    pub path: PathBuf,
    /// None: nothing has been started there.
    pub record: Option<RunRecord>,
}

impl FoundRun {
    /// The record, if the run's numbers count.
    pub fn complete(&self) -> Option<&RunRecord> {
        self.record.as_ref().filter(|record| record.status == Status::Complete)
    }

    /// `complete`, `running`, `failed`, … or `not started`.
    pub fn status(&self) -> &'static str {
        self.record.as_ref().map_or("not started", |record| record.status.name())
    }
}

/// A budget folder.
pub struct Budget {
    pub name: String,
    pub runs: Vec<FoundRun>,
}

/// Budget folders that pair. One side is empty where the other folder has none of that name.
pub struct Pair {
    pub a: Budget,
    pub b: Budget,
}

/// A folder that was named: budgets inside it, or itself one.
enum Named {
    Results(Vec<String>),
    Budget(String),
}

/// The pairs of budget folders of `a` and `b`, each a results folder or a budget folder.
///
/// # Errors
/// Usage: a folder that holds no runs, or a budget that the other folder lacks. Data: a damaged record.
pub fn pairs(a: &Path, b: &Path) -> Result<Vec<Pair>> {
    let inside = |folder: &Path, name: &str| load(&folder.join(name), name);
    match (named(a)?, named(b)?) {
        (Named::Budget(name_a), Named::Budget(name_b)) => Ok(vec![Pair { a: load(a, &name_a)?, b: load(b, &name_b)? }]),
        (Named::Budget(name), Named::Results(others)) => {
            known(&name, a, &others, b)?;
            Ok(vec![Pair { a: load(a, &name)?, b: inside(b, &name)? }])
        }
        (Named::Results(others), Named::Budget(name)) => {
            known(&name, b, &others, a)?;
            Ok(vec![Pair { a: inside(a, &name)?, b: load(b, &name)? }])
        }
        (Named::Results(names_a), Named::Results(names_b)) => {
            let mut names = names_a.clone();
            names.extend(names_b.iter().filter(|name| !names_a.contains(name)).cloned());
            let side = |folder: &Path, there: &[String], name: &str| match there.iter().any(|there| there == name) {
                true => inside(folder, name),
                false => Ok(Budget { name: name.to_owned(), runs: Vec::new() }),
            };
            names.iter().map(|name| Ok(Pair { a: side(a, &names_a, name)?, b: side(b, &names_b, name)? })).collect()
        }
    }
}

/// The budget folders of `path`: those inside it, or itself.
///
/// # Errors
/// Usage: no runs there. Data: a damaged record.
pub fn budgets(path: &Path) -> Result<Vec<Budget>> {
    match named(path)? {
        Named::Budget(name) => Ok(vec![load(path, &name)?]),
        Named::Results(names) => names.iter().map(|name| load(&path.join(name), name)).collect(),
    }
}

fn known(name: &str, folder: &Path, others: &[String], other: &Path) -> Result<()> {
    if others.iter().any(|known| known == name) {
        return Ok(());
    }
    let (folder, other, others) = (folder.display(), other.display(), others.join(", "));
    Err(Error::usage(format!(
        "{folder} is a budget folder, and {other} holds no {name}, only {others}: name a budget folder on both sides"
    )))
}

/// What kind of folder `path` is, told by what lies in it: a copy of a budget folder may have any name.
fn named(path: &Path) -> Result<Named> {
    if path.is_dir() && !layout::runs(path)?.is_empty() {
        // `quick/.` and `..` have names too.
        let full = path.canonicalize().map_err(|error| Error::io(path, error))?;
        let name = full.file_name().and_then(|name| name.to_str()).unwrap_or("budget").to_owned();
        return Ok(Named::Budget(name));
    }
    if path.is_dir() {
        let budgets = layout::budgets(path);
        return budgets.map(Named::Results).map_err(|_| {
            let path = path.display();
            Error::usage(format!(
                "no runs under {path}: name the --out of `harness reproduce`, or a budget folder inside it"
            ))
        });
    }
    let what = if path.exists() { "is not a folder" } else { "no such folder" };
    Err(Error::usage(format!(
        "{}: {what}: name the --out of `harness reproduce`, or a budget folder inside it",
        path.display()
    )))
}

fn load(folder: &Path, name: &str) -> Result<Budget> {
    let held = |found: layout::RunFolder| {
        let record = run::record(&found)?;
        let layout::RunFolder { benchmark, label, seed, path } = found;
        Ok(FoundRun { benchmark, label, seed, path, record })
    };
    Ok(Budget { name: name.to_owned(), runs: layout::runs(folder)?.into_iter().map(held).collect::<Result<_>>()? })
}
