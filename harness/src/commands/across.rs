//! `harness across OUT…`: finished runs on the test classes of other data sets, as a table of its own.
//!
//! A state is evaluated as `harness eval` does it, with the recipe that it was trained with: only the data is another's. What is
//! done is kept in `across.csv` of the results folder.

mod pairs;
mod runs;
mod table;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use harness_core::{Draw, Entry, Error, Result, Split, TaskSource, View};

use self::pairs::{Pair, Target};
use self::runs::Finished;
use super::{eval, seen};
use crate::benchmark::{Benchmark, Budget, DataBlock, EvalBlock, MethodBlock, PerBudget};
use crate::cli::Sheet;
use crate::cli::value::positive;
use crate::console;
use crate::exit::Exit;
use crate::results::across_csv::{self, Row};
use crate::results::checkpoint::Checkpoint;
use crate::results::disk;
use crate::runner::{self, Cell, Job, Misfit, Stop, aggregate};
use crate::tasks::Sources;

const EXAMPLES: &str = "\
Examples:
  # Every finished run on every other data set that is here
  harness across results/runs --data-dir ~/data

  # The same table again, without data or evaluating
  harness across results/runs --kept --format markdown";

/// Evaluates finished runs on the test classes of other data sets, each with the recipe that it was trained with and on as many
/// episodes, and prints a row a method, a column a pair of data sets. Images are shown at the size that the state was trained
/// on, and at the other set's own where that is larger. Pairs that make no sense are named with the reason. What was
/// evaluated is kept in OUT/across.csv and is not evaluated again.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Across {
    /// Folders with results: the --out of `reproduce`
    #[arg(value_name = "OUT", required = true)]
    pub out: Vec<PathBuf>,

    /// A data set to test on, or a benchmark file whose data is; may be repeated. Omniglot, mini-ImageNet, CIFAR-FS and FC100
    /// if absent
    #[arg(long, value_name = "DATASET|FILE.toml")]
    pub to: Vec<String>,

    /// Only runs of this row; may be repeated
    #[arg(long, value_name = "LABEL")]
    pub method: Vec<String>,

    /// Only runs of this budget
    #[arg(long, value_enum)]
    pub budget: Option<Budget>,

    /// Episodes, instead of each run's own number
    #[arg(long, value_name = "N", value_parser = positive)]
    pub eval_episodes: Option<usize>,

    /// Print what across.csv holds, and evaluate nothing
    #[arg(long)]
    pub kept: bool,

    /// Folder with data sets, such as DIR/omniglot; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Never use the network
    #[arg(long)]
    pub offline: bool,

    /// Worker threads; all cores if absent. The numbers do not depend on it
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,

    /// How to print the table
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    pub format: Sheet,
}

/// Evaluates what is not kept yet and prints the table.
pub fn run(args: &Across, algorithms: &[Entry]) -> Result<Exit> {
    let targets = pairs::targets(&args.to)?;
    let mut done = Done::default();
    for out in &args.out {
        if !out.is_dir() {
            return Err(Error::usage(format!(
                "no results folder {}: name the --out of `harness reproduce`",
                out.display()
            )));
        }
        let mut rows = across_csv::read(out)?;
        let finished = runs::finished(out, args.budget, &args.method, &mut done)?;
        if !args.kept {
            folder(args, (out, &finished), &targets, algorithms, &mut rows, &mut done)?;
        }
        rows.retain(|row| wanted(args, &targets, row));
        runs::keep_current(&finished, &mut rows, &mut done);
        runs::keep_same_images(&mut rows, &mut done);
        done.kept.push((out.clone(), rows));
    }
    let rows = done.kept.iter().map(|(_, rows)| rows.len()).sum::<usize>();
    if args.format != Sheet::Table {
        done.left_out.iter().for_each(|left| tracing::warn!("left out {left}"));
    }
    if rows > 0 {
        console::print(&table::print(&done.kept, &done.left_out, args.format))?;
    } else if args.format == Sheet::Table {
        done.left_out.iter().for_each(|left| tracing::warn!("left out {left}"));
    }
    match (done.interrupted, done.failed, rows) {
        (true, ..) => {
            tracing::warn!("interrupted: the same command goes on where it stopped");
            Ok(Exit::Interrupted)
        }
        (_, true, _) => Ok(Exit::SomeFailed),
        (.., 0) => {
            let why = if !done.left_out.is_empty() {
                "all of it is left out"
            } else if args.kept {
                "across.csv holds no such row: leave --kept out"
            } else {
                "no finished run has another data set"
            };
            tracing::warn!("nothing to show: {why}");
            Ok(Exit::NothingRan)
        }
        _ => Ok(Exit::Done),
    }
}

/// What came of all folders.
#[derive(Default)]
struct Done {
    kept: Vec<(PathBuf, Vec<Row>)>,
    /// One line each.
    left_out: Vec<String>,
    interrupted: bool,
    failed: bool,
}

