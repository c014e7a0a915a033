//! The committed results: every table can be rebuilt, byte for byte, from the committed metrics.

use std::fs;
use std::path::Path;

use harness::files::checkpoint::{self, Checkpoint};
use harness::record::RunRecord;
use harness::registry::ALGORITHMS;
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
        for file in ["summary.csv", "summary.md"] {
            let name = Path::new(&budget.file_name()).join(file);
            let committed = fs::read_to_string(reference.join(&name)).unwrap();
            let ours = fs::read_to_string(rebuilt.path().join(&name)).unwrap();
            assert_eq!(ours, committed, "{}", name.display());
        }
    }
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
