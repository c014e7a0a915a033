//! Which runs lie under a results folder: `OUT/<budget>/<benchmark>/<label>/seed-<n>/`.

use harness_core::{Error, Result};
use std::{
    cmp::Ordering,
    collections::HashSet,
    path::{Path, PathBuf},
};

/// The folder of one run, named by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    pub benchmark: String,
    pub label: String,
    pub seed: u64,
    pub path: PathBuf,
}

/// True for `quick`, `short`, `paper` and `custom-<8 hex digits>`.
pub fn is_budget(name: &str) -> bool {
    matches!(name, "quick" | "short" | "paper")
        || name.strip_prefix("custom-").is_some_and(|h| h.len() == 8 && h.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The folder of a run in that of its budget.
pub fn run(budget: &Path, benchmark: &str, label: &str, seed: u64) -> PathBuf {
    budget.join(benchmark).join(label).join(format!("seed-{seed}"))
}

/// The budgets under `out` that hold at least one run, the shortest first; an error that says what to do if there is
/// none.
pub fn budgets(out: &Path) -> Result<Vec<String>> {
    if !out.is_dir() {
        return Err(Error::usage(format!(
            "no results folder {}: run `harness reproduce` first, or name the folder that holds quick/, short/ or paper/",
            out.display()
        )));
    }
    let mut found = Vec::new();
    for name in folders(out)?.into_iter().filter(|name| is_budget(name)) {
        if !runs(&out.join(&name))?.is_empty() {
            found.push(name);
        }
    }
    if !found.is_empty() {
        let rank = |name: &str| ["quick", "short", "paper"].iter().position(|b| *b == name).unwrap_or(3);
        found.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
        return Ok(found);
    }
    let inside = out.file_name().and_then(|n| n.to_str()).is_some_and(is_budget);
    let remedy = match out.parent() {
        Some(parent) if inside => {
            let above = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            format!("name the folder above it, {}", above.display())
        }
        _ => "run `harness reproduce` first, or name the folder that holds quick/, short/ or paper/".to_string(),
    };
    Err(Error::usage(format!("no runs under {}: {remedy}", out.display())))
}

/// The run folders of one budget, in natural order of benchmark, label and seed.
pub fn runs(budget: &Path) -> Result<Vec<RunFolder>> {
    let mut found = Vec::new();
    for benchmark in folders(budget)?.into_iter().filter(|name| name != "plots" && name != "tensorboard") {
        for label in folders(&budget.join(&benchmark))? {
            let folder = budget.join(&benchmark).join(&label);
            for name in folders(&folder)? {
                if let Some(seed) = name.strip_prefix("seed-").and_then(|n| n.parse().ok()) {
                    let (benchmark, label) = (benchmark.clone(), label.clone());
                    found.push(RunFolder { benchmark, label, seed, path: folder.join(&name) });
                }
            }
        }
    }
    found.sort_by(|a, b| {
        natural(&a.benchmark, &b.benchmark).then_with(|| natural(&a.label, &b.label)).then(a.seed.cmp(&b.seed))
    });
    Ok(found)
}

/// Every label under `out`, whatever its budget, in natural order: looks are given out over all of them, so that a
/// method looks the same in every picture of the tree. The rows of `figures`, which are benchmarks, have looks of their
/// own.
pub fn labels(out: &Path, figures: &HashSet<&str>) -> Result<Vec<String>> {
    let mut labels = Vec::new();
    for budget in folders(out)?.into_iter().filter(|name| is_budget(name)) {
        let runs = runs(&out.join(budget))?.into_iter();
        labels.extend(runs.filter(|run| !figures.contains(run.benchmark.as_str())).map(|run| run.label));
    }
    labels.sort_by(|a, b| natural(a, b));
    labels.dedup();
    Ok(labels)
}

/// The folders in `path` whose names do not begin with a dot, by name.
pub(super) fn folders(path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| Error::io(path, e))? {
        let entry = entry.map_err(|e| Error::io(path, e))?;
        if entry.path().is_dir()
            && let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Numbers inside names compare as numbers, so that `5w1s` comes before `20w1s`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    loop {
        let (x, y) = (chunk(&mut a_rest), chunk(&mut b_rest));
        if x.is_empty() || y.is_empty() {
            return x.len().cmp(&y.len()).then_with(|| a.cmp(b));
        }
        let order = match (x.parse::<u64>(), y.parse::<u64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            _ => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Cuts the leading run of digits, or of anything else, off `rest`.
fn chunk<'a>(rest: &mut &'a str) -> &'a str {
    let digits = rest.starts_with(|c: char| c.is_ascii_digit());
    let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
    let (head, tail) = rest.split_at(end);
    *rest = tail;
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = ["omniglot-20w1s", "sine", "omniglot-5w5s", "glyphs-5w1s", "omniglot-5w1s", "omniglot"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["glyphs-5w1s", "omniglot", "omniglot-5w1s", "omniglot-5w5s", "omniglot-20w1s", "sine"]);
    }

    #[test]
    fn only_budget_folders_count() {
        for name in ["quick", "short", "paper", "custom-00ffAA12"] {
            assert!(is_budget(name), "{name}");
        }
        for name in ["plots", "custom-", "custom-00ffAA1", "custom-00ffAA1x", "partial", "Quick"] {
            assert!(!is_budget(name), "{name}");
        }
    }

    #[test]
    fn nothing_to_report_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let missing = budgets(&dir.path().join("nowhere")).unwrap_err().to_string();
        assert!(missing.contains("nowhere") && missing.contains("harness reproduce"), "{missing}");

        let empty = budgets(dir.path()).unwrap_err().to_string();
        assert!(empty.starts_with("no runs under") && empty.contains("harness reproduce"), "{empty}");

        let inside = dir.path().join("quick");
        std::fs::create_dir_all(inside.join("sine/reptile/seed-1")).unwrap();
        let inside = budgets(&inside).unwrap_err().to_string();
        assert!(inside.ends_with(&format!(": name the folder above it, {}", dir.path().display())), "{inside}");
        assert_eq!(budgets(dir.path()).unwrap(), ["quick"]);
    }
}
