//! Which state of a training its run reports. Where that is the best on validation classes, the checkpoint is another one.

use std::path::Path;

use crate::results::checkpoint::{Checkpoint, Meta};
use crate::results::run_dir::RunDir;
use crate::results::run_json::{RunRecord, Status};
use crate::words;

/// The run of a checkpoint that lies at `path`, where its folder is that run's.
pub fn run_of(checkpoint: &Checkpoint, path: &Path) -> Option<(RunDir, RunRecord)> {
    let dir = RunDir::of(path);
    let record = dir.record().ok()?;
    (record.config_hash == checkpoint.meta.config_hash).then_some((dir, record))
}

/// Says of a checkpoint at `path` that its run reports another state than this one, or may do so.
pub fn note(checkpoint: &Checkpoint, path: &Path) {
    let Meta { config, step, .. } = &checkpoint.meta;
    if config["select"].is_null() {
        return;
    }
    let at = path.display();
    let Some((dir, record)) = run_of(checkpoint, path) else {
        // Its own numbers are the reported ones where it has no others.
        if checkpoint.outcomes.is_empty() || !checkpoint.last.is_empty() {
            tracing::warn!(
                "note: {at}: its run reports the state that was best on validation classes, which may be another"
            );
        }
        return;
    };
    let Some(selected) = record.selected_step.filter(|selected| selected != step) else { return };
    if record.status == Status::Complete {
        let (this, selected) = (words::thousands(*step), words::thousands(selected));
        let file = dir.reported_path(&record);
        let file = if file.is_file() { file.display().to_string() } else { "not here".to_owned() };
        tracing::warn!(
            "note: {at} is the state of meta-iteration {this}; its run reports that of {selected}, the best on validation \
             classes: {file}"
        );
    }
}
