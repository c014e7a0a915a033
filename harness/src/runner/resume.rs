//! What a run's folder says: nothing yet, a checkpoint to go on from, all done, or a run of something else.

use std::io::ErrorKind;
use std::path::Path;

use harness_core::{Error, Mode, Result};
use harness_data::Cache;
use serde_json::Value;

use super::hash::{CLASSES, difference};
use super::job::{Job, OtherBuild};
use super::selection;
use super::training::{self, Among, TRAINS_AS};
use crate::identity::{Identity, Segment};
use crate::results::checkpoint::{Checkpoint, Meta};
use crate::results::run_dir::RunDir;
use crate::results::run_json::{RunRecord, Status};

/// What is found in a run's folder.
pub(super) enum OnDisk {
    Nothing,
    Complete,
    /// Complete; this code trained it and other code evaluated it.
    Trained(Box<Checkpoint>),
    /// Complete, trained by other code.
    Foreign,
    /// Stopped on the way; `foreign`: under other code, so that a replay must come first.
    Resumable {
        checkpoint: Box<Checkpoint>,
        foreign: bool,
    },
}

/// What is left to do of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    New,
    /// Goes on after so many meta-iterations.
    Resumable(u64),
    Complete,
    /// Only the evaluation is done again: other code did it.
    Trained,
    /// Finished by another build.
    Foreign,
    /// Stopped after so many meta-iterations under another build: goes on if this one repeats the last of them.
    Unproved(u64),
}

/// What [`look`] would find, for saying so before anything is spent.
pub fn standing(job: &Job) -> Result<Standing> {
    Ok(match look(job, &mut |_| ())? {
        OnDisk::Nothing => Standing::New,
        OnDisk::Complete => Standing::Complete,
        OnDisk::Trained(_) => Standing::Trained,
        OnDisk::Foreign => Standing::Foreign,
        OnDisk::Resumable { checkpoint, foreign: false } => Standing::Resumable(checkpoint.meta.step),
        OnDisk::Resumable { checkpoint, foreign: true } => Standing::Unproved(checkpoint.meta.step),
    })
}

/// How far kin have brought the training of `job`: what a run that is yet to begin need not do.
pub fn done_elsewhere(job: &Job) -> u64 {
    let kin = training::kin(job, Among::Folder);
    let steps = kin.iter().flat_map(|kin| kin.dir.checkpoints());
    steps.filter(|step| training::can_choose(job, &kin, *step, &[])).max().unwrap_or(0)
}

/// Looks at the folder. Damaged checkpoints are reported to `damaged` and passed over. Errors when what is there was
/// made by another config, from other data or in another format, naming the difference.
pub(super) fn look(job: &Job, damaged: &mut dyn FnMut(String)) -> Result<OnDisk> {
    let damaged_record = match job.dir.record() {
        Ok(record) => {
            same(job, job.dir.path(), &Made::from(&record))?;
            if record.status == Status::Complete && job.dir.has_numbers() {
                return Ok(complete(job, record.code.as_ref()));
            }
            None
        }
        // What else is wrong with the folder is told when it is written to.
        Err(Error::Io { source, .. }) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            None
        }
        // A damaged record of an unfinished run is no obstacle: checkpoints carry the config too.
        Err(damaged @ Error::Data(_)) => Some(damaged),
        Err(refused) => return Err(refused),
    };
    let (mut unreadable, mut passed_over) = (None, false);
    for step in job.dir.checkpoints() {
        match job.dir.checkpoint(step) {
            Ok(found) => {
                same(job, &job.dir.checkpoint_path(step), &Made::from(&found.meta))?;
                return Ok(resumable(job, found));
            }
            Err(refused @ Error::Usage(_)) => return Err(refused),
            Err(Error::Data(why)) => {
                damaged(format!("{why}; looking for an older one"));
                passed_over = true;
            }
            Err(error) => unreadable = Some(error),
        }
    }
    // It may well be whole: starting over would throw it away.
    if let Some(error) = unreadable {
        return Err(error);
    }
    if passed_over {
        damaged("no checkpoint is left that can be read: starting over".into());
    }
    // What a whole evaluation left may be all that there is of a run: nothing is written over it unasked.
    if let Some(error) = damaged_record.filter(|_| job.dir.has_numbers()) {
        return Err(error);
    }
    Ok(OnDisk::Nothing)
}

