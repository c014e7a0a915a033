//! First-order MAML: the meta-gradient without the second derivatives (Finn, Abbeel, Levine 2017, arXiv 1703.03400, §5.2).
//!
//! Two procedures go by this name. `variant = "query"` is cbfinn/maml's: inner SGD on the support set, the gradient of a
//! separate query set at the adapted parameters, an outer Adam; the published FOMAML rows are its. `variant =
//! "query-alone"` is ours, for an experiment: that with each query beside the support set in a batch of its own. `variant =
//! "last-step"` is openai/supervised-reptile's `FOML`: the last inner step alone is the meta-update, its mini-batch drawn
//! like the others (shared tail) or from images set aside (separate tail); the Reptile paper's figures use it.

mod last_step;
mod query;

use harness_core::families::{maml, reptile};
use harness_core::prelude::*;

use crate::query::Queries;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "fomaml",
    summary: "first-order MAML: the query gradient at the adapted parameters drives an outer Adam",
    paper: "Finn et al. 2017, arXiv 1703.03400",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 2\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 4\nmeta_lr = 0.01",
    settings: &[
        settings::keys::<maml::Settings>,
        settings::keys::<reptile::Settings>,
        settings::keys::<last_step::Own>,
    ],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

/// Registry line of the conformance suite for the other variant; benchmarks reach it by `variant = "last-step"`.
#[cfg(test)]
const LAST_STEP: Entry = Entry {
    toy: "variant = \"last-step\"\ninner_batch = 6\nlr = 0.003\ntrain_shots = 4\nmeta_batch = 3\neval_iters = 20\n\
          tail = \"separate\"\ntail_shots = 2",
    ..ENTRY
};

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let mut settings = table.clone();
    let variant = settings.remove("variant");
    match variant.as_ref().map(|value| value.as_str().unwrap_or("not a string")) {
        None | Some("query") => query::build(&settings, context, Queries::InOneBatch),
        Some("query-alone") => query::build(&settings, context, Queries::EachWithSupport),
        Some("last-step") => last_step::build(&settings, context),
        Some(other) => Err(harness_core::error::unknown("variant", other, ["query", "query-alone", "last-step"])),
    }
}

#[cfg(test)]
mod closed_form;
#[cfg(test)]
mod tests;
