//! A checkpoint: one safetensors file with all its metadata in the header, so that one rename makes it and nothing can
//! be half of two steps.

mod bytes;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use harness_core::{Error, Mode, Result, State};

use super::disk;
use super::episodes::Outcomes;
use super::metrics::Log;
use crate::failpoint;
use crate::identity::{Identity, Segment};

/// The version that this build writes. Files of a later one are refused by name.
pub const FORMAT: u32 = 2;
/// The version without a training's log, and in which a state belonged to the run that it lay with. It is read too.
pub const FIRST_FORMAT: u32 = 1;

/// Everything that a run needs to go on: where its training stands, and how far its evaluation has come.
pub struct Checkpoint {
    pub state: State,
    /// The training's scalars up to the state's step.
    pub log: Log,
    /// Final evaluation done so far, by mode: of the state that is reported.
    pub outcomes: Outcomes,
    /// The same of the last state, where another one is reported.
    pub last: Outcomes,
    /// Steps and validation numbers of the states to choose from, as far as they are measured.
    pub choice: Vec<(u64, f64)>,
    pub meta: Meta,
}

/// The header.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Meta {
    pub format: u32,
    pub step: u64,
    /// Effective config of the run, as run.json has it, and its sha256.
    pub config: serde_json::Value,
    pub config_hash: String,
    /// sha256 of the decoded data.
    pub data_digest: String,
    /// As in run.json.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub classes: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_by: Option<Mode>,
    /// Valid length of metrics.csv in bytes.
    pub metrics_len: u64,
    /// Step of the last point of the learning curve within that length.
    pub measured: Option<u64>,
    /// Seconds that the run took so far, its earlier parts included.
    pub elapsed_s: f64,
    /// Step up to which the run has measured a training that is further: another run's, whose snapshots it reads. None:
    /// as far as the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// Points of the learning curve that cannot be measured any more: nobody kept the state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<u64>,
    /// `omniglot-5w1s reptile seed 0`: the run that trained the state; in the first format the one that it lies with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_by: Option<String>,
    /// As in run.json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<u64>,
    /// The builds and kinds of machines that made it, one after the other; none: a build that did not say.
    #[serde(default)]
    pub segments: Vec<Segment>,
}

impl Meta {
    /// The code that wrote it, where it said so.
    pub fn code(&self) -> Option<&Identity> {
        self.segments.last()?.code.as_ref()
    }
}

/// Why a file's bytes are no checkpoint that this build can use; a clause without the file's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Cut or altered: an older file may serve instead.
    #[error("{0}")]
    Damaged(String),
    /// Whole as far as one can tell, but of another version: passing over it would throw work away.
    #[error("{0}")]
    Format(String),
}

/// `checkpoint-<step>.safetensors` in `folder`.
pub fn path(folder: &Path, step: u64) -> PathBuf {
    folder.join(format!("checkpoint-{step}.safetensors"))
}

/// Steps of the checkpoints in `folder`, newest first.
pub fn steps(folder: &Path) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let step = |name: &str| name.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok();
    let mut steps: Vec<u64> = entries.flatten().filter_map(|entry| step(entry.file_name().to_str()?)).collect();
    steps.sort_unstable_by(|a, b| b.cmp(a));
    steps
}

impl Checkpoint {
    /// A state alone.
    pub fn state_alone(state: State, meta: Meta) -> Checkpoint {
        Checkpoint { state, log: Log::default(), outcomes: vec![], last: vec![], choice: vec![], meta }
    }

    /// Writes it to `path` in one step.
    pub fn write(&self, path: &Path) -> Result<()> {
        disk::write(path, &self.to_bytes()?)
    }

    /// Writes the file and removes all older ones but the last.
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.write(&path(folder, self.meta.step))?;
        for old in steps(folder).into_iter().filter(|step| *step < self.meta.step).skip(1) {
            let _ = std::fs::remove_file(path(folder, old));
            failpoint::reached();
        }
        Ok(())
    }

    /// The one that a user names. Errors as [`Checkpoint::load`] has them, and [`Error::Usage`] with what to name where
    /// it is a folder or not there.
    pub fn named(path: &Path) -> Result<Checkpoint> {
        let what = match path.metadata() {
            Ok(found) if found.is_dir() => "is a folder",
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there is no such file",
            _ => return Checkpoint::load(path),
        };
        let at = path.display();
        Err(Error::usage(format!("{at}: {what}; name the file checkpoint-STEP.safetensors in a run's folder")))
    }

    /// Reads and checks a file. Errors are one line that names the file: [`Error::Data`] if it is damaged,
    /// [`Error::Usage`] if another version wrote it.
    pub fn load(path: &Path) -> Result<Checkpoint> {
        let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
        Self::from_bytes(&bytes).map_err(|why| {
            let line = format!("{}: {why}", path.display());
            match why {
                Unusable::Damaged(_) => Error::data(line),
                Unusable::Format(_) => Error::usage(line),
            }
        })
    }
}
