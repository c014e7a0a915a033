//! One run from its folder's state to its final evaluation: it trains, or goes on from where a run of the same training
//! is, and measures what it meets on the way.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use harness_core::{Error, Mode, Purpose, Result, Split, State, Stream};

use super::crossing::Crossing;
use super::curve::Curve;
use super::describe::{self, Told};
use super::diverged;
use super::evaluate::{EpisodeSet, aggregate, evaluate, extend, in_order};
use super::event::Event;
use super::iterate::iterate;
use super::job::{Job, Shared};
use super::resume;
use super::selection::{self, Selection};
use super::shapes;
use super::snapshots;
use super::training::{self, Kin};
use crate::identity::Segment;
use crate::results::checkpoint::{Checkpoint, FORMAT, Meta};
use crate::results::episodes::{Outcome, Outcomes};
use crate::results::metrics::{Log, MetricRow, MetricsFile};
use crate::results::run_json::Status;

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

/// Does what is left to do of `job`, whose folder and training are locked, from its own checkpoint or that of kin.
/// Errors leave the last good checkpoint as it is.
pub(super) fn run(
    job: &Job,
    shared: &Shared<'_>,
    own: Option<Checkpoint>,
    company: Company,
    doing: &Doing,
) -> Result<Ended> {
    let say = |event: Event| shared.observer.event(job, &event);
    let mut run = Run::begin(job, shared, own, company, doing)?;
    describe::write(job, shared, Status::Running, None, run.seconds(), &run.told())?;
    say(Event::Started { step: run.state.step });
    let finished = run.catch_up()? && run.train()? && run.final_evaluation()?;
    if !finished {
        run.checkpoint()?;
        describe::write(job, shared, Status::Interrupted, None, run.seconds(), &run.told())?;
        say(Event::Interrupted { step: run.state.step });
        return Ok(Ended::Interrupted);
    }
    let seconds = run.seconds();
    describe::write(job, shared, Status::Complete, None, seconds, &run.told())?;
    say(Event::Completed { seconds });
    Ok(Ended::Completed)
}

/// Whether a run is at its training, which it may share, or at its own evaluation: an error means different things.
#[derive(Default)]
pub(super) struct Doing(std::cell::Cell<bool>);

impl Doing {
    /// Does `work`, and knows that it is of the training if it errors or panics.
    pub fn training<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.0.set(true);
        let done = work()?;
        self.0.set(false);
        Ok(done)
    }

    /// Whether an error or a panic came of the training.
    pub fn in_training(&self) -> bool {
        self.0.get()
    }
}

/// Who else there is of a run's training.
pub(super) struct Company {
    pub kin: Vec<Kin>,
    /// Whether this call has a run that will read what this one leaves.
    pub followed: bool,
    /// Whether the run was complete and is only evaluated again.
    pub again: bool,
}

struct Run<'a> {
    job: &'a Job,
    shared: &'a Shared<'a>,
    /// Runs of the same training, in whose folders snapshots may lie.
    kin: Vec<Kin>,
    /// Whether this call has another one that comes after it.
    followed: bool,
    doing: &'a Doing,

    // The training.
    state: State,
    log: Log,
    /// The run that made `state`; None: nothing has been trained.
    trained_by: Option<String>,
    /// The step up to which others had trained, when this run took over.
    joined: Option<u64>,
    /// The builds that made `state`, the last one last.
    segments: Vec<Segment>,
    /// Steps at which a snapshot is kept, and the snapshots that are not on disk yet.
    keep: BTreeSet<u64>,
    pending: Vec<State>,

    // The evaluation.
    curve: Curve,
    selection: Option<Selection>,
    metrics: MetricsFile,
    /// What crossed between ranks; None: one rank trains alone.
    crossing: Option<Crossing>,
    /// Step up to which `metrics` holds the training's log.
    seen: u64,
    /// Step of the last point of the learning curve or of the selection in `metrics`.
    measured: Option<u64>,
    missing: Vec<u64>,
    choice: Vec<(u64, f64)>,
    /// Of the state that is reported, and of the last one where that is another.
    outcomes: Outcomes,
    last: Outcomes,
    /// The step of the state that is reported, once it is chosen.
    selected: Option<u64>,

    /// Seconds of earlier parts.
    before: f64,
    began: Instant,
    saved: Instant,
}

