//! Which training a run belongs to, and what of it lies in the results already.
//!
//! What determines the learned state is a training: data and training classes, view, network, method and its training
//! settings, meta-iterations, seed. The rest of a run is an evaluation. Labels and names are of neither, and a method
//! that takes another's training as it is has that one's. Runs of one training in one budget folder are kin: whichever
//! comes first trains, and the others go on from its checkpoints.

use std::collections::BTreeSet;

use harness_core::{Entry, Halves, Result, TrainsAs};
use serde_json::{Map, Value, json};

use super::hash::sha256_json;
use super::job::{Job, OtherBuild};
use super::resume::Made;
use super::selection::Selection;
use super::shapes;
use crate::identity::{Identity, Segment};
use crate::registry;
use crate::results::checkpoint::{Checkpoint, FIRST_FORMAT, Meta};
use crate::results::run_dir::RunDir;
use crate::results::run_json::Status;

/// The two halves of what determines a run's numbers.
#[derive(Clone, Debug, Default)]
pub struct Kinship {
    /// What determines the learned state.
    pub training: Value,
    /// Its sha256 (hex).
    pub training_hash: String,
    /// sha256 (hex) of what is then done with it.
    pub evaluation_hash: String,
}

impl Kinship {
    /// Of a run's effective config, the digest of its data, and what the method says of its settings.
    pub fn new(config: &Value, digest: &str, halves: Option<&Halves>) -> Kinship {
        let training = training_of(config, digest, halves);
        let training_hash = sha256_json(&training);
        Kinship { training, training_hash, evaluation_hash: sha256_json(&evaluation_of(config, digest, halves)) }
    }
}

/// The key of a config under which the method that learns the state stands, where it is another than the one that tests
/// it.
pub(super) const TRAINS_AS: &str = "trains_as";

/// Writes it into a config.
pub fn name_trainer(config: &mut Value, halves: Option<&Halves>) {
    if let Some(TrainsAs { method, own }) = halves.and_then(|halves| halves.trains_as.as_ref()) {
        config[TRAINS_AS] = json!({ "method": method, "own": own });
    }
}

/// The name of the method that learns the state.
pub fn trainer(config: &Value) -> &str {
    let named = config[TRAINS_AS]["method"].as_str();
    named.or(config["algorithm"].as_str()).unwrap_or_default()
}

/// The code of this binary for a run of this config; None where it lacks a method.
pub fn code(algorithms: &[Entry], config: &Value) -> Option<Identity> {
    let entry = |name: &str| registry::find(algorithms, name).ok();
    Some(Identity::of(entry(trainer(config))?, entry(config["algorithm"].as_str()?)?))
}

/// The training half. A function of what every `run.json` and checkpoint holds, those of older builds too.
pub fn training_of(config: &Value, digest: &str, halves: Option<&Halves>) -> Value {
    let (ways, shots) = halves.map_or((true, true), |halves| (halves.ways, halves.shots));
    let read = |yes: bool, key: &str| if yes { config["protocol"][key].clone() } else { Value::Null };
    json!({
        "data": config["data"],
        "digest": digest,
        "input": config["input"],
        "model": config["model"],
        "view": config["view"],
        "algorithm": trainer(config),
        "method": settings(config, |key| halves.is_none_or(|halves| halves.trains(key)) && !is_own(config, key)),
        "protocol": { "ways": read(ways, "ways"), "shots": read(shots, "shots"), "queries": read(shots, "queries") },
        "meta_iters": config["meta_iters"],
        "seed": config["seed"],
    })
}

/// The other half: what is measured, and what the method does at test.
fn evaluation_of(config: &Value, digest: &str, halves: Option<&Halves>) -> Value {
    json!({
        "data": config["data"],
        "digest": digest,
        "input": config["input"],
        "model": config["model"],
        "view": config["view"],
        "algorithm": config["algorithm"],
        "method": settings(config, |key| halves.is_none_or(|halves| halves.tests(key))),
        "protocol": config["protocol"],
        "eval": config["eval"],
        "select": config["select"],
    })
}

