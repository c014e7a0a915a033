//! One complete run as the report sees it: its record, its final numbers and its learning curve.

use super::episodes::{self, Outcome};
use super::layout::RunFolder;
use super::lock;
use super::metric::with_mode;
use super::metrics::{self, MetricRow};
use super::run_dir::{EPISODES, METRICS, RECORD};
use super::run_json::{RunRecord, Status};
use harness_core::{Error, Mode, Result, Split};
use std::path::{Path, PathBuf};

/// A run whose numbers count.
#[derive(Debug, Clone)]
pub struct Run {
    pub record: RunRecord,
    pub path: PathBuf,
    /// The final evaluation on test, a row a mode.
    pub finals: Vec<MetricRow>,
    /// The same of the last state, where the one that was best on validation classes is reported.
    pub last: Vec<MetricRow>,
    /// Evaluations during training, the final one left out.
    pub curve: Vec<MetricRow>,
    /// Evaluations during training that gave no number.
    pub lost: Vec<MetricRow>,
}

/// What a run folder holds.
pub enum Loaded {
    Complete(Box<Run>),
    /// Failed, stopped or still under way: named in the report, its numbers unread.
    Other(Box<RunRecord>),
    /// No `run.json`: something was killed before it began.
    Empty,
}

/// The record of the run in `folder`; None where there is none yet.
pub fn record(folder: &RunFolder) -> Result<Option<RunRecord>> {
    let path = folder.path.join(RECORD);
    if !path.exists() {
        return Ok(None);
    }
    let mut record = RunRecord::read(&path)?;
    if record.status == Status::Running && !lock::is_held(&folder.path) {
        record.status = Status::Interrupted;
        record.failure = Some("its process is gone; the same command goes on from its last checkpoint".to_owned());
    }
    let place = (folder.benchmark.as_str(), folder.label.as_str(), folder.seed);
    if place != (record.benchmark.as_str(), record.label.as_str(), record.seed) {
        return Err(Error::data(format!(
            "{}: the record of {} {} seed {} lies in another run's folder; move it back or delete it",
            path.display(),
            record.benchmark,
            record.label,
            record.seed
        )));
    }
    Ok(Some(record))
}

/// Reads the run in `folder`.
pub fn load(folder: &RunFolder) -> Result<Loaded> {
    let Some(before) = record(folder)? else { return Ok(Loaded::Empty) };
    if before.status != Status::Complete {
        return Ok(Loaded::Other(Box::new(before)));
    }
    numbers(folder, &before).or_else(|damaged| match record(folder)? {
        // Another process started it over while it was read.
        None => Ok(Loaded::Empty),
        Some(now) if now.status != Status::Complete => Ok(Loaded::Other(Box::new(now))),
        Some(_) => Err(damaged),
    })
}

/// The numbers of a run that is complete.
fn numbers(folder: &RunFolder, record: &RunRecord) -> Result<Loaded> {
    let metrics = folder.path.join(METRICS);
    let rows = metrics::read(&metrics, &record.benchmark, &record.label, record.seed)?;
    let last = format!("last_{}", record.metric.name);
    let last = rows.iter().filter(|row| row.metric == last && row.split == Split::Test).cloned().collect();
    let mut rows: Vec<MetricRow> = rows.into_iter().filter(|row| row.metric == record.metric.name).collect();
    let mut finals = Vec::new();
    for mode in modes(record, &rows) {
        // The last test row of a mode is its final evaluation; those before it are the curve.
        let last = rows.iter().rposition(|row| row.split == Split::Test && row.mode == mode).ok_or_else(|| {
            Error::data(format!(
                "{}: no final {} on test in mode {} although the run is marked complete; delete that folder and \
                 run that seed again",
                metrics.display(),
                record.metric.name,
                mode.as_str()
            ))
        })?;
        let row = rows.remove(last);
        let reported = record.reported_step();
        if row.step != reported {
            return Err(Error::data(format!(
                "{}: the last {} on test is of meta-iteration {} and the run reports that of {reported}; put back the file \
                 that belongs to it, or delete that folder and run that seed again",
                metrics.display(),
                record.metric.name,
                row.step
            )));
        }
        // A point of the learning curve, where the process died before the last rows were there.
        if record.eval_episodes > 0 && row.n != record.eval_episodes {
            return Err(Error::data(format!(
                "{}: the last {} on test is of {} episodes and the run is of {}; delete that folder and run that seed again",
                metrics.display(),
                record.metric.name,
                row.n,
                record.eval_episodes
            )));
        }
        if !row.value.is_finite() {
            return Ok(Loaded::Other(Box::new(without_number(record, &row))));
        }
        finals.push(row);
    }
    agree(&folder.path, record, &finals)?;
    let (curve, lost) = rows.into_iter().partition(|row| row.value.is_finite());
    Ok(Loaded::Complete(Box::new(Run { record: record.clone(), path: folder.path.clone(), finals, last, curve, lost })))
}

