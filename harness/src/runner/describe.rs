//! Filling in run.json: what a run was, so that its numbers can be traced and two runs can prove that they saw the same
//! episodes.

use std::collections::BTreeMap;

use harness_core::{Purpose, Result, Split, Stream};
use sha2::{Digest, Sha256};

use super::evaluate::final_key;
use super::hash::hex;
use super::job::{Job, Shared};
use super::selection;
use crate::benchmark::PublishedValue;
use crate::identity::{self, Identity, Segment};
use crate::results::run_json::{FORMAT, FigurePlace, Kept, Published, RunRecord, Status};

/// What only a run that is under way knows of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The run that trained, where it is another one.
    pub trained_by: Option<String>,
    /// The step up to which others had trained, when this run took over.
    pub joined: Option<u64>,
    /// The step of the state that is reported, where it was chosen.
    pub selected_step: Option<u64>,
    /// Points that the learning curve lacks.
    pub missing_points: Vec<u64>,
    /// The builds that made it; None: those that the record had.
    pub segments: Option<Vec<Segment>>,
}

/// The code behind the numbers: what trained the state, which another build may have done for a run that only measures
/// it, and what measures it here.
fn code(job: &Job, segments: &[Segment]) -> Identity {
    let trained = segments.last().map(|last| last.code.as_ref().map(|code| code.training.clone()).unwrap_or_default());
    let training = trained.unwrap_or_else(|| job.code.training.clone());
    Identity { training, evaluation: job.code.evaluation.clone() }
}

/// Writes run.json with this status.
pub(super) fn write(
    job: &Job,
    shared: &Shared<'_>,
    status: Status,
    failure: Option<&str>,
    seconds: f64,
    told: &Told,
) -> Result<()> {
    let before = job.dir.record().ok();
    let segments = match (&told.segments, &before) {
        (Some(segments), _) => segments.clone(),
        (None, Some(before)) => before.segments.clone(),
        (None, None) => vec![Segment::now(&job.code, 0)],
    };
    let commit = identity::commit();
    let now = now();
    let code = code(job, &segments);
    // What another build trained to its end is theirs, as it would be if it were evaluated too: without a verdict.
    let theirs = status == Status::Complete && code.training != job.code.training;
    let versions = [("harness", env!("CARGO_PKG_VERSION")), ("rust-version", env!("CARGO_PKG_RUST_VERSION"))];
    let record = RunRecord {
        format: FORMAT,
        benchmark: job.benchmark.name.clone(),
        title: job.benchmark.title.clone(),
        label: job.method.label.clone(),
        note: job.method.note.clone(),
        algorithm: job.method.algorithm.clone(),
        seed: job.seed,
        budget: job.budget.as_str().into(),
        budget_dir: job.budget_dir().to_owned(),
        overridden: !job.overrides.is_empty(),
        overrides: job.overrides.clone(),
        meta_iters: job.meta_iters,
        image_passes: Some(
            job.algorithm.cost(&job.benchmark.protocol).task * job.algorithm.sampling().meta_batch as f64,
        ),
        eval_episodes: job.eval_episodes as u64,
        metric: job.metric(),
        higher_is_better: job.metric().higher_is_better,
        modes: job.modes(),
        published: published(job),
        order: job.order as u64,
        figure: figure_place(job),
        status,
        failure: failure.map(str::to_owned),
        spec_hash: job.benchmark.hash()?,
        config_hash: job.config_hash(),
        training_hash: if job.meta_iters > 0 { job.kinship.training_hash.clone() } else { String::new() },
        evaluation_hash: job.kinship.evaluation_hash.clone(),
        trained_by: told.trained_by.clone(),
        joined: told.joined,
        chosen_by: selection::chosen_by(job),
        selected_step: told.selected_step,
        missing_points: told.missing_points.clone(),
        data_digest: job.data_digest.clone(),
        classes: job.classes.clone(),
        episode_hash: episode_hash(job)?,
        config: job.config.clone(),
        versions: versions
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        code: Some(code),
        segments,
        kept: theirs.then(|| kept(job)),
        tag: before.as_ref().and_then(|record| record.tag.clone()),
        git_dirty: commit.as_ref().map(|(_, dirty)| *dirty),
        git_commit: commit.map(|(commit, _)| commit),
        cpu: cpu(),
        instruction_set: harness_kernels::instruction_set().into(),
        threads: shared.pool.current_num_threads() as u64,
        started: before
            .map(|record| record.started)
            .filter(|started| !started.is_empty())
            .unwrap_or_else(|| now.clone()),
        ended: (status != Status::Running).then_some(now),
        seconds: (seconds * 1000.0).round() / 1000.0,
    };
    job.dir.write_record(&record)
}

