//! `harness reproduce`: train and evaluate every method of a benchmark's table on the same episodes.

mod again;
mod args;
mod dry_run;
mod early;
mod noted;
mod others;
mod plan;
mod queries;
mod ranks;
mod share;
mod survey;

use std::path::Path;
use std::time::Duration;

use harness_core::{Entry, Error, Result};

use self::early::Early;
use self::noted::Noted;
use self::plan::Plan;
use self::queries::Unkept;
use self::survey::Survey;
use crate::benchmark::folds;
use crate::cli::Shard;
use crate::console;
use crate::exit::Exit;
use crate::progress::Terminal;
use crate::report::Report;
use crate::results::layout;
use crate::results::plan_json;
use crate::results::run_dir::RunDir;
use crate::runlog::RunLog;
use crate::runner::{self, Finished, Job, Shared, Standing, Stop, Workers};
use crate::words;

pub use self::args::Reproduce;

/// Runs the command and says how it ended.
pub fn run(args: &Reproduce, algorithms: &[Entry]) -> Result<Exit> {
    harness_kernels::cap(args.instruction_set);
    let stop = Stop::default();
    let Some(ranks) = crate::ranks::join(stop.flag())? else {
        let pool = super::pool(args.threads)?;
        let plan = pool.install(|| Plan::new(args, algorithms))?;
        return carry_out(args, algorithms, plan, (&pool, Workers::Threads), stop);
    };
    let pool = super::pool(Some(args.threads.unwrap_or_else(|| ranks.cores())))?;
    stop.raise_on_signals()?;
    let plan = pool.install(|| Plan::new(args, algorithms));
    if !ranks.leads() {
        return Ok(ranks::follower(&ranks, plan, &pool, &stop));
    }
    let Some(plan) = ranks::compare(&ranks, plan)? else { return Ok(Exit::Interrupted) };
    let runs: Vec<RunDir> = plan.jobs.iter().map(|job| job.dir.clone()).collect();
    let ended = carry_out(args, algorithms, plan, (&pool, Workers::Ranks { ranks: &ranks, runs: &runs }), stop);
    ranks.end(ended.as_ref().map_or_else(Exit::of, |exit| *exit) as u8);
    ended
}

