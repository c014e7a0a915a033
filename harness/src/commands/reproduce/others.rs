//! Runs that other builds finished or began: what is done with each, decided and said before anything is spent.

use std::collections::BTreeMap;

use harness_core::{Error, Result};

use super::again;
use super::survey::Survey;
use crate::benchmark::Budget;
use crate::commands::reproduce::Reproduce;
use crate::runner::{Job, OtherBuild, Replay, Standing, Stop, maker, replay};

/// Sets `other_build` of every job. A stopped run goes on only where this build repeats its last stretch, which is found
/// out here.
///
/// # Errors
/// Usage: runs that would show or mix other code's numbers, all of them in one message, with the commands that train
/// them again or show them as they are.
pub fn decide(
    jobs: &mut [Job],
    survey: &Survey,
    args: &Reproduce,
    pool: &rayon::ThreadPool,
    stop: &Stop,
) -> Result<()> {
    let (mut again, mut stopped, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (job, standing) in jobs.iter_mut().zip(&survey.standings) {
        // Minutes: not worth a question.
        let quick = job.budget_dir() == Budget::Quick.as_str();
        match standing {
            Standing::Foreign if args.keep => job.other_build = OtherBuild::Keep,
            // A run that is yet to begin may measure a training that another build finished.
            Standing::New if args.keep => job.other_build = OtherBuild::Keep,
            Standing::Unproved(step) if args.keep && *step >= job.meta_iters => job.other_build = OtherBuild::Keep,
            Standing::Foreign | Standing::Unproved(_) if quick => {
                job.other_build = OtherBuild::StartOver;
                again.push(job.name());
            }
            Standing::Foreign => {
                let what = format!("complete, made by {}", maker(job).build());
                refused.push(Refused { complete: true, ..Refused::new(job, what) });
            }
            Standing::Unproved(step) => stopped.push((job, *step)),
            _ => {}
        }
    }
    if !again.is_empty() {
        tracing::info!("made by another build, so trained again: {}", again.join(", "));
    }
    // Nothing is repeated for the sake of a call that is refused anyway.
    let settled = refused.is_empty();
    for (job, step) in stopped {
        let what = format!("stopped at step {step} under {}", maker(job).build());
        if !settled {
            let what = format!("{what}: goes on if this build repeats its last stretch");
            refused.push(Refused { lost: false, ..Refused::new(job, what) });
            continue;
        }
        match replay(job, pool, stop)? {
            Replay::Same => job.other_build = OtherBuild::Proved(step),
            // Every run then ends as interrupted.
            Replay::Interrupted => return Ok(()),
            Replay::Differs(why) => {
                refused.push(Refused::new(job, format!("{what}, and {why}: build that commit to go on with it")));
            }
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(Error::usage(message(args, &refused))),
    }
}

/// A run that this build may not show or continue.
struct Refused {
    benchmark: String,
    label: String,
    name: String,
    complete: bool,
    /// Whether it has to be trained again.
    lost: bool,
    what: String,
}

impl Refused {
    /// One that was stopped and has to be trained again.
    fn new(job: &Job, what: String) -> Refused {
        let (benchmark, label) = (job.benchmark.name.clone(), job.method.label.clone());
        Refused { benchmark, label, name: job.name(), complete: false, lost: true, what }
    }
}

fn message(args: &Reproduce, refused: &[Refused]) -> String {
    let runs = match refused.len() {
        1 => "1 run is of another build, whose numbers are not this build's".to_owned(),
        many => format!("{many} runs are of other builds, whose numbers are not this build's"),
    };
    let mut text = format!("{runs}:");
    refused.iter().for_each(|run| text += &format!("\n  {}: {}", run.name, run.what));
    let mut lost: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for run in refused.iter().filter(|run| run.lost) {
        let labels = lost.entry(&run.benchmark).or_default();
        if !labels.contains(&run.label.as_str()) {
            labels.push(&run.label);
        }
    }
    text += "\nto train them again with this build:";
    lost.iter().for_each(|(benchmark, labels)| text += &format!("\n  {}", again::only(args, benchmark, labels)));
    if refused.iter().any(|run| run.complete) {
        let which = if refused.iter().all(|run| run.complete) { "them" } else { "the complete ones" };
        text += &format!("\nto show {which} as they are, without a verdict:\n  {}", again::keeping(args));
    }
    text
}