/// Errors where episodes.parquet has another mean than the final rows of metrics.csv: one of the two is another run's. Whether
/// its episodes can be read matters to those who ask for them.
fn agree(folder: &Path, record: &RunRecord, finals: &[MetricRow]) -> Result<()> {
    for (mode, values) in values(folder, record).unwrap_or_default() {
        let (Ok(values), Some(row)) = (values, finals.iter().find(|row| row.mode == mode)) else { continue };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if (mean - row.value).abs() > 1e-5 * row.value.abs() + 1e-9 {
            return Err(Error::data(format!(
                "{}: {METRICS} has {} {} on test and {EPISODES} has {mean}: one of them is another run's; put back the file \
                 that belongs to it, or delete that folder and run that seed again",
                folder.display(),
                record.metric.name,
                row.value
            )));
        }
    }
    Ok(())
}

/// Builds up to 0.1 called such a run complete: what it is now called.
fn without_number(record: &RunRecord, row: &MetricRow) -> RunRecord {
    let mode = with_mode(" ", row.mode);
    let why = format!("diverged in evaluation: the final{mode} {} is {}; lower its step sizes", row.metric, row.value);
    RunRecord { status: Status::Failed, failure: Some(why), ..record.clone() }
}

/// The evaluations during training of the complete run in `folder`, and the final ones.
///
/// # Errors
/// Data: a damaged metrics.csv.
pub fn curve(folder: &Path, record: &RunRecord) -> Result<Vec<MetricRow>> {
    let rows = metrics::read(&folder.join(METRICS), &record.benchmark, &record.label, record.seed)?;
    Ok(rows.into_iter().filter(|row| row.metric == record.metric.name).collect())
}

/// The modes of the record, or those met in the rows where an older record names none.
fn modes(record: &RunRecord, rows: &[MetricRow]) -> Vec<Mode> {
    if !record.modes.is_empty() {
        return record.modes.clone();
    }
    // In the order of their names.
    let mut modes: Vec<Mode> = rows.iter().filter(|row| row.split == Split::Test).map(|row| row.mode).collect();
    modes.sort_by_key(|mode| mode.as_str());
    modes.dedup();
    modes
}

/// An episode whose answers were no numbers. Builds up to 0.1 called such a run complete, and its accuracy chance.
#[derive(Clone, Copy, Debug)]
pub struct NoNumber(pub usize);

/// A run's numbers in each mode, episode by episode.
pub type ValuesByMode = Vec<(Mode, Result<Vec<f64>, NoNumber>)>;

/// The episodes of the run in `folder`, mode by mode: percent of right answers, or the loss where that is what counts.
///
/// # Errors
/// Data: no episodes.parquet, a damaged one, or one that does not hold what `record` says.
pub fn values(folder: &Path, record: &RunRecord) -> Result<ValuesByMode> {
    let path = folder.join(EPISODES);
    let number = |outcome: &Outcome| outcome.number(record.metric.is_percent());
    let mut modes = Vec::new();
    for (mode, outcomes) in episodes::read(&path)? {
        let values: Vec<f64> = outcomes.iter().map(number).collect();
        if values.len() as u64 != record.eval_episodes {
            return Err(Error::data(format!(
                "{}: not {} whole episodes of mode {}, as run.json says; delete this file and run that seed again: it goes on from its checkpoint",
                path.display(),
                record.eval_episodes,
                mode.as_str()
            )));
        }
        let lost = outcomes.iter().position(|outcome| !outcome.is_number());
        modes.push((mode, lost.map_or(Ok(values), |episode| Err(NoNumber(episode)))));
    }
    Ok(modes)
}

/// Whether the two records met the same test episodes, as far as they say.
pub fn same_episodes(a: &RunRecord, b: &RunRecord) -> bool {
    let key = |record: &RunRecord| (record.episode_hash.clone(), record.eval_episodes, record.data_digest.clone());
    !a.episode_hash.is_empty() && key(a) == key(b)
}
