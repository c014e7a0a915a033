//! `harness eval CHECKPOINT BENCHMARK`: a checkpoint's numbers again, on other episodes or another benchmark.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use harness_core::{Entry, Error, Result, Split, State, error};
use harness_kernels::Cap;
use serde_json::{Value, json};

use super::seen::{Past, Seen};
use super::trained::Trained;
use super::{query_rows, reported, rows};
use crate::benchmark::{Benchmark, Budget};
use crate::cli::Format;
use crate::cli::value::{assignment, instruction_set, positive, split, threads};
use crate::console;
use crate::exit::Exit;
use crate::identity::Segment;
use crate::results::checkpoint::{Checkpoint, Meta};
use crate::results::run_dir::{RunDir, SEEN};
use crate::results::{episodes, queries};
use crate::runner::{self, Asked, Cell, EpisodeSet, Job, Kinship, Outcomes, Stop, Workers, aggregate};
use crate::table::{Column, Notes, Table};
use crate::tasks::Sources;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  # On more episodes, each one as a row
  harness eval checkpoint-100000.safetensors omniglot-5w1s \\
      --eval-episodes 20000 --episodes-csv episodes.csv

  # Trained on glyphs, on Omniglot's training characters
  harness eval checkpoint-1500.safetensors omniglot-5w1s \\
      --method untrained --split train \\
      --set protocol.queries=5";

/// Evaluates a checkpoint again, in every mode of the benchmark, on the benchmark's own test episodes: another benchmark's
/// data or protocol too, as far as the network fits.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Eval {
    /// A checkpoint-STEP.safetensors of a run
    #[arg(value_name = "CHECKPOINT")]
    pub checkpoint: PathBuf,

    /// A benchmark (see `harness list`) or the path of a TOML file
    #[arg(value_name = "BENCHMARK|FILE.toml")]
    pub benchmark: String,

    /// The row of the benchmark whose recipe adapts; the checkpoint's own label if absent
    #[arg(long, value_name = "LABEL")]
    pub method: Option<String>,

    /// The classes to draw episodes from: those that were trained on, those for choosing, or those of the tables
    #[arg(long, value_name = "train|val|test", value_parser = split, default_value = "test")]
    pub split: Split,

    /// Change a number of the benchmark, with its path as in the file, such as protocol.queries; may be repeated
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,

    /// Episodes, instead of the checkpoint's own number
    #[arg(long, value_name = "N", value_parser = positive)]
    pub eval_episodes: Option<usize>,

    /// Write every episode to this file: episode,mode,correct,n,loss
    #[arg(long, value_name = "FILE")]
    pub episodes_csv: Option<PathBuf>,

    /// Write every query to this file, as CSV if its name ends so, else as Parquet:
    /// episode,mode,query,class,prediction,image
    #[arg(long, value_name = "FILE")]
    pub keep_queries: Option<PathBuf>,

    /// Folder with data sets, such as DIR/omniglot; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Worker threads; all cores if absent. The numbers do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Use no more than these instructions of the processor; the widest that this one has if absent
    #[arg(long, value_name = "SET", value_parser = instruction_set)]
    pub instruction_set: Option<Cap>,

    /// How to print the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    pub format: Format,
}

/// Episodes between two lines of progress.
const CHUNK: usize = 256;

/// Evaluates and prints one line a mode.
pub fn run(args: &Eval, algorithms: &[Entry]) -> Result<Exit> {
    let checkpoint = Checkpoint::named(&args.checkpoint)?;
    for file in args.episodes_csv.iter().chain(&args.keep_queries) {
        super::make_room_for(file)?;
        if file.is_dir() {
            return Err(Error::usage(format!("{}: is a folder: name a file", file.display())));
        }
    }
    if args.episodes_csv.is_some() && args.episodes_csv == args.keep_queries {
        return Err(Error::usage("--episodes-csv and --keep-queries name one file: name two"));
    }
    harness_kernels::cap(args.instruction_set);
    let pool = super::pool(args.threads)?;
    let job = pool.install(|| job(args, &checkpoint, algorithms))?;
    runner::check_fit(&job, &checkpoint.state)?;
    check_classes(args, &checkpoint, &job)?;
    if let Some(what) = runner::difference(&recipe(&checkpoint.meta.config), &recipe(&job.config)) {
        tracing::warn!("note: the checkpoint was trained by another recipe ({what})");
    }
    note(&checkpoint, algorithms);
    reported::note(&checkpoint, &args.checkpoint);
    let names = args.keep_queries.as_ref().map(|_| query_rows::names(&job, args.data_dir.as_deref())).transpose()?;
    let mut asked = Vec::new();
    let keep = names.is_some().then_some(&mut asked);
    let outcomes = outcomes(&job, &checkpoint.state, args.split, (&pool, &Stop::default()), keep)?;
    let outcomes = outcomes.expect("nobody asks it to stop");
    // First, so that a disk that is full costs no numbers.
    console::print(&Told::new(args, &checkpoint, &job).render(&outcomes, args.format))?;
    if let Some(file) = &args.episodes_csv {
        episodes::write_csv(file, &outcomes)?;
    }
    if let (Some(file), Some(names)) = (&args.keep_queries, &names) {
        let rows = query_rows::rows(&job.modes(), &asked, names);
        match file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
            true => queries::write_csv(file, &rows)?,
            false => queries::write(file, &rows)?,
        }
    }
    Ok(Exit::Done)
}

