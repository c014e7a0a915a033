//! BOIL, "body only update in inner loop" (Oh, Yoo, Kim, Yun 2021, "BOIL: Towards Representation Change for Few-shot Learning", arXiv
//! 2008.08882): MAML whose inner steps move all but the head. Features have to come to the head, which every task shares and the
//! outer loop alone learns; in ANIL, its opposite, the head goes to the features.

use harness_core::families::maml::{Maml, Settings, exact};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "boil",
    summary: "MAML whose inner steps move all but the head",
    paper: "Oh et al. 2021, arXiv 2008.08882",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 1\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 4\nmeta_lr = 0.01\neval_steps = 1",
    settings: &[settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    Ok(Box::new(method(parse_config(table)?, context)?))
}

/// The norm layers' scales and shifts are of the body and move too (jhoon-oh/BOIL, `update_parameters`).
fn method(settings: Settings, context: &Context) -> Result<Maml> {
    Maml::new(settings, context, Group::Body, exact)
}

#[cfg(test)]
mod tests;
