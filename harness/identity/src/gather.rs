//! From a crate's folder to its hash.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::lock::{self, Package};
use crate::{manifest, source};

/// What of a crate counts. Paths are relative to its folder, with `/`; one of a folder stands for all that is in it.
pub enum Which {
    All,
    Without(Vec<String>),
    /// These files alone, and no locked versions.
    Only(Vec<String>),
}

/// A hash and the files behind it.
#[derive(Debug)]
pub struct Found {
    /// sha256 in hexadecimal digits.
    pub hash: String,
    /// Own files from the crate's folder on, with a leading `/`.
    pub watched: Vec<String>,
}

/// Crates that give a hash of their own, or can change no number: their sources are not read again, though what
/// `harness-core` reaches is. A method's crate elsewhere does not know where they lie.
const COVERED: [&str; 6] =
    ["harness", "harness-core", "harness-data", "harness-features", "harness-identity", "harness-kernels"];
/// Those of them that are not gone through: command line, results and data, which count by their digest.
const APART: [&str; 3] = ["harness", "harness-data", "harness-identity"];

/// The hash of the crate `name` in `folder`.
pub fn gather(folder: &Path, name: &str, version: &str, which: &Which) -> Result<Found, String> {
    let mut files = match which {
        Which::Only(paths) => named(folder, paths)?,
        Which::All => sources(folder)?,
        Which::Without(paths) => {
            let mut files = sources(folder)?;
            for path in paths {
                let below = format!("{path}/");
                let before = files.len();
                files.retain(|file, _| file != path && !file.starts_with(&below));
                if files.len() == before {
                    return Err(format!("{path} is not among the sources of {name}: mend the list"));
                }
            }
            files
        }
    };
    let watched = files.keys().map(|path| format!("/{path}")).collect();
    if !matches!(which, Which::Only(_)) {
        locked(folder, name, version, &mut files)?;
    }
    let mut hash = Sha256::new();
    for (path, content) in &files {
        for part in [path.as_bytes(), content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let hash = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Found { hash, watched })
}

/// Content by name: what is hashed, in the order of names.
type Files = BTreeMap<String, Vec<u8>>;

fn named(folder: &Path, paths: &[String]) -> Result<Files, String> {
    let mut files = Files::new();
    for path in paths {
        let content = read(&folder.join(path)).map_err(|why| format!("{why}: mend the list"))?;
        files.insert(path.clone(), counted(path, content).0);
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A file as far as it counts, with what it says of others.
fn counted(path: &str, content: Vec<u8>) -> (Vec<u8>, source::Source) {
    match String::from_utf8(content) {
        Ok(text) if path.ends_with(".rs") => {
            let mut source = source::read(&text);
            (std::mem::take(&mut source.text).into_bytes(), source)
        }
        Ok(text) => (text.into_bytes(), source::Source::default()),
        Err(bytes) => (bytes.into_bytes(), source::Source::default()),
    }
}

/// Everything in `src`, `build.rs` and what they take in, but for modules of tests.
fn sources(folder: &Path) -> Result<Files, String> {
    let mut found = Vec::new();
    walk(&folder.join("src"), "src", &mut found)?;
    if folder.join("build.rs").is_file() {
        found.push("build.rs".to_owned());
    }
    let (mut files, mut tests, mut outside) = (Files::new(), Vec::new(), Vec::new());
    for path in found {
        let (content, source) = counted(&path, read(&folder.join(&path))?);
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        // The modules of `a/b.rs` lie in `a/b`, those of `a/mod.rs` in `a`.
        let own = match path.strip_suffix(".rs") {
            Some(stem) if ["/mod", "/lib", "/main"].iter().any(|end| stem.ends_with(end)) => parent.clone(),
            Some(stem) => stem.to_owned(),
            None => parent.clone(),
        };
        tests.extend(source.tests.iter().map(|module| format!("{own}/{module}")));
        outside.extend(source.includes.into_iter().map(|include| format!("{parent}/{include}")));
        files.insert(path, content);
    }
    for test in tests {
        let (file, below) = (format!("{test}.rs"), format!("{test}/"));
        files.retain(|path, _| *path != file && !path.starts_with(&below));
    }
    for path in outside {
        // A literal that names no file from here is an error of the compiler's, or of no account.
        if let Ok(content) = fs::read(folder.join(&path))
            && !files.contains_key(&path)
        {
            files.insert(path.clone(), counted(&path, content).0);
        }
    }
    Ok(files)
}

/// Paths of all files below `folder`, each as `name/…`; an editor's own are passed over.
fn walk(folder: &Path, name: &str, found: &mut Vec<String>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let Ok(file) = entry.file_name().into_string() else { continue };
        let path = format!("{name}/{file}");
        if file.starts_with('.') || file.ends_with('~') {
            continue;
        } else if entry.path().is_dir() {
            walk(&entry.path(), &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Adds the locked versions of all that the crate reaches, and the sources of what is named by path.
fn locked(folder: &Path, name: &str, version: &str, files: &mut Files) -> Result<(), String> {
    let (root, packages) = lock::find(folder)?;
    let known = |wanted: &str| packages.iter().any(|package| package.name == wanted);
    if !packages.iter().any(|package| package.name == name && package.version == version) {
        return Err(format!("{} does not name {name} {version}: run cargo build", root.join("Cargo.lock").display()));
    }
    // A crate with a command line of its own reaches harness-core through `harness`, which is not gone through.
    let mut roots = vec![name];
    roots.extend(["harness-core"].into_iter().filter(|core| known(core) && *core != name && name != "harness-kernels"));
    let mut places = vec![folder.to_owned(), root];
    let mut missing = None;
    let mut by_path: Vec<(String, PathBuf)> = Vec::new();
    let mut skip = |package: &Package| {
        let place = match package.name == name {
            true => Some(folder.to_owned()),
            false => manifest::folder_of(&package.name, &places),
        };
        match place {
            Some(place) => {
                if package.name != name && !COVERED.contains(&package.name.as_str()) {
                    by_path.push((package.name.clone(), place.clone()));
                }
                let only_tests = manifest::read(&place).only_tests;
                places.push(place);
                only_tests
            }
            None => {
                if !COVERED.contains(&package.name.as_str()) {
                    missing = Some(package.name.clone());
                }
                Vec::new()
            }
        }
    };
    let reached = lock::reach(&packages, &roots, &APART, &mut skip)?;
    if let Some(missing) = missing {
        return Err(format!(
            "the folder of {missing}, a dependency by path, was not found: name its path in Cargo.toml"
        ));
    }
    for package in reached.into_iter().filter(|package| package.source.is_some()) {
        let Package { name, version, source, checksum, .. } = package;
        let line = format!("{}\n{}", source.as_deref().unwrap_or_default(), checksum.as_deref().unwrap_or_default());
        files.insert(format!("locked {name} {version}"), line.into_bytes());
    }
    for (name, place) in by_path {
        files.extend(sources(&place)?.into_iter().map(|(path, content)| (format!("by path {name} {path}"), content)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
