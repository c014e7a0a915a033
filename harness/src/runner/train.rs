//! One run from its folder's state to its final evaluation.

use std::time::{Duration, Instant};

use harness_core::{Error, Mode, Purpose, Result, Scalars, Split, State, Stream};

use super::curve::Curve;
use super::diverged;
use super::evaluate::{Outcomes, Series, aggregate, evaluate, extend};
use super::event::Event;
use super::fits;
use super::iterate::iterate;
use super::job::{Job, OtherBuild, Shared};
use super::record;
use super::replay::{self, Replay};
use super::resume::{self, Found};
use crate::files::atomic;
use crate::files::checkpoint::{Checkpoint, FORMAT, Meta};
use crate::files::episodes;
use crate::files::fault;
use crate::files::lock::RunLock;
use crate::files::metrics::{MetricsFile, Row};
use crate::identity::Segment;
use crate::record::Status;

/// How a run ended, short of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Completed,
    /// It was complete before.
    Kept,
    Interrupted,
}

/// Training scalars are written at about so many steps of a run.
const SCALAR_POINTS: u64 = 200;
/// Final evaluation episodes between two looks at the clock.
const EPISODE_CHUNK: usize = 64;

/// Does what is left to do of `job`. Errors leave the last good checkpoint as it is.
pub(super) fn run(job: &Job, shared: &Shared<'_>) -> Result<Ended> {
    std::fs::create_dir_all(&job.dir).map_err(|source| fault::explain(&job.dir, source))?;
    let _lock = RunLock::take(&job.dir)?;
    atomic::remove_leftovers(&job.dir);
    if shared.fresh {
        resume::clear(&job.dir)?;
    }
    let say = |event: Event| shared.observer.event(job, &event);
    let mut run = match resume::look(job, &mut |what| say(Event::Damaged { what }))? {
        Found::Complete => {
            record::of_this_build(&job.dir)?;
            say(Event::Kept);
            return Ok(Ended::Kept);
        }
        Found::Nothing => Run::start(job, shared)?,
        Found::Foreign | Found::Resumable { foreign: true, .. } if job.other_build == OtherBuild::StartOver => {
            resume::clear(&job.dir)?;
            Run::start(job, shared)?
        }
        Found::Foreign if job.other_build == OtherBuild::Keep => {
            say(Event::KeptOther { build: record::keep(job)? });
            return Ok(Ended::Kept);
        }
        Found::Foreign => {
            let (at, build) = (job.dir.display(), resume::maker(job).build());
            return Err(Error::usage(format!(
                "{at} was made by {build}: train it again with --fresh, or show it as it is with --keep"
            )));
        }
        Found::Trained(checkpoint) => {
            say(Event::Reevaluated);
            Run::go_on(job, shared, *checkpoint)?
        }
        Found::Resumable { checkpoint, foreign } => {
            let step = checkpoint.meta.step;
            if foreign && job.other_build != OtherBuild::Proved(step) {
                match replay::towards(job, shared.pool, &shared.stop, &checkpoint)? {
                    Replay::Same => {}
                    Replay::Interrupted => return Ok(Ended::Interrupted),
                    Replay::Differs(why) => {
                        let (at, build) = (job.dir.display(), resume::maker(job).build());
                        return Err(Error::usage(format!(
                            "{at} was stopped at step {step} under {build}, and {why}: build that commit to go on, or start \
                             over with --fresh"
                        )));
                    }
                }
            }
            let run = Run::go_on(job, shared, *checkpoint)?;
            say(Event::Resumed { step });
            run
        }
    };
    record::write(job, shared, Status::Running, None, run.seconds(), Some(&run.segments))?;
    say(Event::Started { step: run.state.step });
    let finished = run.train()? && run.final_evaluation()?;
    if !finished {
        run.checkpoint()?;
        record::write(job, shared, Status::Interrupted, None, run.seconds(), Some(&run.segments))?;
        say(Event::Interrupted { step: run.state.step });
        return Ok(Ended::Interrupted);
    }
    let seconds = run.seconds();
    record::write(job, shared, Status::Complete, None, seconds, Some(&run.segments))?;
    say(Event::Completed { seconds });
    Ok(Ended::Completed)
}

