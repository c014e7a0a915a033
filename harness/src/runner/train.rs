//! One run from its folder's state to its final evaluation.

use std::time::{Duration, Instant};

use harness_core::{Draw, Error, Mode, Progress, Purpose, Result, Scalars, Split, State, Stream, Task};
use rayon::prelude::*;

use super::curve::Curve;
use super::evaluate::{Series, aggregate, evaluate};
use super::event::Event;
use super::job::{Job, Shared};
use super::record;
use super::resume::{self, Found};
use crate::files::checkpoint::{Checkpoint, FORMAT, Meta};
use crate::files::episodes::{self, Outcome};
use crate::files::lock::RunLock;
use crate::files::metrics::{MetricsFile, Row};
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
/// Final evaluation episodes between two looks at the clock and the stop flag.
const EPISODE_CHUNK: usize = 64;

/// Does what is left to do of `job`. Errors leave the last good checkpoint as it is.
pub(super) fn run(job: &Job, shared: &Shared<'_>) -> Result<Ended> {
    std::fs::create_dir_all(&job.dir).map_err(|source| Error::io(&job.dir, source))?;
    let _lock = RunLock::take(&job.dir)?;
    if shared.fresh {
        resume::clear(&job.dir)?;
    }
    let say = |event: Event| shared.observer.event(job, &event);
    let found = resume::look(job, &mut |what| say(Event::Damaged { what }))?;
    let mut run = match found {
        Found::Complete => {
            say(Event::Kept);
            return Ok(Ended::Kept);
        }
        Found::Nothing => Run::start(job, shared)?,
        Found::Resumable(checkpoint) => {
            say(Event::Resumed { step: checkpoint.meta.step });
            Run::go_on(job, shared, *checkpoint)?
        }
    };
    record::write(job, shared, Status::Running, None, run.seconds())?;
    say(Event::Started { step: run.state.step });
    let finished = run.train()? && run.final_evaluation()?;
    let seconds = run.seconds();
    match finished {
        true => {
            record::write(job, shared, Status::Complete, None, seconds)?;
            say(Event::Completed { seconds });
            Ok(Ended::Completed)
        }
        false => {
            run.checkpoint()?;
            record::write(job, shared, Status::Interrupted, None, seconds)?;
            say(Event::Interrupted { step: run.state.step });
            Ok(Ended::Interrupted)
        }
    }
}

struct Run<'a> {
    job: &'a Job,
    shared: &'a Shared<'a>,
    curve: Curve,
    state: State,
    outcomes: Vec<(Mode, Vec<Outcome>)>,
    metrics: MetricsFile,
    /// Seconds of earlier parts.
    before: f64,
    began: Instant,
    saved: Instant,
}

