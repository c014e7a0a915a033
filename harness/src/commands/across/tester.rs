//! A run's state, tested on the classes of another data set.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use harness_core::{Entry, Error, Mode, Result, Split, TaskSource, View};
use harness_data::Progress;

use super::Across;
use super::pairs::Pair;
use super::runs::Finished;
use crate::commands::seen::{Past, Seen};
use crate::commands::trained::Trained;
use crate::commands::{self, eval};
use crate::results::across_csv::Row;
use crate::results::run_json::RunRecord;
use crate::runner::{self, Job, Misfit, Outcomes, Stop, aggregate};
use crate::tasks::Sources;

/// A run to test, and what it is tested by.
pub struct Subject<'a> {
    pub run: &'a Finished,
    entry: &'a Entry,
    /// Of its rows.
    pub code: String,
}

impl<'a> Subject<'a> {
    /// Errors where this binary lacks the run's method.
    pub fn new(run: &'a Finished, algorithms: &'a [Entry]) -> Result<Subject<'a>> {
        let entry = run.trained.entry(algorithms)?;
        Ok(Subject { run, entry, code: run.codes(algorithms).to_string() })
    }
}

/// What came of one pair.
pub enum Tested {
    /// A row a mode.
    Rows(Vec<Row>),
    /// Why it makes no sense, in one line.
    LeftOut(String),
    /// Why that holds for every size of the images.
    Seen(String),
    Stopped,
}

/// Tests runs, and opens each data set once.
pub struct Tester<'a> {
    /// Instead of each run's own number.
    episodes: Option<usize>,
    sources: Sources<'a>,
    data_dir: Option<PathBuf>,
    /// Targets whose data is not here, with what is said of each.
    missing: HashMap<String, String>,
    pool: rayon::ThreadPool,
    stop: Stop,
}

impl<'a> Tester<'a> {
    /// One that signals stop.
    pub fn new(args: &Across, progress: Progress<'a>) -> Result<Tester<'a>> {
        let pool = commands::pool(args.threads)?;
        let stop = Stop::default();
        stop.raise_on_signals()?;
        let sources = Sources::new(args.data_dir.as_deref(), args.offline, progress);
        let data_dir = args.data_dir.clone();
        Ok(Tester { episodes: args.eval_episodes, sources, data_dir, missing: HashMap::new(), pool, stop })
    }

    /// How many a run is tested on.
    pub fn episodes(&self, run: &Finished) -> usize {
        self.episodes.unwrap_or(run.record.eval_episodes as usize)
    }

    /// Whether the target's images are those that `row` was tested on. What is not here cannot be compared: the row stays.
    pub fn is_same_data(&mut self, row: &Row, pair: &Pair<'_>) -> bool {
        let source = self.pool.install(|| self.sources.open(&pair.data()));
        source.map_or(true, |source| source.digest() == row.data_digest)
    }

    /// Evaluates a run's state on a pair.
    pub fn test(&mut self, subject: &Subject<'_>, pair: &Pair<'_>) -> Result<Tested> {
        let run = subject.run;
        let (record, trained, to) = (&run.record, &run.trained, &pair.target.name);
        let checkpoint = match run.dir.reported(record) {
            Ok(checkpoint) => checkpoint,
            Err(why) => return Ok(Tested::LeftOut(format!("{}: its state is not here ({why})", run.name()))),
        };
        let input = [pair.side, pair.side, trained.input[2]];
        let algorithm = trained.build(subject.entry, &input, trained.protocol)?;
        if let Some(misfit) = runner::misfit(algorithm.as_ref(), Some(trained.protocol.ways), &checkpoint.state)? {
            return Ok(Tested::LeftOut(unfit(trained, pair, misfit)));
        }
        let source = match self.open(pair) {
            Ok(source) => source,
            Err(Error::Data(why)) => return Ok(Tested::LeftOut(why)),
            Err(error) => return Err(error),
        };
        let step = checkpoint.state.step;
        let RunRecord { config, data_digest, classes, .. } = record;
        let noted = run.dir.classes(&record.config_hash)?;
        let past = Past { trained, config, data_digest, classes, noted, step };
        let (data, data_dir) = (pair.data(), self.data_dir.as_deref());
        if let Some(seen) = past.has_seen((&data, source.as_ref()), Split::Test, data_dir)? {
            let why = match seen {
                Seen::Classes(classes) => format!("it was trained on test classes, {classes}"),
                Seen::Dealt => {
                    "both are of the same images, and it was trained with another list of their classes".into()
                }
                Seen::Untold => {
                    "the images have changed since, and nothing tells which classes it was trained on".into()
                }
            };
            return Ok(Tested::Seen(format!("{} → {to}: {why}", trained.benchmark)));
        }
        let job = trained.on(data, source, algorithm.into(), step, self.episodes(run));
        if let Err(why) = job.source.check(Split::Test, &job.episode(), trained.protocol.ways, &View::default()) {
            return Ok(Tested::LeftOut(format!("{} → {to}: {why}", trained.benchmark)));
        }
        let outcomes = eval::outcomes(&job, &checkpoint.state, Split::Test, (&self.pool, &self.stop), None)?;
        Ok(outcomes.map_or(Tested::Stopped, |outcomes| Tested::Rows(rows(subject, pair, &job, &outcomes))))
    }

    /// The data of a pair. Where it is not here, the error is one of data, and the same each time.
    fn open(&mut self, pair: &Pair<'_>) -> Result<Arc<dyn TaskSource>> {
        let to = &pair.target.name;
        if let Some(why) = self.missing.get(to) {
            return Err(Error::data(why.clone()));
        }
        match self.pool.install(|| self.sources.open(&pair.data())) {
            Err(Error::Data(why)) => {
                let why = format!("{to}: {why}");
                self.missing.insert(to.clone(), why.clone());
                Err(Error::Data(why))
            }
            opened => opened,
        }
    }
}

/// Why a method cannot read a state at a size that it was not trained on.
fn unfit(trained: &Trained, pair: &Pair<'_>, misfit: Misfit) -> String {
    let what = match misfit {
        Misfit::Head { there, here } => format!("its head has {there} outputs, and {here} are asked for"),
        Misfit::Tensor { name, there, here } => format!("{name} is {there} and would be {here}"),
    };
    let (own, to, side) = (trained.input[0], &pair.target.name, pair.side);
    format!(
        "{} {} → {to} at {side} pixels: its network reads {own} × {own} pixels alone ({what})",
        trained.benchmark, trained.label
    )
}

/// A row a mode.
fn rows(subject: &Subject<'_>, pair: &Pair<'_>, job: &Job, outcomes: &Outcomes) -> Vec<Row> {
    let Finished { budget, record, trained, .. } = subject.run;
    let row = |(mode, outcomes): &(Mode, Vec<_>)| {
        let number = aggregate(*mode, outcomes);
        Row {
            budget: budget.clone(),
            benchmark: trained.benchmark.clone(),
            method: trained.label.clone(),
            seed: trained.seed,
            step: job.meta_iters,
            ways: trained.protocol.ways,
            shots: trained.protocol.shots,
            to: pair.target.name.clone(),
            side: pair.side,
            mode: *mode,
            value: number.value,
            ci95: number.interval(),
            episodes: number.episodes as u64,
            config_hash: record.config_hash.clone(),
            trained_on: record.data_digest.clone(),
            data_digest: job.source.digest(),
            code: subject.code.clone(),
        }
    };
    outcomes.iter().map(row).collect()
}
