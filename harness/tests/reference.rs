//! The committed results: every table can be rebuilt, byte for byte, from the committed metrics, and what the READMEs say of
//! them is so.

use std::fs;
use std::path::Path;

use harness::benchmark::Benchmark;
use harness::registry::ALGORITHMS;
use harness::results::checkpoint::{self, Checkpoint};
use harness::results::run_json::{RunRecord, Status};
use harness::runner::Kinship;
use harness_core::{Context, Problem};

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Budgets are folders; a page or a picture may lie beside them.
fn folders(path: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(path).unwrap().flatten().filter(|entry| entry.path().is_dir())
}

#[test]
fn every_committed_summary_follows_from_the_committed_metrics() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference");
    let rebuilt = tempfile::tempdir().unwrap();
    copy(&reference, rebuilt.path());
    let mut budgets = 0;
    for budget in folders(rebuilt.path()) {
        fs::remove_file(budget.path().join("summary.csv")).unwrap();
        budgets += 1;
    }
    assert!(budgets > 0, "there are committed results");
    harness::report::build(rebuilt.path()).unwrap();
    for budget in folders(&reference) {
        for file in ["summary.csv", "summary.md", "made.md"] {
            let name = Path::new(&budget.file_name()).join(file);
            let committed = fs::read_to_string(reference.join(&name)).unwrap();
            let ours = fs::read_to_string(rebuilt.path().join(&name)).unwrap();
            assert_eq!(ours, committed, "{}", name.display());
        }
    }
}

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The best budget at which a row was run to its end as the file has it: overridden runs do not count.
fn run_at(benchmark: &str, label: &str) -> Option<&'static str> {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference");
    ["paper", "short", "quick"].into_iter().find(|budget| {
        let Ok(seeds) = fs::read_dir(reference.join(budget).join(benchmark).join(label)) else { return false };
        seeds.flatten().any(|seed| {
            let record = RunRecord::read(&seed.path().join("run.json")).unwrap();
            record.status == Status::Complete && !record.overridden && record.budget == *budget
        })
    })
}

/// Every method of every table, and how far it was run.
fn coverage() -> String {
    let benchmarks = Benchmark::all(&[]).unwrap();
    let tables: Vec<&Benchmark> = benchmarks.iter().filter(|benchmark| benchmark.figure.is_none()).collect();
    let mut labels: Vec<&str> = Vec::new();
    for method in tables.iter().flat_map(|benchmark| &benchmark.methods) {
        if !labels.contains(&method.label.as_str()) {
            labels.push(&method.label);
        }
    }
    let row = |first: &str, cells: Vec<String>| format!("| {first} | {} |\n", cells.join(" | "));
    let mut out = row(
        "",
        tables
            .iter()
            .map(|benchmark| {
                let names = ["omniglot", "imagenet", "cifar-fs", "fc100"];
                names.iter().fold(benchmark.name.clone(), |name, of| name.replace(&format!("{of}-"), &format!("{of} ")))
            })
            .collect(),
    );
    out += &row(":--", vec![":--".to_string(); tables.len()]);
    for label in labels {
        let cell = |benchmark: &&Benchmark| match benchmark.method(label) {
            Some(_) => run_at(&benchmark.name, label).unwrap_or("not run").to_string(),
            None => String::new(),
        };
        out += &row(label, tables.iter().map(cell).collect());
    }
    out
}

#[test]
fn the_readmes_coverage_is_what_was_run() {
    let table = coverage();
    assert!(text("README.md").contains(&table), "README.md must hold this table:\n\n{table}");
}

/// Lines of a Markdown table, the rules beneath the headings left out.
fn table_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| :--"))
}

#[test]
fn the_tables_of_the_results_page_are_the_summaries() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference");
    let summaries: String =
        folders(&reference).map(|budget| fs::read_to_string(budget.path().join("summary.md")).unwrap()).collect();
    let page = text("results/README.md");
    assert!(table_lines(&page).count() > 20, "the tables are found");
    for line in table_lines(&page) {
        assert!(summaries.lines().any(|other| other == line), "results/README.md: no summary.md has\n{line}");
    }
}

#[test]
fn the_first_screens_rows_are_the_papers_budgets() {
    let summary = text("results/reference/paper/summary.csv");
    let readme = text("README.md");
    let mut rows = 0;
    for line in readme.lines().filter(|line| line.starts_with("| omniglot-") || line.starts_with("| mini-imagenet-")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (ours, start) = (cells[4], format!("{},{},{},accuracy,", cells[1], cells[2], cells[3]));
        let row = summary.lines().find_map(|row| row.strip_prefix(&start)).unwrap_or_else(|| panic!("{line}"));
        let numbers: Vec<&str> = row.split(',').collect();
        let [mean, ci] = [numbers[0], numbers[2]].map(|number| number.parse::<f64>().unwrap());
        assert_eq!(ours, format!("{mean:.2} ±{ci:.2}"), "{line}");
        assert!(row.ends_with(cells[7]), "{line}");
        rows += 1;
    }
    assert!(rows >= 8, "{rows} rows");
}

/// What a run's record of the first format says of its training and of its evaluation.
fn kinship(record: &RunRecord) -> Kinship {
    let part = |key: &str| record.config[key].clone();
    let context = Context {
        model: serde_json::from_value(part("model")).unwrap(),
        input: serde_json::from_value(part("input")).unwrap(),
        problem: Problem::Classification { train_classes: 4800 },
        protocol: serde_json::from_value(part("protocol")).unwrap(),
        device: candle_core::Device::Cpu,
        plain: false,
    };
    let entry = ALGORITHMS.iter().find(|entry| entry.name == record.algorithm).unwrap();
    let settings: toml::Table = serde_json::from_value(part("method")).unwrap();
    let halves = (entry.build)(&settings, &context).unwrap().halves();
    Kinship::new(&record.config, &record.data_digest, halves.as_ref())
}

/// Runs that were trained twice, before trainings were shared, are known as one training by their records of the first
/// format: their committed states are the same bits.
#[test]
fn committed_runs_tell_which_training_they_are_of() {
    let paper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference/paper");
    let of = |benchmark: &str, label: &str, seed: u64| {
        let folder = paper.join(benchmark).join(label).join(format!("seed-{seed}"));
        let record = RunRecord::read(&folder.join("run.json")).unwrap();
        let path = checkpoint::path(&folder, checkpoint::steps(&folder)[0]);
        let state = Checkpoint::load(&path).unwrap().state;
        (kinship(&record), state)
    };
    for label in ["reptile", "transfer"] {
        let ((one, first), (five, second)) = (of("omniglot-5w1s", label, 0), of("omniglot-5w5s", label, 0));
        assert_eq!(one.training_hash, five.training_hash, "{label}");
        assert_ne!(one.evaluation_hash, five.evaluation_hash, "{label}");
        assert!(first.same_bits(&second).unwrap(), "{label}");
    }
    let ((zero, first), (other, second)) = (of("omniglot-5w1s", "reptile", 0), of("omniglot-5w1s", "reptile", 1));
    assert_ne!(zero.training_hash, other.training_hash, "another seed");
    assert_eq!(zero.evaluation_hash, other.evaluation_hash, "and the same evaluation");
    assert!(!first.same_bits(&second).unwrap());
    let (linear, _) = of("omniglot-5w1s", "transfer-linear", 0);
    assert_ne!(
        of("omniglot-5w1s", "transfer", 0).0.training_hash,
        linear.training_hash,
        "running statistics are trained"
    );
}