struct Run<'a> {
    job: &'a Job,
    shared: &'a Shared<'a>,
    curve: Curve,
    state: State,
    outcomes: Outcomes,
    metrics: MetricsFile,
    /// Step of the last point of the learning curve in `metrics`.
    measured: Option<u64>,
    /// The builds that made it, this one last.
    segments: Vec<Segment>,
    /// Seconds of earlier parts.
    before: f64,
    began: Instant,
    saved: Instant,
}

impl<'a> Run<'a> {
    fn start(job: &'a Job, shared: &'a Shared<'a>) -> Result<Self> {
        let state = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
        Self::open(job, shared, state, 0)
    }

    fn go_on(job: &'a Job, shared: &'a Shared<'a>, found: Checkpoint) -> Result<Self> {
        fits::check(job, &found.state)?;
        let mut run = Self::open(job, shared, found.state.to(&job.device)?, found.meta.metrics_len)?;
        run.outcomes = found.outcomes;
        run.measured = found.meta.measured;
        run.before = found.meta.elapsed_s;
        run.segments = resume::segments(job, &found.meta);
        Ok(run)
    }

    fn open(job: &'a Job, shared: &'a Shared<'a>, state: State, valid: u64) -> Result<Self> {
        let path = job.dir.join("metrics.csv");
        let metrics = MetricsFile::open(&path, valid, &job.spec.name, &job.method.label, job.seed)?;
        let (outcomes, curve, began) = (Vec::new(), Curve::plan(job), Instant::now());
        let segments = vec![Segment::now(&job.code, 0)];
        Ok(Run {
            job,
            shared,
            curve,
            state,
            outcomes,
            metrics,
            measured: None,
            segments,
            before: 0.0,
            began,
            saved: began,
        })
    }

