//! Scoring a state on episodes that depend on neither the method nor the training seed.
//!
//! The harness scores: a method returns logits or values and never sees a query label.

use candle_core::{D, DType, Tensor};
use harness_core::{Labeled, Mode, Purpose, Result, Split, State, Stream, Task, answers, loss, stats};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::in_order::{Site, Workers};
use super::job::Job;
use super::selection;
use super::stop::Stop;
use crate::results::episodes::{Outcome, Outcomes};

/// Which episodes: no two sets share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u64)]
pub enum EpisodeSet {
    /// The table's episodes.
    Final = 0,
    /// Points of the learning curve.
    Curve = 1,
    /// Validation episodes by which the state that is reported is chosen.
    Selection = 2,
}

impl EpisodeSet {
    fn key(self, split: Split) -> u64 {
        (self as u64) * 16 + split as u64
    }
}

/// The stream key of the table's episodes on `split`.
pub fn final_key(split: Split) -> u64 {
    EpisodeSet::Final.key(split)
}

/// What other ranks are told of an evaluation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Episodes {
    pub split: Split,
    pub set: EpisodeSet,
    pub first: usize,
    pub end: usize,
}

/// Outcomes of episodes `range` of a set in each of the job's modes; of a selection in the one that decides. Episodes
/// run in parallel on the pool that this is called in; the order of the answer is the episodes'. None if `stop` was
/// requested on the way: an evaluation can take minutes, and who sends SIGTERM may not wait so long.
pub fn evaluate(
    job: &Job,
    state: &State,
    split: Split,
    set: EpisodeSet,
    range: std::ops::Range<usize>,
    (stop, workers): (&Stop, Workers<'_>),
) -> Result<Option<Outcomes>> {
    let modes = match set {
        EpisodeSet::Selection => vec![selection::mode(job)],
        EpisodeSet::Final | EpisodeSet::Curve => job.modes(),
    };
    let one = |index: usize| match stop.requested() {
        true => Ok(None),
        false => episode(job, state, split, set, range.start + index, &modes).map(Some),
    };
    let call = json!({ "evaluate": Episodes { split, set, first: range.start, end: range.end } });
    let site = Site { run: &job.dir, device: &job.device, state, call, moves: false };
    let all: Option<Vec<Option<Vec<Outcome>>>> = workers.map(&site, range.len(), one)?;
    let all: Option<Vec<Vec<Outcome>>> = all.and_then(|all| all.into_iter().collect());
    Ok(all.map(|all| by_mode(&modes, &all)))
}

/// Episodes that each have an outcome in each of `modes`, mode by mode.
pub(super) fn by_mode(modes: &[Mode], episodes: &[Vec<Outcome>]) -> Outcomes {
    let pick = |(at, mode): (usize, &Mode)| (*mode, episodes.iter().map(|outcomes| outcomes[at]).collect());
    modes.iter().enumerate().map(pick).collect()
}

/// Adds the outcomes of the next episodes, each mode's to its own: what comes from a checkpoint may have another order.
pub fn extend(all: &mut Outcomes, part: Outcomes) {
    for (mode, part) in part {
        match all.iter_mut().find(|(known, _)| *known == mode) {
            Some((_, all)) => all.extend(part),
            None => all.push((mode, part)),
        }
    }
}

/// `outcomes` in the order of the job's modes, in which a run that was never stopped writes its rows.
pub(super) fn in_order(job: &Job, mut outcomes: Outcomes) -> Outcomes {
    let modes = job.modes();
    outcomes.sort_by_key(|(mode, _)| modes.iter().position(|known| known == mode));
    outcomes
}

fn episode(
    job: &Job,
    state: &State,
    split: Split,
    set: EpisodeSet,
    index: usize,
    modes: &[Mode],
) -> Result<Vec<Outcome>> {
    let (task, answers) = answered(job, state, split, set, index, modes)?;
    outcomes(modes, &answers, &task.query)
}

/// An episode, and the method's answers to its queries in each of `modes`.
pub(super) fn answered(
    job: &Job,
    state: &State,
    split: Split,
    set: EpisodeSet,
    index: usize,
    modes: &[Mode],
) -> Result<(Task, Vec<Tensor>)> {
    let (seed, step, index) = (job.benchmark.eval.seed, set.key(split), index as u64);
    let mut rng = Stream::new(seed, Purpose::EvalTask, step, index);
    // Evaluation episodes are common to all methods: only the polarity is the method's own.
    let view = harness_core::View { rotations: harness_core::Rotations::None, ..job.method.view };
    let task = job.source.task(split, &job.episode(), job.benchmark.protocol.ways, &view, &mut rng)?.to(&job.device)?;
    let mut rng = Stream::new(seed, Purpose::EvalMethod, step, index);
    let adapted = job.algorithm.adapt(state, &task.support, &[job.algorithm.test_steps()], &mut rng)?;
    let lost = adapted[0].params.not_finite()?.is_some() || adapted[0].buffers.not_finite()?.is_some();
    let answers = |mode: &Mode| {
        let mut rng = Stream::new(seed, Purpose::EvalDeal, step, index);
        let answers = answers(job.algorithm.as_ref(), &adapted[0], &task, *mode, &mut rng)?;
        // A ReLU may hide what was lost before it, and the head's bias then answers for all.
        if lost { Ok(answers.ones_like()?.affine(f64::NAN, 0.0)?) } else { Ok(answers) }
    };
    let answers = match modes {
        // One pass serves both.
        [first, ..] if job.algorithm.answers_alone(&adapted[0]) => vec![answers(first)?; modes.len()],
        _ => modes.iter().map(answers).collect::<Result<_>>()?,
    };
    Ok((task, answers))
}

/// What the answers in each of `modes` come to.
pub(super) fn outcomes(modes: &[Mode], answers: &[Tensor], query: &Labeled) -> Result<Vec<Outcome>> {
    modes.iter().zip(answers).map(|(mode, answers)| outcome(*mode, answers, query)).collect()
}

fn outcome(mode: Mode, answers: &Tensor, query: &Labeled) -> Result<Outcome> {
    let n = query.len() as u32;
    // An argmax over NaN is the first class: right as often as chance, which is no answer.
    if !answers.to_dtype(DType::F64)?.abs()?.sum_all()?.to_scalar::<f64>()?.is_finite() {
        return Ok(Outcome { correct: 0, n, loss: f64::NAN });
    }
    let each = loss::per_example(answers, &query.y)?;
    let loss = each.to_dtype(DType::F64)?.mean_all()?.to_scalar::<f64>()?;
    let correct = match mode {
        Mode::Pointwise => 0,
        _ => picked(answers)?.iter().zip(query.classes()?).filter(|(picked, label)| picked == label).count() as u32,
    };
    Ok(Outcome { correct, n, loss })
}

/// The class that each answer is for.
pub(super) fn picked(answers: &Tensor) -> Result<Vec<u32>> {
    Ok(answers.argmax(D::Minus1)?.to_vec1::<u32>()?)
}

/// An evaluation's number.
#[derive(Clone, Copy, Debug)]
pub struct Aggregate {
    /// Percent of right answers, or mean squared error.
    pub value: f64,
    /// Half-width of the 95 % interval over episodes.
    pub ci95: f64,
    pub episodes: usize,
}

impl Aggregate {
    /// `ci95`, where it is a number: one episode has none.
    pub fn interval(&self) -> Option<f64> {
        Some(self.ci95).filter(|ci95| ci95.is_finite())
    }
}

/// Mean and interval over episodes: of each one's accuracy in percent, or of its loss on regression. NaN where an
/// episode has no number.
pub fn aggregate(mode: Mode, outcomes: &[Outcome]) -> Aggregate {
    let number = |outcome: &Outcome| outcome.number(mode != Mode::Pointwise);
    let (value, ci95) = stats::mean_ci95(&outcomes.iter().map(number).collect::<Vec<_>>());
    Aggregate { value, ci95, episodes: outcomes.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_is_the_mean_over_episodes() {
        let outcome = |correct| Outcome { correct, n: 5, loss: 0.5 };
        let got = aggregate(Mode::Inductive, &[outcome(5), outcome(4), outcome(3)]);
        assert!((got.value - 80.0).abs() < 1e-9 && got.episodes == 3);
        assert!((got.ci95 - 1.96 * 20.0 / 3f64.sqrt()).abs() < 1e-9);
        assert_eq!(aggregate(Mode::Pointwise, &[outcome(0)]).value, 0.5);
        for loss in [f64::NAN, f64::INFINITY] {
            assert!(aggregate(Mode::Inductive, &[outcome(5), Outcome { loss, ..outcome(1) }]).value.is_nan());
        }
    }

    #[test]
    fn series_and_splits_never_share_episodes() {
        let keys: std::collections::HashSet<u64> = [EpisodeSet::Final, EpisodeSet::Curve, EpisodeSet::Selection]
            .into_iter()
            .flat_map(|set| [Split::Train, Split::Val, Split::Test].map(|split| set.key(split)))
            .collect();
        assert_eq!(keys.len(), 9);
    }
}
