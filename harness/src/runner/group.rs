//! The runs of one training, one after the other: the first trains, those after it go on from its state. A run that
//! fails in its own evaluation leaves the training to the next; a training that fails does so for all of them.

use harness_core::{Error, Result};

use super::describe::{self, Told};
use super::event::Event;
use super::job::{Job, OtherBuild, Shared};
use super::replay::{self, Replay};
use super::resume::{self, OnDisk};
use super::snapshots;
use super::train::{self, Company, Doing, Ended};
use super::training::{self, Among};
use crate::panics::caught;
use crate::results::checkpoint::Checkpoint;
use crate::results::lock::{Lock, Taken};
use crate::results::run_dir::RunDir;
use crate::results::run_json::Status;

/// Runs that share a training, by their places in the call.
pub(super) type Group = Vec<(usize, Job)>;

/// A run and how it ended.
pub struct Finished {
    pub job: Job,
    pub ended: Result<Ended>,
}

/// What came of an attempt.
pub(super) struct Attempt {
    pub done: Vec<(usize, Finished)>,
    /// Runs whose training another process has in hand: to be tried again.
    pub waiting: Group,
}

/// Runs of one training: a run that trains nothing is alone.
pub(super) fn groups(jobs: Vec<Job>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, job) in jobs.into_iter().enumerate() {
        let of = |group: &&mut Group| {
            let first = &group[0].1;
            job.meta_iters > 0
                && (&first.kinship.training_hash, first.meta_iters) == (&job.kinship.training_hash, job.meta_iters)
        };
        match groups.iter_mut().find(of) {
            Some(group) => group.push((index, job)),
            None => groups.push(vec![(index, job)]),
        }
    }
    groups
}

/// A run whose folder is locked.
struct Open {
    index: usize,
    job: Job,
    left: Remaining,
    _lock: Lock,
}

/// What is left to do of a run.
struct Remaining {
    own: Option<Checkpoint>,
    /// Whether what lies there goes first.
    clear: bool,
    /// Whether this build must repeat the last stretch of another one's before it goes on.
    prove: bool,
    /// Whether only the evaluation is done again.
    again: bool,
}

impl Remaining {
    fn all(clear: bool) -> Remaining {
        Remaining { own: None, clear, prove: false, again: false }
    }

    fn from(own: Checkpoint) -> Remaining {
        Remaining { own: Some(own), clear: false, prove: false, again: false }
    }
}

/// What [`enter`] finds.
enum Entered {
    /// Nothing is left to do: what to say of it.
    Done(Event),
    Remaining(Box<Remaining>),
}

/// Does all that is left of the runs, if no other process has their training in hand. `again`: what is odd was told
/// before.
pub(super) fn attempt(group: Group, shared: &Shared<'_>, again: bool) -> Attempt {
    let mut done = Vec::new();
    let mut ended = |index: usize, job: Job, how: Result<Ended>| done.push((index, Finished { job, ended: how }));
    let mut open: Vec<Open> = Vec::new();
    for (index, job) in group {
        // Without the lock another process may have the run in hand: its record is not ours to write.
        let lock = match caught(|| job.dir.lock()) {
            Ok(lock) => lock,
            Err(error) => {
                let how = told(&job, shared, error);
                ended(index, job, how);
                continue;
            }
        };
        match caught(|| enter(&job, shared, again)) {
            Ok(Entered::Done(event)) => {
                shared.observer.event(&job, &event);
                drop(lock);
                tidy(&job);
                ended(index, job, Ok(Ended::Kept));
            }
            Ok(Entered::Remaining(left)) => open.push(Open { index, job, left: *left, _lock: lock }),
            Err(error) => {
                let how = failed(&job, shared, error);
                ended(index, job, how);
            }
        }
    }
    let Some(first) = open.first() else { return Attempt { done, waiting: Vec::new() } };
    let _training = match caught(|| lock(&first.job)) {
        Ok(Taken::Ours(lock)) => lock,
        Ok(Taken::By(holder)) => {
            if !again {
                shared.observer.event(&first.job, &Event::Waiting { holder });
            }
            return Attempt { done, waiting: open.into_iter().map(|open| (open.index, open.job)).collect() };
        }
        Err(error) => {
            let why = error.to_string();
            for Open { index, job, .. } in open {
                let how = failed(&job, shared, Error::data(why.clone()));
                ended(index, job, how);
            }
            return Attempt { done, waiting: Vec::new() };
        }
    };
    // Before the first one begins: none may go on from what another one is to start over.
    for one in open.iter().filter(|one| one.left.clear) {
        // A folder that cannot be cleared errs again, with its name, when the run begins.
        let _ = one.job.dir.clear();
    }
    let dirs: Vec<RunDir> = open.iter().map(|open| open.job.dir.clone()).collect();
    let mut broken: Option<(String, Broken)> = None;
    let all = open.len();
    for (at, Open { index, job, left, _lock }) in open.into_iter().enumerate() {
        let how = match &broken {
            _ if shared.stop.requested() => Ok(Ended::Interrupted),
            Some((name, why)) => unserved(&job, shared, name, why),
            None => {
                let doing = Doing::default();
                match caught(|| one(&job, shared, (left, at + 1 < all), &dirs, &doing)) {
                    Ok(ended) => Ok(ended),
                    Err(error) => {
                        if doing.in_training() {
                            broken = Some((job.name(), Broken::by(&error)));
                        }
                        failed(&job, shared, error)
                    }
                }
            }
        };
        ended(index, job, how);
    }
    // The last one out: nobody of this call reads the snapshots any more.
    if let Some((_, Finished { job, .. })) = done.iter().rev().find(|(_, one)| one.ended.is_ok()) {
        snapshots::sweep(job, &training::kin(job, Among::Folder));
    }
    Attempt { done, waiting: Vec::new() }
}

