//! That a file may say only what differs from another one, and that whoever looks sees which file says what.

use std::fs;
use std::path::Path;

use super::embedded::{BASES, BENCHMARKS, DEFAULTS};
use super::*;

const BELOW: &str = r#"
title = "Below"
published = [{ label = "zebra", mode = "inductive", value = 50.0, tolerance = 1.0, source = "S" }]
data = { dataset = "glyphs" }
model = { network = "conv4", filters = 32 }
protocol = { ways = 5, shots = 1, queries = "shots" }
eval = { episodes = { quick = 1, short = 2, paper = 3 }, modes = ["transductive", "inductive"] }
[method.zebra]
algorithm = "reptile"
meta_iters = { quick = 1, short = 2, paper = 3 }
view = { invert = true }
lr = "ways * 0.1"
inner_batch = "ways * shots"
clip = 0.5
test = { eval_iters = 4 }
[method.ant]
like = "zebra"
meta_iters.quick = 0
note = "as zebra"
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Folder(dir)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn find(&self, name: &str, set: &[(&str, &str)]) -> Result<Benchmark, String> {
        let set: Vec<_> = set.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
        let found = Benchmark::find(&self.path(name), &set).map_err(|error| error.to_string());
        found.inspect_err(|error| assert!(!error.contains('\n'), "{error}"))
    }
}

fn above(text: &str) -> Result<Benchmark, String> {
    let text = format!("base = \"below.toml\"\ntitle = \"Above\"\n{text}");
    Folder::with(&[("below.toml", BELOW), ("above.toml", &text)]).find("above.toml", &[])
}

fn setting(benchmark: &Benchmark, label: &str, key: &str) -> Option<String> {
    benchmark.method(label).unwrap().settings.get(key).map(ToString::to_string)
}

#[test]
fn a_file_says_what_differs() {
    let benchmark = above(
        "protocol.shots = 5\neval.episodes.paper = 9\n[method]\nunset = []\nzebra.unset = [\"clip\"]\nzebra.meta_iters.paper = 7\n\
         [method.bee]\nlike = \"ant\"\nlr = 1.5",
    )
    .unwrap();
    assert_eq!((benchmark.name.as_str(), benchmark.title.as_str()), ("above", "Above"));
    assert!(benchmark.published.is_empty(), "what was published was published for the other table");
    assert_eq!(benchmark.protocol, Protocol { ways: 5, shots: 5, queries: 5 });
    assert_eq!(benchmark.eval.episodes.values(), [1, 2, 9]);
    assert_eq!(benchmark.model, ModelSpec::Conv4 { filters: 32 });
    let labels: Vec<&str> = benchmark.methods.iter().map(|method| method.label.as_str()).collect();
    assert_eq!(labels, ["zebra", "ant", "bee"], "the base's order, and then what is new");
    for (label, iters, lr) in [("zebra", [1, 2, 7], "0.5"), ("ant", [0, 2, 7], "0.5"), ("bee", [0, 2, 7], "1.5")] {
        let method = benchmark.method(label).unwrap();
        assert_eq!((method.algorithm.as_str(), method.meta_iters.values()), ("reptile", iters), "{label}");
        assert_eq!(setting(&benchmark, label, "lr").unwrap(), lr, "{label}");
        assert_eq!(setting(&benchmark, label, "inner_batch").unwrap(), "25", "{label}");
        assert_eq!(setting(&benchmark, label, "clip"), None, "{label}");
        assert!(method.view.invert && method.test.contains("eval_iters"), "{label}");
        assert_eq!(method.seeds.values(), [1, 1, 3], "{label}");
    }
    assert_eq!(
        (benchmark.method("ant").unwrap().note.as_deref(), &benchmark.method("bee").unwrap().note),
        (Some("as zebra"), &None)
    );
}

#[test]
fn what_a_row_unsets_it_does_not_take_from_the_one_that_it_is_like() {
    let benchmark = above("[method.ant]\nunset = [\"clip\", \"eval_iters\"]").unwrap();
    assert_eq!((setting(&benchmark, "ant", "clip"), setting(&benchmark, "ant", "eval_iters")), (None, None));
    assert_eq!(setting(&benchmark, "zebra", "clip").unwrap(), "0.5");
    // Said again it is there again; a table that is no section is replaced as a whole.
    let benchmark =
        above("[method.zebra]\nunset = [\"clip\"]\nclip = 0.25\nview = { rotations = \"per-draw\" }").unwrap();
    assert_eq!(setting(&benchmark, "ant", "clip").unwrap(), "0.25");
    assert!(!benchmark.method("zebra").unwrap().view.invert);
    let benchmark = above("model = { network = \"conv4\" }\n[method]\nunset = [\"ant\"]").unwrap();
    assert_eq!((benchmark.methods.len(), benchmark.model), (1, ModelSpec::Conv4 { filters: 64 }));
    // Nothing is like it any more.
    let other = "[method]\nunset = [\"zebra\"]\nbee = { algorithm = \"reptile\", meta_iters = 1 }\n\
                 ant = { like = \"bee\", meta_iters = 0 }";
    assert_eq!(above(other).unwrap().methods.len(), 2);
}

