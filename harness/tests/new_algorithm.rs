//! `harness new-algorithm`: a crate that works appears, registered, or nothing changes.

#[allow(dead_code)]
#[path = "survive/bench.rs"]
mod bench;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bench::binary;
use harness::benchmark::Benchmark;
use harness_core::{Context, Problem};
use tempfile::TempDir;

/// The template itself, as it is before a name is filled in: it compiles, and its own test runs, with this file.
#[path = "../templates/algorithm/src/lib.rs"]
mod template;

const MANIFEST: &str = "[workspace]\nmembers = [\"harness\", \"algorithms/*\"]\n\n[workspace.dependencies]\n\
                        reptile = { path = \"algorithms/reptile\" }\n\nrayon = \"1\"\nsignal-hook = \"0.4\"\n";
const HARNESS: &str = "[dependencies]\n# The methods: one line each, and one in src/registry.rs.\n\
                       reptile.workspace = true\n\nrayon.workspace = true\n";
const REGISTRY: &str = "pub const ALGORITHMS: &[Entry] = &[\n    reptile::ENTRY,\n];\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"serde_json\"\nversion = \"1.0.0\"\n";

/// A folder with the files that are read and changed.
fn skeleton() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCK),
        ("harness/Cargo.toml", HARNESS),
        ("harness/src/registry.rs", REGISTRY),
        ("algorithms/reptile/src/lib.rs", ""),
    ] {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn new_algorithm(name: &str, folder: &Path) -> Output {
    binary(folder).args(["new-algorithm", "--", name]).output().unwrap()
}

/// What was printed by a call that must succeed.
fn done(name: &str, folder: &Path) -> String {
    let output = new_algorithm(name, folder);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every file below `folder`, with its text.
fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => all.extend(contents(&entry)),
            false => all.push((entry.clone(), fs::read_to_string(entry).unwrap())),
        }
    }
    all.sort();
    all
}

