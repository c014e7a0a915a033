//! Asks git which commit the sources are of.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    commit(&PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")));
}

/// `HARNESS_COMMIT` and `HARNESS_DIRTY` for the crate: what run.json says of the code. Both stay unset where git does not
/// track these sources.
fn commit(here: &Path) {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(here).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if git(&["ls-files", "--error-unmatch", "Cargo.toml"]).is_none() {
        return;
    }
    // A commit, a switch or a reset writes a line there, and an edit changes a source.
    let log = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]).map(PathBuf::from);
    let sources = SOURCES.map(|path| here.join(path));
    for path in log.iter().chain(&sources).filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let status = [&["status", "--porcelain", "--untracked-files=no", "--"], &SOURCES[..]].concat();
    if let (Some(commit), Some(changes)) = (git(&["rev-parse", "HEAD"]), git(&status)) {
        println!("cargo::rustc-env=HARNESS_COMMIT={commit}");
        println!("cargo::rustc-env=HARNESS_DIRTY={}", !changes.is_empty());
    }
}

/// All that the binary is built from, as seen from here.
const SOURCES: [&str; 10] = [
    "Cargo.toml",
    "build.rs",
    "src",
    "templates",
    "core/src",
    "data/src",
    "identity/src",
    "kernels/src",
    "../algorithms",
    "../Cargo.lock",
];
