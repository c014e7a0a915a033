//! `Cargo.lock`: which versions a crate is built with. Cargo writes it, always in this form.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One `[[package]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// None: a crate of this workspace, or one named by path.
    pub source: Option<String>,
    pub checksum: Option<String>,
    /// `name`, `name version` or `name version (source)`.
    pub dependencies: Vec<String>,
}

/// The nearest `Cargo.lock` from `folder` upwards, and the folder that it lies in.
pub fn find(folder: &Path) -> Result<(PathBuf, Vec<Package>), String> {
    let root = folder.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    let root = root.ok_or_else(|| format!("no Cargo.lock in {} or above it: run cargo build", folder.display()))?;
    let path = root.join("Cargo.lock");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((root.to_owned(), parse(&text)))
}

fn parse(text: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line == "[[package]]" {
            packages.push(Package::default());
            continue;
        }
        let Some(package) = packages.last_mut() else { continue };
        let value = |key: &str| Some(line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned());
        if let Some(name) = value("name") {
            package.name = name;
        } else if let Some(version) = value("version") {
            package.version = version;
        } else if let Some(source) = value("source") {
            package.source = Some(source);
        } else if let Some(checksum) = value("checksum") {
            package.checksum = Some(checksum);
        } else if let Some(dependency) = line.strip_prefix('"').and_then(|line| line.strip_suffix("\",")) {
            package.dependencies.push(dependency.to_owned());
        }
    }
    packages
}

/// The index of what a dependency's line means.
fn resolve(packages: &[Package], line: &str) -> Option<usize> {
    let mut parts = line.split(' ');
    let (name, version) = (parts.next()?, parts.next());
    let source = parts.next().map(|source| source.trim_matches(['(', ')']));
    packages.iter().position(|package| {
        package.name == name
            && version.is_none_or(|version| package.version == version)
            // The lock's line has no revision of a git source behind `#`.
            && source.is_none_or(|wanted| package.source.as_deref().is_some_and(|source| source.starts_with(wanted)))
    })
}

/// All packages that `roots` are or reach. `skip` says of a package by path which of its dependencies it does not need
/// when it runs; one of `ends` is not gone through.
pub fn reach<'a>(
    packages: &'a [Package],
    roots: &[&str],
    ends: &[&str],
    skip: &mut dyn FnMut(&Package) -> Vec<String>,
) -> Result<Vec<&'a Package>, String> {
    let mut open: Vec<usize> = Vec::new();
    for root in roots {
        let found = packages.iter().position(|package| package.name == *root);
        open.push(found.ok_or_else(|| format!("Cargo.lock does not name {root}: run cargo build"))?);
    }
    let mut seen: BTreeSet<usize> = open.iter().copied().collect();
    while let Some(at) = open.pop() {
        let package = &packages[at];
        if ends.contains(&package.name.as_str()) && !roots.contains(&package.name.as_str()) {
            continue;
        }
        let skipped = if package.source.is_none() { skip(package) } else { Vec::new() };
        for line in &package.dependencies {
            let name = line.split(' ').next().unwrap_or_default();
            if skipped.iter().any(|skipped| skipped == name) {
                continue;
            }
            let next = resolve(packages, line).ok_or_else(|| format!("Cargo.lock names no package for {line}"))?;
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    Ok(seen.into_iter().map(|at| &packages[at]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 4

[[package]]
name = "mine"
version = "0.1.0"
dependencies = [
 "a",
 "b 2.0.0",
 "only-tests",
]

[[package]]
name = "a"
version = "1.0.0"
source = "registry+https://example"
checksum = "11"
dependencies = [
 "b 1.0.0",
]

[[package]]
name = "b"
version = "1.0.0"
source = "registry+https://example"
checksum = "22"

[[package]]
name = "b"
version = "2.0.0"
source = "git+https://example?rev=1#123"
dependencies = [
 "c 3.0.0 (git+https://example)",
]

[[package]]
name = "c"
version = "3.0.0"
source = "git+https://example#5"

[[package]]
name = "only-tests"
version = "9.0.0"
source = "registry+https://example"
"#;

    fn names(ends: &[&str], skip: &str) -> String {
        let packages = parse(LOCK);
        let found = reach(&packages, &["mine"], ends, &mut |_| vec![skip.to_owned()]).unwrap();
        found.iter().map(|package| format!("{} {}", package.name, package.version)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_is_reached_is_found_with_its_version() {
        assert_eq!(names(&[], "only-tests"), "mine 0.1.0, a 1.0.0, b 1.0.0, b 2.0.0, c 3.0.0");
        assert_eq!(names(&["a"], "b"), "mine 0.1.0, a 1.0.0, only-tests 9.0.0");
        assert!(reach(&parse(LOCK), &["other"], &[], &mut |_| vec![]).unwrap_err().contains("does not name other"));
    }
}