    fn seconds(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    /// Meta-iterations up to the last one, learning curve included. False: asked to stop.
    fn train(&mut self) -> Result<bool> {
        let total = self.job.meta_iters;
        let every = (total / SCALAR_POINTS).max(1);
        while self.curve_point()? && !self.shared.stop.requested() {
            if self.state.step >= total {
                return Ok(true);
            }
            let scalars = self.shared.pool.install(|| iterate(self.job, &mut self.state, total))?;
            diverged::in_training(self.job, &self.state, &scalars)?;
            let step = self.state.step;
            if step.is_multiple_of(every) || step == total {
                self.log_scalars(&scalars)?;
            }
            self.shared.observer.event(self.job, &Event::Step { step });
            self.checkpoint_if_due()?;
        }
        Ok(false)
    }

    fn log_scalars(&mut self, scalars: &Scalars) -> Result<()> {
        let row = |(name, value): (&String, &f64)| Row {
            step: self.state.step,
            split: Split::Train,
            mode: Mode::Pointwise,
            metric: name.clone(),
            value: *value,
            ci95: None,
            n: 1,
        };
        let rows: Vec<Row> = scalars.iter().map(row).collect();
        let seconds = self.seconds();
        self.metrics.append(&rows, seconds)
    }

    /// Measures all splits if this step is a point of the curve and was not measured. False: asked to stop, and nothing
    /// was written; whoever resumes measures here first.
    fn curve_point(&mut self) -> Result<bool> {
        let step = self.state.step;
        if self.measured == Some(step) || self.curve.steps.binary_search(&step).is_err() {
            return Ok(true);
        }
        let mut rows = Vec::new();
        let mut shown = None;
        for split in self.curve.splits.clone() {
            let Some(outcomes) = self.evaluate(split, Series::Curve, 0..self.curve.episodes)? else {
                return Ok(false);
            };
            // The run's word is its final evaluation: a point without a number is told, and written as what it is.
            if let Err(error) = diverged::in_evaluation(self.job, split, &outcomes, 0) {
                self.shared.observer.event(self.job, &Event::NoPoint { why: format!("step {step}: {error}") });
            }
            for (mode, outcomes) in &outcomes {
                let number = aggregate(*mode, outcomes);
                shown = Some(number.value).filter(|value| value.is_finite()).or(shown);
                rows.push(self.evaluation_row(split, *mode, number));
            }
        }
        let seconds = self.seconds();
        self.metrics.append(&rows, seconds)?;
        self.measured = Some(step);
        if let Some(value) = shown {
            self.shared.observer.event(self.job, &Event::Curve { step, value });
        }
        Ok(true)
    }

    fn evaluate(&self, split: Split, series: Series, range: std::ops::Range<usize>) -> Result<Option<Outcomes>> {
        self.shared.pool.install(|| evaluate(self.job, &self.state, split, series, range, &self.shared.stop))
    }

    fn evaluation_row(&self, split: Split, mode: Mode, number: super::Aggregate) -> Row {
        let ci95 = Some(number.ci95).filter(|ci95| ci95.is_finite());
        let n = number.episodes as u64;
        Row { step: self.state.step, split, mode, metric: self.job.metric().into(), value: number.value, ci95, n }
    }

    /// The table's episodes, in chunks that a checkpoint can stand between. False: asked to stop.
    fn final_evaluation(&mut self) -> Result<bool> {
        let total = self.job.eval_episodes;
        let done = |run: &Self| run.outcomes.first().map_or(0, |(_, outcomes)| outcomes.len());
        while done(self) < total {
            let range = done(self)..(done(self) + EPISODE_CHUNK).min(total);
            let first = range.start;
            let Some(part) = self.evaluate(Split::Test, Series::Final, range)? else { return Ok(false) };
            if let Err(error) = diverged::in_evaluation(self.job, Split::Test, &part, first) {
                // What was trained stays: another setting of the test may do with it.
                self.checkpoint()?;
                return Err(error);
            }
            extend(&mut self.outcomes, part);
            self.shared.observer.event(self.job, &Event::Evaluated { done: done(self), total });
            self.checkpoint_if_due()?;
        }
        // From here to the record everything is a function of the state and the outcomes, so it is made again whole if
        // the process dies in between: the checkpoint first, the rows after its valid length.
        self.checkpoint()?;
        let rows: Vec<Row> = self
            .outcomes
            .iter()
            .map(|(mode, outcomes)| self.evaluation_row(Split::Test, *mode, aggregate(*mode, outcomes)))
            .collect();
        let seconds = self.seconds();
        self.metrics.append(&rows, seconds)?;
        self.metrics.sync()?;
        episodes::write(&self.job.dir.join("episodes.parquet"), &self.outcomes)?;
        if self.job.regression() {
            super::adaptation::write(self.job, &self.state)?;
        }
        Ok(true)
    }

    fn checkpoint_if_due(&mut self) -> Result<()> {
        match self.saved.elapsed() >= self.shared.checkpoint_every.max(Duration::from_millis(1)) {
            true => self.checkpoint(),
            false => Ok(()),
        }
    }

    fn checkpoint(&mut self) -> Result<()> {
        let meta = Meta {
            format: FORMAT,
            step: self.state.step,
            config: self.job.config.clone(),
            config_hash: self.job.config_hash.clone(),
            data_digest: self.job.data_digest.clone(),
            metrics_len: self.metrics.sync()?,
            measured: self.measured,
            elapsed_s: self.seconds(),
            segments: self.segments.clone(),
        };
        let checkpoint = Checkpoint { state: self.state.clone(), outcomes: self.outcomes.clone(), meta };
        checkpoint.save(&self.job.dir)?;
        self.saved = Instant::now();
        self.shared.observer.event(self.job, &Event::Saved { step: self.state.step });
        Ok(())
    }
}
