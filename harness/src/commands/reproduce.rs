//! `harness reproduce`: train and evaluate every method of a benchmark's table on the same episodes.

mod plan;

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness_core::{Entry, Error, Result};

use self::plan::{LeftOut, Plan};
use crate::cli::Reproduce;
use crate::exit::Exit;
use crate::progress::{Terminal, human};
use crate::runner::{self, Finished, Job, Outcome, Shared, Stop};

/// Runs the command and says how it ended.
pub fn run(args: &Reproduce, algorithms: &[Entry]) -> Result<Exit> {
    if args.checkpoint_every.is_nan() || args.checkpoint_every < 0.0 {
        return Err(Error::usage("--checkpoint-every takes a number of seconds, 0 or more"));
    }
    let pool = pool(args.threads)?;
    let plan = pool.install(|| Plan::new(args, algorithms))?;
    for left_out in &plan.left_out {
        eprintln!("{left_out}");
    }
    if plan.jobs.is_empty() {
        return Ok(nothing(&plan.left_out));
    }
    if args.dry_run {
        return dry_run(&plan.jobs, &pool);
    }
    writable(&args.out)?;
    let terminal = Terminal::new();
    let shared = Shared {
        pool: &pool,
        stop: Stop::on_signals()?,
        observer: &terminal,
        checkpoint_every: Duration::from_secs_f64(args.checkpoint_every),
        fresh: args.fresh,
        commit: runner::commit(),
    };
    let dirs = budget_dirs(&plan.jobs, &args.out);
    silence_panics();
    let finished = runner::run_all(plan.jobs, &shared);
    let report = pool.install(|| crate::report::build_budgets(&dirs))?;
    print!("{}", report.terminal_table(crate::report::terminal_width()));
    for dir in &dirs {
        eprintln!("tables and plots: {}", dir.display());
    }
    // What was left out is what a newcomer wants to know last, after the tables.
    for left_out in &plan.left_out {
        eprintln!("{left_out}");
    }
    Ok(exit(&finished, &report, args))
}

/// The worker threads: an explicit number, so that no library's environment variable changes it.
pub(super) fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let threads = match threads {
        Some(0) => return Err(Error::usage("--threads 0: at least one thread must work")),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::usage(format!("--threads {threads}: {error}")))
}

/// Nothing to run: data that was asked for is missing, or every benchmark was left out.
fn nothing(left_out: &[LeftOut]) -> Exit {
    match left_out.is_empty() {
        true => {
            eprintln!("nothing to run");
            Exit::NothingRan
        }
        false => Exit::NothingRan,
    }
}

/// Prints what would run and about how long; touches nothing on disk.
fn dry_run(jobs: &[Job], pool: &rayon::ThreadPool) -> Result<Exit> {
    let threads = pool.current_num_threads();
    let mut total = 0.0;
    let mut known: Vec<(String, f64)> = Vec::new();
    for job in jobs {
        // Seeds of one method cost the same: measured once.
        let key = format!("{} {} {}", job.spec.name, job.method.label, job.meta_iters);
        let seconds = match known.iter().find(|(name, _)| *name == key) {
            Some((_, seconds)) => *seconds,
            None => runner::estimate(job, pool)?,
        };
        known.push((key, seconds));
        total += seconds;
        println!(
            "{}: {} meta-iterations, {} evaluation episodes, about {} -> {}",
            job.name(),
            job.meta_iters,
            job.eval_episodes,
            human(seconds),
            job.dir.display()
        );
    }
    println!("{} runs, about {} on {threads} threads", jobs.len(), human(total));
    Ok(Exit::Done)
}

/// Fails early, before anything is spent, if `out` cannot be written.
fn writable(out: &Path) -> Result<()> {
    let refused = |source| {
        Error::usage(format!("--out {}: not a folder that can be written ({source}): choose another", out.display()))
    };
    std::fs::create_dir_all(out).map_err(refused)?;
    tempfile::Builder::new().prefix(".tmp-").tempfile_in(out).map(drop).map_err(refused)
}

fn budget_dirs(jobs: &[Job], out: &Path) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = jobs.iter().map(|job| out.join(&job.budget_dir)).collect();
    dirs.sort();
    dirs.dedup();
    dirs
}

/// A method's panic becomes its cell's reason; the default hook would print a trace between the progress bars.
fn silence_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        std::panic::set_hook(Box::new(|_| {}));
    }
}

fn exit(finished: &[Finished], report: &crate::report::Report, args: &Reproduce) -> Exit {
    let failed = finished.iter().filter(|run| matches!(run.outcome, Outcome::Failed(_))).count();
    let interrupted = finished.iter().any(|run| matches!(run.outcome, Outcome::Ended(runner::Ended::Interrupted)));
    if interrupted {
        let _ = args;
        eprintln!("interrupted: the same command goes on where it stopped");
        return Exit::Interrupted;
    }
    match failed {
        0 => report.exit(),
        _ if failed == finished.len() => finished
            .iter()
            .find_map(|run| match &run.outcome {
                Outcome::Failed(error) => Some(Exit::of(error)),
                Outcome::Ended(_) => None,
            })
            .filter(|exit| matches!(exit, Exit::Usage | Exit::Data))
            .unwrap_or(Exit::SomeFailed),
        _ => Exit::SomeFailed,
    }
}
