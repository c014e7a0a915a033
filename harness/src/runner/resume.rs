//! What a run's folder says: nothing yet, a checkpoint to go on from, or a run of something else.

use std::path::Path;

use harness_core::{Error, Result};

use super::hash::difference;
use super::job::Job;
use crate::files::checkpoint::{self, Checkpoint};
use crate::record::{RunRecord, Status};

/// What is found in a run's folder.
pub(super) enum Found {
    Nothing,
    Complete,
    Resumable(Box<Checkpoint>),
}

/// Looks at the folder. Damaged newest checkpoints are reported to `damaged` and passed over. Errors when what is there
/// was made by another config or from other data, naming the difference.
pub(super) fn look(job: &Job, damaged: &mut dyn FnMut(String)) -> Result<Found> {
    let record = job.dir.join("run.json");
    // A damaged record of an unfinished run is no obstacle: checkpoints carry the config too.
    if let Ok(record) = RunRecord::read(&record) {
        same(job, &job.dir, &record.config, &record.data_digest)?;
        if record.status == Status::Complete {
            return Ok(Found::Complete);
        }
    }
    for step in checkpoint::steps(&job.dir) {
        let path = checkpoint::path(&job.dir, step);
        match Checkpoint::load(&path) {
            Ok(found) => {
                same(job, &path, &found.meta.config, &found.meta.data_digest)?;
                return Ok(Found::Resumable(Box::new(found)));
            }
            Err(error) => damaged(error.to_string()),
        }
    }
    Ok(Found::Nothing)
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

/// Removes what an earlier run left: `--fresh`.
pub(super) fn clear(dir: &Path) -> Result<()> {
    let entries = std::fs::read_dir(dir).map_err(|source| Error::io(dir, source))?;
    for entry in entries.flatten().filter(|entry| entry.file_name() != "run.lock") {
        std::fs::remove_file(entry.path()).map_err(|source| Error::io(entry.path(), source))?;
    }
    Ok(())
}
