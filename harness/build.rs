//! Collects what each method's README says about its deviations from the paper, so that the report page can show it:
//! the README stays the only place where that is written, and a new crate needs no further line.

use std::path::{Path, PathBuf};
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