impl<'a> Run<'a> {
    fn start(job: &'a Job, shared: &'a Shared<'a>) -> Result<Self> {
        let state = job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))?;
        let mut run = Self::open(job, shared, state, 0)?;
        run.curve_point()?;
        Ok(run)
    }

    fn go_on(job: &'a Job, shared: &'a Shared<'a>, found: Checkpoint) -> Result<Self> {
        let mut run = Self::open(job, shared, found.state, found.meta.metrics_len)?;
        run.outcomes = found.outcomes;
        run.before = found.meta.elapsed_s;
        Ok(run)
    }

    fn open(job: &'a Job, shared: &'a Shared<'a>, state: State, valid: u64) -> Result<Self> {
        let path = job.dir.join("metrics.csv");
        let metrics = MetricsFile::open(&path, valid, &job.spec.name, &job.method.label, job.seed)?;
        let curve = Curve::plan(job);
        let (outcomes, now) = (Vec::new(), Instant::now());
        Ok(Run { job, shared, curve, state, outcomes, metrics, before: 0.0, began: now, saved: now })
    }

    fn seconds(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    /// Meta-iterations up to the last one. False: asked to stop.
    fn train(&mut self) -> Result<bool> {
        let total = self.job.meta_iters;
        let every = (total / SCALAR_POINTS).max(1);
        while self.state.step < total {
            if self.shared.stop.requested() {
                return Ok(false);
            }
            let scalars = self.shared.pool.install(|| iterate(self.job, &mut self.state, total))?;
            self.check(&scalars)?;
            let step = self.state.step;
            if step % every == 0 || step == total {
                self.log_scalars(&scalars)?;
            }
            self.curve_point()?;
            self.shared.observer.event(self.job, &Event::Step { step });
            self.checkpoint_if_due()?;
        }
        Ok(true)
    }

    /// NaN and infinity stop a run at once.
    fn check(&self, scalars: &Scalars) -> Result<()> {
        let bad = match scalars.iter().find(|(_, value)| !value.is_finite()) {
            Some((name, value)) => Some(format!("{name} is {value}")),
            None => self.state.params.not_finite()?.map(|name| format!("parameter {name} is not finite")),
        };
        let Some(what) = bad else { return Ok(()) };
        let rates =
            self.job.method.settings.iter().filter(|(key, _)| key.ends_with("lr") || key.as_str() == "meta_step");
        let rates: Vec<String> = rates.map(|(key, value)| format!("{key} = {value}")).collect();
        let rates = if rates.is_empty() { "default rates".to_owned() } else { rates.join(", ") };
        Err(Error::Diverged(format!(
            "diverged at meta-iteration {}: {what} ({rates}); lower the rate",
            self.state.step
        )))
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

    /// Measures training and test classes if this step is a point of the curve.
    fn curve_point(&mut self) -> Result<()> {
        let step = self.state.step;
        if self.curve.steps.binary_search(&step).is_err() {
            return Ok(());
        }
        let mut rows = Vec::new();
        let mut shown = None;
        for split in [Split::Train, Split::Val, Split::Test] {
            if !self.job.source.has(split) {
                continue;
            }
            let count = self.curve.episodes;
            let outcomes =
                self.shared.pool.install(|| evaluate(self.job, &self.state, split, Series::Curve, 0..count))?;
            for (mode, outcomes) in &outcomes {
                let number = aggregate(*mode, outcomes);
                shown = Some(number.value);
                rows.push(self.evaluation_row(split, *mode, number));
            }
        }
        let seconds = self.seconds();
        self.metrics.append(&rows, seconds)?;
        if let Some(value) = shown {
            self.shared.observer.event(self.job, &Event::Curve { step, value });
        }
        Ok(())
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
            if self.shared.stop.requested() {
                return Ok(false);
            }
            let range = done(self)..(done(self) + EPISODE_CHUNK).min(total);
            let evaluate = || evaluate(self.job, &self.state, Split::Test, Series::Final, range);
            let part = self.shared.pool.install(evaluate)?;
            match self.outcomes.is_empty() {
                true => self.outcomes = part,
                false => {
                    for ((_, all), (_, part)) in self.outcomes.iter_mut().zip(part) {
                        all.extend(part);
                    }
                }
            }
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
            elapsed_s: self.seconds(),
        };
        let checkpoint = Checkpoint { state: self.state.clone(), outcomes: self.outcomes.clone(), meta };
        checkpoint.save(&self.job.dir)?;
        self.saved = Instant::now();
        Ok(())
    }
}

/// One meta-iteration: tasks drawn and learned in parallel, folded in task order. Call inside the pool.
pub fn iterate(job: &Job, state: &mut State, total: u64) -> Result<Scalars> {
    let sampling = job.algorithm.sampling();
    let indices: Vec<u64> = (0..sampling.meta_batch as u64).collect();
    let frozen: &State = state;
    let chains: Vec<Vec<harness_core::Update>> = indices
        .par_chunks(sampling.chain)
        .with_max_len(1)
        .map(|chain| {
            let mut tasks =
                chain.iter().map(|index| draw(job, &sampling.draw, frozen.step, *index)).collect::<Result<Vec<_>>>()?;
            job.algorithm.chain_update(frozen, &mut tasks)
        })
        .collect::<Result<_>>()?;
    let updates = chains.into_iter().flatten().collect();
    let scalars = job.algorithm.outer_update(state, updates, Progress { iteration: state.step, total })?;
    state.step += 1;
    Ok(scalars)
}

fn draw(job: &Job, draw: &Draw, step: u64, index: u64) -> Result<(Task, Stream)> {
    let mut rng = Stream::new(job.seed, Purpose::TrainTask, step, index);
    let task = job.source.task(Split::Train, draw, job.spec.protocol.ways, &job.method.view, &mut rng)?;
    Ok((task, Stream::new(job.seed, Purpose::TrainMethod, step, index)))
}
