//! `harness eval CHECKPOINT BENCHMARK`: a checkpoint's numbers again, on other episodes or another benchmark.

mod args;

use std::sync::Arc;

use harness_core::{Entry, Error, Result, Split, error};
use serde_json::{Value, json};

use crate::cli::Format;
use crate::console;
use crate::exit::Exit;
use crate::identity::{Identity, Segment};
use crate::results::checkpoint::Checkpoint;
use crate::results::episodes;
use crate::runner::{self, Cell, EpisodeSet, Job, Kinship, OtherBuild, Outcomes, Stop, aggregate};
use crate::spec::{Budget, Spec};
use crate::tasks::Sources;

pub use self::args::Eval;

/// Episodes between two lines of progress.
const CHUNK: usize = 256;

/// Evaluates and prints one line a mode.
pub fn run(args: &Eval, algorithms: &[Entry]) -> Result<Exit> {
    let checkpoint = Checkpoint::load(&args.checkpoint)?;
    if let Some(file) = &args.episodes_csv {
        super::make_room_for(file)?;
    }
    harness_kernels::cap(args.instruction_set);
    let pool = super::pool(args.threads)?;
    let job = pool.install(|| job(args, &checkpoint, algorithms))?;
    runner::check_fit(&job, &checkpoint.state)?;
    if let Some(what) = runner::difference(&recipe(&checkpoint.meta.config), &recipe(&job.config)) {
        tracing::warn!("note: the checkpoint was trained by another recipe ({what})");
    }
    note(&checkpoint, Some(&job.code));
    let mut outcomes = Outcomes::new();
    for start in (0..job.eval_episodes).step_by(CHUNK) {
        let range = start..(start + CHUNK).min(job.eval_episodes);
        let one = || {
            runner::evaluate(&job, &checkpoint.state, args.split, EpisodeSet::Final, range.clone(), &Stop::default())
        };
        let part = pool.install(one)?.expect("nobody asks it to stop");
        runner::check_numbers(&job, Split::Test, &part, start)?;
        runner::extend(&mut outcomes, part);
        tracing::info!("{}: episode {}/{}", job.name(), range.end, job.eval_episodes);
    }
    if let Some(file) = &args.episodes_csv {
        episodes::write_csv(file, &outcomes)?;
    }
    console::print(&render(&job, args.split, checkpoint.state.step, &outcomes, args.format)).map(|()| Exit::Done)
}

/// The run whose evaluation this is, checked against the benchmark's data.
fn job(args: &Eval, checkpoint: &Checkpoint, algorithms: &[Entry]) -> Result<Job> {
    let spec = Spec::find(&args.benchmark, &args.set)?;
    let trained = &checkpoint.meta.config;
    let own = trained["label"].as_str().unwrap_or_default().to_owned();
    let label = args.method.as_ref().unwrap_or(&own);
    let known = || spec.methods.iter().map(|method| method.label.as_str());
    let order = spec.methods.iter().position(|method| method.label == *label).ok_or_else(|| {
        let hint = if args.method.is_some() { "" } else { "; choose the recipe with --method" };
        Error::usage(format!("{}: {}{hint}", spec.name, error::unknown("method", label, known())))
    })?;
    let method = spec.methods[order].clone();
    let data = spec.data_of(&method);
    let source = Sources::new(args.data_dir.as_deref(), false, &crate::progress::data()).open(&data)?;
    if !source.has(args.split) {
        return Err(Error::usage(format!("{}: {} has no {} classes", spec.name, data.dataset, args.split.as_str())));
    }
    let algorithm = runner::build(algorithms, &spec, &method, source.as_ref(), &candle_core::Device::Cpu)?;
    let config = json!({ "model": spec.model_of(&method), "view": method.view, "method": method.settings });
    let episodes = trained["eval"]["episodes"].as_u64().map(|episodes| episodes as usize);
    let (data_digest, code) = (source.digest(), runner::code(algorithms, &method));
    let cell = Cell {
        order,
        budget: Budget::Paper,
        meta_iters: checkpoint.state.step,
        eval_episodes: args.eval_episodes.or(episodes).unwrap_or(spec.eval.episodes.paper),
        spec: Arc::new(spec),
        method,
        source,
        algorithm,
        device: candle_core::Device::Cpu,
    };
    Ok(Job {
        cell: Arc::new(cell),
        seed: trained["seed"].as_u64().unwrap_or_default(),
        dir: Default::default(),
        overrides: Vec::new(),
        config,
        data_digest,
        kinship: Kinship::default(),
        code,
        other_build: OtherBuild::default(),
    })
}

/// Says that another build trained a checkpoint that says what trained it.
pub(super) fn note(checkpoint: &Checkpoint, here: Option<&Identity>) {
    let Some(there) = checkpoint.meta.code() else { return };
    if here.is_none_or(|here| here.training != there.training) {
        let build = checkpoint.meta.segments.last().map(Segment::build).unwrap_or_default();
        tracing::info!("note: another build than this one trained the checkpoint ({build})");
    }
}

/// The part of a run's config that says how its method trains and adapts.
fn recipe(config: &Value) -> Value {
    json!({ "model": config["model"], "view": config["view"], "method": config["method"] })
}

fn render(job: &Job, split: Split, step: u64, outcomes: &Outcomes, format: Format) -> String {
    let rows = outcomes.iter().map(|(mode, outcomes)| (mode.as_str(), aggregate(*mode, outcomes)));
    match format {
        Format::Json => {
            let row = |(mode, number): (&str, runner::Aggregate)| {
                json!({
                    "benchmark": job.spec.name, "method": job.method.label, "seed": job.seed, "step": step, "split": split,
                    "mode": mode, "metric": job.metric(), "value": number.value,
                    "ci95_episodes": Some(number.ci95).filter(|ci95| ci95.is_finite()), "episodes": number.episodes,
                })
            };
            format!("{:#}\n", Value::Array(rows.map(row).collect()))
        }
        _ => {
            let word = match split {
                Split::Train => "training",
                Split::Val => "validation",
                Split::Test => "test",
            };
            let head = format!("{} at step {step}, {} {word} episodes\n", job.name(), job.eval_episodes);
            let unit = if job.metric().is_percent() { " %" } else { "" };
            let line = |(mode, number): (&str, runner::Aggregate)| {
                format!("{mode:<14}{} {:.4} ± {:.4}{unit}\n", job.metric().name, number.value, number.ci95)
            };
            head + &rows.map(line).collect::<String>()
        }
    }
}