/// Whether the method that learns the state does not know the setting.
fn is_own(config: &Value, key: &str) -> bool {
    config[TRAINS_AS]["own"].as_array().is_some_and(|own| own.iter().any(|name| name == key))
}

fn settings(config: &Value, wanted: impl Fn(&str) -> bool) -> Value {
    let all = config["method"].as_object().into_iter().flatten();
    Value::Object(
        all.filter(|(key, _)| wanted(key)).map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>(),
    )
}

/// Another run of the same training.
pub(super) struct Kin {
    /// `omniglot-5w1s reptile seed 0`.
    pub name: String,
    pub dir: RunDir,
    pub complete: bool,
    /// The step of the state that it reports, where that was chosen.
    pub selected: Option<u64>,
    /// What made it.
    builds: Vec<Segment>,
}

/// Where to look for kin.
#[derive(Clone, Copy)]
pub(super) enum Among<'a> {
    /// The whole budget folder.
    Folder,
    /// These folders alone: what else there is has been told to be started over.
    These(&'a [RunDir]),
}

/// All kin of `job`, in the order of their folders. A folder whose record cannot be read is none.
pub(super) fn kin(job: &Job, among: Among<'_>) -> Vec<Kin> {
    if job.meta_iters == 0 {
        return Vec::new();
    }
    let asked = |dir: &RunDir| match among {
        Among::Folder => true,
        Among::These(dirs) => dirs.contains(dir),
    };
    let mut found = Vec::new();
    for dir in job.dir.siblings().into_iter().filter(asked) {
        let Ok(record) = dir.record() else { continue };
        if record.seed == job.seed && same(job, &Made::from(&record)) {
            found.push(Kin {
                name: format!("{} {} seed {}", record.benchmark, record.label, record.seed),
                dir,
                complete: record.status == Status::Complete,
                selected: record.selected_step,
                builds: record.segments,
            });
        }
    }
    found
}

/// Whether what was made is of the job's training.
pub(super) fn same(job: &Job, made: &Made<'_>) -> bool {
    let Made { config, data_digest, .. } = *made;
    // Cheap first: a folder may hold hundreds of runs.
    config["meta_iters"] == job.config["meta_iters"]
        && trainer(config) == trainer(&job.config)
        && made.has_classes_of(job)
        && training_of(config, data_digest, job.algorithm.halves().as_ref()) == job.kinship.training
}

/// Whether a state of kin is as good as one of the job's own: of its training, and made by this code or by code that
/// this one was seen to repeat, unless the user asked for what other builds made.
pub(super) fn usable(job: &Job, meta: &Meta) -> bool {
    same(job, &Made::from(meta)) && (job.other_build == OtherBuild::Keep || ours(job, meta) || proved(job, meta))
}

/// Whether a snapshot is a state that the training which `builds` made has passed: this code made it or was seen to
/// repeat it, or it is of the stretch of one of them. Otherwise points of two trainings would make one curve.
pub(super) fn passed(job: &Job, meta: &Meta, builds: &[Segment]) -> bool {
    let theirs = job.other_build == OtherBuild::Keep && on_the_way(&meta.segments, meta.step, builds);
    let this =
        builds.last().is_none_or(|last| last.code.as_ref().is_some_and(|code| code.training == job.code.training));
    same(job, &Made::from(meta)) && (theirs || proved(job, meta) || (this && ours(job, meta)))
}

/// Whether this code made the state.
fn ours(job: &Job, meta: &Meta) -> bool {
    meta.code().is_some_and(|code| code.training == job.code.training)
}

/// Whether the state lies on the way of a run of this training that this code went on with: each of the builds that
/// followed repeated the last meta-iterations of the one before.
fn proved(job: &Job, meta: &Meta) -> bool {
    let others = kin(job, Among::Folder).into_iter().map(|kin| kin.builds);
    others.chain(job.dir.record().ok().map(|record| record.segments)).any(|builds| {
        let went_on = builds.last().and_then(|last| last.code.as_ref());
        went_on.is_some_and(|code| code.training == job.code.training) && on_the_way(&meta.segments, meta.step, &builds)
    })
}

