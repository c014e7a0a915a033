//! Collects what each method's README says about its deviations from the paper, so that the report page can show it:
//! the README stays the only place where that is written, and a new crate needs no further line. And asks git which commit
//! the sources are of.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// The paragraph in a README begins with this.
const MARK: &str = "**Known deviation";

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut readmes: Vec<PathBuf> = fs::read_dir(here.join("../algorithms"))
        .map(|entries| entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()))
        .map(|folders| folders.map(|folder| folder.join("README.md")).collect())
        .unwrap_or_default();
    readmes.sort();
    println!("cargo::rerun-if-changed=build.rs");
    // A new method adds its line there.
    println!("cargo::rerun-if-changed=Cargo.toml");
    commit(&here);
    let mut list = String::new();
    for path in &readmes {
        // One that is not there yet is watched too: it may be written after its crate was registered.
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        let text = fs::read_to_string(path).unwrap_or_default();
        if let Some(paragraph) = text.split("\n\n").find(|paragraph| paragraph.trim_start().starts_with(MARK)) {
            let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
            list += &format!("    ({name:?}, {words:?}),\n");
        }
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("deviations.rs"), format!("&[\n{list}]\n")).expect("OUT_DIR can be written");
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
