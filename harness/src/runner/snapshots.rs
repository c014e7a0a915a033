//! What evaluation reads of a training, kept at steps that depend on the training alone, so that a cell which comes
//! later has its learning curve and its choice of a state as if it had trained itself.
//!
//! A snapshot is a file `snapshot-<step>.safetensors` in the folder of the run that trained, a checkpoint without what
//! only training reads. Snapshots since the last checkpoint wait in memory: they are on disk before the checkpoint that
//! has passed them, so that a run which dies makes again what it lost. They go once all planned runs of the training
//! are done.

use std::collections::BTreeSet;

use harness_core::{Error, Result, State};

use super::curve::spread;
use super::job::Job;
use super::selection::Selection;
use super::training::{self, Kin};
use crate::identity::Segment;
use crate::results::checkpoint::{Checkpoint, FORMAT, Meta};
use crate::results::plan_json;
use crate::results::run_dir::RunDir;

/// Points of the longest learning curve whose every shortening has its snapshots.
const MOST_CURVE_POINTS: usize = 21;
/// A state is chosen among at most so many.
pub(super) const CHOICES: usize = 60;

/// Steps of a training of `total` meta-iterations that are kept: those of every curve of up to [`MOST_CURVE_POINTS`]
/// points and of every choice. The first and the last step need none: the one is drawn, the other is a checkpoint.
pub(super) fn steps(total: u64) -> BTreeSet<u64> {
    let mut steps: BTreeSet<u64> = (2..=MOST_CURVE_POINTS).flat_map(|points| spread(points, total)).collect();
    steps.extend(spread(CHOICES + 1, total));
    steps.retain(|step| *step > 0 && *step < total);
    steps
}

/// Writes one.
pub(super) fn write(job: &Job, state: &State, trained_by: &str, segments: &[Segment]) -> Result<()> {
    let meta = Meta {
        format: FORMAT,
        step: state.step,
        config: job.config.clone(),
        config_hash: job.config_hash(),
        data_digest: job.data_digest.clone(),
        classes: job.classes.clone(),
        chosen_by: None,
        metrics_len: 0,
        measured: None,
        elapsed_s: 0.0,
        seen: None,
        missing: Vec::new(),
        trained_by: Some(trained_by.to_owned()),
        joined: None,
        segments: segments.to_vec(),
    };
    job.dir.write_snapshot(&Checkpoint::state_alone(job.algorithm.for_evaluation(state), meta))
}

/// The state at `step` from the first of `folders` that has it; None where nobody kept it. One that is damaged, of
/// another training, or that the run which `segments` made did not pass, is no snapshot: `odd` is told. Errors where
/// nobody kept one that validation chooses among: the best of the others is not the best.
pub(super) fn load<'a>(
    job: &Job,
    folders: impl Iterator<Item = &'a RunDir>,
    (step, segments): (u64, &[Segment]),
    odd: &mut dyn FnMut(String),
) -> Result<Option<State>> {
    for folder in folders {
        match folder.snapshot(step) {
            Ok(None) => {}
            Ok(Some(found)) if found.meta.step == step && training::passed(job, &found.meta, segments) => {
                return found.state.to(&job.device).map(Some);
            }
            Ok(Some(_)) => {
                let path = folder.snapshot_path(step);
                odd(format!("{}: of another step, training or build, passed over", path.display()));
            }
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(why) => odd(format!("{why}; passed over")),
        }
    }
    match Selection::new(job) {
        Some(selection) if selection.steps.contains(&step) => Err(Error::usage(format!(
            "{}: validation chooses among {} states, and that of meta-iteration {step} is gone, as nobody waited for it when \
             another run of this training was done: choose another --out, or start over with --fresh",
            job.dir,
            selection.steps.len()
        ))),
        _ => Ok(None),
    }
}

/// Whether a planned run of this training, other than `job`, has still to be done: it will read the snapshots.
pub(super) fn awaited(job: &Job, kin: &[Kin]) -> bool {
    // A plan that cannot be read was told of when the command began. It may name a run that is still to come.
    let planned = || planned_kin(job).map_or(true, |dirs| dirs.iter().any(|dir| *dir != job.dir && !dir.is_complete()));
    kin.iter().any(|kin| !kin.complete) || planned()
}

/// Folders of the planned runs of the job's training.
fn planned_kin(job: &Job) -> Result<Vec<RunDir>> {
    let Some(budget) = job.dir.budget() else { return Ok(Vec::new()) };
    let planned = plan_json::read(budget)?.into_iter();
    let mine = planned.filter(|run| run.training.as_ref() == Some(&job.kinship.training_hash));
    Ok(mine.map(|run| run.dir(budget)).collect())
}

/// Removes all snapshots of the job's training once nobody will read them; a state that a run reports stays. Call with
/// the training's lock held.
pub(super) fn sweep(job: &Job, kin: &[Kin]) {
    if awaited(job, kin) || !job.dir.is_complete() {
        return;
    }
    let own = job.dir.record().ok().and_then(|record| record.selected_step);
    let all = kin.iter().map(|kin| (&kin.dir, kin.selected)).chain([(&job.dir, own)]);
    for (dir, selected) in all {
        dir.snapshots().into_iter().filter(|step| Some(*step) != selected).for_each(|step| dir.remove_snapshot(step));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shorter_curve_and_every_choice_is_among_them() {
        for total in [1, 2, 7, 60, 1000, 100_000] {
            let kept = steps(total);
            for points in (2..=21).chain([61, 31, 16, 13, 11]) {
                let inside = spread(points, total).into_iter().filter(|step| *step > 0 && *step < total);
                assert!(inside.into_iter().all(|step| kept.contains(&step)), "{points} points of {total}");
            }
            assert!(kept.len() < 160 && !kept.contains(&0) && !kept.contains(&total), "{}", kept.len());
        }
    }
}
