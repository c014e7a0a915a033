//! Which code made a number. A hash for training and one for evaluation, taken when the binary is built: of the
//! kernels, of `harness-core`, of the method, and of the files of this crate that train or evaluate. Data is not in
//! them: pixels count by their digest.

use harness_core::Entry;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::failpoint;

/// Files of this crate and the hash of what counts in them.
struct Code {
    #[cfg_attr(not(test), expect(dead_code, reason = "the list is held against the tree"))]
    files: &'static [&'static str],
    hash: &'static str,
}

macro_rules! code_of {
    ($($file:tt)*) => { Code { files: &[$($file),*], hash: harness_identity::code!(only $($file)*) } };
}

/// What a trained state can depend on.
const TRAINING: Code = code_of!(
    "src/tasks.rs"
    "src/runner/job.rs"
    "src/runner/iterate.rs"
    "src/runner/in_order.rs"
    "src/ranks/answers.rs"
    "src/ranks/dealt.rs"
    "src/ranks/wire.rs"
    "src/runner/train.rs"
    "src/results/checkpoint/bytes.rs"
);

/// What the numbers of a state can depend on.
const EVALUATION: Code = code_of!(
    "src/tasks.rs"
    "src/runner/job.rs"
    "src/runner/train.rs"
    "src/runner/evaluate.rs"
    "src/runner/in_order.rs"
    "src/ranks/answers.rs"
    "src/ranks/dealt.rs"
    "src/ranks/wire.rs"
    "src/runner/selection.rs"
    "src/runner/snapshots.rs"
    "src/runner/curve.rs"
    "src/runner/adaptation.rs"
    "src/results/adaptation.rs"
    "src/results/checkpoint/bytes.rs"
    "src/results/episodes.rs"
    "src/results/frame.rs"
    "src/results/metrics.rs"
);

/// The code behind a run's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// sha256 of what determines the trained state.
    pub training: String,
    /// sha256 of what determines the numbers of a state.
    pub evaluation: String,
}

impl Identity {
    /// Of this binary, where it learns a state by the method `trains` and evaluates it by `tests`: the same one, as a
    /// rule.
    pub fn of(trains: &Entry, tests: &Entry) -> Identity {
        let pretended = failpoint::pretended_code();
        let hash = |parts: [&str; 2], methods: &[&str], own: &str, pretended: &str| {
            let mut hash = Sha256::new();
            parts.iter().chain(methods).chain([&own, &pretended]).for_each(|part| {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            });
            hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        // What tests may call what trains.
        let both = [tests.code, trains.code];
        let testing = if tests.name == trains.name { &both[..1] } else { &both[..] };
        Identity {
            training: hash(harness_core::TRAINING_CODE, &[trains.code], TRAINING.hash, &pretended.training),
            evaluation: hash(harness_core::EVALUATION_CODE, testing, EVALUATION.hash, &pretended.evaluation),
        }
    }
}

/// A stretch of a run that one build made on one kind of machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// None: a build that did not say.
    #[serde(default)]
    pub code: Option<Identity>,
    /// As in run.json.
    #[serde(default)]
    pub git_commit: Option<String>,
    #[serde(default)]
    pub git_dirty: Option<bool>,
    #[serde(default)]
    pub instruction_set: String,
    /// Meta-iterations that were done before it.
    #[serde(default)]
    pub first_step: u64,
}

impl Segment {
    /// What this process adds from `first_step` on.
    pub fn now(code: &Identity, first_step: u64) -> Segment {
        let commit = commit();
        Segment {
            code: Some(code.clone()),
            git_dirty: commit.as_ref().map(|(_, dirty)| *dirty),
            git_commit: commit.map(|(commit, _)| commit),
            instruction_set: harness_kernels::instruction_set().into(),
            first_step,
        }
    }

    /// Whether `other` goes on with the same code on the same kind of machine.
    pub fn continues(&self, other: &Segment) -> bool {
        (&self.code, &self.instruction_set) == (&other.code, &other.instruction_set)
    }

    /// `commit 1a2b3c4d5e6f`, as messages name a build.
    pub fn build(&self) -> String {
        build(self.git_commit.as_deref(), self.git_dirty)
    }
}

/// A build in words: `commit 1a2b3c4d5e6f with changes`.
pub fn build(commit: Option<&str>, dirty: Option<bool>) -> String {
    let changes = if dirty == Some(true) { " with changes" } else { "" };
    match commit {
        Some(commit) => format!("commit {}{changes}", commit.get(..12).unwrap_or(commit)),
        None => "a build that names no commit".to_owned(),
    }
}

