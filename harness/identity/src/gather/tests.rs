use super::*;

/// A workspace with one method, a helper crate by path, and what both are locked to.
struct Tree(tempfile::TempDir);

const LOCK: &str = r#"version = 4

[[package]]
name = "helper"
version = "0.1.0"
dependencies = [
 "deep",
]

[[package]]
name = "deep"
version = "1.0.0"
source = "registry+https://example"
checksum = "22"

[[package]]
name = "mine"
version = "0.1.0"
dependencies = [
 "helper",
 "tester",
]

[[package]]
name = "tester"
version = "1.0.0"
source = "registry+https://example"
checksum = "33"

[[package]]
name = "unrelated"
version = "1.0.0"
source = "registry+https://example"
checksum = "44"
"#;

impl Tree {
    fn new() -> Tree {
        let tree = Tree(tempfile::tempdir().unwrap());
        tree.write("Cargo.toml", "[workspace]\n[workspace.dependencies]\nhelper = { path = \"helper\" }\n");
        tree.write("Cargo.lock", LOCK);
        tree.write(
            "mine/Cargo.toml",
            "[package]\nname = \"mine\"\n[dependencies]\nhelper.workspace = true\n[dev-dependencies]\ntester = \"1\"\n",
        );
        tree.write("mine/src/lib.rs", "mod step;\n#[cfg(test)]\nmod tests;\n");
        tree.write("mine/src/step.rs", "pub const SIGN: f64 = 1.0;\n#[cfg(test)]\nmod checks;\n");
        tree.write("mine/src/tests.rs", "const A: u8 = 1;");
        tree.write("mine/src/step/checks.rs", "const A: u8 = 1;");
        tree.write("helper/Cargo.toml", "[package]\nname = \"helper\"\n");
        tree.write("helper/src/lib.rs", "pub const HALF: f64 = 0.5;");
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.path().join(path)).unwrap();
        assert!(text.contains(from));
        self.write(path, &text.replace(from, to));
    }

    fn of(&self, which: &Which) -> Result<Found, String> {
        gather(&self.0.path().join("mine"), "mine", "0.1.0", which)
    }

    fn hash(&self) -> String {
        self.of(&Which::All).unwrap().hash
    }
}

#[test]
fn a_changed_sign_counts_and_a_reworded_comment_does_not() {
    let tree = Tree::new();
    let before = tree.hash();
    assert_eq!(before, Tree::new().hash(), "another folder, the same code");
    for (path, from, to, counts) in [
        ("mine/src/step.rs", "pub", "/// The sign.\npub", false),
        ("mine/src/tests.rs", "1", "2", false),
        ("mine/src/step/checks.rs", "1", "2", false),
        ("mine/src/step.rs", "1.0", "-1.0", true),
        ("helper/src/lib.rs", "0.5", "0.6", true),
        ("helper/src/lib.rs", "pub", "// Half.\npub", false),
        ("Cargo.lock", "\"deep\"\nversion = \"1.0.0\"", "\"deep\"\nversion = \"1.0.1\"", true),
        ("Cargo.lock", "22", "23", true),
        ("Cargo.lock", "33", "34", false),
        ("Cargo.lock", "44", "45", false),
    ] {
        let tree = Tree::new();
        tree.replace(path, from, to);
        assert_eq!(tree.hash() != before, counts, "{path}: {to}");
    }
}

#[test]
fn files_that_are_new_moved_or_taken_in_count() {
    let tree = Tree::new();
    let before = tree.hash();
    tree.write("mine/build.rs", "fn main() {}");
    assert_ne!(tree.hash(), before);
    let tree = Tree::new();
    tree.write("mine/weights.bin", "1");
    tree.replace("mine/src/step.rs", "1.0", "W");
    tree.replace("mine/src/step.rs", "pub", "const W: &[u8] = include_bytes!(\"../weights.bin\");\npub");
    let before = tree.hash();
    tree.write("mine/weights.bin", "2");
    assert_ne!(tree.hash(), before);
    let before = tree.hash();
    fs::rename(tree.0.path().join("mine/src/step.rs"), tree.0.path().join("mine/src/steps.rs")).unwrap();
    assert_ne!(tree.hash(), before);
}

#[test]
fn parts_are_named_or_left_out_by_path() {
    let tree = Tree::new();
    let only = |paths: &[&str]| tree.of(&Which::Only(paths.iter().map(|path| path.to_string()).collect()));
    let without = |path: &str| tree.of(&Which::Without(vec![path.to_owned()]));
    let (lib, step) = (only(&["src/lib.rs"]).unwrap(), without("src/step.rs").unwrap());
    assert_eq!((lib.watched, step.watched), (vec!["/src/lib.rs".to_owned()], vec!["/src/lib.rs".to_owned()]));
    tree.replace("mine/src/step.rs", "1.0", "-1.0");
    assert_eq!(only(&["src/lib.rs"]).unwrap().hash, lib.hash);
    assert_eq!(without("src/step.rs").unwrap().hash, step.hash);
    assert!(only(&["src/gone.rs"]).unwrap_err().contains("src/gone.rs"));
    assert!(without("src/gone").unwrap_err().contains("src/gone is not among the sources of mine"));
}

#[test]
fn what_cannot_be_known_is_an_error() {
    let tree = Tree::new();
    tree.replace("Cargo.toml", "helper = { path = \"helper\" }", "");
    assert!(tree.of(&Which::All).unwrap_err().contains("the folder of helper"));
    tree.replace("Cargo.lock", "name = \"mine\"", "name = \"other\"");
    assert!(tree.of(&Which::All).unwrap_err().contains("does not name mine"));
}

/// What `harness-core` reaches by path must be known by name: only the workspace knows where it lies.
#[test]
fn a_crate_elsewhere_needs_no_folder_that_it_does_not_name() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("core");
    let (root, packages) = lock::find(&core).unwrap();
    let places = [core, root];
    let mut skip = |package: &Package| match manifest::folder_of(&package.name, &places) {
        Some(place) => manifest::read(&place).only_tests,
        None => panic!("{} lies in no folder of the workspace", package.name),
    };
    let reached = lock::reach(&packages, &["harness-core"], &[], &mut skip).unwrap();
    let by_path: Vec<&str> =
        reached.iter().filter(|package| package.source.is_none()).map(|package| package.name.as_str()).collect();
    assert!(by_path.len() > 2, "{by_path:?}");
    for name in by_path {
        assert!(COVERED.contains(&name), "{name}: a method's crate elsewhere cannot find it");
    }
}