/// Whether a run that `builds` made passed the state that `first` of them made at `step`.
fn on_the_way(first: &[Segment], step: u64, builds: &[Segment]) -> bool {
    let next = builds.get(first.len());
    !first.is_empty() && builds.starts_with(first) && next.is_none_or(|next| step <= next.first_step)
}

/// Whether all states before `step` that validation chooses among are still there, or their number is: the best of the
/// others is not the best.
pub(super) fn can_choose(job: &Job, kin: &[Kin], step: u64, measured: &[(u64, f64)]) -> bool {
    let Some(selection) = Selection::new(job) else { return true };
    let folders = kin.iter().map(|kin| &kin.dir).chain([&job.dir]);
    let mut there: BTreeSet<u64> = folders.flat_map(|folder| folder.snapshots()).collect();
    there.extend(measured.iter().map(|(step, _)| *step));
    selection.steps.iter().filter(|choice| **choice < step).all(|choice| there.contains(choice))
}

/// The most advanced checkpoint of kin that is beyond `step`, with its place.
pub(super) fn ahead(job: &Job, kin: &[Kin], step: u64) -> Result<Option<(Checkpoint, usize)>> {
    let steps = |at: usize| kin[at].dir.checkpoints().into_iter().map(move |found| (found, at));
    let mut all: Vec<(u64, usize)> = (0..kin.len()).flat_map(steps).filter(|(found, _)| *found > step).collect();
    // Of equals the first: the order of folders decides, never that of a directory's entries.
    all.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (found, at) in all {
        // What is damaged or of another build belongs to its own run, which says so; here it is no help.
        let Ok(mut checkpoint) = kin[at].dir.checkpoint(found) else { continue };
        // This build finishes nothing that another one began, as far as kin can tell.
        let unfinished = checkpoint.meta.step < job.meta_iters && !ours(job, &checkpoint.meta);
        if unfinished || !usable(job, &checkpoint.meta) || !shapes::whole(job, &checkpoint.state)? {
            continue;
        }
        if complete_log(&mut checkpoint, &kin[at].dir).is_ok() {
            return Ok(Some((checkpoint, at)));
        }
    }
    Ok(None)
}

