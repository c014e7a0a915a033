//! From what the user typed to the list of runs, checked before anything is spent.

use std::fmt;
use std::sync::Arc;

use harness_core::{
    Algorithm, Context, Draw, Entry, Error, Halves, Problem, Protocol, Purpose, Result, Split, Stream, TaskSource,
    View, error,
};
use serde_json::json;

use super::share;
use crate::benchmark::embedded::FIGURES;
use crate::benchmark::{Benchmark, Budget, MethodBlock};
use crate::commands::reproduce::Reproduce;
use crate::results::plan_json::{Call, PlannedRun};
use crate::results::run_dir::RunDir;
use crate::runner::{self, CLASSES, Cell, Job, Kinship, OtherBuild, build, sha256_json};
use crate::tasks::Sources;

/// What runs and what does not.
pub struct Plan {
    /// Of this shard.
    pub jobs: Vec<Job>,
    pub left_out: Vec<LeftOut>,
    /// What all shards together do.
    pub call: Call,
}

/// Benchmarks that were not named and cannot run for one reason: why, and how to bring them.
pub struct LeftOut {
    benchmarks: Vec<String>,
    why: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "left out {}: {}", self.benchmarks.join(", "), self.why)
    }
}

impl Plan {
    /// Errors on the first name, key or number that cannot work, and on missing data of a benchmark that was named.
    pub fn new(args: &Reproduce, algorithms: &[Entry]) -> Result<Plan> {
        let asked_for = asked_for(args)?;
        check_labels(&asked_for, &args.method)?;
        let mut left_out = Vec::new();
        let (mut benchmarks, mut all_named) = (Vec::new(), Vec::new());
        for Asked { benchmark, named } in asked_for {
            let folded = match args.folds {
                Some(of) => folds(benchmark, of as usize, named, &mut left_out)?,
                None => vec![benchmark],
            };
            all_named.extend(folded.iter().map(|_| named));
            benchmarks.extend(folded);
        }
        let mine = args.shard.map(|shard| share::taken(shard, places(args, &benchmarks, algorithms)));
        let progress = crate::progress::data();
        let mut sources = Sources::new(args.data_dir.as_deref(), args.offline, &progress);
        let mut jobs = Vec::new();
        let mut call = Call { whole: args.method.is_empty(), ..Call::default() };
        for ((table, benchmark), named) in benchmarks.into_iter().enumerate().zip(all_named) {
            let source = match sources.open(&benchmark.data) {
                Ok(source) => source,
                Err(Error::Data(why)) if !named => {
                    match left_out.iter_mut().find(|left_out: &&mut LeftOut| left_out.why == why) {
                        Some(left_out) => left_out.benchmarks.push(benchmark.name.clone()),
                        None => left_out.push(LeftOut { benchmarks: vec![benchmark.name.clone()], why }),
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let benchmark = Arc::new(benchmark);
            let regression = benchmark.data.is_regression();
            let shared_classes = if regression { String::new() } else { classes(source.as_ref())? };
            for (order, method) in benchmark.methods.iter().enumerate() {
                if !asked(args, method) {
                    continue;
                }
                let source = match &method.split {
                    None => source.clone(),
                    Some(_) => own_classes(&benchmark, method, source.as_ref(), &mut sources)?,
                };
                let algorithm = build(algorithms, &benchmark, method, source.as_ref(), &args.device)?;
                let (data_digest, halves) = (source.digest(), algorithm.halves());
                let own_classes = benchmark.data_of(method).has_own_classes();
                let classes = match &method.split {
                    None => shared_classes.clone(),
                    Some(_) => classes(source.as_ref())?,
                };
                let choice = Choice::new(args, &benchmark, method.meta_iters.at(args.budget));
                let cell = Arc::new(Cell {
                    benchmark: benchmark.clone(),
                    method: method.clone(),
                    order,
                    budget: args.budget,
                    meta_iters: choice.meta_iters,
                    eval_episodes: choice.eval_episodes,
                    source: source.clone(),
                    algorithm,
                    device: args.device.clone(),
                });
                for seed in 0..seeds(args, method) {
                    let halves = halves.as_ref();
                    let mut config = config(&benchmark, order, args.budget, &choice, seed, (&source.input(), halves));
                    if own_classes {
                        config["data"][CLASSES] = json!(classes);
                    }
                    let kinship = Kinship::new(&config, &data_digest, halves);
                    let code = runner::code(algorithms, &config).ok_or_else(|| {
                        Error::usage(format!(
                            "{}, [method.{}]: {} trains as a method that is not registered",
                            benchmark.name, method.label, method.algorithm
                        ))
                    })?;
                    call.runs.push(PlannedRun {
                        benchmark: benchmark.name.clone(),
                        method: method.label.clone(),
                        seed,
                        training: (choice.meta_iters > 0).then(|| kinship.training_hash.clone()),
                    });
                    if mine.as_ref().is_some_and(|mine| !mine.contains(&(order, table, seed))) {
                        continue;
                    }
                    jobs.push(Job {
                        cell: cell.clone(),
                        seed,
                        dir: RunDir::new(&args.out.join(&choice.dir), &benchmark.name, &method.label, seed),
                        overrides: choice.overrides.clone(),
                        code,
                        config,
                        data_digest: data_digest.clone(),
                        classes: classes.clone(),
                        kinship,
                        other_build: OtherBuild::default(),
                    });
                }
            }
        }
        Ok(Plan { jobs, left_out, call })
    }
}

/// A benchmark of the command line.
struct Asked {
    benchmark: Benchmark,
    /// Of a group, what can run runs; what was named must.
    named: bool,
}

/// The benchmarks of the command line in its order, each once. Errors on two of one name that are not the same: their runs
/// would share a folder.
fn asked_for(args: &Reproduce) -> Result<Vec<Asked>> {
    let group = |benchmarks: Vec<Benchmark>| {
        benchmarks.into_iter().map(|benchmark| Asked { benchmark, named: false }).collect()
    };
    if args.benchmarks.is_empty() {
        return Ok(group(Benchmark::all(&args.set)?));
    }
    let mut all: Vec<Asked> = Vec::new();
    for word in &args.benchmarks {
        let these = match word.as_str() {
            FIGURES => group(Benchmark::figures(&args.set)?),
            name => vec![Asked { benchmark: Benchmark::find(name, &args.set)?, named: true }],
        };
        for asked in these {
            match all.iter_mut().find(|known| known.benchmark.name == asked.benchmark.name) {
                None => all.push(asked),
                Some(known) if known.benchmark.hash()? == asked.benchmark.hash()? => known.named |= asked.named,
                Some(_) => {
                    return Err(Error::usage(format!(
                        "{word}: another benchmark of this call is called \"{0}\" too, and their runs would share a folder: \
                         give one of them a name of its own (name = \"…\")",
                        asked.benchmark.name
                    )));
                }
            }
        }
    }
    Ok(all)
}

/// A benchmark once for each fold. One that has no classes is left out, or refused where it was named.
fn folds(benchmark: Benchmark, of: usize, named: bool, left_out: &mut Vec<LeftOut>) -> Result<Vec<Benchmark>> {
    match benchmark.folds(of) {
        Err(error) if !named => {
            left_out.push(LeftOut { benchmarks: vec![benchmark.name], why: error.to_string() });
            Ok(Vec::new())
        }
        folds => folds,
    }
}

fn asked(args: &Reproduce, method: &MethodBlock) -> bool {
    args.method.is_empty() || names(method).any(|name| args.method.iter().any(|asked| asked == name))
}

fn seeds(args: &Reproduce, method: &MethodBlock) -> u64 {
    args.seeds.unwrap_or(*method.seeds.at(args.budget))
}

/// Test episodes that are looked at before a row may bring its own class split.
const LOOKED_AT: u64 = 20;

/// Tasks of a method that trains on other classes than the benchmark says. Errors if its test episodes are not those of
/// `common`, which the other rows meet.
fn own_classes(
    benchmark: &Benchmark,
    method: &MethodBlock,
    common: &dyn TaskSource,
    sources: &mut Sources<'_>,
) -> Result<Arc<dyn TaskSource>> {
    let own = sources.open(&benchmark.data_of(method))?;
    let Protocol { ways, shots, queries } = benchmark.protocol;
    let draw = Draw::Episode { ways: None, shots, queries };
    let met = |source: &dyn TaskSource| -> Result<Vec<Vec<u8>>> {
        source.check(Split::Test, &draw, ways, &View::default())?;
        let stream = |index| Stream::new(benchmark.eval.seed, Purpose::EvalTask, 0, index);
        (0..LOOKED_AT).map(|index| source.identity(Split::Test, &draw, ways, &mut stream(index))).collect()
    };
    if own.digest() != common.digest() || met(own.as_ref())? != met(common)? {
        return Err(Error::usage(format!(
            "{}, [method.{}]: split = \"{}\" has other test classes than the benchmark: rows of one table meet the same episodes",
            benchmark.name,
            method.label,
            method.split.as_deref().unwrap_or_default(),
        )));
    }
    Ok(own)
}

/// Every run of the call, whether or not this machine has its data, with its training as far as files alone tell it.
fn places(args: &Reproduce, benchmarks: &[Benchmark], algorithms: &[Entry]) -> Vec<(share::Place, Option<String>)> {
    let mut places = Vec::new();
    for (table, benchmark) in benchmarks.iter().enumerate() {
        for (order, method) in benchmark.methods.iter().enumerate().filter(|(_, method)| asked(args, method)) {
            let choice = Choice::new(args, benchmark, method.meta_iters.at(args.budget));
            let halves = without_data(benchmark, method, algorithms).ok().and_then(|algorithm| algorithm.halves());
            places.extend((0..seeds(args, method)).map(|seed| {
                let halves = halves.as_ref();
                let config = config(benchmark, order, args.budget, &choice, seed, (&[], halves));
                let training = Kinship::new(&config, "", halves).training_hash;
                ((order, table, seed), (choice.meta_iters > 0).then_some(training))
            }));
        }
    }
    places
}

/// The method as it says of itself, built for inputs and classes of no data set in particular: every process of a call must
/// deal the same hands. Errors name the row: where it cannot be built so, it shares no training between shards.
pub fn without_data(benchmark: &Benchmark, method: &MethodBlock, algorithms: &[Entry]) -> Result<Box<dyn Algorithm>> {
    let at = |error: Error| Error::usage(format!("{}, [method.{}]: {error}", benchmark.name, method.label));
    let names = || algorithms.iter().map(|entry| entry.name);
    let entry = algorithms.iter().find(|entry| entry.name == method.algorithm);
    let entry = entry.ok_or_else(|| at(error::unknown("algorithm", &method.algorithm, names())))?;
    let (input, problem) = match benchmark.data.is_regression() {
        true => (vec![1], Problem::Regression { outputs: 1 }),
        false => (vec![84, 84, 3], Problem::Classification { train_classes: 2 }),
    };
    let (model, protocol) = (benchmark.model_of(method).clone(), benchmark.protocol);
    let context = Context { model, input, problem, protocol, device: candle_core::Device::Cpu, plain: false };
    (entry.build)(&method.settings, &context).map_err(at)
}

/// Numbers of a run after overrides, and the folder that follows from them.
struct Choice {
    meta_iters: u64,
    eval_episodes: usize,
    overrides: Vec<String>,
    dir: String,
}

impl Choice {
    fn new(args: &Reproduce, benchmark: &Benchmark, own: &u64) -> Choice {
        // A method that trains nothing at any budget is not made to train by --meta-iters.
        let meta_iters = match (args.meta_iters, *own) {
            (Some(_), 0) => 0,
            (Some(asked), _) => asked,
            (None, own) => own,
        };
        let eval_episodes = args.eval_episodes.unwrap_or(*benchmark.eval.episodes.at(args.budget));
        let overridden = !args.set.is_empty() || args.meta_iters.is_some() || args.eval_episodes.is_some();
        let dir = match overridden {
            false => args.budget.as_str().to_owned(),
            true => {
                let mut set = args.set.clone();
                set.sort();
                let key = json!({
                    "budget": args.budget.as_str(),
                    "set": set,
                    "meta_iters": args.meta_iters,
                    "eval_episodes": args.eval_episodes,
                });
                format!("custom-{}", &sha256_json(&key)[..8])
            }
        };
        let mut overrides: Vec<String> = args.set.iter().map(|(path, value)| format!("{path}={value}")).collect();
        overrides.sort();
        overrides.extend(args.meta_iters.map(|n| format!("meta-iters={n}")));
        overrides.extend(args.eval_episodes.map(|n| format!("eval-episodes={n}")));
        Choice { meta_iters, eval_episodes, overrides, dir }
    }
}

/// Images that are drawn of each part: enough to meet each of a thousand classes.
const DRAWN: u64 = 8192;

/// Which classes are trained, validated and tested on: sha256 (hex) over classes that are drawn from each part. A list of the
/// project's own is known by its name; one of the user's may be edited under the same name.
pub fn classes(source: &dyn TaskSource) -> Result<String> {
    let draw = Draw::Episode { ways: None, shots: 1, queries: 0 };
    let mut drawn = Vec::new();
    for split in [Split::Train, Split::Val, Split::Test].into_iter().filter(|split| source.has(*split)) {
        for index in 0..DRAWN {
            let mut rng = Stream::new(0, Purpose::EvalTask, 0, index);
            drawn.push((split.as_str(), source.identity(split, &draw, 1, &mut rng)?));
        }
    }
    Ok(sha256_json(&json!(drawn)))
}

/// What determines the numbers of a run.
fn config(
    benchmark: &Benchmark,
    order: usize,
    budget: Budget,
    choice: &Choice,
    seed: u64,
    (input, halves): (&[usize], Option<&Halves>),
) -> serde_json::Value {
    let method = &benchmark.methods[order];
    let mut config = json!({
        "benchmark": benchmark.name,
        "data": benchmark.data_of(method),
        "input": input,
        "model": method.model.as_ref().unwrap_or(&benchmark.model),
        "protocol": benchmark.protocol,
        "eval": {
            "episodes": choice.eval_episodes,
            "modes": benchmark.eval.modes,
            "seed": benchmark.eval.seed,
            "curve_points": benchmark.eval.curve_points.at(budget),
            "curve_episodes": benchmark.eval.curve_episodes.at(budget),
        },
        "label": method.label,
        "algorithm": method.algorithm,
        "view": method.view,
        "method": method.settings,
        "meta_iters": choice.meta_iters,
        "seed": seed,
    });
    // Only where a benchmark asks for them: a run of any other goes on from a checkpoint of a build that had neither.
    if benchmark.eval.curve_in_full {
        config["eval"]["curve_in_full"] = json!(true);
    }
    if let Some(splits) = &benchmark.eval.curve_splits {
        config["eval"]["curve_splits"] = json!(splits);
    }
    if let Some(select) = method.select {
        config["select"] = json!(select);
    }
    runner::name_trainer(&mut config, halves);
    config
}

/// What `--method` may call a row: its label, or the series that it belongs to.
fn names(method: &MethodBlock) -> impl Iterator<Item = &str> {
    [Some(method.label.as_str()), method.series.as_deref()].into_iter().flatten()
}

/// Every `--method` must be a row, or a series of rows, of at least one benchmark that runs.
fn check_labels(benchmarks: &[Asked], asked: &[String]) -> Result<()> {
    let known: Vec<&str> = benchmarks.iter().flat_map(|asked| asked.benchmark.methods.iter().flat_map(names)).collect();
    match asked.iter().find(|label| !known.contains(&label.as_str())) {
        None => Ok(()),
        Some(label) => {
            let mut unique = known.clone();
            unique.sort_unstable();
            unique.dedup();
            Err(error::unknown("method", label, unique))
        }
    }
}

#[cfg(test)]
mod hashes;
