//! MAML, exact (Finn, Abbeel, Levine 2017, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", arXiv
//! 1703.03400): learn an initialisation from which a few steps of gradient descent on a task's support set do well on its
//! queries, by gradient descent through those steps.
//!
//! The inner loop, the outer Adam and the settings are those of cbfinn/maml; `harness_core::descent` has them, since
//! first-order MAML shares them. What is MAML's own is the meta-gradient with its second derivatives.

use harness_core::descent::{Descent, Settings};
use harness_core::{Algorithm, Context, Entry, Group, Params, Reduction, Result, Stream, Task, parse_config};

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "maml",
    summary: "an initialisation learned through the inner steps, second derivatives included",
    paper: "Finn et al. 2017, arXiv 1703.03400",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 2\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 4\nmeta_lr = 0.01",
    code: harness_core::code!(),
};

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let settings: Settings = parse_config(table)?;
    // The norm layers' shifts are meta-learned, but the inner loop leaves them alone (cbfinn/maml, `forward_conv`).
    Ok(Box::new(Descent::new(settings, context, Group::Weights, through_the_inner_steps)?))
}

/// The gradient of the query loss with respect to the initialisation (equation 1 of the paper). The query gradient
/// itself is first order, so it is taken by the fast kernels; [`harness_core::descent::Unrolled`] pulls it back.
fn through_the_inner_steps(method: &Descent, params: &Params, task: &Task, _: &mut Stream) -> Result<(f64, Params)> {
    let unrolled = method.unroll(params, &task.support)?;
    let at = method.model.loss_grad(unrolled.params(), &task.query, Reduction::Mean)?;
    Ok((at.loss, unrolled.pull_back(&at.grads)?))
}

#[cfg(test)]
mod tests;
