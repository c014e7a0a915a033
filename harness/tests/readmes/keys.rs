//! Every key that a benchmark file or a method accepts is explained in a README.

use std::collections::BTreeSet;
use std::fs;

use harness::benchmark::Benchmark;
use harness::registry::ALGORITHMS;
use harness_core::conformance::Toy;
use toml::{Table, Value};

use crate::root;

/// A file with every section, so that a wrong key can be tried in each.
const SMALL: &str = r#"
title = "Small"
published = [{ label = "reptile", mode = "inductive", value = 1.0, tolerance = 1.0, source = "S" }]
data = { dataset = "glyphs" }
model = { network = "reptile-omniglot" }
protocol = { ways = 5, shots = 1, queries = 1 }
eval = { episodes = 10, modes = ["inductive"] }
method = { reptile = { meta_iters = { quick = 1, short = 1, paper = 1 }, view = { invert = true } } }
"#;

/// The words in code spans of a README.
fn explained(readme: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(readme)).unwrap();
    let spans = text.split('`').skip(1).step_by(2);
    let word = |c: char| !(c.is_alphanumeric() || c == '_' || c == '-');
    spans.flat_map(|span| span.split(word)).map(String::from).collect()
}

/// The names that an error lists after `known:`.
fn known(error: &str) -> Vec<String> {
    let (_, list) = error.rsplit_once("known: ").unwrap_or_else(|| panic!("no list of keys: {error}"));
    list.split(", ").map(String::from).collect()
}

/// The keys beside which a wrong one is refused at this path.
fn accepted(path: &[&str]) -> Vec<String> {
    let mut table: Table = SMALL.parse().unwrap();
    let mut here = &mut table;
    for key in path {
        here = match &mut here[*key] {
            Value::Array(rows) => rows[0].as_table_mut(),
            value => value.as_table_mut(),
        }
        .unwrap();
    }
    here.insert("zzz".into(), Value::Integer(1));
    known(&Benchmark::parse(&table.to_string(), "small.toml").unwrap_err().to_string())
}

#[test]
fn every_key_of_a_benchmark_is_in_its_readme() {
    let explained = explained("benchmarks/README.md");
    let sections: [&[&str]; 8] = [
        &[],
        &["data"],
        &["model"],
        &["protocol"],
        &["eval"],
        &["published"],
        &["method", "reptile", "view"],
        &["method", "reptile", "meta_iters"],
    ];
    let mut keys: BTreeSet<String> = sections.iter().flat_map(|path| accepted(path)).collect();
    // The common keys of a row are in no error: those that a whole row has when it is written out, and `like`.
    let whole = Benchmark::parse(SMALL, "small.toml").unwrap().canonical().unwrap().parse::<Table>().unwrap();
    keys.extend(whole["method"]["reptile"].as_table().unwrap().keys().cloned());
    keys.extend(["like", "note", "model"].map(String::from));
    let missing: Vec<&String> = keys.iter().filter(|key| !explained.contains(*key)).collect();
    assert!(keys.len() > 35 && missing.is_empty(), "benchmarks/README.md does not explain {missing:?}");
}

/// Numbers that mean something at 0: what 0 switches off, and words, which are no numbers.
const MAY_BE_0: [&str; 10] = [
    "meta_step_final",
    "cg_damping",
    "lambda_damping",
    "tail_shots",
    "halvings",
    "tune_momentum",
    "tune_dampening",
    "tune_lr_decay",
    "tune_weight_decay",
    "lambda",
];

#[test]
fn no_key_of_an_algorithm_takes_what_no_run_could_mean() {
    for entry in ALGORITHMS {
        let toy: Table = entry.toy.parse().unwrap();
        let build = |key: &str, value: Value| {
            let mut table = toy.clone();
            table.insert(key.into(), value);
            (entry.build)(&table, &Toy::new().context()).err().map(|error| error.to_string())
        };
        let keys = known(&build("zzz", Value::Integer(1)).expect("a wrong key"));
        for key in &keys {
            let zero = if MAY_BE_0.contains(&key.as_str()) { None } else { Some(Value::Integer(0)) };
            let text = Value::String("abc".into());
            let wrong = [Value::Integer(-1), Value::Float(-0.5), Value::Float(f64::NAN), text];
            for value in wrong.into_iter().chain(zero) {
                let told =
                    build(key, value.clone()).unwrap_or_else(|| panic!("{}: {key} = {value} passes", entry.name));
                // An unknown word is answered with the known ones.
                let named = told.contains(key.as_str()) || told.starts_with("unknown value \"abc\"");
                assert!(named && !told.contains('\n'), "{}: {key} = {value}: {told}", entry.name);
            }
        }
        assert!(keys.len() > 2, "{}: {keys:?}", entry.name);
    }
}

#[test]
fn every_key_of_an_algorithm_is_in_its_readme() {
    for entry in ALGORITHMS {
        let readme = format!("algorithms/{}/README.md", entry.name);
        let mut table: Table = entry.toy.parse().unwrap();
        table.insert("zzz".into(), Value::Integer(1));
        let error = (entry.build)(&table, &Toy::new().context()).err().expect("a wrong key").to_string();
        let explained = explained(&readme);
        let keys = known(&error);
        let missing: Vec<&String> = keys.iter().filter(|key| !explained.contains(*key)).collect();
        assert!(missing.is_empty(), "{readme} does not explain {missing:?}");
    }
}

/// The table is written from the settings themselves: default, unit and source stand in the code alone.
#[test]
fn a_readmes_table_of_keys_is_what_the_settings_say() {
    for entry in ALGORITHMS {
        let keys: Vec<_> = entry.settings.iter().flat_map(|keys| keys()).collect();
        let stale: Vec<String> =
            keys.iter().map(|key| key.row()).filter(|row| !entry.readme.lines().any(|line| line == row)).collect();
        assert!(
            !keys.is_empty() && stale.is_empty(),
            "algorithms/{}/README.md: write into its table\n{}",
            entry.name,
            stale.join("\n")
        );
    }
}
