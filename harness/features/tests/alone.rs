//! One crate tested alone finds what it stands on as the whole workspace built it.

use std::collections::BTreeSet;
use std::process::Command;

/// Every package below, as `name version features`.
fn packages(of: &[&str]) -> BTreeSet<String> {
    let tree = ["tree", "--locked", "--edges", "normal,build,dev", "--prefix", "none", "--format", "{p} {f}"];
    let out = Command::new(env!("CARGO")).args(tree).args(of).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    // A package printed before ends in a star.
    String::from_utf8(out.stdout).unwrap().lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn a_crate_alone_has_the_features_of_the_workspace() {
    let whole = packages(&["--workspace"]);
    assert!(whole.iter().any(|line| line.starts_with("candle-core ")), "{whole:?}");
    for alone in ["harness-kernels", "harness-core", "harness-data", "harness", "reptile", "protonet"] {
        let own = packages(&["--package", alone]);
        assert!(own.len() > 50, "{own:?}");
        let other: Vec<_> = own.difference(&whole).collect();
        assert!(other.is_empty(), "{alone} asks for less of {other:#?}; harness/features/Cargo.toml names the rest");
    }
}
