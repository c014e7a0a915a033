//! What may stand in a README's command block beside our own commands, and what must be true of it.

use clap::{CommandFactory, Parser};
use harness::command_line::Cli;

use crate::root;

/// The words after `harness`, where the line calls it.
pub fn ours(words: &[String]) -> Option<&[String]> {
    let at = |prefix: &[&str]| words.iter().map(String::as_str).take(prefix.len()).eq(prefix.iter().copied());
    let starts: [&[&str]; 2] = [&["cargo", "run", "-p", "harness", "--"], &["harness"]];
    starts.iter().find(|start| at(start)).map(|start| &words[start.len()..])
}

/// Whether there is such a command.
pub fn exists(words: &[String]) -> bool {
    words.first().is_some_and(|name| Cli::command().find_subcommand(name).is_some())
}

/// Whether the command line takes these words. Redirections are the shell's.
pub fn parses(words: &[String]) -> Result<(), String> {
    let own = words.iter().take_while(|word| *word != ">" && *word != "|");
    let all = std::iter::once("harness").chain(own.map(String::as_str));
    Cli::try_parse_from(all).map(drop).map_err(|error| error.to_string())
}

/// Whether a line that is not ours has a form that we know and names what exists.
pub fn other(words: &[String]) -> Result<(), String> {
    let own: Vec<&str> = words.iter().map(String::as_str).skip_while(|word| is_assignment(word)).collect();
    match own[..] {
        [] | ["cargo", "test", "--workspace"] | [".ci/run"] | ["cd", _] => Ok(()),
        ["cargo", "test" | "bench", "-p", package, ..] => package_exists(package),
        ["cargo", "build" | "run", ..] | ["cargo", "install", "--git", ..] if own.contains(&"harness") => Ok(()),
        ["cargo", "+nightly", "fuzz", "run", target, ..] => fuzz_target_exists(target),
        ["git", "clone", url, ..] if url.starts_with("https://") => Ok(()),
        ["cp", "-r", from, _] | ["cp", from, _] if root().join(from).exists() => Ok(()),
        ["$EDITOR", ..] => Ok(()),
        _ => Err("a form that tests/readmes/forms.rs does not know, or it names what is not there".into()),
    }
}

fn is_assignment(word: &str) -> bool {
    let name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    word.split_once('=').is_some_and(|(before, _)| name(before))
}

/// `mine` is the package that a walk-through makes.
fn package_exists(name: &str) -> Result<(), String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let known = manifest.lines().any(|line| line.starts_with(&format!("{name} = {{ path = ")));
    if known || ["mine", "harness"].contains(&name) { Ok(()) } else { Err(format!("there is no package {name}")) }
}

fn fuzz_target_exists(name: &str) -> Result<(), String> {
    let files = [format!("harness/data/fuzz/fuzz_targets/{name}.rs"), format!("harness/fuzz/targets/{name}.rs")];
    let known = files.iter().any(|file| root().join(file).exists());
    if known { Ok(()) } else { Err(format!("there is no fuzz target {name}")) }
}

#[test]
fn unknown_forms_and_names_are_refused() {
    let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
    for good in ["cargo test -p harness-core rng::", "A=1 cargo test --workspace", "cp -r algorithms/reptile x"] {
        assert_eq!(other(&words(good)), Ok(()), "{good}");
    }
    for bad in ["rm -r x", "cargo test -p harnes", "cp -r algorithms/reptil x", "cargo +nightly fuzz run imag"] {
        assert!(other(&words(bad)).is_err(), "{bad}");
    }
    assert!(parses(&words("list benchmark")).is_err());
    assert!(parses(&words("completions bash > file")).is_ok());
}
