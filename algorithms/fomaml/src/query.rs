//! cbfinn/maml with `stop_grad`: the published first-order rows. And the same with every query scored as the inductive mode
//! scores it, which tells whether that way of scoring in training is what the two modes differ by at test.

use harness_core::families::maml::Maml;
use harness_core::prelude::*;

/// How the queries of a training task are put into batches, and with them into the norm layers' statistics.
#[derive(Clone, Copy)]
pub(crate) enum Queries {
    /// All in one, as the transductive mode has them.
    InOneBatch,
    /// Each in one with the whole support set, as the inductive mode has them. The loss is over all of the batch, as the
    /// adapted parameters have fitted the support set already.
    EachWithSupport,
}

pub(crate) fn build(table: &toml::Table, context: &Context, queries: Queries) -> Result<Box<dyn Algorithm>> {
    let gradient = move |method: &Maml, params: &Params, task: &Task, rng: &mut Stream| {
        at_the_adapted_parameters(method, params, task, queries, rng)
    };
    // The norm layers' shifts are meta-learned, but the inner loop leaves them alone (cbfinn/maml, `forward_conv`).
    Ok(Box::new(Maml::new(parse_config(table)?, context, Group::Weights, gradient)?))
}

/// The gradient of the query loss where the inner steps led, taken for that of the initialisation.
fn at_the_adapted_parameters(
    method: &Maml,
    params: &Params,
    task: &Task,
    queries: Queries,
    rng: &mut Stream,
) -> Result<(f64, Params)> {
    let end = method.learn(params, &task.support, rng)?.params;
    let at = |batch: &Labeled| method.model.loss_grad(&end, batch, Reduction::Mean);
    match queries {
        Queries::InOneBatch => at(&task.query).map(|at| (at.loss, at.grads)),
        Queries::EachWithSupport => {
            let each = (0..task.query.len()).map(|row| at(&task.support.concat(&task.query.select(&[row])?)?));
            let each = each.collect::<Result<Vec<_>>>()?;
            let loss = each.iter().map(|at| at.loss).sum::<f64>() / each.len() as f64;
            Ok((loss, Params::mean(each.iter().map(|at| &at.grads))?))
        }
    }
}