impl<'a> Run<'a> {
    fn begin(
        job: &'a Job,
        shared: &'a Shared<'a>,
        own: Option<Checkpoint>,
        company: Company,
        doing: &'a Doing,
    ) -> Result<Self> {
        let Company { kin, followed, again } = company;
        let valid = own.as_ref().map_or(0, |own| own.meta.metrics_len);
        if let Some(own) = &own {
            shapes::check(job, &own.state)?;
        }
        let ahead = training::ahead(job, &kin, own.as_ref().map_or(0, |own| own.meta.step))?;
        let measured = own.as_ref().map_or(&[][..], |own| &own.choice);
        let ahead = ahead.filter(|(found, at)| {
            let can = training::can_choose(job, &kin, found.meta.step, measured);
            if !can {
                shared.observer.event(job, &Event::Alone { of: kin[*at].name.clone() });
            }
            can
        });
        let metrics = job.dir.metrics(valid, (&job.benchmark.name, &job.method.label, job.seed))?;
        let began = Instant::now();
        let mut run = Run {
            job,
            shared,
            kin,
            followed,
            doing,
            state: State::default(),
            log: Log::default(),
            trained_by: None,
            joined: None,
            segments: vec![Segment::now(&job.code, 0)],
            keep: snapshots::steps(job.meta_iters),
            pending: Vec::new(),
            curve: Curve::new(job),
            selection: Selection::new(job),
            metrics,
            crossing: None,
            seen: 0,
            measured: None,
            missing: Vec::new(),
            choice: Vec::new(),
            outcomes: Vec::new(),
            last: Vec::new(),
            selected: None,
            before: 0.0,
            began,
            saved: began,
        };
        match own {
            Some(own) => run.go_on(own, again)?,
            None => run.state = initial(job)?,
        }
        if let Some((found, at)) = ahead {
            run.join(found, at)?;
        }
        run.crossing = Crossing::new(job, &run.state, shared.workers, shared.pool.current_num_threads());
        Ok(run)
    }

    /// From the run's own checkpoint.
    fn go_on(&mut self, mut own: Checkpoint, again: bool) -> Result<()> {
        training::complete_log(&mut own, &self.job.dir)?;
        self.segments = resume::segments(self.job, &own.meta);
        let meta = own.meta;
        self.state = own.state.to(&self.job.device)?;
        if meta.step < self.job.meta_iters && !shapes::whole(self.job, &self.state)? {
            return Err(Error::usage(format!(
                "{}: the checkpoint at step {} holds what evaluation reads and not what training does: start over with --fresh",
                self.job.dir, meta.step
            )));
        }
        self.log = own.log;
        self.trained_by = meta.trained_by.or_else(|| Some(self.job.name()));
        self.joined = meta.joined;
        self.seen = meta.seen.unwrap_or(meta.step);
        self.measured = meta.measured;
        self.missing = meta.missing;
        self.choice = own.choice;
        self.outcomes = in_order(self.job, own.outcomes);
        self.last = in_order(self.job, own.last);
        self.before = meta.elapsed_s;
        let event = if again { Event::Reevaluated } else { Event::Resumed { step: meta.step } };
        self.shared.observer.event(self.job, &event);
        Ok(())
    }

