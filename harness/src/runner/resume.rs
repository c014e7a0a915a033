//! What a run's folder says: nothing yet, a checkpoint to go on from, all done, or a run of something else.

use std::path::Path;

use harness_core::{Error, Result};

use super::hash::difference;
use super::job::Job;
use super::training::{self, Among};
use crate::files::checkpoint::{self, Checkpoint};
use crate::files::fault;
use crate::record::{RunRecord, Status};

/// What is found in a run's folder.
pub(super) enum Found {
    Nothing,
    Complete,
    Resumable(Box<Checkpoint>),
}

/// What is left to do of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    New,
    /// Goes on after so many meta-iterations.
    Resumable(u64),
    Complete,
}

/// What [`look`] would find, for saying so before anything is spent.
pub fn standing(job: &Job) -> Result<Standing> {
    Ok(match look(job, &mut |_| ())? {
        Found::Nothing => Standing::New,
        Found::Complete => Standing::Complete,
        Found::Resumable(checkpoint) => Standing::Resumable(checkpoint.meta.step),
    })
}

/// How far kin have brought the training of `job`: what a run that is yet to begin need not do.
pub fn done_elsewhere(job: &Job) -> u64 {
    let steps = training::kin(job, Among::Folder).into_iter().flat_map(|kin| checkpoint::steps(&kin.dir));
    steps.max().unwrap_or(0)
}

/// Looks at the folder. Damaged checkpoints are reported to `damaged` and passed over. Errors when what is there was
/// made by another config, from other data or in another format, naming the difference.
pub(super) fn look(job: &Job, damaged: &mut dyn FnMut(String)) -> Result<Found> {
    match RunRecord::read(&job.dir.join("run.json")) {
        Ok(record) => {
            same(job, &job.dir, &record.config, &record.data_digest)?;
            if record.status == Status::Complete && whole(&job.dir) {
                return Ok(Found::Complete);
            }
        }
        Err(newer @ Error::Usage(_)) => return Err(newer),
        // A damaged record of an unfinished run is no obstacle: checkpoints carry the config too.
        Err(_) => {}
    }
    let (mut unreadable, mut passed_over) = (None, false);
    for step in checkpoint::steps(&job.dir) {
        let path = checkpoint::path(&job.dir, step);
        match Checkpoint::load(&path) {
            Ok(found) => {
                same(job, &path, &found.meta.config, &found.meta.data_digest)?;
                return Ok(Found::Resumable(Box::new(found)));
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
    Ok(Found::Nothing)
}

/// Whether everything is there that a complete run leaves.
fn whole(dir: &Path) -> bool {
    ["metrics.csv", "episodes.parquet"].iter().all(|name| dir.join(name).is_file())
}

fn same(job: &Job, at: &Path, config: &serde_json::Value, digest: &str) -> Result<()> {
    let refuse = |what: String| {
        let at = at.display();
        Err(Error::usage(format!(
            "{at} was made by another run ({what}): choose another --out, or start over with --fresh"
        )))
    };
    if let Some(what) = difference(config, &job.config) {
        return refuse(what);
    }
    if digest != job.data_digest {
        let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
        return refuse(format!("data digest: {} there, {} here", short(digest), short(&job.data_digest)));
    }
    Ok(())
}

/// Removes what an earlier run left: `--fresh`. The record goes first, then what could be resumed, so that a process
/// killed in between leaves neither a complete run without numbers nor a checkpoint without its rows.
pub(super) fn clear(dir: &Path) -> Result<()> {
    let entries = std::fs::read_dir(dir).map_err(|source| Error::io(dir, source))?;
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name()).filter(|name| name != "run.lock").collect();
    names.sort_by_key(|name| match name.to_string_lossy() {
        name if name == "run.json" => 0,
        name if name.starts_with("checkpoint-") => 1,
        _ => 2,
    });
    names
        .into_iter()
        .map(|name| dir.join(name))
        .try_for_each(|path| std::fs::remove_file(&path).map_err(|source| fault::explain(&path, source)))
}
