//! cbfinn/maml with `stop_grad`: the published first-order rows.

use harness_core::descent::{Descent, Settings};
use harness_core::{Algorithm, Context, Group, Params, Reduction, Result, Stream, Task, parse_config};

pub(crate) fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let settings: Settings = parse_config(table)?;
    // The norm layers' shifts are meta-learned, but the inner loop leaves them alone (cbfinn/maml, `forward_conv`).
    Ok(Box::new(Descent::new(settings, context, Group::Weights, at_the_adapted_parameters)?))
}

/// The gradient of the query loss where the inner steps led, taken for that of the initialisation.
fn at_the_adapted_parameters(
    method: &Descent,
    params: &Params,
    task: &Task,
    rng: &mut Stream,
) -> Result<(f64, Params)> {
    let adapted = method.descend(params, &task.support, &[method.settings.inner_steps], rng)?;
    let at = method.model.loss_grad(&adapted[0].params, &task.query, Reduction::Mean)?;
    Ok((at.loss, at.grads))
}