    /// The training of kin that is further; the evaluation stays where it is, and catches up.
    fn join(&mut self, found: Checkpoint, at: usize) -> Result<()> {
        let of = found.meta.trained_by.clone().unwrap_or_else(|| self.kin[at].name.clone());
        self.state = found.state.to(&self.job.device)?;
        self.log = found.log;
        let made_by = resume::made_by(&self.kin[at].dir, &found.meta);
        self.segments = match self.state.step < self.job.meta_iters {
            true => resume::segments_after(self.job, &made_by, self.state.step),
            // Nothing is left to train: the state is theirs.
            false => made_by,
        };
        self.shared.observer.event(self.job, &Event::Joined { step: self.state.step, of: of.clone() });
        self.joined = Some(self.state.step);
        self.trained_by = Some(of);
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    /// What run.json says of the training and of the choice.
    fn told(&self) -> Told {
        Told {
            trained_by: self.trained_by.clone().filter(|name| *name != self.job.name()),
            joined: self.joined,
            selected_step: self.selected,
            missing_points: self.missing.clone(),
            segments: Some(self.segments.clone()),
        }
    }

    /// Whether the learning curve or the choice is measured at `step`.
    fn is_point(&self, step: u64) -> bool {
        let choice = self.selection.as_ref().is_some_and(|selection| selection.steps.binary_search(&step).is_ok());
        choice || self.curve.steps.binary_search(&step).is_ok()
    }

    /// Measures what the training has passed, from its log and its snapshots, in the order in which a run that trains
    /// itself writes it. False: asked to stop.
    fn catch_up(&mut self) -> Result<bool> {
        let to = self.state.step;
        let mut due = self.log.steps(self.seen);
        let points = self.curve.steps.iter().chain(self.selection.iter().flat_map(|selection| &selection.steps));
        due.extend(points.copied().filter(|step| (self.seen..to).contains(step)));
        due.retain(|step| self.measured != Some(*step) && !self.missing.contains(step));
        for step in due {
            if self.shared.stop.requested() {
                return Ok(false);
            }
            if step > self.seen {
                let (rows, seconds) = (self.log.rows(step), self.seconds());
                self.metrics.append(rows, seconds)?;
                self.seen = step;
            }
            if step < to && self.is_point(step) {
                match self.state_at(step)? {
                    Some(state) if !self.point(&state)? => return Ok(false),
                    Some(_) => {}
                    None => self.missing.push(step),
                }
            }
            self.shared.observer.event(self.job, &Event::CaughtUp { step, of: to });
            self.checkpoint_if_due()?;
        }
        self.seen = to;
        if !self.missing.is_empty() {
            self.shared.observer.event(self.job, &Event::Gaps { points: self.missing.len() });
        }
        Ok(true)
    }

    /// The state at a step that the training has passed; None where nobody kept it.
    fn state_at(&self, step: u64) -> Result<Option<State>> {
        if step == 0 {
            return initial(self.job).map(Some);
        }
        if let Some(state) = self.pending.iter().find(|state| state.step == step) {
            return Ok(Some(state.clone()));
        }
        let folders = std::iter::once(&self.job.dir).chain(self.kin.iter().map(|kin| &kin.dir));
        let say = &mut |what| self.shared.observer.event(self.job, &Event::Damaged { what });
        snapshots::load(self.job, folders, (step, &self.segments), say)
    }

    /// Meta-iterations up to the last one, learning curve included. False: asked to stop.
    fn train(&mut self) -> Result<bool> {
        let total = self.job.meta_iters;
        let every = (total / SCALAR_POINTS).max(1);
        loop {
            if self.is_point(self.state.step) && !self.point(&self.state.clone())? {
                return Ok(false);
            }
            if self.shared.stop.requested() {
                return Ok(false);
            }
            if self.state.step >= total {
                return Ok(true);
            }
            let scalars = self.doing.training(|| {
                let workers = self.shared.workers;
                // What evaluations sent is not the training's.
                workers.crossed();
                let scalars = self.shared.pool.install(|| iterate(self.job, &mut self.state, total, workers))?;
                scalars.iter().try_for_each(|scalars| diverged::in_training(self.job, &self.state, scalars))?;
                Ok(scalars)
            })?;
            let Some(scalars) = scalars else { return Ok(false) };
            if let Some(crossing) = &mut self.crossing {
                crossing.add(self.shared.workers.crossed());
            }
            let step = self.state.step;
            self.trained_by = Some(self.job.name());
            if step.is_multiple_of(every) || step == total {
                self.log.add(step, &scalars);
                let (rows, seconds) = (self.log.rows(step), self.seconds());
                self.metrics.append(rows, seconds)?;
                if let Some(crossing) = &mut self.crossing {
                    crossing.row(step);
                }
            }
            self.seen = step;
            if self.keep.contains(&step) {
                self.pending.push(self.job.algorithm.for_evaluation(&self.state));
            }
            self.shared.observer.event(self.job, &Event::Step { step });
            self.checkpoint_if_due()?;
        }
    }

    /// Measures the learning curve and the choice at the state's step, unless that is done. False: asked to stop, and
    /// nothing was written; whoever resumes measures here first.
    fn point(&mut self, state: &State) -> Result<bool> {
        let step = state.step;
        if self.measured == Some(step) {
            return Ok(true);
        }
        let (mut rows, mut shown, mut chosen) = (Vec::new(), None, None);
        if self.curve.steps.binary_search(&step).is_ok() {
            for split in self.curve.splits.clone() {
                let Some(outcomes) = self.evaluate(state, split, EpisodeSet::Curve, 0..self.curve.episodes)? else {
                    return Ok(false);
                };
                self.tell_lost(step, split, &outcomes);
                for (mode, outcomes) in &outcomes {
                    let number = aggregate(*mode, outcomes);
                    shown = Some(number.value).filter(|value| value.is_finite()).or(shown);
                    rows.push(self.evaluation_row(step, split, *mode, self.job.metric().name, number));
                }
            }
        }
        if let Some(selection) = self.selection.clone().filter(|s| s.steps.binary_search(&step).is_ok()) {
            let Some(outcomes) = self.evaluate(state, Split::Val, EpisodeSet::Selection, 0..selection.episodes)? else {
                return Ok(false);
            };
            self.tell_lost(step, Split::Val, &outcomes);
            for (mode, outcomes) in &outcomes {
                let number = aggregate(*mode, outcomes);
                chosen = Some(number.value);
                rows.push(self.evaluation_row(step, Split::Val, *mode, "selection", number));
            }
        }
        let seconds = self.seconds();
        self.metrics.append(rows, seconds)?;
        self.measured = Some(step);
        self.choice.extend(chosen.map(|value| (step, value)));
        if let Some(value) = shown {
            self.shared.observer.event(self.job, &Event::Curve { step, value });
        }
        Ok(true)
    }

    /// The run's word is its final evaluation: a point without a number is told, and written as what it is.
    fn tell_lost(&self, step: u64, split: Split, outcomes: &Outcomes) {
        if let Err(error) = diverged::check_numbers(self.job, split, outcomes, 0) {
            self.shared.observer.event(self.job, &Event::NoPoint { why: format!("step {step}: {error}") });
        }
    }

    fn evaluate(
        &self,
        state: &State,
        split: Split,
        set: EpisodeSet,
        range: std::ops::Range<usize>,
    ) -> Result<Option<Outcomes>> {
        let with = (&self.shared.stop, self.shared.workers);
        self.shared.pool.install(|| evaluate(self.job, state, split, set, range, with))
    }

    fn evaluation_row(&self, step: u64, split: Split, mode: Mode, metric: &str, number: super::Aggregate) -> MetricRow {
        let (value, ci95) = (number.value, number.interval());
        let (n, metric) = (number.episodes as u64, metric.to_owned());
        MetricRow { step, split, mode, metric, value, ci95, n, wall_s: None }
    }

    /// The table's episodes, of the state that is reported and of the last one where that is another. False: asked to
    /// stop.
    fn final_evaluation(&mut self) -> Result<bool> {
        let total = self.job.meta_iters;
        self.selected = self.selection.as_ref().map(|_| selection::best(&self.choice).unwrap_or(total));
        let reported = match self.selected.filter(|step| *step != total) {
            Some(step) => self.chosen_state(step)?,
            None => self.state.clone(),
        };
        let mut outcomes = std::mem::take(&mut self.last);
        if reported.step != total {
            let state = self.state.clone();
            let done = self.episodes(&state, &mut outcomes, true)?;
            self.last = outcomes;
            if !done {
                return Ok(false);
            }
        }
        let mut outcomes = std::mem::take(&mut self.outcomes);
        let done = self.episodes(&reported, &mut outcomes, false)?;
        self.outcomes = outcomes;
        if !done {
            return Ok(false);
        }
        // From here to the record everything is a function of the state and the outcomes, so it is made again whole if
        // the process dies in between: the checkpoint first, the rows after its valid length.
        self.checkpoint()?;
        let row = |(mode, outcomes): &(Mode, Vec<Outcome>), step, metric: &str| {
            self.evaluation_row(step, Split::Test, *mode, metric, aggregate(*mode, outcomes))
        };
        let metric = self.job.metric().name;
        let last = self.last.iter().map(|of| row(of, total, &format!("last_{metric}")));
        let rows: Vec<MetricRow> = last.chain(self.outcomes.iter().map(|of| row(of, reported.step, metric))).collect();
        let seconds = self.seconds();
        self.metrics.append(rows, seconds)?;
        self.metrics.sync()?;
        self.job.dir.write_episodes(&self.outcomes)?;
        if let Some(rows) = super::adaptation::rows(self.job, &reported)? {
            self.job.dir.write_adaptation(&rows)?;
        }
        Ok(true)
    }

    /// The state that was best on validation classes. It stays beside the run.
    fn chosen_state(&mut self, step: u64) -> Result<State> {
        // What waits in memory is on disk before anything counts on it.
        self.checkpoint()?;
        let state = self.state_at(step)?.ok_or_else(|| {
            Error::data(format!(
                "{}: the state of step {step}, the best on validation classes, is gone: start over with --fresh",
                self.job.dir
            ))
        })?;
        if !self.job.dir.snapshots().contains(&step) {
            let by = self.trained_by.clone().unwrap_or_else(|| self.job.name());
            snapshots::write(self.job, &state, &by, &self.segments)?;
        }
        Ok(state)
    }

    /// Test episodes of `state` that `outcomes` lacks, in chunks that a checkpoint can stand between. False: asked to
    /// stop.
    fn episodes(&mut self, state: &State, outcomes: &mut Outcomes, last: bool) -> Result<bool> {
        let total = self.job.eval_episodes;
        let done = |outcomes: &Outcomes| outcomes.first().map_or(0, |(_, outcomes)| outcomes.len());
        while done(outcomes) < total {
            let range = done(outcomes)..(done(outcomes) + EPISODE_CHUNK).min(total);
            let first = range.start;
            let Some(part) = self.evaluate(state, Split::Test, EpisodeSet::Final, range)? else { return Ok(false) };
            match diverged::check_numbers(self.job, Split::Test, &part, first) {
                Err(error) if !last => {
                    // What was trained stays: another setting of the test may do with it.
                    self.checkpoint()?;
                    return Err(error);
                }
                // The state that is reported is another one.
                Err(error) => self.shared.observer.event(self.job, &Event::NoPoint { why: error.to_string() }),
                Ok(()) => {}
            }
            extend(outcomes, part);
            self.shared.observer.event(self.job, &Event::Evaluated { done: done(outcomes), total });
            if self.due() {
                *(if last { &mut self.last } else { &mut self.outcomes }) = outcomes.clone();
                self.checkpoint()?;
            }
        }
        Ok(true)
    }

    fn due(&self) -> bool {
        self.saved.elapsed() >= self.shared.checkpoint_every.max(Duration::from_millis(1))
    }

    fn checkpoint_if_due(&mut self) -> Result<()> {
        if self.due() { self.checkpoint() } else { Ok(()) }
    }

    /// The snapshots first: whatever the checkpoint has passed is on disk.
    fn checkpoint(&mut self) -> Result<()> {
        let read = self.followed || self.state.step < self.job.meta_iters || self.selection.is_some();
        if read || (!self.pending.is_empty() && snapshots::awaited(self.job, &self.kin)) {
            let by = self.trained_by.clone().unwrap_or_else(|| self.job.name());
            for state in &self.pending {
                snapshots::write(self.job, state, &by, &self.segments)?;
            }
            self.pending.clear();
        }
        let meta = Meta {
            format: FORMAT,
            step: self.state.step,
            config: self.job.config.clone(),
            config_hash: self.job.config_hash(),
            data_digest: self.job.data_digest.clone(),
            classes: self.job.classes.clone(),
            chosen_by: selection::chosen_by(self.job),
            metrics_len: self.metrics.sync()?,
            measured: self.measured,
            elapsed_s: self.seconds(),
            seen: Some(self.seen).filter(|seen| *seen != self.state.step),
            missing: self.missing.clone(),
            trained_by: self.trained_by.clone(),
            joined: self.joined,
            segments: self.segments.clone(),
        };
        let checkpoint = Checkpoint {
            state: self.state.clone(),
            log: self.log.clone(),
            outcomes: self.outcomes.clone(),
            last: self.last.clone(),
            choice: self.choice.clone(),
            meta,
        };
        if let Some(crossing) = &self.crossing {
            self.job.dir.write_ranks(&crossing.rows)?;
        }
        self.job.dir.save(&checkpoint)?;
        self.saved = Instant::now();
        self.shared.observer.event(self.job, &Event::Saved { step: self.state.step });
        Ok(())
    }
}

/// The state before the first meta-iteration.
fn initial(job: &Job) -> Result<State> {
    job.algorithm.init(&mut Stream::new(job.seed, Purpose::Init, 0, 0))
}