#[test]
fn a_crate_appears_and_is_registered() {
    let dir = skeleton();
    let root = dir.path();
    let said = done("two-steps", &root.join("harness/src"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let manifest =
        "reptile = { path = \"algorithms/reptile\" }\ntwo-steps = { path = \"algorithms/two-steps\" }\n\nrayon";
    assert!(read("Cargo.toml").contains(manifest));
    assert!(read("harness/Cargo.toml").contains("reptile.workspace = true\ntwo-steps.workspace = true\n\nrayon"));
    assert!(read("harness/src/registry.rs").ends_with("&[\n    reptile::ENTRY,\n    two_steps::ENTRY,\n];\n"));
    let code = read("algorithms/two-steps/src/lib.rs");
    assert!(code.contains("name: \"two-steps\"") && code.contains("impl Algorithm for TwoSteps"));
    assert!(read("algorithms/two-steps/Cargo.toml").starts_with("[package]\nname = \"two-steps\"\n"));
    assert!(read("algorithms/two-steps/README.md").starts_with("# two-steps\n"));
    assert!(contents(&root.join("algorithms")).iter().all(|(_, text)| !text.to_lowercase().contains("my-method")));
    for part in ["algorithms/two-steps/src/lib.rs", "two_steps::ENTRY", "cargo test -p two-steps", "trial.toml"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let mut names: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["Cargo.lock", "Cargo.toml", "algorithms", "harness"], "nothing else is left");
}

#[test]
fn the_trial_is_a_benchmark_whose_settings_the_template_takes() {
    let dir = skeleton();
    done("two-steps", dir.path());
    let path = dir.path().join("algorithms/two-steps/trial.toml");
    let benchmark = Benchmark::parse(&fs::read_to_string(&path).unwrap(), &path.to_string_lossy()).unwrap();
    assert_eq!(
        benchmark.methods.iter().map(|method| method.label.as_str()).collect::<Vec<_>>(),
        ["two-steps", "reptile", "untrained"]
    );
    let context = Context {
        model: benchmark.model.clone(),
        input: vec![28, 28, 1],
        problem: Problem::Classification { train_classes: 4800 },
        protocol: benchmark.protocol,
        device: candle_core::Device::Cpu,
        plain: false,
    };
    for method in &benchmark.methods {
        let entry = match method.label.as_str() {
            "reptile" => harness::registry::ALGORITHMS.iter().find(|entry| entry.name == "reptile").unwrap(),
            _ => &template::ENTRY,
        };
        assert_eq!(method.algorithm, if method.label == "reptile" { "reptile" } else { "two-steps" });
        let built = (entry.build)(&method.settings, &context).unwrap_or_else(|error| panic!("{error}"));
        let (task, tasks) = (built.cost(&benchmark.protocol).task, built.sampling().meta_batch as f64);
        assert_eq!(task * tasks, 250.0, "{}: equal compute", method.label);
    }
}

#[test]
fn what_cannot_be_is_refused_and_nothing_changes() {
    let dir = skeleton();
    let before = contents(dir.path());
    for (name, part) in [
        ("reptile", "exists already"),
        ("fn", "word of Rust"),
        ("Mine", "lower-case"),
        ("", "lower-case"),
        ("../mine", "lower-case"),
        ("rayon", "\"rayon\" is taken"),
        ("signal_hook", "a crate called signal-hook"),
        ("serde-json", "a crate called serde_json"),
        ("harness", "always there"),
    ] {
        let output = new_algorithm(name, dir.path());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {error}");
        assert!(error.contains(part) && error.lines().count() == 1, "{name}: {error}");
        assert_eq!(contents(dir.path()), before, "{name}");
    }
    let nowhere = tempfile::tempdir().unwrap();
    let output = new_algorithm("mine", nowhere.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("inside a clone of the repository"));
    fs::write(dir.path().join("Cargo.toml"), "[workspace\n").unwrap();
    let output = new_algorithm("mine", dir.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Cargo.toml: "));
}

/// The crate is whole by itself; the files that name it stay as they are, all three, and the lines are printed.
#[test]
fn where_the_registry_has_another_form_the_lines_are_printed() {
    let dir = skeleton();
    let registry = dir.path().join("harness/src/registry.rs");
    for text in [Some("pub const METHODS: [Entry; 1] = [reptile::ENTRY];\n"), None] {
        match text {
            Some(text) => fs::write(&registry, text).unwrap(),
            None => fs::remove_file(&registry).unwrap(),
        }
        let said = done(if text.is_some() { "one" } else { "two" }, dir.path());
        assert!(said.contains("not registered: harness/src/registry.rs") && said.contains("::ENTRY,"), "{said}");
        assert!(said.contains(".workspace = true") && said.contains("= { path = \"algorithms/"), "{said}");
        assert_eq!(fs::read_to_string(dir.path().join("Cargo.toml")).unwrap(), MANIFEST);
        assert_eq!(fs::read_to_string(dir.path().join("harness/Cargo.toml")).unwrap(), HARNESS);
    }
    assert!(dir.path().join("algorithms/one/src/lib.rs").exists() && dir.path().join("algorithms/two").exists());
}

fn standalone(name: &str, dir: &Path, more: &[&str]) -> Output {
    let mut command = binary(Path::new("."));
    command.args(["new-algorithm", name, "--standalone"]).arg(dir).args(more).output().unwrap()
}

#[test]
fn a_crate_of_its_own_appears_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("deep/mine");
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = standalone("two-steps", &target, &["--harness", clone.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("src/lib.rs") && said.contains("cargo run -- reproduce trial.toml"), "{said}");
    let mut names: Vec<_> =
        contents(&target).into_iter().map(|(path, _)| path.strip_prefix(&target).unwrap().to_owned()).collect();
    names.sort();
    let want = [
        ".cargo/config.toml",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "src/lib.rs",
        "src/main.rs",
        "trial.toml",
    ];
    assert_eq!(names, want.map(PathBuf::from));
    let read = |file: &str| fs::read_to_string(target.join(file)).unwrap();
    assert!(
        read("src/lib.rs").contains("name: \"two-steps\"") && read("src/lib.rs").contains("conformance::check(&ENTRY)")
    );
    let trial = Benchmark::parse(&read("trial.toml"), "trial.toml").unwrap();
    assert!(trial.methods.iter().any(|method| method.label == "reptile"));
    // Cargo reads it, with the harness's own sources and locked versions.
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--offline", "--depth", "1", "--edges", "normal"]).current_dir(&target);
    let tree = tree.output().unwrap();
    let text = String::from_utf8_lossy(&tree.stdout).into_owned();
    assert!(tree.status.success() && text.contains("harness v") && text.contains("harness-core v"), "{text} {tree:?}");

    for (name, folder, more, part) in [
        ("two-steps", target.as_path(), vec![], "something lies there"),
        ("reptile", &dir.path().join("x"), vec![], "\"reptile\" is taken"),
        ("rayon", &dir.path().join("x"), vec![], "\"rayon\" is taken"),
        ("two-steps", &dir.path().join("x"), vec!["--harness", "/nowhere"], "no clone of the repository"),
    ] {
        let output = standalone(name, folder, &more);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(part) && error.lines().count() == 1, "{error}");
        assert!(!dir.path().join("x").exists());
    }
}

/// Builds everything from nothing: a quarter of an hour, less where CARGO_TARGET_DIR holds an earlier one.
#[test]
#[ignore = "builds the harness and all that it depends on"]
fn a_crate_of_its_own_builds_conforms_and_has_its_row_beside_reptiles() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("mine");
    assert!(standalone("two-steps", &target, &[]).status.success());
    let cargo = |args: &[&str]| {
        let output = Command::new(env!("CARGO")).args(args).current_dir(&target).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(cargo(&["test"]).contains("1 passed"));
    let table = cargo(&["run", "--", "reproduce", "trial.toml", "--meta-iters", "20", "--eval-episodes", "20"]);
    for row in ["\ntwo-steps ", "\nreptile ", "\nuntrained "] {
        assert!(table.contains(row), "{table}");
    }
    assert!(cargo(&["run", "--", "list", "algorithms"]).contains("two-steps"));
}
