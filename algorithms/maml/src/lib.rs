//! MAML, exact (Finn, Abbeel, Levine 2017, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", arXiv
//! 1703.03400): learn an initialisation from which a few steps of gradient descent on a task's support set do well on its
//! queries, by gradient descent through those steps.
//!
//! The inner loop, the outer Adam and the settings are those of cbfinn/maml; the family has them, since first-order MAML
//! shares them, and the exact meta-gradient, as others differ from it by what the inner steps move.

use harness_core::families::maml::{Maml, Settings, exact};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "maml",
    summary: "an initialisation learned through the inner steps, second derivatives included",
    paper: "Finn et al. 2017, arXiv 1703.03400",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 2\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 4\nmeta_lr = 0.01",
    settings: &[settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    // The norm layers' shifts are meta-learned, but the inner loop leaves them alone (cbfinn/maml, `forward_conv`).
    Ok(Box::new(Maml::new(parse_config(table)?, context, Group::Weights, exact)?))
}

#[cfg(test)]
mod tests;
