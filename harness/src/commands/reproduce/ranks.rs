//! Several ranks doing one command: what they compare before the first step, and what those do that do not lead.

use harness_core::Result;

use super::plan::Plan;
use crate::exit::Exit;
use crate::identity;
use crate::ranks::{Card, Ranks, Said, agree};
use crate::runner::{Stop, difference_between, follow};

/// The plan, once all ranks have the same one. Errors, alike on all ranks, where one cannot begin or differs; None where a
/// rank is lost.
pub fn compare(ranks: &Ranks, plan: Result<Plan>) -> Result<Option<Plan>> {
    let said = match &plan {
        Ok(plan) => say(plan).unwrap_or_else(|error| Said::failed(&error)),
        Err(error) => Said::failed(error),
    };
    let agreed = agree(ranks, &said, difference_between).inspect_err(|_| ranks.over())?;
    Ok(agreed.and(plan.ok()))
}

fn say(plan: &Plan) -> Result<Said> {
    let cards = plan.jobs.iter().map(|job| {
        Ok(Card {
            name: job.name(),
            spec_hash: job.benchmark.hash()?,
            config: job.config.clone(),
            data_digest: job.data_digest.clone(),
            code: job.code.clone(),
        })
    });
    let left_out = plan.left_out.iter().map(ToString::to_string).collect();
    let commit = identity::commit();
    let build =
        identity::build(commit.as_ref().map(|(commit, _)| commit.as_str()), commit.as_ref().map(|(_, dirty)| *dirty));
    Ok(Said::new(cards.collect::<Result<_>>()?, left_out, harness_kernels::instruction_set(), build))
}

/// A rank that does not lead, up to the end; what it could say, rank 0 says.
pub fn follower(ranks: &Ranks, plan: Result<Plan>, pool: &rayon::ThreadPool, stop: &Stop) -> Exit {
    let plan = match compare(ranks, plan) {
        Ok(Some(plan)) => plan,
        Ok(None) => return Exit::Interrupted,
        Err(error) => return Exit::of(&error),
    };
    match follow(ranks, &plan.jobs, pool, stop) {
        Ok(Some(code)) => Exit::from_code(code),
        Ok(None) => Exit::Interrupted,
        Err(error) => Exit::of(&error),
    }
}