/// A complete run, made by `code`.
fn complete(job: &Job, code: Option<&Identity>) -> OnDisk {
    match code {
        Some(code) if *code == job.code => OnDisk::Complete,
        Some(code) if code.training == job.code.training => match trained(job) {
            Some(checkpoint) => OnDisk::Trained(Box::new(checkpoint)),
            None => OnDisk::Foreign,
        },
        _ => OnDisk::Foreign,
    }
}

/// The end of the training, made by this code, without the evaluation. None where a state was chosen: the choice is of
/// the evaluation too, and the states that it was made among are gone.
fn trained(job: &Job) -> Option<Checkpoint> {
    if !job.config["select"].is_null() {
        return None;
    }
    let mut found = job.dir.checkpoint(job.meta_iters).ok()?;
    same(job, job.dir.path(), &Made::from(&found.meta)).ok()?;
    found.outcomes.clear();
    found.last.clear();
    found.meta.code().is_some_and(|code| code.training == job.code.training).then_some(found)
}

/// A run that was stopped. Episodes that other code evaluated are evaluated again, and so is the choice of a state.
fn resumable(job: &Job, mut found: Checkpoint) -> OnDisk {
    let made_by = found.meta.code();
    let foreign = made_by.is_none_or(|code| code.training != job.code.training);
    if made_by.is_none_or(|code| code.evaluation != job.code.evaluation) {
        found.outcomes.clear();
        found.last.clear();
        // Numbers of two codes are not compared with one another: all states are measured again, from their snapshots.
        if job.method.select.is_some() {
            found.choice.clear();
            (found.meta.measured, found.meta.seen, found.meta.metrics_len) = (None, Some(0), 0);
        }
    }
    OnDisk::Resumable { checkpoint: Box::new(found), foreign }
}

/// The newest checkpoint that can be read, if the run was stopped on the way.
pub(super) fn newest(job: &Job) -> Result<Option<Checkpoint>> {
    Ok(match look(job, &mut |_| ())? {
        OnDisk::Resumable { checkpoint, .. } => Some(*checkpoint),
        _ => None,
    })
}

/// The build that made what lies in the folder, as far as it is known.
pub fn maker(job: &Job) -> Segment {
    let record = job.dir.record().ok();
    let complete = record.as_ref().is_some_and(|record| record.status == Status::Complete);
    let newest = if complete { None } else { newest(job).ok().flatten() };
    let written = newest.and_then(|checkpoint| checkpoint.meta.segments.last().cloned());
    let recorded = || record.as_ref().and_then(|record| record.segments.last().cloned());
    written.or_else(recorded).unwrap_or_else(|| unsaid(record.as_ref()))
}

/// What is known of a build that did not say what it was made of.
fn unsaid(record: Option<&RunRecord>) -> Segment {
    let record = record.filter(|record| record.code.is_none());
    Segment {
        code: None,
        git_dirty: record.and_then(|record| record.git_dirty),
        git_commit: record.and_then(|record| record.git_commit.clone()),
        instruction_set: record.map(|record| record.instruction_set.clone()).unwrap_or_default(),
        first_step: 0,
    }
}

/// What a record or a checkpoint says of what its run was made of.
pub(super) struct Made<'a> {
    pub config: &'a Value,
    pub data_digest: &'a str,
    /// Empty where an older build did not say.
    classes: &'a str,
    chosen_by: Option<Mode>,
}

impl<'a> From<&'a RunRecord> for Made<'a> {
    fn from(record: &'a RunRecord) -> Self {
        let RunRecord { config, data_digest, classes, chosen_by, .. } = record;
        Made { config, data_digest, classes, chosen_by: *chosen_by }
    }
}

impl<'a> From<&'a Meta> for Made<'a> {
    fn from(meta: &'a Meta) -> Self {
        let Meta { config, data_digest, classes, chosen_by, .. } = meta;
        Made { config, data_digest, classes, chosen_by: *chosen_by }
    }
}

