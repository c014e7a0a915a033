//! The folder of one run: each file that a run leaves there, written and read again by what it is. The runner hands
//! over rows, episodes, states and records; it opens no file and knows no file's name.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use harness_core::{Error, Result};
use serde::Serialize;

use super::checkpoint::{self, Checkpoint};
use super::classes::Classes;
use super::episodes::Outcomes;
use super::lock::{Lock, Taken};
use super::metrics::{Log, MetricsFile};
use super::queries::Queries;
use super::run_json::{RunRecord, Status};
use super::{adaptation, disk, episodes, layout, metrics, queries, ranks_csv};
use crate::failpoint;

pub const RECORD: &str = "run.json";
pub const METRICS: &str = "metrics.csv";
pub const EPISODES: &str = "episodes.parquet";
pub const ADAPTATION: &str = "adaptation.csv";
pub const QUERIES: &str = "queries.parquet";
pub const RANKS: &str = "ranks.csv";
pub const SEEN: &str = "classes.json";
pub const LOG: &str = "log.txt";

/// Where a run lies, whether or not it is there yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// `BUDGET/<benchmark>/<label>/seed-<n>`.
    pub fn new(budget: &Path, benchmark: &str, label: &str, seed: u64) -> RunDir {
        RunDir(layout::run(budget, benchmark, label, seed))
    }

    /// The folder in which a file lies.
    pub fn of(file: &Path) -> RunDir {
        RunDir(file.parent().unwrap_or(Path::new("")).to_path_buf())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The budget folder that it is in.
    pub fn budget(&self) -> Option<&Path> {
        self.0.ancestors().nth(3)
    }

    /// The folders of the same seed in this budget, in the order of their names.
    pub fn siblings(&self) -> Vec<RunDir> {
        let (Some(budget), Some(seed)) = (self.budget(), self.0.file_name()) else { return Vec::new() };
        let inside = |path: &Path| {
            layout::folders(path).unwrap_or_default().into_iter().map(|name| path.join(name)).collect::<Vec<_>>()
        };
        let labels = inside(budget).into_iter().flat_map(|benchmark| inside(&benchmark));
        labels.map(|label| RunDir(label.join(seed))).filter(|other| other != self).collect()
    }

    /// Makes the folder, locks it and removes what a killed process left half-written. Errors if another process has
    /// it.
    pub fn lock(&self) -> Result<Lock> {
        std::fs::create_dir_all(&self.0).map_err(|source| disk::explain(&self.0, source))?;
        let lock = Lock::of_run(&self.0)?;
        disk::remove_leftovers(&self.0);
        Ok(lock)
    }

    /// Locks the training of this hash; nothing where it is in no budget folder.
    pub fn lock_training(&self, hash: &str) -> Result<Taken> {
        match self.budget() {
            Some(budget) => Lock::of_training(budget, hash),
            None => Ok(Taken::Ours(Lock::default())),
        }
    }

    /// What run.json says.
    pub fn record(&self) -> Result<RunRecord> {
        RunRecord::read(&self.0.join(RECORD))
    }

    pub fn write_record(&self, record: &RunRecord) -> Result<()> {
        record.write(&self.0.join(RECORD))
    }

    /// Which classes the state of the run of this config is trained on. None: nobody noted them.
    pub fn classes(&self, config_hash: &str) -> Result<Option<Classes>> {
        Ok(Classes::read(&self.0.join(SEEN))?.filter(|noted| noted.config_hash == config_hash))
    }

    pub fn write_classes(&self, classes: &Classes) -> Result<()> {
        classes.write(&self.0.join(SEEN))
    }

    /// Adds a line to the log. One that cannot be written costs no run: what matters is in the other files, which say
    /// so themselves.
    pub fn log(&self, line: &str) {
        let file = OpenOptions::new().create(true).append(true).open(self.0.join(LOG));
        let _ = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    }

    pub fn is_complete(&self) -> bool {
        self.record().is_ok_and(|record| record.status == Status::Complete)
    }

    /// Whether all numbers are there that a complete run leaves.
    pub fn has_numbers(&self) -> bool {
        [METRICS, EPISODES].iter().all(|name| self.0.join(name).is_file())
    }

    /// metrics.csv, cut to its `valid` bytes, for the run of `record`'s name.
    pub fn metrics(&self, valid: u64, (benchmark, label, seed): (&str, &str, u64)) -> Result<MetricsFile> {
        MetricsFile::open(&self.0.join(METRICS), valid, benchmark, label, seed)
    }

    /// The training's scalars within the first `valid` bytes of metrics.csv and up to `step`.
    pub fn scalars(&self, valid: u64, step: u64) -> Result<Log> {
        metrics::scalars(&self.0.join(METRICS), valid, step)
    }

    pub fn write_episodes(&self, all: &Outcomes) -> Result<()> {
        episodes::write(&self.0.join(EPISODES), all)
    }

    /// The queries that were kept, if they are those of the episodes that lie beside them. None: there are none. Errors
    /// on damage, and on those of another evaluation.
    pub fn queries(&self) -> Result<Option<Queries>> {
        let path = self.0.join(QUERIES);
        if !path.exists() {
            return Ok(None);
        }
        let found = queries::read(&path)?;
        match found.are_of(&self.episodes()?) {
            true => Ok(Some(found)),
            false => Err(Error::data(format!(
                "{}: of another evaluation than {EPISODES} beside it; `harness reproduce` with --keep-queries writes it \
                 again",
                path.display()
            ))),
        }
    }

    pub fn write_queries(&self, rows: &[queries::Row<'_>]) -> Result<()> {
        queries::write(&self.0.join(QUERIES), rows)
    }

    /// What the final evaluation left.
    pub fn episodes(&self) -> Result<Outcomes> {
        episodes::read(&self.0.join(EPISODES))
    }

    pub fn write_adaptation(&self, rows: &[adaptation::Row]) -> Result<()> {
        adaptation::write(&self.0.join(ADAPTATION), rows)
    }

    /// What crossed between ranks, up to `step`.
    pub fn ranks(&self, step: u64) -> Vec<ranks_csv::Row> {
        ranks_csv::read(&self.0.join(RANKS), step)
    }

    pub fn write_ranks(&self, rows: &[ranks_csv::Row]) -> Result<()> {
        ranks_csv::write(&self.0.join(RANKS), rows)
    }

    /// Steps of its checkpoints, newest first.
    pub fn checkpoints(&self) -> Vec<u64> {
        checkpoint::steps(&self.0)
    }

    pub fn checkpoint_path(&self, step: u64) -> PathBuf {
        checkpoint::path(&self.0, step)
    }

    pub fn checkpoint(&self, step: u64) -> Result<Checkpoint> {
        Checkpoint::load(&self.checkpoint_path(step))
    }

    /// The state that the complete run of `record` reports. Errors where the file of that name holds another one.
    pub fn reported(&self, record: &RunRecord) -> Result<Checkpoint> {
        let path = self.reported_path(record);
        let found = Checkpoint::load(&path)?;
        let meta = &found.meta;
        // The state of another run's folder has that run's config.
        let config = path.parent() != Some(self.path()) || meta.config_hash == record.config_hash;
        if meta.step == record.reported_step() && meta.data_digest == record.data_digest && config {
            return Ok(found);
        }
        Err(Error::data(format!(
            "{}: not the state that the run beside it reports: put back the file, or train that run again with --fresh",
            path.display()
        )))
    }

    /// The file of the state that the complete run of `record` reports: its last one, or the one that was best on
    /// validation classes. Where its own folder lacks it, that of the run which trained it serves.
    pub fn reported_path(&self, record: &RunRecord) -> PathBuf {
        let step = record.reported_step();
        let path = |dir: &RunDir| match step == record.meta_iters {
            true => dir.checkpoint_path(step),
            false => dir.snapshot_path(step),
        };
        let trained_it = |dir: &RunDir| {
            let named = |of: &RunRecord| format!("{} {} seed {}", of.benchmark, of.label, of.seed);
            // The same training by the same code: that run may have been started over since.
            let code = |of: &RunRecord| of.code.as_ref().map(|code| code.training.clone());
            let is_it = |of: &RunRecord| {
                Some(named(of)) == record.trained_by
                    && of.training_hash == record.training_hash
                    && code(of) == code(record)
            };
            record.trained_by.is_some() && dir.record().is_ok_and(|of| is_it(&of)) && path(dir).is_file()
        };
        let own = path(self);
        match own.is_file() {
            true => own,
            false => self.siblings().iter().find(|dir| trained_it(dir)).map_or(own, path),
        }
    }

    /// Writes the checkpoint and removes all older ones but the last.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.save(&self.0)
    }

    /// Steps of its snapshots: checkpoints without what only training reads.
    pub fn snapshots(&self) -> Vec<u64> {
        let step = |name: &str| name.strip_prefix("snapshot-")?.strip_suffix(".safetensors")?.parse().ok();
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.filter_map(|entry| step(entry.file_name().to_str()?)).collect()
    }

    pub fn snapshot_path(&self, step: u64) -> PathBuf {
        self.0.join(format!("snapshot-{step}.safetensors"))
    }

    /// Its snapshot of `step`, if it has one.
    pub fn snapshot(&self, step: u64) -> Result<Option<Checkpoint>> {
        let path = self.snapshot_path(step);
        if path.is_file() { Checkpoint::load(&path).map(Some) } else { Ok(None) }
    }

    pub fn write_snapshot(&self, snapshot: &Checkpoint) -> Result<()> {
        snapshot.write(&self.snapshot_path(snapshot.meta.step))
    }

    /// What cannot be removed is removed next time.
    pub fn remove_snapshot(&self, step: u64) {
        let _ = std::fs::remove_file(self.snapshot_path(step));
        failpoint::reached();
    }

    /// Removes what an earlier run left: `--fresh`. The record goes first, then what could be resumed, so that a
    /// process killed in between leaves neither a complete run without numbers nor a checkpoint without its rows.
    pub fn clear(&self) -> Result<()> {
        let entries = std::fs::read_dir(&self.0).map_err(|source| Error::io(&self.0, source))?;
        let mut names: Vec<_> =
            entries.flatten().map(|entry| entry.file_name()).filter(|name| name != "run.lock").collect();
        names.sort_by_key(|name| match name.to_string_lossy() {
            name if name == RECORD => 0,
            name if name.starts_with("checkpoint-") => 1,
            _ => 2,
        });
        let mut paths = names.into_iter().map(|name| self.0.join(name));
        paths.try_for_each(|path| std::fs::remove_file(&path).map_err(|source| disk::explain(&path, source)))
    }
}

impl From<PathBuf> for RunDir {
    fn from(path: PathBuf) -> RunDir {
        RunDir(path)
    }
}

impl fmt::Display for RunDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}
