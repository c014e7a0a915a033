//! From what the user typed to the list of runs, checked before anything is spent.

mod asked;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use harness_core::{Draw, Entry, Error, Halves, Protocol, Purpose, Result, Split, Stream, TaskSource, View};
use serde_json::json;

use self::asked::{Asked, is_asked};
use super::share;
use crate::benchmark::{Benchmark, Budget, MethodBlock};
use crate::commands::reproduce::Reproduce;
use crate::commands::rows;
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
        let mut left_out = Vec::new();
        let mut benchmarks = asked::benchmarks(args)?;
        if let Some(of) = args.folds {
            benchmarks = asked::folds(benchmarks, of as usize, &mut left_out)?;
        }
        let mine = args.shard.map(|shard| share::taken(shard, places(args, &benchmarks, algorithms)));
        let progress = crate::progress::data();
        let sources = Sources::new(args.data_dir.as_deref(), args.offline, &progress);
        let call = Call { whole: args.method.is_empty(), ..Call::default() };
        let plan = Plan { jobs: Vec::new(), left_out, call };
        let mut planner = Planner { args, algorithms, sources, mine, plan };
        for (place, asked) in benchmarks.into_iter().enumerate() {
            let Some(table) = planner.table(place, asked)? else { continue };
            for (order, method) in table.benchmark.methods.iter().enumerate() {
                if is_asked(args, method) {
                    let row = planner.row(&table, order)?;
                    planner.runs(&table, &row)?;
                }
            }
        }
        Ok(planner.plan)
    }

    /// Leaves out a benchmark, together with others for the same reason.
    fn leave_out(&mut self, benchmark: String, why: String) {
        match self.left_out.iter_mut().find(|left_out| left_out.why == why) {
            Some(left_out) => left_out.benchmarks.push(benchmark),
            None => self.left_out.push(LeftOut { benchmarks: vec![benchmark], why }),
        }
    }
}

/// A benchmark whose data is here.
struct Table {
    /// Its place in the call.
    place: usize,
    benchmark: Arc<Benchmark>,
    source: Arc<dyn TaskSource>,
    /// sha256 over classes that are drawn from each part; empty for functions.
    classes: String,
}

/// A row of a table with what its runs have in common.
struct Row {
    cell: Arc<Cell>,
    choice: Choice,
    halves: Option<Halves>,
    data_digest: String,
    /// As of a table; the row may have a class split of its own.
    classes: String,
}

/// Makes a plan, step by step.
struct Planner<'a> {
    args: &'a Reproduce,
    algorithms: &'a [Entry],
    sources: Sources<'a>,
    /// The runs of this shard; None: all are.
    mine: Option<HashSet<share::Place>>,
    plan: Plan,
}