#[test]
fn inside_and_outside_of_the_table_test_are_one_place() {
    for text in ["[method.zebra]\neval_iters = 9", "[method.zebra]\ntest = { eval_iters = 9 }"] {
        let benchmark = above(text).unwrap();
        for label in ["zebra", "ant"] {
            assert_eq!(setting(&benchmark, label, "eval_iters").unwrap(), "9", "{text}: {label}");
            assert_eq!(benchmark.method(label).unwrap().test.is_empty(), !text.contains("test"), "{text}: {label}");
        }
    }
}

#[test]
fn a_users_file_may_be_based_on_one_of_ours() {
    let text = "base = \"omniglot-5w1s\"\ntitle = \"Mine\"\nprotocol.ways = 10\n[row]\nseeds = 2\n[method]\nunset = [\"maml\", \"anil\"]";
    let folder = Folder::with(&[("mine.toml", text)]);
    let (mine, ours) = (folder.find("mine.toml", &[]).unwrap(), Benchmark::find("omniglot-5w1s", &[]).unwrap());
    assert_eq!((mine.name.as_str(), mine.methods.len()), ("mine", ours.methods.len() - 2));
    assert_eq!((mine.protocol.ways, setting(&mine, "transfer", "tune_batch").unwrap().as_str()), (10, "10"));
    assert_eq!((setting(&mine, "fomaml", "inner_lr").unwrap().as_str(), mine.published.len()), ("4.0", 0));
    assert_eq!((mine.data.split.as_deref(), mine.methods[0].seeds.values()), (Some("omniglot"), [2; 3]));
    // What the command line changes, the rest follows.
    let set =
        folder.find("mine.toml", &[("protocol.ways", "20"), ("method.transfer.tune_steps", "shots * 3")]).unwrap();
    assert_eq!(setting(&set, "transfer", "tune_batch").unwrap(), "20");
    assert_eq!(setting(&set, "transfer", "tune_steps").unwrap(), "3");
}

#[test]
fn paths_of_a_base_start_where_it_lies() {
    let below = BELOW.replace("\"glyphs\"", "\"folder\", path = \"images\", split = \"list.txt\"");
    let above = "base = \"sub/below.toml\"\ntitle = \"Above\"\n[method.ant]\nsplit = \"own.txt\"";
    let folder = Folder::with(&[
        ("sub/below.toml", &below),
        ("sub/list.txt", "train a\ntest b\n"),
        ("own.txt", "train c\ntest b\n"),
        ("above.toml", above),
    ]);
    let benchmark = folder.find("above.toml", &[]).unwrap();
    assert_eq!(benchmark.data.path().unwrap(), Path::new(&folder.path("sub/images")));
    assert_eq!(benchmark.data.class_split().unwrap().train, ["a"]);
    assert_eq!(benchmark.data_of(benchmark.method("ant").unwrap()).class_split().unwrap().train, ["c"]);
}

#[test]
fn circles_are_named() {
    let files = [
        ("a.toml", "base = \"b.toml\""),
        ("b.toml", "base = \"sub/c.toml\""),
        ("sub/c.toml", "base = \"../b.toml\""),
        ("self.toml", "base = \"self.toml\""),
    ];
    let folder = Folder::with(&files);
    let error = folder.find("a.toml", &[]).unwrap_err();
    assert!(error.starts_with(&format!("{}: base: ", folder.path("a.toml"))), "{error}");
    let circle = error.split(": base: ").nth(1).unwrap();
    let names: Vec<&str> = circle.trim_end_matches(" is a circle").split(" → ").collect();
    let ends: Vec<bool> =
        ["b.toml", "c.toml", "b.toml"].iter().zip(&names).map(|(end, name)| name.ends_with(end)).collect();
    assert_eq!((names.len(), ends), (3, vec![true; 3]), "{error}");
    assert!(folder.find("self.toml", &[]).unwrap_err().contains("is a circle"));
    let error = above("[method.zebra]\nlike = \"bee\"\n[method.bee]\nlike = \"ant\"").unwrap_err();
    assert!(error.contains("method.ant.like: zebra → bee → ant → zebra is a circle"), "{error}");
}

