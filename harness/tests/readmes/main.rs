//! What the READMEs say is true: their commands run as they are written, and every key of a benchmark is explained.

mod extract;
mod fixture;
mod forms;
mod keys;

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use extract::{How, Line};
use fixture::Fixture;

/// The repository.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// All READMEs of the repository, relative to it.
fn readmes() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap().flatten() {
            let (name, path) = (entry.file_name().into_string().unwrap(), folder.join(entry.file_name()));
            let passed_over = name.starts_with('.') || name == "target" || path == Path::new("results/runs");
            match entry.file_type().unwrap().is_dir() {
                true if !passed_over => folders.push(path),
                false if name == "README.md" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_command_of_the_readmes_works() {
    // Each README in a folder of its own, as its reader has one; a command that many have is run once.
    let done = &Mutex::default();
    let all: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let one = |readme: PathBuf| scope.spawn(move || check_all(readme, done));
        readmes().into_iter().map(one).collect::<Vec<_>>().into_iter().map(|one| one.join().unwrap()).collect()
    });
    let blocks: usize = all.iter().map(|(blocks, _)| blocks).sum();
    let wrong: Vec<String> = all.into_iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(blocks > 15, "{blocks} commands: are they still found?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How many commands a README has, and what is wrong with them.
fn check_all(readme: PathBuf, done: &Mutex<BTreeSet<Vec<String>>>) -> (usize, Vec<String>) {
    let text = std::fs::read_to_string(root().join(&readme)).unwrap();
    let lines = extract::lines(&text);
    let fixture: LazyCell<Fixture> = LazyCell::new(Fixture::new);
    let wrong = lines.iter().filter_map(|line| {
        let why = check(line, &fixture, done).err()?;
        Some(format!("{}:{}: {}\n    {why}", readme.display(), line.number, line.words.join(" ")))
    });
    (lines.len(), wrong.collect())
}

/// Tables, pictures, code and what a report wrote are as wide as they are.
#[test]
fn prose_wraps_at_100_columns() {
    let (mut long, mut prose) = (Vec::new(), 0);
    for readme in readmes() {
        let text = std::fs::read_to_string(root().join(&readme)).unwrap();
        let mut fenced = false;
        for (number, line) in (1..).zip(text.lines()) {
            fenced ^= line.trim_start().starts_with("```");
            if fenced || line.starts_with("    ") || line.trim_start().starts_with(['|', '!']) {
                continue;
            }
            prose += 1;
            if line.chars().count() > 100 {
                long.push(format!("{}:{number}: {line}", readme.display()));
            }
        }
    }
    assert!(prose > 1000, "{prose} lines: are they still read?");
    assert!(long.is_empty(), "over 100 columns:\n{}", long.join("\n"));
}

/// Checks one line; commands of ours are run, once where several lines come to the same.
fn check(line: &Line, fixture: &LazyCell<Fixture>, done: &Mutex<BTreeSet<Vec<String>>>) -> Result<(), String> {
    let Some(words) = forms::ours(&line.words) else { return forms::other(&line.words) };
    if line.how == How::Excused && !forms::exists(words) {
        return Ok(());
    }
    forms::parses(words)?;
    let Some(cheap) = fixture.cheap(words)? else { return Ok(()) };
    match line.how == How::Run && done.lock().unwrap().insert(cheap.clone()) {
        true => fixture.run(&cheap),
        false => Ok(()),
    }
}