/// Looks at what is in the run's folder.
fn enter(job: &Job, shared: &Shared<'_>, again: bool) -> Result<Entered> {
    if shared.fresh {
        return Ok(Entered::Remaining(Box::new(Remaining::all(true))));
    }
    let mut damaged = |what| {
        if !again {
            shared.observer.event(job, &Event::Damaged { what });
        }
    };
    Ok(match resume::look(job, &mut damaged)? {
        OnDisk::Complete => Entered::Done(Event::Kept { other_target: describe::unmark(job)? }),
        OnDisk::Nothing => Entered::Remaining(Box::new(Remaining::all(false))),
        OnDisk::Foreign | OnDisk::Resumable { foreign: true, .. } if job.other_build == OtherBuild::StartOver => {
            Entered::Remaining(Box::new(Remaining::all(true)))
        }
        OnDisk::Foreign if job.other_build == OtherBuild::Keep => {
            let (build, other_target) = describe::keep(job)?;
            Entered::Done(Event::KeptOther { build, other_target })
        }
        OnDisk::Foreign => {
            let (at, build) = (&job.dir, resume::maker(job).build());
            return Err(Error::usage(format!(
                "{at} was made by {build}: train it again with --fresh, or show it as it is with --keep"
            )));
        }
        OnDisk::Trained(checkpoint) => {
            // Its numbers are about to be cut off: until the new ones are there it is not complete.
            describe::reopen(job)?;
            Entered::Remaining(Box::new(Remaining { again: true, ..Remaining::from(*checkpoint) }))
        }
        OnDisk::Resumable { checkpoint, foreign } => {
            let proved = job.other_build == OtherBuild::Proved(checkpoint.meta.step);
            // Nothing is left to train: what is measured is the other build's, as was asked for.
            let theirs = job.other_build == OtherBuild::Keep && checkpoint.meta.step >= job.meta_iters;
            Entered::Remaining(Box::new(Remaining {
                prove: foreign && !proved && !theirs,
                ..Remaining::from(*checkpoint)
            }))
        }
    })
}

/// The lock of a run's training; one of nothing where nothing is trained.
fn lock(job: &Job) -> Result<Taken> {
    match job.meta_iters {
        0 => Ok(Taken::Ours(Lock::default())),
        _ => job.dir.lock_training(&job.kinship.training_hash),
    }
}

/// One run, with what is left of it and whether another one comes after it.
fn one(
    job: &Job,
    shared: &Shared<'_>,
    (left, followed): (Remaining, bool),
    dirs: &[RunDir],
    doing: &Doing,
) -> Result<Ended> {
    if left.clear {
        job.dir.clear()?;
    }
    if let Some(own) = left.own.as_ref().filter(|_| left.prove) {
        let step = own.meta.step;
        match replay::towards(job, shared.pool, &shared.stop, own)? {
            Replay::Same => {}
            Replay::Interrupted => return Ok(Ended::Interrupted),
            Replay::Differs(why) => {
                let (at, build) = (&job.dir, resume::maker(job).build());
                return Err(Error::usage(format!(
                    "{at} was stopped at step {step} under {build}, and {why}: build that commit to go on, or start over \
                     with --fresh"
                )));
            }
        }
    }
    let among = if shared.fresh { Among::These(dirs) } else { Among::Folder };
    let company = Company { kin: training::kin(job, among), followed, again: left.again };
    train::run(job, shared, left.own, company, doing)
}

/// Snapshots of a complete run that a process left which died before it removed them.
fn tidy(job: &Job) {
    if !job.dir.snapshots().is_empty()
        && let Ok(Taken::Ours(_lock)) = lock(job)
    {
        snapshots::sweep(job, &training::kin(job, Among::Folder));
    }
}

fn failed(job: &Job, shared: &Shared<'_>, error: Error) -> Result<Ended> {
    // A folder that belongs to another run keeps its record, and so does a run whose end was not taken back yet.
    let complete = job.dir.record().is_ok_and(|record| record.status == Status::Complete);
    if !complete && !matches!(error, Error::Usage(_)) {
        let _ = describe::write(job, shared, Status::Failed, Some(&error.to_string()), 0.0, &Told::default());
    }
    told(job, shared, error)
}

/// Says that the run failed, and leaves its folder as it is.
fn told(job: &Job, shared: &Shared<'_>, error: Error) -> Result<Ended> {
    shared.observer.event(job, &Event::Failed { why: error.to_string() });
    Err(error)
}

/// Why a training failed, for each of the runs that wanted it.
enum Broken {
    Data(String),
    Other(String),
}

impl Broken {
    fn by(error: &Error) -> Broken {
        match error {
            Error::Data(why) => Broken::Data(why.clone()),
            other => Broken::Other(other.to_string()),
        }
    }
}

/// The training failed already, and that was told.
fn unserved(job: &Job, shared: &Shared<'_>, name: &str, why: &Broken) -> Result<Ended> {
    let error = match why {
        Broken::Data(why) => Error::data(format!("{why} (in the training of {name})")),
        Broken::Other(why) => Error::Diverged(format!("{why} (in the training of {name})")),
    };
    let why = error.to_string();
    let _ = describe::write(job, shared, Status::Failed, Some(&why), 0.0, &Told::default());
    shared.observer.event(job, &Event::Unserved { why });
    Err(error)
}
