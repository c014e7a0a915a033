use std::fs;
use std::path::Path;

use harness_core::{ModelSpec, Protocol, Rotations};
use proptest::prelude::*;

use super::embedded::{BASES, BENCHMARKS, DEFAULTS, FIGURE_FILES, SPLITS};
use super::*;

const MINIMAL: &str = r#"
title = "Toy"
[data]
dataset = "glyphs"
[model]
network = "reptile-omniglot"
[protocol]
ways = 5
shots = 1
queries = 1
[eval]
episodes = 10
modes = ["transductive", "inductive"]
[method.zebra]
algorithm = "reptile"
meta_iters = { quick = 1, short = 2, paper = 3 }
lr = 0.5
inner_iters = 4
[method.ant]
like = "zebra"
meta_iters = 0
"#;

fn find(name: &str) -> Benchmark {
    Benchmark::find(name, &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str) -> String {
    let error = Benchmark::parse(text, "dir/toy.toml").unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

/// The error of the minimal file with one piece of its text replaced.
fn broken(from: &str, to: &str) -> String {
    assert!(MINIMAL.contains(from), "{from}");
    error(&MINIMAL.replacen(from, to, 1))
}

fn set(path: &str, value: &str) -> Result<Benchmark, String> {
    let set = [(path.to_string(), value.to_string())];
    Benchmark::find("omniglot-5w1s", &set).map_err(|error| error.to_string())
}

#[test]
fn every_benchmark_is_sound_and_none_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benchmarks");
    let bases = BASES.iter().chain([&DEFAULTS]).map(|(name, text)| (name.trim_start_matches("base/"), *text));
    for (kind, folder, known) in [
        ("toml", folder.clone(), [&BENCHMARKS[..], &FIGURE_FILES].concat()),
        ("toml", folder.join("base"), bases.collect()),
        ("txt", folder.join("splits"), SPLITS.to_vec()),
    ] {
        let files = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let mut found: Vec<String> = files
            .filter(|path| path.extension().is_some_and(|end| end == kind))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let mut known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        found.sort();
        known.sort_unstable();
        assert_eq!(found, known, "benchmark/embedded.rs must list every file");
    }
    for benchmark in Benchmark::all(&[]).unwrap() {
        let labels: Vec<&str> = benchmark.methods.iter().map(|method| method.label.as_str()).collect();
        let rows = match benchmark.data.dataset.as_str() {
            "sine" => &["reptile", "fomaml", "transfer", "untrained"][..],
            "quadratic" => &["reptile", "fomaml", "minibatch-prox", "untrained"],
            _ => &["reptile", "fomaml", "transfer", "transfer-linear", "untrained"],
        };
        assert!(rows.iter().all(|row| labels.contains(row)), "{}: {labels:?}", benchmark.name);
        for method in &benchmark.methods {
            let [quick, short, paper] = method.meta_iters.values();
            assert!(quick <= short && short <= paper, "{} {}", benchmark.name, method.label);
            let registered = |entry: &harness_core::Entry| entry.name == method.algorithm;
            assert!(crate::registry::ALGORITHMS.iter().any(registered), "{}", method.algorithm);
            let seeds = if ["cifar-fs", "fc100"].contains(&benchmark.data.dataset.as_str()) { 1 } else { 3 };
            assert_eq!(method.seeds.values(), [1, 1, seeds]);
        }
        assert_eq!(
            benchmark.published.is_empty(),
            ["sine", "quadratic", "glyphs"].contains(&benchmark.data.dataset.as_str())
        );
        assert_eq!(benchmark.method("untrained").unwrap().meta_iters.values(), [0; 3]);
        if let Some(split) = &benchmark.data.split {
            let classes = benchmark.data.class_split().unwrap();
            let sizes = (classes.train.len(), classes.val.len(), classes.test.len());
            let wanted = match split.as_str() {
                "omniglot" => (1200, 0, 423),
                "fc100" => (60, 20, 20),
                _ => (64, 16, 20),
            };
            assert_eq!((split, sizes), (&benchmark.data.dataset, wanted));
        }
    }
}

#[test]
fn published_rows_are_the_papers() {
    let row = |name: &str, label: &str, mode| find(name).published_for(label, mode).unwrap().clone();
    use Mode::{Inductive, Transductive};
    for (name, inductive, transductive) in [
        ("omniglot-5w1s", (95.39, 0.09, 0.6), (97.68, 0.04, 0.5)),
        ("omniglot-5w5s", (98.90, 0.10, 0.5), (99.48, 0.06, 0.3)),
        ("omniglot-20w1s", (88.14, 0.15, 0.6), (89.43, 0.14, 0.6)),
        ("omniglot-20w5s", (96.65, 0.33, 1.0), (97.12, 0.32, 1.0)),
    ] {
        for (mode, expected) in [(Inductive, inductive), (Transductive, transductive)] {
            let row = row(name, "reptile", mode);
            assert_eq!((row.value, row.ci.unwrap(), row.tolerance), expected, "{name} {}", mode.as_str());
            assert!(row.comparable && row.source.contains("1803.02999"));
        }
    }
    let fomaml = row("omniglot-20w1s", "fomaml", Transductive);
    assert_eq!((fomaml.value, fomaml.ci, fomaml.tolerance), (89.4, Some(0.5), 0.5));
    let vinyals = row("omniglot-20w5s", "transfer", Inductive);
    assert_eq!((vinyals.value, vinyals.ci, vinyals.comparable), (92.3, None, false));
    assert!(find("omniglot-5w1s").published_for("transfer", Transductive).is_none());
    for (name, value) in [("5w1s", 98.8), ("5w5s", 99.7), ("20w1s", 96.0), ("20w5s", 98.9)] {
        let snell = row(&format!("omniglot-{name}"), "protonet", Inductive);
        assert_eq!((snell.value, snell.ci, snell.comparable), (value, None, false), "{name}");
        assert!(find(&format!("omniglot-{name}")).published_for("baseline-plus-plus", Inductive).is_none());
    }
}

#[test]
fn settings_are_the_papers() {
    let benchmark = find("omniglot-20w1s");
    assert_eq!(benchmark.protocol, Protocol { ways: 20, shots: 1, queries: 1 });
    assert_eq!(*benchmark.eval.episodes.at(Budget::Paper), 10_000);
    let reptile = benchmark.method("reptile").unwrap();
    assert_eq!(reptile.meta_iters.values(), [600, 40_000, 200_000]);
    assert_eq!(reptile.view.rotations, Rotations::AsClasses);
    let number = |method: &MethodBlock, key: &str| method.settings[key].as_integer().unwrap();
    let numbers = ["inner_iters", "inner_batch", "meta_batch", "train_shots", "eval_iters", "eval_batch"];
    assert_eq!(numbers.map(|key| number(reptile, key)), [10, 20, 5, 10, 50, 10]);
    assert_eq!(reptile.settings["lr"].as_float(), Some(5e-4));
    let fomaml = benchmark.method("fomaml").unwrap();
    assert_eq!(*benchmark.model_of(fomaml), ModelSpec::FinnOmniglot { filters: 64 });
    assert!(fomaml.view.invert && fomaml.view.rotations == Rotations::PerDraw);
    assert_eq!(["inner_steps", "meta_batch", "eval_steps"].map(|key| number(fomaml, key)), [5, 16, 5]);
    assert_eq!(fomaml.settings["inner_lr"].as_float(), Some(2.0));
    for (name, steps) in [("omniglot-5w1s", 200), ("omniglot-5w5s", 700)] {
        let benchmark = find(name);
        let linear = benchmark.method("transfer-linear").unwrap();
        assert_eq!((number(linear, "tune_steps"), number(linear, "tune_batch")), (steps, 4), "{name}");
        assert_eq!(linear.settings["tune_dampening"].as_float(), Some(0.9));
        let protonet = benchmark.method("protonet").unwrap();
        let shots = benchmark.protocol.shots as i64;
        let numbers = ["train_ways", "train_shots", "train_queries", "halvings"];
        assert_eq!(numbers.map(|key| number(protonet, key)), [60, shots, 5, 9], "{name}");
        assert_eq!(protonet.meta_iters.paper, 10 * 2_000, "{name}: halved every 2,000 episodes");
    }
    for (name, ways, shots, tolerance) in [("mini-imagenet-5w1s", 30, 1, 1.0), ("mini-imagenet-5w5s", 20, 5, 1.5)] {
        let benchmark = find(name);
        let protonet = benchmark.method("protonet").unwrap();
        let numbers = ["train_ways", "train_shots", "train_queries", "halvings"];
        assert_eq!(numbers.map(|key| number(protonet, key)), [ways, shots, 15, 9], "{name}");
        assert_eq!(benchmark.published_for("protonet", Mode::Inductive).unwrap().tolerance, tolerance, "{name}");
        let (transfer, linear) = (benchmark.method("transfer").unwrap(), benchmark.method("transfer-linear").unwrap());
        for method in [protonet, transfer, linear] {
            assert_eq!(*benchmark.model_of(method), ModelSpec::Conv4 { filters: 64 }, "{name}, {}", method.label);
        }
        let text = |method: &MethodBlock, key: &str| method.settings[key].as_str().unwrap().to_owned();
        assert_eq!(["norm", "tune_norm", "head_init"].map(|key| text(transfer, key)), ["running", "batch", "fan-in"]);
        assert_eq!(["norm", "tune_norm"].map(|key| text(linear, key)), ["running", "running"]);
        assert_eq!((number(transfer, "tune_steps"), transfer.meta_iters.paper), (15, 30_000));
    }
}

#[test]
fn reptiles_rows_say_in_which_order_tasks_run() {
    for (name, order) in [
        ("omniglot-5w1s", None),
        ("omniglot-5w5s", None),
        ("omniglot-20w1s", Some("sequential")),
        ("omniglot-20w5s", Some("sequential")),
        ("mini-imagenet-5w1s", Some("sequential")),
        ("mini-imagenet-5w5s", Some("sequential")),
    ] {
        let benchmark = find(name);
        let said = |label| benchmark.method(label).unwrap().settings.get("second_moment").cloned();
        assert_eq!(said("reptile").as_ref().and_then(|value| value.as_str()), order, "{name}");
        // `untrained` takes no training task, so that the order is nothing to it.
        assert_eq!((said("untrained"), benchmark.method("untrained").unwrap().meta_iters.paper), (said("reptile"), 0));
    }
}

#[test]
fn mini_imagenets_clips_and_tolerances_follow_from_the_sources() {
    // Finn et al.'s ± and the spread of re-runs; Raghu et al.'s ± is a standard deviation over three runs.
    let maml = |ci: f64| (ci.hypot(1.96) * 10.0).ceil() / 10.0;
    let anil = |sd: f64| (3.0 * sd * (4f64 / 3.0).sqrt() * 10.0).round() / 10.0;
    for (name, clip) in [("mini-imagenet-5w1s", 0.1333), ("mini-imagenet-5w5s", 0.6667)] {
        let benchmark = find(name);
        for label in ["fomaml", "maml", "anil"] {
            let settings = &benchmark.method(label).unwrap().settings;
            let queries = benchmark.protocol.ways as f64 * settings["train_queries"].as_integer().unwrap() as f64;
            let want = 10.0 * benchmark.protocol.shots as f64 / queries;
            assert_eq!(
                (settings["clip"].as_float().unwrap(), clip),
                (clip, (want * 1e4).round() / 1e4),
                "{name} {label}"
            );
        }
    }
    for benchmark in Benchmark::all(&[]).unwrap() {
        let of_rule = |row: &&PublishedValue| {
            ["anil", "nil"].contains(&row.label.as_str()) || benchmark.data.dataset == "mini-imagenet"
        };
        for row in benchmark.published.iter().filter(|row| row.comparable).filter(of_rule) {
            let want = match row.label.as_str() {
                "anil" => anil(row.ci.unwrap()),
                // 98.0 ± 0.04 would leave 0.1.
                "nil" => anil(row.ci.unwrap()).max(0.5),
                "fomaml" | "maml" => maml(row.ci.unwrap()),
                _ => continue,
            };
            assert_eq!(row.tolerance, want, "{} {}", benchmark.name, row.label);
        }
    }
}

/// What PaddleFSL's examples have for these cells: meta-iterations, inner and outer rate of MAML and of ANIL, filters of both.
#[test]
fn cifars_rows_are_their_sources_and_none_is_held_against_a_copy() {
    for (name, filters, maml, anil, episodes) in [
        ("cifar-fs-5w1s", 32, (30_000, 0.03, 1e-3), (20_000, 0.02, 1e-3), 100_000),
        ("cifar-fs-5w5s", 32, (10_000, 0.15, 1.5e-3), (10_000, 0.08, 1e-3), 100_000),
        ("fc100-5w1s", 64, (10_000, 0.05, 2e-3), (20_000, 0.1, 1e-3), 50_000),
        ("fc100-5w5s", 64, (5_000, 0.08, 3e-3), (2_000, 0.1, 2e-3), 50_000),
    ] {
        let benchmark = find(name);
        let shots = benchmark.protocol.shots as i64;
        let number = |method: &MethodBlock, key: &str| method.settings[key].as_integer().unwrap();
        for (label, (length, inner, outer)) in [("fomaml", maml), ("maml", maml), ("anil", anil)] {
            let method = benchmark.method(label).unwrap();
            assert_eq!((method.algorithm.as_str(), method.meta_iters.paper), (label, length), "{name}");
            let rates = ["inner_lr", "meta_lr"].map(|key| method.settings[key].as_float().unwrap());
            assert_eq!(rates, [inner, outer], "{name} {label}");
            let keys = ["inner_steps", "eval_steps", "meta_batch", "train_shots", "train_queries"];
            assert_eq!(keys.map(|key| number(method, key)), [5, 10, 32, shots, shots], "{name} {label}");
            assert_eq!(*benchmark.model_of(method), ModelSpec::FinnMini { filters }, "{name} {label}");
        }
        let protonet = benchmark.method("protonet").unwrap();
        let keys = ["train_ways", "train_shots", "train_queries"];
        assert_eq!(keys.map(|key| number(protonet, key)), [5, shots, 15], "{name}");
        assert_eq!(protonet.meta_iters.paper, episodes, "{name}");
        assert_eq!(*benchmark.model_of(protonet), ModelSpec::Conv4 { filters: 64 }, "{name}");
        let published = if name.starts_with("cifar") { 5 } else { 4 };
        assert_eq!(benchmark.published.len(), published, "{name}");
        assert!(benchmark.published.iter().all(|row| !row.comparable), "{name}");
    }
}

#[test]
fn glyphs_is_omniglots_recipe() {
    let (glyphs, omniglot) = (find("glyphs-5w1s"), find("omniglot-5w1s"));
    for b in &omniglot.methods {
        let Some(a) = glyphs.method(&b.label) else { panic!("glyphs has no row {}", b.label) };
        assert_eq!((&a.label, &a.settings, &a.model, a.view), (&b.label, &b.settings, &b.model, b.view));
        assert_eq!((a.meta_iters.short, a.meta_iters.paper), (b.meta_iters.short, b.meta_iters.paper));
    }
    assert_eq!((glyphs.model, glyphs.protocol), (omniglot.model, omniglot.protocol));
}

#[test]
fn the_files_order_is_kept_and_like_inherits() {
    let benchmark = Benchmark::parse(MINIMAL, "dir/toy.toml").unwrap();
    assert_eq!((benchmark.name.as_str(), benchmark.data.folder.as_path()), ("toy", Path::new("dir")));
    let [zebra, ant] = &benchmark.methods[..] else { panic!("{:?}", benchmark.methods) };
    assert_eq!((zebra.label.as_str(), ant.label.as_str(), ant.algorithm.as_str()), ("zebra", "ant", "reptile"));
    assert_eq!(zebra.settings, ant.settings);
    assert_eq!((zebra.meta_iters.values(), ant.meta_iters.values()), ([1, 2, 3], [0; 3]));
    let untrained = find("omniglot-5w1s").method("untrained").unwrap().clone();
    assert_eq!((untrained.algorithm.as_str(), untrained.view.rotations), ("reptile", Rotations::AsClasses));
}

#[test]
fn whatever_is_wrong_is_named() {
    for (from, to, parts) in [
        ("shots", "shoots", &["dir/toy.toml: protocol: unknown key \"shoots\"", "did you mean \"shots\"?"][..]),
        ("[eval]", "[evl]", &["unknown key \"evl\"", "did you mean \"eval\"?"]),
        ("glyphs", "glyph", &["data.dataset: unknown data set \"glyph\"", "did you mean \"glyphs\"?"]),
        ("reptile-omniglot", "reptile-omnigot", &["model", "did you mean \"reptile-omniglot\"?"]),
        ("ways = 5", "ways = \"five\"", &["protocol.ways: invalid type: string \"five\""]),
        ("ways = 5", "ways = 1", &["protocol.ways: 1", "at least 2"]),
        ("ways = 5\n", "", &["protocol: missing field `ways`"]),
        ("episodes = 10", "episodes = { quick = 1, short = 2 }", &["eval.episodes: missing field `paper`"]),
        ("episodes = 10", "episodes = 0", &["eval: episodes"]),
        ("meta_iters = 0", "meta_iters = -1", &["method.ant.meta_iters"]),
        ("meta_iters = {", "meta_iter = {", &["method.zebra.meta_iters is missing", "\"meta_iter\""]),
        ("like = \"zebra\"", "like = \"zebr\"", &["method.ant.like: unknown method \"zebr\"", "\"zebra\"?"]),
        ("like = \"zebra\"", "like = \"ant\"", &["method.ant.like: unknown method \"ant\""]),
        ("method.ant", "method.\"../x\"", &["method.../x", "must be 1 to 64 letters"]),
        ("lr = 0.5", "view = { invrt = true }", &["method.zebra.view: unknown key \"invrt\"", "\"invert\"?"]),
        ("\"transductive\"", "\"-\"", &["eval.modes"]),
        ("title = \"Toy\"", "title = \"Toy", &["dir/toy.toml: line 2: "]),
        ("title = \"Toy\"", "title = \"T\\oy\"", &["dir/toy.toml: line 2: title: ", "a backslash is written twice"]),
        ("title", "name = \"plots\"\ntitle", &["name: \"plots\" is kept"]),
        ("reptile-omniglot\"", "mlp\"\nhidden = [4]\nactivation = \"relu\"", &["model.network: mlp is for sine"]),
        ("queries", "ways = 6\nqueries", &["dir/toy.toml: line 10: duplicate key"]),
    ] {
        let error = broken(from, to);
        assert!(parts.iter().all(|part| error.contains(part)), "{to}: {error}");
    }
    assert!(Benchmark::find("omniglot-5w1", &[]).unwrap_err().to_string().contains("did you mean \"omniglot-5w1s\"?"));
    assert_eq!(Benchmark::find("no/such.toml", &[]).unwrap_err().to_string(), "no/such.toml: no such benchmark file");
    for folder in ["/", "src"] {
        let error = Benchmark::find(folder, &[]).unwrap_err().to_string();
        assert_eq!(error, format!("{folder} is a folder: name a benchmark or its TOML file"));
    }
}

#[test]
fn a_published_row_that_means_nothing_is_refused() {
    let with = |row: &str| error(&MINIMAL.replacen("title", &format!("published = [{{ {row} }}]\ntitle"), 1));
    let good = "label = \"ant\", mode = \"inductive\", value = 50, tolerance = 1, source = \"s\"";
    let text = MINIMAL.replacen("title", &format!("published = [{{ {good} }}]\ntitle"), 1);
    assert_eq!(Benchmark::parse(&text, "toy").unwrap().published.len(), 1);
    for (from, to, part) in [
        ("value = 50", "value = 500", "in percent"),
        ("value = 50", "value = nan", "out of range"),
        ("tolerance = 1", "tolerance = 0", "needs a tolerance"),
        ("tolerance = 1", "tolerance = 1, ci = -1", "must not be negative"),
        ("ant", "aunt", "published aunt inductive: unknown method \"aunt\"; did you mean \"ant\"? known: zebra, ant"),
        ("\"inductive\"", "\"-\"", "does not measure this mode, but transductive, inductive"),
        (
            "inductive",
            "inductve",
            "published row 1 (ant).mode: unknown value \"inductve\"; did you mean \"inductive\"?",
        ),
        ("\"s\"", "\"\"", "source: must be one line"),
        ("label", "lable", "published row 1: unknown key \"lable\""),
    ] {
        let error = with(&good.replacen(from, to, 1));
        assert!(error.contains(part), "{to}: {error}");
    }
    let twice = error(&MINIMAL.replacen("title", &format!("published = [{{ {good} }}, {{ {good} }}]\ntitle"), 1));
    assert!(twice.contains("a second row"), "{twice}");
}

#[test]
fn set_changes_what_is_read_and_is_checked_alike() {
    let benchmark = set("method.reptile.inner_iters", "7").unwrap();
    let iters = |label| benchmark.method(label).unwrap().settings["inner_iters"].as_integer();
    assert_eq!((iters("reptile"), iters("untrained")), (Some(7), Some(7)), "untrained is like reptile");
    assert_eq!(set("eval.episodes", "9").unwrap().eval.episodes.values(), [9; 3]);
    assert_eq!(set("data.holdout", "100").unwrap().data.holdout, 100);
    assert!(set("protocol.wayz", "5").unwrap_err().contains("protocol: unknown key \"wayz\"; did you mean \"ways\"?"));
    assert!(set("protocol.ways", "five").unwrap_err().contains("protocol.ways: invalid type: string \"five\""));
    assert!(set("method.reptlie.lr", "1").unwrap_err().contains("did you mean \"reptile\"?"));
}

/// Found by fuzzing: names of more than one line in an error of one.
#[test]
fn errors_that_quote_line_breaks_stay_on_one_line() {
    let labels = MINIMAL.replacen("[method.ant]", "[method.\"an\\nt\"]", 1);
    assert_ne!(labels, MINIMAL);
    for error in [
        set("proto\ncol.ways", "1"),
        set("protocol.wa\nys", "]"),
        Benchmark::parse(&labels, "x").map_err(|e| e.to_string()),
    ] {
        let error = error.unwrap_err();
        assert!(!error.contains('\n') && error.contains("\\n"), "{error}");
    }
}

#[test]
fn splits_are_found_by_name_or_beside_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.txt"), "train a\ntest b\n").unwrap();
    let file = dir.path().join("toy.toml");
    let write = |split: &str| {
        fs::write(&file, MINIMAL.replacen("\"glyphs\"", &format!("\"omniglot\"\nsplit = \"{split}\""), 1)).unwrap();
        Benchmark::find(file.to_str().unwrap(), &[]).unwrap().data
    };
    assert_eq!(write("mine.txt").class_split().unwrap().test, ["b"]);
    assert_eq!(write("mini-imagenet").class_split().unwrap().train.len(), 64);
    let wrong = write("omniglt").class_split().unwrap_err().to_string();
    assert!(wrong.contains("did you mean \"omniglot\"?") && wrong.contains("or a path"), "{wrong}");
    // As a spreadsheet saves it, and as an editor that writes UTF-16.
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("train a\r\ntest b".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for list in [b"\xef\xbb\xbfsplit;class\r\ntrain;\"a\"\r\ntest;b\r\n".to_vec(), wide] {
        fs::write(dir.path().join("mine.txt"), list).unwrap();
        assert_eq!(write("mine.txt").class_split().unwrap().test, ["b"]);
    }
    fs::write(dir.path().join("mine.txt"), "tran a\n").unwrap();
    assert!(write("mine.txt").class_split().unwrap_err().to_string().starts_with("class split mine.txt: line 1"));
}

#[test]
fn the_hash_is_of_what_is_meant_not_of_how_it_is_written() {
    let hash = |text: &str| Benchmark::parse(text, "toy.toml").unwrap().hash().unwrap();
    let swapped = MINIMAL.replace("lr = 0.5\ninner_iters = 4", "inner_iters = 4   # steps\nlr = 5e-1");
    assert_eq!(hash(MINIMAL), hash(&swapped));
    assert_ne!(hash(MINIMAL), hash(&MINIMAL.replace("lr = 0.5", "lr = 0.25")));
    assert_eq!(hash(MINIMAL).len(), 64);
}

#[test]
fn canonical_text_reads_back_as_the_same_benchmark() {
    for benchmark in Benchmark::all(&[]).unwrap().into_iter().chain(Benchmark::figures(&[]).unwrap()) {
        let text = benchmark.canonical().unwrap();
        let again = Benchmark::parse(&text, "elsewhere.toml").unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(again, benchmark);
    }
}

/// Settings of all kinds that TOML can write.
fn setting() -> impl Strategy<Value = toml::Value> {
    let finite = any::<f64>().prop_filter("TOML reads NaN back, but it equals nothing", |x| !x.is_nan());
    let leaf = prop_oneof![
        any::<bool>().prop_map(toml::Value::Boolean),
        any::<i64>().prop_map(toml::Value::Integer),
        finite.prop_map(toml::Value::Float),
        any::<String>().prop_map(toml::Value::String),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let key = any::<String>();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(toml::Value::Array),
            prop::collection::vec((key, inner), 0..3)
                .prop_map(|entries| toml::Value::Table(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_an_error_on_one_line_or_a_benchmark(text in ".{0,200}", at in 0..BENCHMARKS[3].1.len()) {
        let _ = Benchmark::parse(&text, "x");
        let file = BENCHMARKS[3].1;
        let at = (0..=at).rev().find(|at| file.is_char_boundary(*at)).unwrap();
        let (before, after) = file.split_at(at);
        if let Err(error) = Benchmark::parse(&format!("{before}{text}{after}"), "x") {
            prop_assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn set_never_panics(path in "((data|model|protocol|eval|method|reptile|published|[a-z]{0,3})[.]?){0,4}", value in ".{0,20}") {
        if let Err(error) = set(&path, &value) {
            prop_assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn any_settings_survive_the_round_trip(
        settings in prop::collection::vec(("x[a-z_]{0,8}", setting()), 0..5),
        iters in prop::array::uniform3(0..=i64::MAX as u64),
        invert: bool,
    ) {
        let mut benchmark = Benchmark::parse(MINIMAL, "toy.toml").unwrap();
        let method = &mut benchmark.methods[0];
        method.settings.extend(settings);
        method.meta_iters = PerBudget { quick: iters[0], short: iters[1], paper: iters[2] };
        method.view.invert = invert;
        let text = benchmark.canonical().unwrap();
        let again = Benchmark::parse(&text, "toy.toml");
        prop_assert!(again.is_ok(), "{again:?}\n{text}");
        prop_assert_eq!(&again.unwrap(), &benchmark);
    }
}