/// Fills in the training's log of a checkpoint of the first format, which kept it in metrics.csv alone.
pub(super) fn complete_log(checkpoint: &mut Checkpoint, dir: &RunDir) -> Result<()> {
    if checkpoint.meta.format == FIRST_FORMAT && checkpoint.log.is_empty() && checkpoint.meta.step > 0 {
        checkpoint.log = dir.scalars(checkpoint.meta.metrics_len, checkpoint.meta.step)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Value {
        json!({
            "benchmark": "m15", "label": "reptile", "data": { "dataset": "mini" }, "input": [84, 84, 3], "model": "m",
            "protocol": { "ways": 5, "shots": 1, "queries": 1 }, "eval": { "episodes": 9 }, "algorithm": "reptile",
            "view": {}, "method": { "lr": 0.1, "eval_batch": 5, "train_shots": 15 }, "meta_iters": 100, "seed": 0,
        })
    }

    fn changed(path: &[&str], value: Value) -> Value {
        let mut config = config();
        *path.iter().fold(&mut config, |at, key| &mut at[*key]) = value;
        config
    }

    fn halves() -> Halves {
        Halves { test: vec!["eval_batch"], both: vec!["lr"], ways: true, shots: false, trains_as: None }
    }

    fn hashes(config: &Value, halves: Option<&Halves>) -> (String, String) {
        let kinship = Kinship::new(config, "digest", halves);
        (kinship.training_hash, kinship.evaluation_hash)
    }

    /// Whether each half changes.
    fn moved(path: &[&str], value: Value, halves: Option<&Halves>) -> (bool, bool) {
        let (before, after) = (hashes(&config(), halves), hashes(&changed(path, value), halves));
        (before.0 != after.0, before.1 != after.1)
    }

    #[test]
    fn each_setting_counts_in_its_half() {
        let halves = halves();
        let with = |path: &[&str], value: Value| moved(path, value, Some(&halves));
        assert_eq!(with(&["method", "eval_batch"], json!(15)), (false, true));
        assert_eq!(with(&["method", "train_shots"], json!(10)), (true, false));
        assert_eq!(with(&["method", "lr"], json!(0.2)), (true, true));
        assert_eq!(with(&["protocol", "shots"], json!(5)), (false, true));
        assert_eq!(with(&["protocol", "ways"], json!(20)), (true, true));
        assert_eq!(with(&["eval", "episodes"], json!(8)), (false, true));
        assert_eq!(with(&["meta_iters"], json!(200)), (true, false));
        assert_eq!(with(&["seed"], json!(1)), (true, false));
        assert_eq!(with(&["data", "dataset"], json!("other")), (true, true));
        assert_eq!(with(&["label"], json!("other")), (false, false), "a label is of neither");
        assert_eq!(with(&["benchmark"], json!("m55")), (false, false), "nor is a name");
    }

    #[test]
    fn a_method_that_says_nothing_counts_everything_in_both() {
        for path in [["method", "eval_batch"], ["method", "lr"], ["protocol", "shots"], ["protocol", "ways"]] {
            assert_eq!(moved(&path, json!(77), None), (true, true), "{path:?}");
        }
        assert_eq!(moved(&["label"], json!("other"), None), (false, false));
    }

    /// Rows of two methods have one training where one trains as the other; keys that only choose this do not count,
    /// and each has its own evaluation.
    #[test]
    fn a_method_that_trains_as_another_has_its_training() {
        let scored = |change: &dyn Fn(&mut Value)| {
            let halves = Halves { trains_as: Some(TrainsAs { method: "reptile", own: vec!["train_as"] }), ..halves() };
            let mut config = config();
            (config["algorithm"], config["method"]["train_as"]) = (json!("scored"), json!("reptile"));
            change(&mut config);
            name_trainer(&mut config, Some(&halves));
            (hashes(&config, Some(&halves)), config)
        };
        let (reptile, (same, config)) = (hashes(&self::config(), Some(&halves())), scored(&|_| {}));
        assert!(reptile.0 == same.0 && reptile.1 != same.1);
        // Whoever reads it: the other method's halves know nothing of the key.
        assert_eq!(
            training_of(&config, "digest", Some(&halves())),
            training_of(&self::config(), "digest", Some(&halves()))
        );
        assert_eq!((trainer(&config), trainer(&self::config())), ("reptile", "reptile"));
        let (other, _) = scored(&|config| config["method"]["train_shots"] = json!(10));
        assert_ne!(reptile.0, other.0);
    }

    #[test]
    fn a_state_is_on_the_way_of_builds_that_went_on_behind_it() {
        let build = |code: &str, first_step| {
            let identity = Identity { training: code.into(), evaluation: String::new() };
            Segment {
                code: Some(identity),
                git_commit: None,
                git_dirty: None,
                instruction_set: "avx2+fma".into(),
                first_step,
            }
        };
        let way = [build("a", 0), build("b", 100), build("c", 300)];
        for (builds, step, yes) in [
            (vec![build("a", 0)], 100, true),
            (vec![build("a", 0)], 101, false), // `b` went on before it
            (vec![build("a", 0), build("b", 100)], 300, true),
            (vec![build("a", 0), build("b", 100)], 301, false),
            (way.to_vec(), 9999, true),
            (vec![build("b", 0)], 50, false),
            (vec![build("a", 0), build("b", 99)], 200, false),
            ([&way[..], &[build("d", 400)]].concat(), 400, false),
            (vec![], 50, false),
        ] {
            assert_eq!(on_the_way(&builds, step, &way), yes, "{step} by {builds:?}");
        }
    }
}