impl Done {
    fn leave_out(&mut self, what: String) {
        if !self.left_out.contains(&what) {
            self.left_out.push(what);
        }
    }
}

/// Whether a row was asked for.
fn wanted(args: &Across, targets: &[Target], row: &Row) -> bool {
    (args.to.is_empty() || targets.iter().any(|target| target.name == row.to))
        && (args.method.is_empty() || args.method.contains(&row.method))
        && args.budget.is_none_or(|budget| row.budget == budget.as_str())
        && args.eval_episodes.is_none_or(|episodes| row.episodes == episodes as u64)
}

/// Evaluates what is missing in one results folder. Its file is written after every pair, so that nothing is done twice.
fn folder(
    args: &Across,
    (out, finished): (&std::path::Path, &[Finished]),
    targets: &[Target],
    algorithms: &[Entry],
    rows: &mut Vec<Row>,
    done: &mut Done,
) -> Result<()> {
    if !finished.is_empty() {
        // Before anything is spent.
        disk::writable(out).map_err(|source| disk::explain(out, source))?;
    }
    let pool = super::pool(args.threads)?;
    let stop = Stop::default();
    stop.raise_on_signals()?;
    let progress = crate::progress::data();
    let mut sources = Sources::new(args.data_dir.as_deref(), args.offline, &progress);
    let mut missing: HashMap<String, String> = HashMap::new();
    for run in finished {
        let entry = match run.trained.entry(algorithms) {
            Ok(entry) => entry,
            Err(why) => {
                done.leave_out(format!("{}: {why}", run.name()));
                continue;
            }
        };
        // What trained the state and what tests it: a run that was started over by other code is another state.
        let trained = run.trained_code();
        let here = runner::code(algorithms, &run.record.config).unwrap_or_default();
        let code = format!("{trained}+{}", here.evaluation);
        for target in targets {
            let pairs = match pairs::pairs(&run.trained, target) {
                Ok(pairs) => pairs,
                Err(why) => {
                    done.leave_out(format!("{} → {}: {why}", run.trained.benchmark, target.name));
                    continue;
                }
            };
            for pair in pairs {
                let episodes = args.eval_episodes.unwrap_or(run.record.eval_episodes as usize);
                let same = |row: &Row| {
                    run.is_of(row) && row.to == target.name && row.side == pair.side && row.episodes == episodes as u64
                };
                let current = |row: &&Row| same(row) && run.has(row) && row.code == code;
                if let Some(row) = rows.iter().find(current)
                    && is_same_data(row, &pair, &mut sources, &pool)
                {
                    continue;
                }
                let to = format!("{} → {} at {} pixels", run.name(), target.name, pair.side);
                let evaluated = one(run, entry, &pair, episodes, (&mut sources, &mut missing), (&pool, &stop));
                match evaluated {
                    Ok(Evaluated::Rows(new)) => {
                        rows.retain(|row| !same(row));
                        rows.extend(new.into_iter().map(|row| Row { code: code.clone(), ..row }));
                        across_csv::write(out, rows)?;
                    }
                    Ok(Evaluated::LeftOut(why)) => done.leave_out(why),
                    Ok(Evaluated::Seen(why)) => {
                        done.leave_out(why);
                        // An older build may have tested it.
                        rows.retain(|row| !(run.is_of(row) && row.to == target.name));
                        across_csv::write(out, rows)?;
                        break;
                    }
                    Ok(Evaluated::Stopped) => {
                        done.interrupted = true;
                        return Ok(());
                    }
                    Err(error) => {
                        done.failed = true;
                        eprintln!("error: {to}: {error}");
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether the target's images are those that `row` was tested on. What is not here cannot be compared: the row stays.
fn is_same_data(row: &Row, pair: &Pair<'_>, sources: &mut Sources<'_>, pool: &rayon::ThreadPool) -> bool {
    let source = pool.install(|| sources.open(&pair.data()));
    source.map_or(true, |source| source.digest() == row.data_digest)
}

/// What came of one pair.
enum Evaluated {
    /// A row a mode, without the code.
    Rows(Vec<Row>),
    /// Why it makes no sense, in one line.
    LeftOut(String),
    /// Why that holds for every size of the images.
    Seen(String),
    Stopped,
}

/// Evaluates a run's state on a pair.
fn one(
    run: &Finished,
    entry: &Entry,
    pair: &Pair<'_>,
    episodes: usize,
    (sources, missing): (&mut Sources<'_>, &mut HashMap<String, String>),
    (pool, stop): (&rayon::ThreadPool, &Stop),
) -> Result<Evaluated> {
    let (trained, to) = (&run.trained, &pair.target.name);
    let checkpoint = match run.dir.reported(&run.record) {
        Ok(checkpoint) => checkpoint,
        Err(why) => return Ok(Evaluated::LeftOut(format!("{}: its state is not here ({why})", run.name()))),
    };
    let input = [pair.side, pair.side, trained.input[2]];
    let algorithm = trained.build(entry, &input, trained.protocol)?;
    if let Some(misfit) = runner::misfit(algorithm.as_ref(), Some(trained.protocol.ways), &checkpoint.state)? {
        let what = match misfit {
            Misfit::Head { there, here } => format!("its head has {there} outputs, and {here} are asked for"),
            Misfit::Tensor { name, there, here } => format!("{name} is {there} and would be {here}"),
        };
        let (own, side) = (trained.input[0], pair.side);
        return Ok(Evaluated::LeftOut(format!(
            "{} {} → {to} at {side} pixels: its network reads {own} × {own} pixels alone ({what})",
            trained.benchmark, trained.label
        )));
    }
    if let Some(why) = missing.get(to) {
        return Ok(Evaluated::LeftOut(why.clone()));
    }
    let data = pair.data();
    let source = match pool.install(|| sources.open(&data)) {
        Ok(source) => source,
        Err(Error::Data(why)) => {
            let why = format!("{to}: {why}");
            missing.insert(to.clone(), why.clone());
            return Ok(Evaluated::LeftOut(why));
        }
        Err(error) => return Err(error),
    };
    if seen::dealt_otherwise(&run.record.config, &run.record.data_digest, source.as_ref())? {
        let why = "both are of the same images, and it was trained with another list of their classes";
        return Ok(Evaluated::Seen(format!("{} → {to}: {why}", trained.benchmark)));
    }
    let job = job(run, &checkpoint, data, source, algorithm.into(), episodes);
    let protocol = trained.protocol;
    let draw = Draw::Episode { ways: None, shots: protocol.shots, queries: protocol.queries };
    if let Err(why) = job.source.check(Split::Test, &draw, protocol.ways, &View::default()) {
        return Ok(Evaluated::LeftOut(format!("{} → {to}: {why}", trained.benchmark)));
    }
    let Some(outcomes) = eval::outcomes(&job, &checkpoint.state, Split::Test, (pool, stop), None)? else {
        return Ok(Evaluated::Stopped);
    };
    let row = |(mode, outcomes): &(harness_core::Mode, Vec<_>)| {
        let number = aggregate(*mode, outcomes);
        Row {
            budget: run.budget.clone(),
            benchmark: trained.benchmark.clone(),
            method: trained.label.clone(),
            seed: trained.seed,
            step: checkpoint.state.step,
            ways: protocol.ways,
            shots: protocol.shots,
            to: to.clone(),
            side: pair.side,
            mode: *mode,
            value: number.value,
            ci95: number.interval(),
            episodes: number.episodes as u64,
            config_hash: run.record.config_hash.clone(),
            trained_on: run.record.data_digest.clone(),
            data_digest: job.source.digest(),
            code: String::new(),
        }
    };
    Ok(Evaluated::Rows(outcomes.iter().map(row).collect()))
}

/// The evaluation as a run of a benchmark that is the trained one's but for its data.
fn job(
    run: &Finished,
    checkpoint: &Checkpoint,
    data: DataBlock,
    source: Arc<dyn TaskSource>,
    algorithm: Arc<dyn harness_core::Algorithm>,
    episodes: usize,
) -> Job {
    let trained = &run.trained;
    let method = MethodBlock {
        label: trained.label.clone(),
        algorithm: trained.algorithm.clone(),
        note: None,
        model: None,
        view: trained.view,
        meta_iters: PerBudget::all(checkpoint.state.step),
        seeds: PerBudget::all(1),
        series: None,
        legend: None,
        select: None,
        split: None,
        settings: trained.settings.clone(),
        test: Default::default(),
    };
    let eval = EvalBlock {
        episodes: PerBudget::all(episodes),
        modes: trained.modes.clone(),
        seed: trained.episodes_seed,
        curve_points: PerBudget::all(2),
        curve_episodes: PerBudget::all(1),
        curve_in_full: false,
        curve_splits: None,
    };
    let benchmark = Benchmark {
        name: format!("{} → {}", trained.benchmark, data.dataset),
        title: String::new(),
        data,
        model: trained.model.clone(),
        protocol: trained.protocol,
        eval,
        figure: None,
        methods: vec![method.clone()],
        published: Vec::new(),
    };
    let cell = Cell {
        benchmark: Arc::new(benchmark),
        method,
        order: 0,
        budget: Budget::Paper,
        meta_iters: checkpoint.state.step,
        eval_episodes: episodes,
        source,
        algorithm,
        device: candle_core::Device::Cpu,
    };
    Job { seed: trained.seed, ..Job::nowhere(cell) }
}