/// That this build shows what another one made.
fn kept(job: &Job) -> Kept {
    Kept { beside: job.code.clone(), git_commit: identity::commit().map(|(commit, _)| commit) }
}

/// Marks the record of a complete run of another build as one that this build shows as it is; that build's name, and
/// whether its published values had changed.
pub(super) fn keep(job: &Job) -> Result<(String, bool)> {
    let record = job.dir.record()?;
    let name = identity::build(record.git_commit.as_deref(), record.git_dirty);
    Ok((name, shown_as_now(job, record, Some(kept(job)))?))
}

/// Takes back the mark of [`keep`]: the build that made the run shows it. Whether its published values had changed.
pub(super) fn unmark(job: &Job) -> Result<bool> {
    shown_as_now(job, job.dir.record()?, None)
}

/// What a complete run's record says beside its numbers becomes what the benchmark's file says now: a corrected target
/// counts. Whether its published values had changed.
fn shown_as_now(job: &Job, before: RunRecord, kept: Option<Kept>) -> Result<bool> {
    let now = RunRecord {
        title: job.benchmark.title.clone(),
        note: job.method.note.clone(),
        published: published(job),
        order: job.order as u64,
        figure: figure_place(job),
        spec_hash: job.benchmark.hash()?,
        kept,
        ..before.clone()
    };
    if now != before {
        job.dir.write_record(&now)?;
    }
    Ok(now.published != before.published)
}

/// What the benchmark's file says of the row.
fn published(job: &Job) -> Vec<Published> {
    let rows = job.benchmark.published.iter().filter(|row| row.label == job.method.label);
    let row = |row: &PublishedValue| Published {
        label: row.label.clone(),
        mode: row.mode,
        value: row.value,
        ci: row.ci,
        ci_meaning: row.ci_meaning.clone(),
        source: Some(row.source.clone()),
        tolerance: Some(row.tolerance),
        comparable: row.comparable,
    };
    rows.map(row).collect()
}

/// Marks the record of a complete run as that of one that is under way again.
pub(super) fn reopen(job: &Job) -> Result<()> {
    let record = job.dir.record()?;
    job.dir.write_record(&RunRecord { status: Status::Running, ..record })
}

fn figure_place(job: &Job) -> Option<FigurePlace> {
    let figure = job.benchmark.figure.as_ref()?;
    let colour = figure.colour.as_ref().and_then(|key| job.method.settings.get(key));
    Some(FigurePlace {
        number: figure.number.clone(),
        x_label: figure.x_label(),
        x_log: figure.x_log,
        x: figure.x_of(&job.method),
        line: figure.legend_of(&job.method).to_owned(),
        colour: colour.map(ToString::to_string),
    })
}

/// sha256 over the identities of the final evaluation's episodes.
fn episode_hash(job: &Job) -> Result<String> {
    let mut hash = Sha256::new();
    for index in 0..job.eval_episodes as u64 {
        let mut rng = Stream::new(job.benchmark.eval.seed, Purpose::EvalTask, final_key(Split::Test), index);
        hash.update(job.source.identity(Split::Test, &job.episode(), job.benchmark.protocol.ways, &mut rng)?);
    }
    Ok(hex(&hash.finalize()))
}

/// The processor's name where the system tells it, else its architecture.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// The present, RFC 3339 in UTC.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
