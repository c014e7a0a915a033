//! `--dry-run`: what would run, about how long it would take, and what would cross between ranks.

use harness_core::Result;
use serde_json::{Value, json};

use super::line;
use super::survey::{self, Survey};
use crate::cli::Format;
use crate::console;
use crate::exit::Exit;
use crate::load::Watch;
use crate::runner::{self, Job, Standing, Whole, Workers};
use crate::words::{duration, plural, size};

/// Prints it; touches nothing on disk.
pub fn run(
    jobs: &[Job],
    survey: &Survey,
    (pool, workers): (&rayon::ThreadPool, Workers<'_>),
    fresh: bool,
    format: Format,
) -> Result<Exit> {
    let (threads, watch) = (pool.current_num_threads(), Watch::begin());
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    let mut known: Vec<(String, Whole)> = Vec::new();
    let mut trained: Vec<&str> = Vec::new();
    for (job, standing) in jobs.iter().zip(&survey.standings) {
        // Seeds of one method cost the same: measured once.
        let key = format!("{} {} {}", job.benchmark.name, job.method.label, job.meta_iters);
        let (whole, first) = match known.iter().find(|(name, _)| *name == key) {
            Some((_, whole)) => (*whole, false),
            None => (runner::estimate(job, pool, workers)?, true),
        };
        known.push((key, whole));
        let mut left = whole.evaluation.scaled(survey::left_to_measure(job, *standing));
        // The first run of a training does it, the others measure.
        let hash = job.kinship.training_hash.as_str();
        if job.meta_iters > 0 && *standing != Standing::Complete && !trained.contains(&hash) {
            trained.push(hash);
            let elsewhere = if fresh { 0 } else { runner::done_elsewhere(job) };
            left = left.plus(whole.training.scaled(survey::left(job, *standing, elsewhere)));
        }
        all.push(left);
        let left = left.alone;
        if format == Format::Json {
            let mut row = json!({
                "benchmark": job.benchmark.name, "method": job.method.label, "seed": job.seed,
                "standing": survey::word(*standing), "meta_iters": job.meta_iters, "episodes": job.eval_episodes,
                "seconds": left, "folder": job.dir,
            });
            if workers.ranks() > 1 {
                let part = runner::taking_part(job, workers);
                row["training_ranks"] = json!(part);
                row["iteration_bytes"] = json!(whole.crossed.bytes);
                row["iteration_seconds_crossing"] = json!(whole.crossed.seconds);
                row["averaging_bytes"] = whole.averaging.filter(|_| part > 1).map_or(Value::Null, Value::from);
            }
            rows.push(row);
            continue;
        }
        console::print(&format!("{}, about {} -> {}\n", line(job, *standing), duration(left), job.dir))?;
        if first && job.meta_iters > 0 && workers.ranks() > 1 {
            console::print(&format!("  {}\n", crossing(job, &whole, workers)))?;
        }
    }
    if let Some(others) = watch.hindered(threads).filter(|_| workers.ranks() == 1) {
        tracing::info!("{others}, and so the times are too long");
    }
    if format == Format::Json {
        return console::print(&format!("{:#}\n", Value::Array(rows))).map(|()| Exit::Done);
    }
    let each = plural(threads as u64, "thread");
    let (total, on) = match workers.ranks() {
        1 => (runner::together(&all, threads), each),
        // Ranks do one run after the other.
        ranks => (all.iter().map(|run| run.alone).sum(), format!("{ranks} ranks of {each}")),
    };
    console::print(&format!("{survey}; about {} on {on}\n", duration(total))).map(|()| Exit::Done)
}

/// What ranks do for a training, and what they send.
fn crossing(job: &Job, whole: &Whole, workers: Workers<'_>) -> String {
    let part = runner::taking_part(job, workers);
    if part == 1 {
        return "each task waits for the one before it: ranks do not speed its training, only its evaluation"
            .to_owned();
    }
    let (bytes, milliseconds) = (size(whole.crossed.bytes), whole.crossed.seconds * 1e3);
    let averaging = match whole.averaging {
        Some(other) => format!("; averaging gradients at every inner step would send {}", size(other)),
        None => String::new(),
    };
    format!(
        "a meta-iteration on {part} ranks sends {bytes} and waits {milliseconds:.1} ms for it and for slower ranks{averaging}"
    )
}
