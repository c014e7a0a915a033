//! `--standalone DIR`: a crate of the user's own, which has the harness as a dependency.

use std::path::{Path, PathBuf};

use harness_core::{Entry, Error, Result};
use toml::Table;

use super::name::{Name, ident};
use super::template;
use super::workspace::Workspace;

/// The workspace's own manifest: whose profiles and versions the crate gets.
const MANIFEST: &str = include_str!("../../../../Cargo.toml");
const LOCK: &str = include_str!("../../../../Cargo.lock");
const CONFIG: &str = include_str!("../../../../.cargo/config.toml");

/// Where the crate gets the harness from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A clone on this machine.
    Clone(PathBuf),
    /// A git repository.
    Git(String),
}

impl Source {
    /// What `--harness` says; else the clone around `here`; else the one that this binary was built from. Errors if the
    /// folder holds no harness, or if there is none of these.
    pub fn find(asked: Option<&str>, here: &Path) -> Result<Source> {
        let holds = |root: &Path| root.join("harness/core/Cargo.toml").is_file();
        match asked {
            Some(url) if url.contains("://") || url.starts_with("git@") => {
                let odd = |c: char| c == '"' || c == '\\' || c.is_control();
                match url.contains(odd) {
                    true => Err(Error::usage(format!("--harness {}: no URL", url.escape_debug()))),
                    false => Ok(Source::Git(url.to_owned())),
                }
            }
            Some(folder) => {
                let root = std::path::absolute(folder).map_err(|source| Error::io(folder, source))?;
                match holds(&root) {
                    true => Ok(Source::Clone(root)),
                    false => Err(Error::usage(format!(
                        "--harness {folder}: no clone of the repository, which holds harness/core: name its folder or its URL"
                    ))),
                }
            }
            None => {
                let built = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf);
                let around = Workspace::find(here).ok().map(|workspace| workspace.root);
                around.into_iter().chain(built).find(|root| holds(root)).map(Source::Clone).ok_or_else(|| {
                    Error::usage("no clone of the repository is near: name one with --harness FOLDER, or its URL")
                })
            }
        }
    }

    /// The keys of a dependency on a crate of it.
    fn keys(&self, inside: &str) -> String {
        match self {
            Source::Clone(root) => {
                format!("path = {}", toml::Value::from(root.join(inside).to_string_lossy().as_ref()))
            }
            Source::Git(url) => format!("git = {}", toml::Value::from(url.as_str())),
        }
    }

    /// How a newer harness is got, for the crate's README.
    fn update(&self) -> String {
        match self {
            Source::Clone(root) => format!(
                "`Cargo.toml` names a clone: bring it up to date.\n\n```sh\ngit -C {} pull\n```\n\nAnother clone, or a \
                 repository (`{{ git = \"URL\" }}`), takes its place where `harness` and `harness-core` stand.",
                root.display()
            ),
            Source::Git(_) => "`Cargo.toml` names a repository, and `Cargo.lock` the commit of it: take the newest.\n\n```sh\n\
                               cargo update harness harness-core\n```\n\nTo stay at one, add `rev = \"COMMIT\"` to both."
                .to_owned(),
        }
    }
}

/// Errors if the name is that of a method or crate that the harness has.
pub fn check_free(name: &Name, algorithms: &[Entry]) -> Result<()> {
    let lock: Table = LOCK.parse().expect("Cargo wrote it");
    let packages = lock["package"].as_array().into_iter().flatten();
    let locked = packages.filter_map(|package| package.get("name")?.as_str().map(str::to_owned));
    let methods = algorithms.iter().map(|entry| entry.name.to_owned());
    match locked.chain(methods).find(|other| ident(other) == name.ident()) {
        None => Ok(()),
        Some(other) => Err(Error::usage(format!(
            "\"{}\" is taken: a crate or method called {other} is part of the harness or of what it builds on; choose \
             another name",
            name.as_str()
        ))),
    }
}