#[test]
fn whatever_is_wrong_is_named_with_its_file() {
    for (text, parts) in [
        (
            "[method.zebra]\nunset = [\"clp\"]",
            &["above.toml: method.zebra.unset: unknown key \"clp\"", "\"clip\"?"][..],
        ),
        ("[method]\nunset = [\"zbra\"]", &["method.unset: unknown key \"zbra\"", "did you mean \"zebra\"?"]),
        (
            "[method]\nunset = [\"zebra\"]",
            &[
                "above.toml: method.unset: \"zebra\" cannot go while ant is like it: unset that too, or change method.ant.like",
            ],
        ),
        (
            "[method]\nunset = [\"zebra\"]\n[method.bee]\nlike = \"ant\"",
            &["cannot go while ant, bee are like it: unset these too, or change method.ant.like"],
        ),
        ("[data]\nunset = \"side\"", &["data.unset: must be a list of keys"]),
        (
            "[method.zebra]\nlr = \"ways * sots\"",
            &["method.zebra.lr: \"ways * sots\": unknown word \"sots\"", "\"shots\"?"],
        ),
        ("[method.zebra]\nmeta_iters.papr = 3", &["method.zebra.meta_iters: "]),
        ("protocol.wyas = 3", &["above.toml: protocol: unknown key \"wyas\""]),
    ] {
        let error = above(text).unwrap_err();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
    let base = |base: &str, below: &str| {
        let above = format!("base = {base}\ntitle = \"Above\"");
        Folder::with(&[("below.toml", below), ("above.toml", &above)]).find("above.toml", &[]).unwrap_err()
    };
    let nobody = base("\"omniglot-5w1\"", "");
    assert!(nobody.contains("above.toml: base: unknown benchmark \"omniglot-5w1\"; did you mean"), "{nobody}");
    assert!(base("3", "").contains("above.toml: base: 3 is no name"));
    let syntax = base("\"below.toml\"", "title = \"B");
    assert!(syntax.contains("below.toml: line 1: title: "), "{syntax}");
    let said = base("\"below.toml\"", &BELOW.replace("ways = 5", "wayz = 5"));
    assert!(said.contains("above.toml: protocol: ") && said.contains("below.toml says it)"), "{said}");
}

/// What inheritance is for: a table cell is a page, and a recipe is written down once.
#[test]
fn a_cell_is_short_and_a_recipe_stands_once() {
    let lines = |text: &str| text.lines().count();
    let images = |name: &&(&str, &str)| !["sine", "quadratic"].contains(&name.0);
    let cells = BENCHMARKS.iter().filter(images);
    for (name, text) in cells.clone() {
        assert!(lines(text) <= 30, "{name}: {} lines", lines(text));
    }
    let files = || BENCHMARKS.iter().chain(&BASES).chain([&DEFAULTS]);
    let sum = |starts: &[&str]| {
        let of = |name: &str| starts.iter().any(|start| name.trim_start_matches("base/").starts_with(start));
        files().filter(|(name, _)| of(name)).map(|(_, text)| lines(text)).sum::<usize>()
    };
    // What all of them share counts with the first tables; a further data set is a base and its cells.
    for (starts, most) in
        [(&["defaults", "images", "glyphs", "omniglot", "mini-imagenet"][..], 490), (&["cifar", "fc100"][..], 160)]
    {
        let sum = sum(starts);
        assert!((1..=most).contains(&sum), "{starts:?}: {sum} lines");
    }
    let (_, recipes) = BASES[0];
    for benchmark in Benchmark::all(&[]).unwrap().iter().filter(|benchmark| !benchmark.data.is_regression()) {
        for method in &benchmark.methods {
            assert!(recipes.contains(&format!("[method.{}]", method.label)), "{} {}", benchmark.name, method.label);
        }
    }
}

#[test]
fn every_value_is_traced_to_the_file_that_says_it() {
    let (benchmark, traced, files) = Benchmark::traced("omniglot-20w5s").unwrap();
    let chain = ["omniglot-20w5s", "omniglot-20w1s", "base/omniglot", "base/images", "base/defaults"];
    assert_eq!((benchmark.name.as_str(), files), ("omniglot-20w5s", chain.map(|name| format!("{name}.toml")).to_vec()));
    let find =
        |path: &str| traced.iter().find(|value| value.path.join(".") == path).unwrap_or_else(|| panic!("{path}"));
    for (path, value, files, like, expression) in [
        ("protocol.shots", "5", &["omniglot-20w5s"][..], None, None),
        ("protocol.queries", "5", &["base/images"], None, Some("shots")),
        ("eval.seed", "0", &["base/defaults"], None, None),
        ("method.fomaml.inner_lr", "2.0", &["omniglot-20w1s"], None, Some("ways * 0.1")),
        ("method.anil.inner_lr", "2.0", &["omniglot-20w1s"], Some("fomaml"), Some("ways * 0.1")),
        (
            "method.anil.meta_iters",
            "{ quick = 20, short = 12000, paper = 60000 }",
            &["omniglot-20w5s", "base/images"],
            Some("maml"),
            None,
        ),
        ("method.reptile.seeds", "{ quick = 1, short = 1, paper = 3 }", &["base/defaults"], None, None),
        ("method.reptile.algorithm", "\"reptile\"", &[], None, None),
    ] {
        let found = find(path);
        let wanted: Vec<String> = files.iter().map(|name| format!("{name}.toml")).collect();
        assert_eq!((found.value.to_string().as_str(), &found.files), (value, &wanted), "{path}");
        assert_eq!((found.like.as_deref(), found.expression.as_deref()), (like, expression), "{path}");
    }
    let swept = Benchmark::traced("figure-4b").unwrap().1;
    let of = |path: &str| swept.iter().find(|value| value.path.join(".") == path).unwrap().files.clone();
    assert_eq!(of("method.separate-50.inner_batch"), ["figure-4b.toml"]);
    assert_eq!(of("method.separate-50.variant"), ["figure-4a.toml"]);
}