/// The table's episodes on `split`, as every evaluation of a finished state has them. What is asked there goes to `keep`. None:
/// asked to stop.
pub(super) fn outcomes(
    job: &Job,
    state: &State,
    split: Split,
    (pool, stop): (&rayon::ThreadPool, &Stop),
    mut keep: Option<&mut Vec<Asked>>,
) -> Result<Option<Outcomes>> {
    let mut outcomes = Outcomes::new();
    for start in (0..job.eval_episodes).step_by(CHUNK) {
        let range = start..(start + CHUNK).min(job.eval_episodes);
        let end = range.end;
        let part = match &mut keep {
            None => {
                let with = (stop, Workers::Threads);
                pool.install(|| runner::evaluate(job, state, split, EpisodeSet::Final, range, with))?
            }
            Some(keep) => pool.install(|| runner::queries(job, state, split, range, stop))?.map(|(part, asked)| {
                keep.extend(asked);
                part
            }),
        };
        let Some(part) = part else { return Ok(None) };
        runner::check_numbers(job, split, &part, start)?;
        runner::extend(&mut outcomes, part);
        tracing::info!("{}: episode {end}/{}", job.name(), job.eval_episodes);
    }
    Ok(Some(outcomes))
}

/// The run whose evaluation this is, checked against the benchmark's data.
fn job(args: &Eval, checkpoint: &Checkpoint, algorithms: &[Entry]) -> Result<Job> {
    let benchmark = Benchmark::find(&args.benchmark, &args.set)?;
    let trained = &checkpoint.meta.config;
    let own = trained["label"].as_str().unwrap_or_default().to_owned();
    let label = args.method.as_ref().unwrap_or(&own);
    let known = || benchmark.methods.iter().map(|method| method.label.as_str());
    let order = benchmark.methods.iter().position(|method| method.label == *label).ok_or_else(|| {
        let hint = if args.method.is_some() { "" } else { "; choose the recipe with --method" };
        Error::usage(format!("{}: {}{hint}", benchmark.name, error::unknown("method", label, known())))
    })?;
    check_set(args, &benchmark, label, algorithms)?;
    let mut method = benchmark.methods[order].clone();
    if let Some(invert) = invert(args, trained).filter(|invert| *invert != method.view.invert) {
        tracing::warn!(
            "note: images are shown as the state was trained (view.invert = {invert}), not as {label} has them"
        );
        method.view.invert = invert;
    }
    let data = benchmark.data_of(&method);
    let source = Sources::new(args.data_dir.as_deref(), false, &crate::progress::data()).open(&data)?;
    if !source.has(args.split) {
        return Err(Error::usage(format!(
            "{}: {} has no {} classes",
            benchmark.name,
            data.dataset,
            args.split.as_str()
        )));
    }
    let algorithm = runner::build(algorithms, &benchmark, &method, source.as_ref(), &candle_core::Device::Cpu)?;
    let mut config = json!({
        "algorithm": method.algorithm, "model": benchmark.model_of(&method), "view": method.view, "method": method.settings,
    });
    runner::name_trainer(&mut config, algorithm.halves().as_ref());
    let own = trained["eval"]["episodes"].as_u64().map(|episodes| episodes as usize);
    let set = args.set.iter().any(|(path, _)| path == EPISODES).then_some(benchmark.eval.episodes.paper);
    let (data_digest, code) = (source.digest(), runner::code(algorithms, &config).unwrap_or_default());
    let cell = Cell {
        order,
        budget: Budget::Paper,
        meta_iters: checkpoint.state.step,
        eval_episodes: args.eval_episodes.or(set).or(own).unwrap_or(benchmark.eval.episodes.paper),
        benchmark: Arc::new(benchmark),
        method,
        source,
        algorithm,
        device: candle_core::Device::Cpu,
    };
    let seed = trained["seed"].as_u64().unwrap_or_default();
    Ok(Job { seed, config, data_digest, code, ..Job::nowhere(cell) })
}

