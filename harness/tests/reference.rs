//! The committed results: every table can be rebuilt, byte for byte, from the committed metrics.

use std::fs;
use std::path::Path;

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Budgets are folders; a page or a picture may lie beside them.
fn folders(path: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(path).unwrap().flatten().filter(|entry| entry.path().is_dir())
}

#[test]
fn every_committed_summary_follows_from_the_committed_metrics() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference");
    let rebuilt = tempfile::tempdir().unwrap();
    copy(&reference, rebuilt.path());
    let mut budgets = 0;
    for budget in folders(rebuilt.path()) {
        fs::remove_file(budget.path().join("summary.csv")).unwrap();
        budgets += 1;
    }
    assert!(budgets > 0, "there are committed results");
    harness::report::build(rebuilt.path()).unwrap();
    for budget in folders(&reference) {
        for file in ["summary.csv", "summary.md"] {
            let name = Path::new(&budget.file_name()).join(file);
            let committed = fs::read_to_string(reference.join(&name)).unwrap();
            let ours = fs::read_to_string(rebuilt.path().join(&name)).unwrap();
            assert_eq!(ours, committed, "{}", name.display());
        }
    }
}