/// Does what is planned, with the threads of this process or with all ranks.
fn carry_out(
    args: &Reproduce,
    algorithms: &[Entry],
    mut plan: Plan,
    (pool, workers): (&rayon::ThreadPool, Workers<'_>),
    stop: Stop,
) -> Result<Exit> {
    if plan.jobs.is_empty() {
        plan.left_out.iter().for_each(|left_out| tracing::warn!("{left_out}"));
        match args.shard {
            Some(shard) => {
                tracing::warn!("nothing to run: shard {shard} holds none of the {} runs", plan.call.runs.len())
            }
            None => tracing::warn!("nothing to run"),
        }
        return Ok(Exit::NothingRan);
    }
    plan.left_out.iter().for_each(|left_out| tracing::info!("{left_out}"));
    let survey = Survey::new(&plan.jobs, args.fresh)?;
    no_budgets_own(&args.out, plan.jobs[0].budget_dir())?;
    if args.dry_run {
        no_file(&args.out)?;
        return dry_run::run(&plan.jobs, &survey, (pool, workers), args.fresh, args.format);
    }
    writable(&args.out)?;
    if workers.ranks() == 1 {
        stop.raise_on_signals()?;
    }
    others::decide(&mut plan.jobs, &survey, args, pool, &stop)?;
    // One call's runs share a budget and its overrides, so they lie in one folder.
    let budget = plan.jobs[0].budget_dir().to_owned();
    plan_json::write(&args.out.join(&budget), &plan.call)?;
    tracing::info!("{survey}");
    for (job, standing) in plan.jobs.iter().zip(&survey.standings) {
        tracing::debug!("planned {} -> {}", line(job, *standing), job.dir);
    }
    let terminal = Terminal::new(&plan.jobs);
    let logged = RunLog(&terminal);
    let early = Early::new(&plan.jobs, &logged, pool, (&args.out, &budget), args.exports);
    let noted = Noted::new(&early, pool, args.data_dir.as_deref());
    let shared = Shared {
        pool,
        workers,
        stop,
        observer: &noted,
        checkpoint_every: Duration::from_secs_f64(args.checkpoint_every),
        fresh: args.fresh,
    };
    let mut benchmarks: Vec<String> = plan.call.runs.iter().map(|run| run.benchmark.clone()).collect();
    benchmarks.dedup();
    let means: Vec<String> = benchmarks.iter().filter_map(|name| folds::of_name(name)).map(folds::mean_name).collect();
    benchmarks.extend(means);
    let finished = runner::run_all(plan.jobs, &shared);
    if let Some(tag) = &args.tag {
        finished.iter().try_for_each(|run| crate::results::tag::put(&run.job.dir, tag))?;
    }
    if workers.lost() {
        // A report takes time, which launchers do not give.
        return Ok(interrupted(args, 0));
    }
    let unkept = if args.keep_queries { queries::keep(&finished, args, &shared)? } else { Unkept::default() };
    let reported =
        pool.install(|| crate::report::build_budget(&args.out, &budget, args.exports)).and_then(|mut report| {
            report.select(&budget, &benchmarks);
            console::print(&super::report::text(&report, args.format))?;
            // Rows that were not asked for may be of other builds.
            let records = report.budgets.iter().flat_map(|budget| budget.runs.iter().map(|run| &run.record));
            super::note_others(algorithms, records);
            let (folder, page) = (args.out.join(&budget), report.page());
            tracing::info!("tables and plots: {}; page: {}", folder.display(), page.display());
            Ok(match args.shard {
                Some(shard) if told_missing(shard, &report) => Exit::Done,
                _ => super::report::exit(&report),
            })
        });
    // What was left out is what a newcomer wants to know last, after the tables.
    plan.left_out.iter().for_each(|left_out| tracing::warn!("{left_out}"));
    unkept.errors.iter().for_each(|error| eprintln!("error: {error}"));
    let exit = exit(&finished, reported)?;
    Ok(match exit {
        Exit::Interrupted => interrupted(args, unkept.stopped),
        Exit::Done | Exit::TargetMissed if shared.stop.requested() => interrupted(args, unkept.stopped),
        Exit::Done | Exit::TargetMissed if !unkept.errors.is_empty() => Exit::SomeFailed,
        exit => exit,
    })
}

/// Says how the call goes on; `unkept` complete runs lack the queries that were asked for.
fn interrupted(args: &Reproduce, unkept: u64) -> Exit {
    let how = if args.fresh { ", without --fresh," } else { "" };
    let queries = match (args.keep_queries, unkept) {
        (false, _) => String::new(),
        (true, 0) => "; without --keep-queries it keeps no queries".to_owned(),
        (true, runs) => format!("; the queries of {} are not kept yet", words::plural(runs, "complete run")),
    };
    tracing::warn!("interrupted: the same command{how} goes on where it stopped{queries}");
    Exit::Interrupted
}

/// Says at the end of a shard what the folder still lacks. Whether targets were met is for whoever completes it.
fn told_missing(shard: Shard, report: &Report) -> bool {
    let missing = report.left();
    match missing.is_empty() {
        true => tracing::info!("shard {shard} done, and nothing is missing"),
        false => tracing::warn!("shard {shard} done; missing: {}", missing.join(", ")),
    }
    !missing.is_empty()
}

/// A run as a list of runs has it.
fn line(job: &Job, standing: Standing) -> String {
    let (name, standing) = (job.name(), survey::word(standing));
    let (iterations, episodes) = (job.meta_iters, job.eval_episodes);
    format!("{name} ({standing}): {iterations} meta-iterations, {episodes} evaluation episodes")
}

/// Fails early, before anything is spent, if `out` cannot be written.
fn writable(out: &Path) -> Result<()> {
    no_file(out)?;
    crate::results::disk::writable(out).map_err(|source| refused(out, &source.to_string()))
}

/// What can be told without making `out`: of its path, whatever is there is a folder.
fn no_file(out: &Path) -> Result<()> {
    match out.ancestors().find(|part| part.exists()) {
        Some(part) if part.is_dir() => Ok(()),
        Some(part) if part == out => Err(refused(out, "it is a file")),
        Some(part) => Err(refused(out, &format!("{} is a file", part.display()))),
        None => Ok(()),
    }
}

/// `out` holds a folder for each budget: it should not be one itself. Errors where it holds runs as such a folder does; where
/// its name alone is one, that is said.
fn no_budgets_own(out: &Path, budget: &str) -> Result<()> {
    let whole = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    let named = whole.file_name().and_then(|name| name.to_str()).is_some_and(layout::is_budget);
    // What was begun there goes on.
    if !named || layout::budgets(out).is_ok() {
        return Ok(());
    }
    let above = out.parent().filter(|above| !above.as_os_str().is_empty()).or(whole.parent()).unwrap_or(out);
    let (inside, above) = (out.join(budget), above.display());
    let (out, inside, holds) = (out.display(), inside.display(), layout::runs(out).is_ok_and(|runs| !runs.is_empty()));
    if holds {
        return Err(Error::usage(format!(
            "--out {out}: is the folder of one budget, and these runs would go to {inside}: give --out {above}"
        )));
    }
    tracing::warn!(
        "--out {out}: is named as the folder of one budget, and these runs go to {inside}: was --out {above} meant?"
    );
    Ok(())
}

fn refused(out: &Path, why: &str) -> Error {
    Error::usage(format!("--out {}: not a folder that can be written ({why}): choose another", out.display()))
}

/// An interruption comes first, so that a script tries again; then runs that failed; then what the report found.
fn exit(finished: &[Finished], reported: Result<Exit>) -> Result<Exit> {
    let interrupted = |run: &Finished| matches!(run.ended, Ok(runner::Ended::Interrupted));
    if finished.iter().any(interrupted) {
        if let Err(error) = reported {
            eprintln!("error: {error}");
        }
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
    run.ended.as_ref().err().map(Exit::of)
}