/// The path of the number of episodes.
const EPISODES: &str = "eval.episodes";

/// Errors on the first `--set` that changes nothing of what is evaluated by the row `label`: nobody would see that it had no
/// effect.
fn check_set(args: &Eval, whole: &Benchmark, label: &str, algorithms: &[Entry]) -> Result<()> {
    for (at, (path, value)) in args.set.iter().enumerate() {
        let refused = |why: &str| Err(Error::usage(format!("--set {path}={value}: {why}")));
        if path == EPISODES {
            let [quick, short, paper] = whole.eval.episodes.values();
            if args.eval_episodes.is_some() {
                return refused("--eval-episodes says it already: leave one of them out");
            }
            if quick != short || short != paper {
                return refused("an evaluation has no budget: write one number");
            }
            continue;
        }
        let mut others = args.set.clone();
        others.remove(at);
        // Some settings make sense together alone.
        let Ok(without) = Benchmark::find(&args.benchmark, &others) else { continue };
        let (here, there) = (evaluated(whole, label, algorithms), evaluated(&without, label, algorithms));
        if without != *whole && here.is_some() && here == there {
            let remedy = if path.starts_with(EPISODES) { "write --eval-episodes N" } else { "leave it out" };
            return refused(&format!("has no effect on an evaluation by {label}: {remedy}"));
        }
    }
    Ok(())
}

/// A hash of what an evaluation reads of a benchmark and its row; None where the row cannot be built.
fn evaluated(benchmark: &Benchmark, label: &str, algorithms: &[Entry]) -> Option<String> {
    let method = benchmark.method(label)?;
    let halves = rows::without_data(benchmark, method, algorithms).ok()?.halves();
    let config = json!({
        "data": benchmark.data_of(method), "model": benchmark.model_of(method), "protocol": benchmark.protocol,
        "eval": { "modes": benchmark.eval.modes, "seed": benchmark.eval.seed },
        "algorithm": method.algorithm, "view": method.view, "method": method.settings,
    });
    Some(Kinship::new(&config, "", halves.as_ref()).evaluation_hash)
}

/// Whether ink and paper changed places in training: a state knows images as it was shown them, whichever row adapts it. None
/// where its config does not say, and where `--set` does.
fn invert(args: &Eval, trained: &Value) -> Option<bool> {
    let said = args.set.iter().any(|(path, _)| path.contains(".view"));
    trained["view"]["invert"].as_bool().filter(|_| !said)
}

/// Says that another build trained a checkpoint that says what trained it.
pub(super) fn note(checkpoint: &Checkpoint, algorithms: &[Entry]) {
    let Some(there) = checkpoint.meta.code() else { return };
    // The method that trained it, whichever row of a benchmark adapts it.
    let here = runner::code(algorithms, &checkpoint.meta.config);
    if here.is_none_or(|here| here.training != there.training) {
        let build = checkpoint.meta.segments.last().map(Segment::build).unwrap_or_default();
        tracing::info!("note: another build than this one trained the checkpoint ({build})");
    }
}

/// Errors where the state was trained on classes that are asked for.
fn check_classes(args: &Eval, checkpoint: &Checkpoint, job: &Job) -> Result<()> {
    let data = job.benchmark.data_of(&job.method);
    if data.is_regression() {
        return Ok(());
    }
    let (at, split) = (args.checkpoint.display(), args.split.as_str());
    let Meta { config, config_hash, data_digest, classes, .. } = &checkpoint.meta;
    let trained = &Trained::read(config, &args.checkpoint)?;
    let noted = RunDir::of(&args.checkpoint).classes(config_hash)?;
    let past = Past { trained, config, data_digest, classes, noted, step: checkpoint.state.step };
    let seen = past.has_seen((&data, job.source.as_ref()), args.split, args.data_dir.as_deref())?;
    let why = match seen {
        None => return Ok(()),
        Some(Seen::Classes(classes)) => {
            let how =
                if trained.folded { "as a fold, on all classes but its own test classes" } else { "on other classes" };
            format!(
                "it was trained {how}, and so on {split} classes of {}, {classes}: name a benchmark whose classes it has \
                 not seen, or ask for --split train",
                job.benchmark.name
            )
        }
        Some(Seen::Dealt) => format!(
            "it was trained on these images with another list of classes, or another order of it, and may have seen these \
             {split} classes: give the benchmark the list that it was trained with, or ask for --split train"
        ),
        Some(Seen::Untold) => format!(
            "the images have changed since it was trained, and no {SEEN} beside it tells on which classes, so that it may \
             have seen these {split} classes: name it in its run's folder, train it again, or ask for --split train"
        ),
    };
    Err(Error::usage(format!("{at}: {why}")))
}

