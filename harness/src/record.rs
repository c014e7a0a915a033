//! run.json: what a run was, so that its numbers can be traced and two runs can prove that they saw the same episodes.

use harness_core::{Mode, Purpose, Result, Split, Stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files::atomic;
use crate::runner::{Job, Shared};

/// Version of this file's format.
pub const FORMAT: u32 = 1;

/// The record of one run. Readers accept missing fields, so that older records stay readable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    pub format: u32,
    pub benchmark: String,
    pub title: String,
    pub label: String,
    pub algorithm: String,
    pub seed: u64,
    /// `quick`, `short` or `paper`: what the run was derived from.
    pub budget: String,
    /// Name of the folder: the budget, or `custom-<8 hex digits>`.
    pub budget_dir: String,
    /// Whether numbers were overridden; such a run never gets a verdict.
    pub overridden: bool,
    /// Position of the method in the benchmark's file: the order of rows.
    pub order: usize,
    pub meta_iters: u64,
    pub eval_episodes: usize,
    /// `accuracy` (percent) or `mse`.
    pub metric: String,
    pub higher_is_better: bool,
    pub modes: Vec<String>,
    /// Published numbers for this row.
    pub published: Vec<PublishedRow>,
    /// `running`, `complete`, `interrupted` or `failed`.
    pub status: String,
    /// Why it failed, one line.
    pub failure: Option<String>,
    /// Effective config and its sha256: what determines the numbers.
    pub config: serde_json::Value,
    pub config_hash: String,
    /// sha256 of the benchmark's effective spec.
    pub spec_hash: String,
    /// sha256 over the final evaluation's episodes: the same for all methods and seeds.
    pub episode_hash: String,
    /// sha256 of the decoded data.
    pub data_digest: String,
    pub version: String,
    pub git_commit: Option<String>,
    pub git_dirty: Option<bool>,
    pub cpu: String,
    /// What the kernels were dispatched to; another one may round differently.
    pub instruction_set: String,
    pub threads: usize,
    /// RFC 3339, UTC.
    pub started: String,
    pub ended: Option<String>,
    /// Seconds that the run took, all its parts together.
    pub seconds: f64,
}

/// A published number as run.json keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PublishedRow {
    pub mode: String,
    pub value: f64,
    pub ci: Option<f64>,
    pub ci_meaning: Option<String>,
    pub source: String,
    pub tolerance: f64,
    pub comparable: bool,
}

/// Writes run.json with this status.
pub fn write(job: &Job, shared: &Shared<'_>, status: &str, failure: Option<&str>, seconds: f64) -> Result<()> {
    let path = job.dir.join("run.json");
    let before: Option<RunRecord> = std::fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let now = now();
    let running = status == "running";
    let published = job.spec.published.iter().filter(|row| row.label == job.method.label).map(|row| PublishedRow {
        mode: row.mode.as_str().into(),
        value: row.value,
        ci: row.ci,
        ci_meaning: row.ci_meaning.clone(),
        source: row.source.clone(),
        tolerance: row.tolerance,
        comparable: row.comparable,
    });
    let record = RunRecord {
        format: FORMAT,
        benchmark: job.spec.name.clone(),
        title: job.spec.title.clone(),
        label: job.method.label.clone(),
        algorithm: job.method.algorithm.clone(),
        seed: job.seed,
        budget: job.budget.as_str().into(),
        budget_dir: job.budget_dir.clone(),
        overridden: job.overridden,
        order: job.order,
        meta_iters: job.meta_iters,
        eval_episodes: job.eval_episodes,
        metric: job.metric().into(),
        higher_is_better: !job.regression(),
        modes: job.modes().into_iter().map(|mode: Mode| mode.as_str().into()).collect(),
        published: published.collect(),
        status: status.into(),
        failure: failure.map(str::to_owned),
        config: job.config.clone(),
        config_hash: job.config_hash.clone(),
        spec_hash: job.spec.hash()?,
        episode_hash: episode_hash(job)?,
        data_digest: job.data_digest.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        git_commit: shared.commit.as_ref().map(|(commit, _)| commit.clone()),
        git_dirty: shared.commit.as_ref().map(|(_, dirty)| *dirty),
        cpu: cpu(),
        instruction_set: harness_kernels::instruction_set().into(),
        threads: shared.pool.current_num_threads(),
        started: before.map(|record| record.started).filter(|started| !started.is_empty()).unwrap_or_else(|| now.clone()),
        ended: (!running).then_some(now),
        seconds: (seconds * 1000.0).round() / 1000.0,
    };
    let text = serde_json::to_string_pretty(&record).expect("a record is plain data") + "\n";
    atomic::write(&path, text.as_bytes())
}

/// sha256 over the identities of the final evaluation's episodes.
fn episode_hash(job: &Job) -> Result<String> {
    let mut hash = Sha256::new();
    for index in 0..job.eval_episodes as u64 {
        let mut rng = Stream::new(job.spec.eval.seed, Purpose::EvalTask, crate::runner::final_series(Split::Test), index);
        hash.update(job.source.identity(Split::Test, &job.episode(), job.spec.protocol.ways, &mut rng)?);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The commit of the tree that this runs in and whether it has changes, if git knows.
pub fn commit() -> Option<(String, bool)> {
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git").args(args).stderr(std::process::Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let dirty = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some((commit, dirty))
}

/// The processor's name where the system tells it, else its architecture.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// The present, RFC 3339 in UTC.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_an_older_one_too() {
        let record = RunRecord { benchmark: "sine".into(), seed: 3, ..RunRecord::default() };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
        assert_eq!(serde_json::from_str::<RunRecord>("{\"seed\": 3}").unwrap().seed, 3);
    }
}
