//! Of a `Cargo.toml`: what only tests need, and where crates named by path lie. Read line by line, since a TOML reader
//! would be built twice; what is written so that it is not understood is not skipped, so it counts.

use std::path::{Path, PathBuf};

/// What is read of one `Cargo.toml`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// `[package] name`.
    pub name: Option<String>,
    /// Dependencies that tests alone have.
    pub only_tests: Vec<String>,
    /// Name and folder, as written, of what is named by path.
    pub paths: Vec<(String, String)>,
}

pub fn read(folder: &Path) -> Manifest {
    parse(&std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default())
}

fn parse(text: &str) -> Manifest {
    let (mut manifest, mut section) = (Manifest::default(), String::new());
    let (mut always, mut tests) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let header = line.strip_prefix('[').and_then(|line| line.rsplit_once(']')).map(|(header, _)| header);
        // `[dependencies.name]` opens a table of one dependency.
        let (key, value) = match (header, line.split_once('=')) {
            (Some(header), _) => {
                section = header.trim_matches(['[', ']']).trim().to_owned();
                match section.rsplit_once("dependencies.") {
                    Some((_, name)) => (name.to_owned(), ""),
                    None => continue,
                }
            }
            (None, Some((key, value))) => (key.trim().to_owned(), value.trim()),
            (None, None) => continue,
        };
        let own = section.rsplit_once("dependencies.").map(|(_, name)| name.to_owned());
        if section == "package" && key == "name" {
            manifest.name = quoted(value);
        }
        if !section.contains("dependencies") {
            continue;
        }
        let name = own.clone().unwrap_or_else(|| key.split('.').next().unwrap_or_default().to_owned());
        let name = name.trim_matches('"').to_owned();
        let path = match own {
            Some(_) if key == "path" => quoted(value),
            _ => value.split_once("path").and_then(|(_, rest)| quoted(rest.trim_start().strip_prefix('=')?)),
        };
        let package = value.split_once("package").and_then(|(_, rest)| quoted(rest.trim_start().strip_prefix('=')?));
        match section.contains("dev-dependencies") {
            true => tests.push(name.clone()),
            false => always.extend([Some(name.clone()), package.clone()].into_iter().flatten()),
        }
        if let Some(path) = path {
            manifest.paths.push((package.unwrap_or(name), path));
        }
    }
    tests.retain(|name| !always.contains(name));
    manifest.only_tests = tests;
    manifest
}

/// The first text in quotes.
fn quoted(text: &str) -> Option<String> {
    Some(text.split_once('"')?.1.split_once('"')?.0.to_owned())
}

/// The folder of the crate `name`, which `folder`'s manifest or that of the workspace `root` names by path.
pub fn folder_of(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let named = |folder: &PathBuf| {
        let paths = read(folder).paths.into_iter();
        paths.filter(|(other, _)| other == name).map(|(_, path)| folder.join(path)).next()
    };
    folders.iter().filter_map(named).find(|found| read(found).name.as_deref() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_tests_and_what_lies_by_path() {
        let manifest = parse(
            "[package]\nname = \"mine\"\n[dependencies]\na.workspace = true\nb = { version = \"1\", path = \"../b\" }\n\
             c = { package = \"real-c\", path = \"x/c\" }\n[dependencies.d]\npath = \"d\"\n[dev-dependencies]\n\
             a = \"1\"\ne = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\nf.workspace = true\n\
             [target.'cfg(a = \"b\")'.dependencies]\ng = \"1\"\n[features]\npath = []\n",
        );
        assert_eq!(manifest.name.as_deref(), Some("mine"));
        assert_eq!(manifest.only_tests, ["e", "f"]);
        let paths = [("b", "../b"), ("real-c", "x/c"), ("d", "d")].map(|(name, path)| (name.into(), path.into()));
        assert_eq!(manifest.paths, paths);
    }
}