/// The part of a run's config that says how its method trains and adapts.
fn recipe(config: &Value) -> Value {
    json!({ "model": config["model"], "view": config["view"], "method": config["method"] })
}

/// What a table says of its numbers.
struct Told<'a> {
    job: &'a Job,
    split: Split,
    step: u64,
    /// The run whose state it is: `b reptile seed 0`.
    trained_by: String,
    /// What `--set` changed, in words: `protocol.queries=15`.
    overrides: Vec<String>,
}

/// What the ± is, beneath a table for people.
const INTERVAL: &str = "±: 95 % over episodes";

impl<'a> Told<'a> {
    fn new(args: &Eval, checkpoint: &Checkpoint, job: &'a Job) -> Told<'a> {
        let part = |key: &str| checkpoint.meta.config[key].as_str().unwrap_or("unknown").to_owned();
        let mut overrides: Vec<String> = args.set.iter().map(|(path, value)| format!("{path}={value}")).collect();
        overrides.sort();
        let trained_by = format!("{} {} seed {}", part("benchmark"), part("label"), job.seed);
        Told { job, split: args.split, step: checkpoint.state.step, trained_by, overrides }
    }

    fn render(&self, outcomes: &Outcomes, format: Format) -> String {
        let rows: Vec<_> =
            outcomes.iter().map(|(mode, outcomes)| (mode.as_str(), aggregate(*mode, outcomes))).collect();
        let table = self.table(&rows);
        match format {
            Format::Json => self.json(&rows),
            Format::Markdown => table.markdown(),
            Format::Latex => table.latex(),
            Format::Table => {
                Table { notes: vec![INTERVAL.to_owned()], ..table }.text(console::table_width(), Notes::Sentences)
            }
        }
    }

    fn json(&self, rows: &[(&str, runner::Aggregate)]) -> String {
        let job = self.job;
        let row = |(mode, number): &(&str, runner::Aggregate)| {
            json!({
                "benchmark": job.benchmark.name, "method": job.method.label, "seed": job.seed, "step": self.step,
                "trained_by": self.trained_by, "overrides": self.overrides, "split": self.split,
                "mode": mode, "metric": job.metric(), "value": number.value,
                "ci95_episodes": number.interval(), "episodes": number.episodes,
            })
        };
        format!("{:#}\n", Value::Array(rows.iter().map(row).collect()))
    }

    /// The numbers as every other table has them.
    fn table(&self, rows: &[(&str, runner::Aggregate)]) -> Table {
        let job = self.job;
        let word = match self.split {
            Split::Train => "training",
            Split::Val => "validation",
            Split::Test => "test",
        };
        let columns = [Column::left("method"), Column::left("mode").only_if(!job.regression()), Column::right("ours")];
        let metric = job.metric();
        let line = |(mode, number): &(&str, runner::Aggregate)| {
            let value = metric.with_interval(number.value, number.interval());
            vec![job.method.label.clone(), (*mode).to_owned(), value]
        };
        // Another row or another benchmark may have trained it.
        let whose = match self.trained_by == job.name() {
            true => format!("seed {}", job.seed),
            false => format!("state of {}", self.trained_by),
        };
        let mut said = vec![
            metric.heading(),
            format!("{whose} at meta-iteration {}", words::thousands(self.step)),
            words::plural(job.eval_episodes as u64, &format!("{word} episode")),
        ];
        if !self.overrides.is_empty() {
            said.push(format!("with {}", self.overrides.join(", ")));
        }
        Table::new(format!("{}: {}", job.benchmark.name, said.join(" · ")), columns, rows.iter().map(line))
    }
}
