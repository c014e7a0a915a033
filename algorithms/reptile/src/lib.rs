//! Reptile (Nichol, Achiam, Schulman 2018, "On First-Order Meta-Learning Algorithms", arXiv 1803.02999): learn a task
//! with a few optimiser steps, then move the initialisation a little towards where that led.
//!
//! The procedure is openai/supervised-reptile's: summed loss, Adam with β₁ = 0 whose second moment and step count live on
//! across tasks, shuffle-and-cycle mini-batches, meta-step annealed to 0. The family has all of it, since others share it;
//! README.md tells of the one knowing deviation, which `second_moment = "sequential"` takes away.

use harness_core::families::reptile::{Reptile, SecondMoment, Settings};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "reptile",
    summary: "a few inner steps a task, then the initialisation moves towards the mean result",
    paper: "Nichol et al. 2018, arXiv 1803.02999",
    build,
    toy: "inner_batch = 6\nlr = 0.003\ntrain_shots = 4\neval_iters = 20\nmeta_batch = 3",
    settings: &[settings::keys::<Settings>, settings::keys::<Own>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

settings! {
    /// What this method has beside the shared [`Settings`].
    struct Own {
        /// of Adam, from task to task: `folded`, or `sequential`, the original's order of tasks; see above
        second_moment: SecondMoment = SecondMoment::Folded;
    }
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    let mut method = Reptile::new(settings, context)?;
    method.second_moment = own.second_moment;
    Ok(Box::new(method))
}

#[cfg(test)]
mod closed_form;
#[cfg(test)]
mod tests;
