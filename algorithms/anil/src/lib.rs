//! ANIL, "almost no inner loop" (Raghu, Raghu, Bengio, Vinyals 2020, "Rapid Learning or Feature Reuse? Towards Understanding the
//! Effectiveness of MAML", arXiv 1909.09157): MAML whose inner steps move the head alone; the body is meta-learned.

use harness_core::families::maml::{Maml, Settings, through_the_heads_steps};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "anil",
    summary: "MAML whose inner steps move the head alone",
    paper: "Raghu et al. 2020, arXiv 1909.09157",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 2\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 4\nmeta_lr = 0.01\neval_steps = 5",
    settings: &[settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    Ok(Box::new(Maml::new(parse_config(table)?, context, Group::Head, through_the_heads_steps)?))
}

#[cfg(test)]
mod tests;
