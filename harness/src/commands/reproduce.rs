//! `harness reproduce`: train and evaluate every method of a benchmark's table on the same episodes.

mod plan;
mod survey;

use std::path::Path;
use std::time::Duration;

use harness_core::{Entry, Error, Result};

use self::plan::Plan;
use self::survey::Survey;
use crate::cli::Reproduce;
use crate::exit::Exit;
use crate::progress::{Terminal, human};
use crate::runner::{self, Finished, Job, Outcome, Shared, Stop};

/// Runs the command and says how it ended.
pub fn run(args: &Reproduce, algorithms: &[Entry]) -> Result<Exit> {
    if args.checkpoint_every.is_nan() || args.checkpoint_every < 0.0 {
        return Err(Error::usage("--checkpoint-every takes a number of seconds, 0 or more"));
    }
    let pool = super::pool(args.threads)?;
    let plan = pool.install(|| Plan::new(args, algorithms))?;
    for left_out in &plan.left_out {
        eprintln!("{left_out}");
    }
    if plan.jobs.is_empty() {
        eprintln!("nothing to run");
        return Ok(Exit::NothingRan);
    }
    let survey = Survey::new(&plan.jobs, args.fresh)?;
    if args.dry_run {
        return dry_run(&plan.jobs, &survey, &pool);
    }
    writable(&args.out)?;
    eprintln!("{survey}");
    let terminal = Terminal::new();
    let shared = Shared {
        pool: &pool,
        stop: Stop::on_signals()?,
        observer: &terminal,
        checkpoint_every: Duration::from_secs_f64(args.checkpoint_every),
        fresh: args.fresh,
        commit: runner::commit(),
    };
    // One call's runs share a budget and its overrides, so they lie in one folder.
    let budget = plan.jobs[0].budget_dir.clone();
    let mut benchmarks: Vec<String> = plan.jobs.iter().map(|job| job.spec.name.clone()).collect();
    benchmarks.dedup();
    silence_panics();
    let finished = runner::run_all(plan.jobs, &shared);
    let reported = pool.install(|| crate::report::build_budget(&args.out, &budget)).map(|mut report| {
        report.select(&budget, &benchmarks);
        print!("{}", report.terminal_table(super::report::terminal_width()));
        eprintln!("tables and plots: {}; page: {}", args.out.join(&budget).display(), report.page().display());
        super::report::exit(&report)
    });
    // What was left out is what a newcomer wants to know last, after the tables.
    for left_out in &plan.left_out {
        eprintln!("{left_out}");
    }
    exit(&finished, reported, args.fresh)
}

/// Prints what would run and about how long; touches nothing on disk.
fn dry_run(jobs: &[Job], survey: &Survey, pool: &rayon::ThreadPool) -> Result<Exit> {
    let threads = pool.current_num_threads();
    let mut total = 0.0;
    let mut known: Vec<(String, f64)> = Vec::new();
    for (job, standing) in jobs.iter().zip(&survey.standings) {
        // Seeds of one method cost the same: measured once.
        let key = format!("{} {} {}", job.spec.name, job.method.label, job.meta_iters);
        let seconds = match known.iter().find(|(name, _)| *name == key) {
            Some((_, seconds)) => *seconds,
            None => runner::estimate(job, pool)?,
        };
        known.push((key, seconds));
        let left = seconds * survey::left(job, *standing);
        total += left;
        println!(
            "{} ({}): {} meta-iterations, {} evaluation episodes, about {} -> {}",
            job.name(),
            survey::word(*standing),
            job.meta_iters,
            job.eval_episodes,
            human(left),
            job.dir.display()
        );
    }
    println!("{survey}; about {} on {threads} threads", human(total));
    Ok(Exit::Done)
}

/// Fails early, before anything is spent, if `out` cannot be written.
fn writable(out: &Path) -> Result<()> {
    let refused = |source| {
        Error::usage(format!("--out {}: not a folder that can be written ({source}): choose another", out.display()))
    };
    crate::files::atomic::writable(out).map_err(refused)
}

/// A method's panic becomes its cell's reason; the default hook would print a trace between the progress bars.
fn silence_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        std::panic::set_hook(Box::new(|_| {}));
    }
}

/// An interruption comes first, so that a script tries again; then runs that failed; then what the report found.
fn exit(finished: &[Finished], reported: Result<Exit>, fresh: bool) -> Result<Exit> {
    let interrupted = |run: &Finished| matches!(run.outcome, Outcome::Ended(runner::Ended::Interrupted));
    if finished.iter().any(interrupted) {
        if let Err(error) = reported {
            eprintln!("error: {error}");
        }
        let how = if fresh { ", without --fresh," } else { "" };
        eprintln!("interrupted: the same command{how} goes on where it stopped");
        return Ok(Exit::Interrupted);
    }
    let failures: Vec<Exit> = finished.iter().filter_map(failure).collect();
    let (Some(first), all) = (failures.first(), failures.len() == finished.len()) else {
        return reported;
    };
    if let Err(error) = reported {
        eprintln!("error: {error}");
    }
    // Where nothing could run at all for a reason that the user can mend, the code says which.
    Ok(if all && matches!(first, Exit::Usage | Exit::Data) { *first } else { Exit::SomeFailed })
}

fn failure(run: &Finished) -> Option<Exit> {
    match &run.outcome {
        Outcome::Failed(error) => Some(Exit::of(error)),
        Outcome::Ended(_) => None,
    }
}