/// Every file of the crate: path inside it, and text.
pub fn files(name: &Name, source: &Source) -> Vec<(&'static str, String)> {
    let manifest: Table = MANIFEST.parse().expect("Cargo read it");
    let of = |table: &str, key: &str| {
        let table = manifest["workspace"][table].as_table().expect("a table");
        table[key].to_string()
    };
    let package = |key: &str| of("package", key).trim_matches('"').to_owned();
    let crate_toml = template::named(include_str!("../../../templates/standalone/crate.toml"), name)
        .replace("RUST_VERSION", &package("rust-version"))
        .replace("EDITION", &package("edition"))
        .replace("HARNESS_ROOT", &source.keys("harness"))
        .replace("HARNESS_CORE", &source.keys("harness/core"))
        .replace("CANDLE", &of("dependencies", "candle-core"))
        .replace("SERDE", &of("dependencies", "serde"))
        .replace("TOML", &of("dependencies", "toml"));
    let readme = template::named(include_str!("../../../templates/standalone/crate-readme.md"), name);
    let mut files = vec![
        ("Cargo.toml", crate_toml + &profiles(&manifest)),
        ("Cargo.lock", LOCK.to_owned()),
        (".cargo/config.toml", CONFIG.to_owned()),
        (".gitignore", include_str!("../../../templates/standalone/gitignore").to_owned()),
        ("README.md", readme.replace("SETTINGS", settings()).replace("HOW_TO_UPDATE", &source.update())),
        ("src/main.rs", template::named(include_str!("../../../templates/standalone/main.rs"), name)),
    ];
    let shared = template::files(name).into_iter();
    files.extend(shared.filter(|(path, _)| matches!(*path, "src/lib.rs" | "trial.toml")));
    files
}

/// The table of settings, as the crate in a workspace has it.
fn settings() -> &'static str {
    let text = include_str!("../../../templates/algorithm/README.md");
    text.split("\n\n").find(|part| part.starts_with("| key |")).expect("a table of settings")
}

/// The workspace's profiles. The crates of the workspace are dependencies here, which the profiles build at a low level:
/// each is named, at the level that it has at home.
fn profiles(manifest: &Table) -> String {
    let at = MANIFEST.find("\n[profile.").map_or(MANIFEST.len(), |at| at + 1);
    let mut text = MANIFEST[at..].to_owned();
    let dependencies = manifest["workspace"]["dependencies"].as_table().expect("a table");
    let own = dependencies.iter().filter(|(_, value)| value.get("path").is_some()).map(|(name, _)| name.as_str());
    for name in std::iter::once("harness").chain(own) {
        let header = format!("[profile.dev.package.{name}]");
        if !text.contains(&header) {
            text += &format!("\n{header}\nopt-level = 3\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_is_whole_and_builds_the_harness_as_the_workspace_does() {
        let name = Name::new("two-steps").unwrap();
        for source in [Source::Clone("/a \"b\"/clone".into()), Source::Git("file:///clone".into())] {
            let files = files(&name, &source);
            let text = |path: &str| &files.iter().find(|(other, _)| *other == path).expect(path).1;
            let manifest: Table = text("Cargo.toml").parse().unwrap();
            let harness = &manifest["dependencies"]["harness"];
            match &source {
                Source::Clone(root) => {
                    assert_eq!(harness["path"].as_str(), root.join("harness").to_str());
                    assert_eq!(
                        manifest["dependencies"]["harness-core"]["path"].as_str(),
                        root.join("harness/core").to_str()
                    );
                }
                Source::Git(url) => assert_eq!(harness["git"].as_str(), Some(url.as_str())),
            }
            let here: Table = MANIFEST.parse().unwrap();
            assert_eq!(manifest["dependencies"]["candle-core"], here["workspace"]["dependencies"]["candle-core"]);
            let packages = |table: &Table| table["profile"]["dev"]["package"].as_table().unwrap().clone();
            let (theirs, ours) = (packages(&manifest), packages(&here));
            assert!(ours.iter().all(|(name, profile)| theirs[name] == *profile), "every profile is kept");
            for own in ["harness-core", "harness-data", "reptile", "harness-kernels"] {
                assert_eq!(theirs[own]["opt-level"].as_integer(), Some(3), "{own}");
            }
            assert!(manifest["workspace"].as_table().unwrap().is_empty(), "it is its own workspace");
            assert_eq!(text("src/main.rs").lines().count(), 6);
            assert!(text("src/main.rs").contains("&[two_steps::ENTRY]"));
            assert!(text("README.md").contains("\n| `inner_lr` | "));
            assert!(text("README.md").contains("## A newer harness") && !text("README.md").contains("HOW_TO"));
            for (path, text) in files.iter().filter(|(path, _)| *path != "Cargo.lock") {
                let left = [
                    "my-method",
                    "my_method",
                    "MyMethod",
                    "RUST_VERSION",
                    "EDITION",
                    "HARNESS_",
                    "CANDLE ",
                    "SERDE",
                    "SETTINGS",
                ];
                let left = left.into_iter().find(|left| text.contains(left) && *path != ".cargo/config.toml");
                assert_eq!(left, None, "{path}");
            }
        }
    }
}