impl Planner<'_> {
    /// Opens the data of a benchmark. None: nobody named it and its data is missing, so that it is left out.
    fn table(&mut self, place: usize, Asked { benchmark, named }: Asked) -> Result<Option<Table>> {
        let source = match self.sources.open(&benchmark.data) {
            Ok(source) => source,
            Err(Error::Data(why)) if !named => {
                self.plan.leave_out(benchmark.name, why);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let regression = benchmark.data.is_regression();
        let classes = if regression { String::new() } else { rows::classes(source.as_ref())? };
        Ok(Some(Table { place, benchmark: Arc::new(benchmark), source, classes }))
    }

    /// Builds a row and checks it against its data.
    fn row(&mut self, table: &Table, order: usize) -> Result<Row> {
        let (args, benchmark, method) = (self.args, &table.benchmark, &table.benchmark.methods[order]);
        let source = match &method.split {
            None => table.source.clone(),
            Some(_) => own_classes(benchmark, method, table.source.as_ref(), &mut self.sources)?,
        };
        let algorithm = build(self.algorithms, benchmark, method, source.as_ref(), &args.device)?;
        let (data_digest, halves) = (source.digest(), algorithm.halves());
        let classes = match &method.split {
            None => table.classes.clone(),
            Some(_) => rows::classes(source.as_ref())?,
        };
        let choice = Choice::new(args, benchmark, method);
        let cell = Cell {
            benchmark: benchmark.clone(),
            method: method.clone(),
            order,
            budget: args.budget,
            meta_iters: choice.meta_iters,
            eval_episodes: choice.eval_episodes,
            source,
            algorithm,
            device: args.device.clone(),
        };
        Ok(Row { cell: Arc::new(cell), choice, halves, data_digest, classes })
    }

    /// Notes the runs of a row, one a seed; those of this shard are jobs.
    fn runs(&mut self, table: &Table, row: &Row) -> Result<()> {
        let Row { cell, choice, data_digest, classes, .. } = row;
        let (args, halves) = (self.args, row.halves.as_ref());
        let (benchmark, method) = (&table.benchmark, &cell.method);
        let (input, own_classes) = (cell.source.input(), benchmark.data_of(method).has_own_classes());
        for seed in 0..seeds(args, method) {
            let mut config = config(benchmark, method, args.budget, choice, seed, (&input, halves));
            if own_classes {
                config["data"][CLASSES] = json!(classes);
            }
            let kinship = Kinship::new(&config, data_digest, halves);
            let code = runner::code(self.algorithms, &config).ok_or_else(|| {
                Error::usage(format!(
                    "{}, [method.{}]: {} trains as a method that is not registered",
                    benchmark.name, method.label, method.algorithm
                ))
            })?;
            self.plan.call.runs.push(PlannedRun {
                benchmark: benchmark.name.clone(),
                method: method.label.clone(),
                seed,
                training: (choice.meta_iters > 0).then(|| kinship.training_hash.clone()),
            });
            if self.mine.as_ref().is_some_and(|mine| !mine.contains(&(cell.order, table.place, seed))) {
                continue;
            }
            self.plan.jobs.push(Job {
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
        Ok(())
    }
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
fn places(args: &Reproduce, benchmarks: &[Asked], algorithms: &[Entry]) -> Vec<(share::Place, Option<String>)> {
    let mut places = Vec::new();
    for (table, Asked { benchmark, .. }) in benchmarks.iter().enumerate() {
        for (order, method) in benchmark.methods.iter().enumerate().filter(|(_, method)| is_asked(args, method)) {
            let choice = Choice::new(args, benchmark, method);
            let algorithm = rows::without_data(benchmark, method, algorithms).ok();
            let halves = algorithm.and_then(|algorithm| algorithm.halves());
            places.extend((0..seeds(args, method)).map(|seed| {
                let halves = halves.as_ref();
                let config = config(benchmark, method, args.budget, &choice, seed, (&[], halves));
                let training = Kinship::new(&config, "", halves).training_hash;
                ((order, table, seed), (choice.meta_iters > 0).then_some(training))
            }));
        }
    }
    places
}

/// Numbers of a run after overrides, and the folder that follows from them.
struct Choice {
    meta_iters: u64,
    eval_episodes: usize,
    overrides: Vec<String>,
    dir: String,
}

impl Choice {
    fn new(args: &Reproduce, benchmark: &Benchmark, method: &MethodBlock) -> Choice {
        // A method that trains nothing at any budget is not made to train by --meta-iters.
        let meta_iters = match (args.meta_iters, *method.meta_iters.at(args.budget)) {
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

/// What determines the numbers of a run.
fn config(
    benchmark: &Benchmark,
    method: &MethodBlock,
    budget: Budget,
    choice: &Choice,
    seed: u64,
    (input, halves): (&[usize], Option<&Halves>),
) -> serde_json::Value {
    let mut config = json!({
        "benchmark": benchmark.name,
        "data": benchmark.data_of(method),
        "input": input,
        "model": benchmark.model_of(method),
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

#[cfg(test)]
mod hashes;
