//! Implicit MAML (Rajeswaran, Finn, Kakade, Levine 2019, "Meta-Learning with Implicit Gradients", arXiv 1909.04630): a task is
//! learned under a pull of λ/2·‖θ − φ‖² towards the initialisation φ. At the end of it, θ*, the gradient of the query loss
//! with respect to φ follows from where θ* is, not from how it was reached: (I + H/λ)⁻¹∇L(θ*), H being the Hessian of the
//! support loss at θ* (their lemma 1). Conjugate gradients solve for it with a few products Hv, so that memory does not grow
//! with the inner steps.

mod conjugate_gradient;

use harness_core::descent::{Curvature, Descent, Settings};
use harness_core::settings::{COUNT, NOT_NEGATIVE, POSITIVE};
use harness_core::{
    Algorithm, Context, Entry, Group, Labeled, Optimizer, Params, Reduction, Result, Stream, Task, config,
};
use serde::Deserialize;

use self::conjugate_gradient::solve;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "imaml",
    summary: "MAML whose meta-gradient is solved for where a proximal inner loop ends",
    paper: "Rajeswaran et al. 2019, arXiv 1909.04630",
    build,
    toy: "inner_lr = 0.2\ninner_steps = 5\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 4\nmeta_lr = 0.01\n\
          eval_steps = 10\nlambda = 0.5",
    code: harness_core::code!(),
};

/// Where a training task is pulled towards the initialisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Pull {
    /// In every inner step, at test too: the paper's inner objective.
    EachStep,
    /// By one step along the pull alone when the inner steps are done, in training only: the authors' code.
    After,
}

harness_core::settings! {
    /// What this method has beside the [`Settings`] of MAML's family. Defaults are those of the authors' code
    /// (aravindr93/imaml_dev) on Omniglot.
    #[derive(Copy)]
    struct Own {
        /// λ of the pull, on the mean loss.
        lambda: f64 = 2.0 => POSITIVE;
        pull: Pull = Pull::After;
        cg_steps: usize = 5 => COUNT;
        /// Conjugate gradients solve (1 + cg_damping)·v + Hv/(λ + lambda_damping); exact with 0 and 0.
        cg_damping: f64 = 1.0 => NOT_NEGATIVE;
        lambda_damping: f64 = 10.0 => NOT_NEGATIVE;
        /// ε of the outer Adam.
        meta_eps: f64 = 1e-3 => POSITIVE;
    }
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = config::parse_parts::<Settings, Own>(table)?;
    Ok(Box::new(method(settings, own, context)?))
}

fn method(settings: Settings, own: Own, context: &Context) -> Result<Descent> {
    let gradient = move |method: &Descent, params: &Params, task: &Task, rng: &mut Stream| {
        implicit_gradient(method, own, params, task, rng)
    };
    let outer = Optimizer::Adam { lr: settings.meta_lr, beta1: 0.9, beta2: 0.999, eps: own.meta_eps };
    // Unlike cbfinn/maml's, the authors' inner loop moves every parameter.
    let mut method = Descent::new(settings, context, Group::All, gradient)?;
    if own.pull == Pull::EachStep {
        method.inner = method.inner.proximal(own.lambda);
    }
    method.halves.both.extend(["lambda", "pull"]);
    method.outer = outer;
    Ok(method)
}

/// Where the inner steps of a training task end, with its pull.
fn proximal_point(method: &Descent, own: Own, start: &Params, support: &Labeled, rng: &mut Stream) -> Result<Params> {
    let adapted = method.descend(start, support, &[method.settings.inner_steps], rng)?;
    let end = &adapted[0].params;
    match own.pull {
        Pull::EachStep => Ok(end.clone()),
        Pull::After => start.axpy(1.0 - method.settings.inner_lr * own.lambda, &end.sub(start)?),
    }
}

/// The query loss at the proximal point, and (I + H/λ)⁻¹ times its gradient there.
fn implicit_gradient(
    method: &Descent,
    own: Own,
    params: &Params,
    task: &Task,
    rng: &mut Stream,
) -> Result<(f64, Params)> {
    let point = proximal_point(method, own, params, &task.support, rng)?;
    let query = method.model.loss_grad(&point, &task.query, Reduction::Mean)?;
    let (_, _, curvature) = Curvature::at(&method.model, &point, &task.support, Group::All)?;
    let held =
        |v: &Params| v.scale(1.0 + own.cg_damping)?.axpy(1.0 / (own.lambda + own.lambda_damping), &curvature.times(v)?);
    Ok((query.loss, solve(held, &query.grads, own.cg_steps)?))
}

#[cfg(test)]
mod tests;