impl Made<'_> {
    /// Whether it trained and tested on the classes that the job does, as far as it is known: a list of the project's
    /// own may have been edited from one build to the next.
    pub fn has_classes_of(&self, job: &Job) -> bool {
        self.classes.is_empty() || self.classes == job.classes
    }
}

/// Errors where what lies at `at` is of another run, naming the difference.
pub(super) fn same(job: &Job, at: &Path, made: &Made<'_>) -> Result<()> {
    let Made { config, data_digest: digest, .. } = *made;
    let refuse_for = |what: String, remedy: &str| {
        let at = at.display();
        Err(Error::usage(format!("{at} was made by another run ({what}): {remedy}, or start over with --fresh")))
    };
    let refuse = |what: String| refuse_for(what, "choose another --out");
    let mut here = job.config.clone();
    // Older builds did not say which classes a split of the user's has.
    if config["data"][CLASSES].is_null()
        && let Some(data) = here["data"].as_object_mut()
    {
        data.remove(CLASSES);
    }
    // Nor as which method one trains: their training is of other code in any case.
    if config[TRAINS_AS].is_null()
        && let Some(all) = here.as_object_mut()
    {
        all.remove(TRAINS_AS);
    }
    // Classes are known by the images that are drawn from them: what they say counts where the images are the same.
    let dealt_otherwise = here["data"][CLASSES] != config["data"][CLASSES];
    if dealt_otherwise {
        here["data"][CLASSES] = config["data"][CLASSES].clone();
    }
    if let Some(what) = difference(config, &here) {
        return refuse(what);
    }
    if digest != job.data_digest {
        let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
        let what = format!("data digest: {} there, {} here", short(digest), short(&job.data_digest));
        if job.regression() {
            return refuse(what);
        }
        let how = Cache::of_user().difference(digest, &job.data_digest);
        let how = how.unwrap_or_else(|| "images were added, removed or changed".to_owned());
        return refuse_for(format!("{what}; {how}"), "restore the images, choose another --out");
    }
    if dealt_otherwise || !made.has_classes_of(job) {
        return refuse("the split of its classes has changed since".to_owned());
    }
    // The published value, whose mode decides, is of no hash: it may be corrected.
    if let Some((then, now)) = made.chosen_by.zip(selection::chosen_by(job)).filter(|(then, now)| then != now) {
        let (then, now) = (then.as_str(), now.as_str());
        return refuse(format!(
            "its state is chosen by {then} validation numbers, and the published value of the benchmark is now {now}"
        ));
    }
    Ok(())
}

/// The builds that made the checkpoint of `meta`, and this one where it is another or on another kind of machine.
pub(super) fn segments(job: &Job, meta: &Meta) -> Vec<Segment> {
    let segments = made_by(&job.dir, meta);
    // Nothing is left to train of what another build finished: the state stays theirs.
    let theirs = job.other_build == OtherBuild::Keep && meta.step >= job.meta_iters;
    if theirs && meta.code().is_none_or(|code| code.training != job.code.training) {
        return segments;
    }
    segments_after(job, &segments, meta.step)
}

/// The builds that made the checkpoint of `meta` in the run's folder `dir`, as far as it is known.
pub(super) fn made_by(dir: &RunDir, meta: &Meta) -> Vec<Segment> {
    if !meta.segments.is_empty() {
        return meta.segments.clone();
    }
    // The record says as much as is known: what it had of that build, or all of it.
    let record = dir.record().ok();
    let first = record.as_ref().and_then(|record| record.segments.first().cloned());
    vec![first.filter(|first| first.code.is_none()).unwrap_or_else(|| unsaid(record.as_ref()))]
}

/// These builds, and this one after them where it is another or on another kind of machine.
pub(super) fn segments_after(job: &Job, before: &[Segment], step: u64) -> Vec<Segment> {
    let mut segments = before.to_vec();
    let now = Segment::now(&job.code, step);
    if !segments.last().is_some_and(|last| last.continues(&now)) {
        segments.push(now);
    }
    segments
}