/// The commit of the sources that this binary was built from, and whether they had changes, if git knew.
pub fn commit() -> Option<(String, bool)> {
    let commit = option_env!("HARNESS_COMMIT")?;
    Some((commit.to_owned(), option_env!("HARNESS_DIRTY") == Some("true")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Files of `src/runner`, `src/ranks` and `src/results` that neither train nor evaluate: they decide what is done,
    /// and say it.
    const NEITHER: &[&str] = &[
        "src/ranks/agree.rs",
        "src/ranks/hosts.rs",
        "src/ranks/launch.rs",
        "src/ranks/link.rs",
        "src/ranks/local.rs",
        "src/ranks/mod.rs",
        "src/ranks/mpi.rs",
        "src/runner/crossing.rs",
        "src/runner/diverged.rs",
        "src/runner/drive.rs",
        "src/runner/estimate.rs",
        "src/runner/event.rs",
        "src/runner/follow.rs",
        "src/runner/group.rs",
        "src/runner/hash.rs",
        "src/runner/mod.rs",
        "src/runner/describe.rs",
        "src/runner/queries.rs",
        "src/runner/replay.rs",
        "src/runner/resume.rs",
        "src/runner/scaling.rs",
        "src/runner/shapes.rs",
        "src/runner/stop.rs",
        "src/runner/training.rs",
        "src/results/across_csv.rs",
        "src/results/best.rs",
        "src/results/checkpoint/mod.rs",
        "src/results/checkpoint/tests.rs",
        "src/results/classes.rs",
        "src/results/confusion.rs",
        "src/results/disk.rs",
        "src/results/exports.rs",
        "src/results/fixtures.rs",
        "src/results/fold_means.rs",
        "src/results/layout.rs",
        "src/results/lock.rs",
        "src/results/metric.rs",
        "src/results/mod.rs",
        "src/results/plan_json.rs",
        "src/results/queries.rs",
        "src/results/ranks_csv.rs",
        "src/results/rows.rs",
        "src/results/run.rs",
        "src/results/run_dir.rs",
        "src/results/run_json.rs",
        "src/results/statistics.rs",
        "src/results/summary.rs",
        "src/results/table_file.rs",
        "src/results/tag.rs",
        "src/results/tensorboard.rs",
        "src/results/verdict.rs",
    ];

    fn below(folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap().flatten();
        entries
            .flat_map(|entry| {
                let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                if entry.path().is_dir() { below(&path) } else { vec![path] }
            })
            .collect()
    }

    #[test]
    fn every_file_of_the_runner_is_known_to_train_to_evaluate_or_to_do_neither() {
        for file in ["src/runner", "src/ranks", "src/results"].into_iter().flat_map(below) {
            let counts = TRAINING.files.contains(&file.as_str()) || EVALUATION.files.contains(&file.as_str());
            assert_ne!(
                counts,
                NEITHER.contains(&file.as_str()),
                "{file}: name it in TRAINING, EVALUATION or both if it can change a number, else in NEITHER"
            );
        }
        let listed = TRAINING.files.iter().chain(EVALUATION.files);
        for file in listed {
            assert!(!file.contains("report") && !file.contains("compare") && !file.contains("cli"), "{file}");
        }
    }

    /// What lies on disk is the results room's business: the runner hands over rows, episodes and states.
    #[test]
    fn the_runner_opens_no_file_and_names_none() {
        for file in below("src/runner") {
            let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).unwrap();
            // What the system tells of itself, such as the processor's name, is no file of a run.
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//") && !line.contains("\"/proc/"));
            for line in code {
                let names = [".json\"", ".csv\"", ".parquet\"", ".safetensors\"", "std::fs", "File::"];
                assert!(!names.iter().any(|name| line.contains(name)), "{file}: {line}");
            }
        }
    }

    /// `without` names them in harness-core: nothing that trains may come to use them.
    #[test]
    fn training_meets_neither_the_statistics_nor_the_conformance_suite() {
        for file in below("core/src").into_iter().filter(|file| !file.contains("/conformance/")) {
            let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let used = code.filter(|line| line.contains("stats::") || line.contains("conformance::")).count();
            assert!(used == 0 || file.ends_with("tests.rs"), "{file}");
        }
        for file in TRAINING.files.iter().filter(|file| !EVALUATION.files.contains(file)) {
            let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
            assert!(!text.contains("stats::"), "{file}");
        }
    }

    #[test]
    fn each_part_tells_in_the_hashes_that_it_belongs_to() {
        let entry = crate::registry::ALGORITHMS[0];
        let changed = Entry { code: "other", ..entry };
        let (here, other) = (Identity::of(&entry, &entry), Identity::of(&changed, &changed));
        assert_ne!(here.training, here.evaluation);
        assert!(here.training != other.training && here.evaluation != other.evaluation);
        assert_eq!(here, Identity::of(&entry, &entry));
        // A method that trains as this one.
        let (scored, changed) = (Entry { name: "scored", code: "own", ..entry }, Entry { name: "scored", ..changed });
        assert_eq!(
            [&scored, &changed].map(|tests| Identity::of(&entry, tests).training),
            [(); 2].map(|()| here.training.clone())
        );
        assert_ne!(Identity::of(&entry, &scored).evaluation, Identity::of(&entry, &changed).evaluation);
        assert_ne!(Identity::of(&entry, &scored).evaluation, Identity::of(&changed, &scored).evaluation);
        assert!(here.training.len() == 64 && entry.code.len() == 64);
        let codes = crate::registry::ALGORITHMS.iter().map(|entry| entry.code);
        let unique: std::collections::HashSet<&str> = codes.clone().collect();
        assert_eq!(unique.len(), codes.count(), "each method has its own");
    }

    #[test]
    fn the_commit_is_that_of_the_sources_wherever_one_stands() {
        let here = env!("CARGO_MANIFEST_DIR");
        let git = |args: &[&str]| {
            let output = std::process::Command::new("git").args(args).current_dir(here).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let tracked = git(&["ls-files", "--error-unmatch", "Cargo.toml"]).is_some();
        assert_eq!(commit().map(|(commit, _)| commit), git(&["rev-parse", "HEAD"]).filter(|_| tracked));
    }

    #[test]
    fn a_build_is_named_by_its_commit() {
        assert_eq!(build(Some("0123456789abcdef"), Some(true)), "commit 0123456789ab with changes");
        assert_eq!(build(Some("0123"), None), "commit 0123");
        assert!(build(None, None).contains("no commit"));
    }
}
