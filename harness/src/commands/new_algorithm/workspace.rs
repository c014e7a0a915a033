//! The workspace that a new method goes into.

use std::fs;
use std::path::{Path, PathBuf};

use harness_core::{Error, Result};
use toml::{Table, Value};

use super::name::{Name, ident};

/// A clone of this repository, or a workspace of the same shape.
#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    manifest: Table,
}

impl Workspace {
    /// The nearest folder from `here` upwards whose Cargo.toml is a workspace with `algorithms/*` among its members.
    /// Errors if there is none, or if a Cargo.toml on the way cannot be read.
    pub fn find(here: &Path) -> Result<Workspace> {
        for folder in here.ancestors() {
            let path = folder.join("Cargo.toml");
            if !path.is_file() {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
            let manifest: Table = text.parse().map_err(|error: toml::de::Error| {
                Error::usage(format!("{}: {}", path.display(), harness_core::config::explain(error.message())))
            })?;
            let members = manifest.get("workspace").and_then(|workspace| workspace.get("members")?.as_array());
            if members.is_some_and(|members| members.iter().any(|member| member.as_str() == Some("algorithms/*"))) {
                return Ok(Workspace { root: folder.to_path_buf(), manifest });
            }
        }
        Err(Error::usage(format!(
            "no workspace with algorithms/* among its members in {} or above it: run this inside a clone of the repository",
            here.display()
        )))
    }

    /// Errors if the name is that of a folder, a package or a dependency that is there already.
    pub fn check_free(&self, name: &Name) -> Result<()> {
        let folder = self.root.join("algorithms").join(name.as_str());
        if fs::symlink_metadata(&folder).is_ok() {
            return Err(Error::usage(format!("{} exists already: choose another name", folder.display())));
        }
        let dependencies =
            self.manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
        let dependencies = dependencies.into_iter().flat_map(|table| table.keys().cloned());
        match dependencies.chain(self.locked()).find(|other| ident(other) == name.ident()) {
            None => Ok(()),
            Some(other) => Err(Error::usage(format!(
                "\"{}\" is taken: a crate called {other} is part of this workspace or of what it builds on; choose another \
                 name",
                name.as_str()
            ))),
        }
    }

    /// The packages that Cargo.lock names, if there is one: every crate of the workspace and all that they build on.
    fn locked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.root.join("Cargo.lock")).unwrap_or_default();
        let lock: Table = text.parse().unwrap_or_default();
        let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
        packages.filter_map(|package| Some(package.get("name")?.as_str()?.to_owned())).collect()
    }
}
