//! Implicit MAML (Rajeswaran, Finn, Kakade, Levine 2019, "Meta-Learning with Implicit Gradients", arXiv 1909.04630): a task is
//! learned under a pull of λ/2·‖θ − φ‖² towards the initialisation φ. At the end of it, θ*, the gradient of the query loss
//! with respect to φ follows from where θ* is, not from how it was reached: (I + H/λ)⁻¹∇L(θ*), H being the Hessian of the
//! support loss at θ* (their lemma 1). Conjugate gradients solve for it with a few products Hv, so that memory does not grow
//! with the inner steps.

mod conjugate_gradient;

use harness_core::families::maml::{Curvature, Maml, Settings};
use harness_core::prelude::*;
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
    settings: &[settings::keys::<Own>, settings::keys::<Settings>],
    readme: include_str!("../README.md"),
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

settings! {
    /// What this method has beside the [`Settings`] of MAML's family. Defaults are those of the authors' code
    /// (aravindr93/imaml_dev) on Omniglot.
    #[derive(Copy)]
    struct Own {
        /// λ of the pull, on the mean loss
        lambda: f64 = 2.0 => POSITIVE, both;
        /// `after` the inner steps, or in `each-step`, see above
        pull: Pull = Pull::After, both;
        /// products Hv a task
        cg_steps: usize = 5 => COUNT;
        /// solved for is (1 + cg_damping)·v + Hv/(λ + lambda_damping), exact with 0 and 0
        cg_damping: f64 = 1.0 => NOT_NEGATIVE;
        /// the other damping
        lambda_damping: f64 = 10.0 => NOT_NEGATIVE;
        /// ε of the outer Adam
        meta_eps: f64 = 1e-3 => POSITIVE;
    }
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    Ok(Box::new(method(settings, own, context)?))
}

fn method(settings: Settings, own: Own, context: &Context) -> Result<Maml> {
    let gradient = move |method: &Maml, params: &Params, task: &Task, rng: &mut Stream| {
        implicit_gradient(method, own, params, task, rng)
    };
    // Unlike cbfinn/maml's, the authors' inner loop moves every parameter.
    let mut method = Maml::new(settings, context, Group::All, gradient)?;
    let pulled = method.settings.inner_lr * own.lambda;
    if own.pull == Pull::After && pulled > 1.0 {
        return Err(Error::usage(format!(
            "inner_lr · lambda is {pulled}: above 1, the pull after the inner steps leads past the initialisation; lower \
             one of them"
        )));
    }
    if own.pull == Pull::EachStep {
        method.inner = method.inner.proximal(own.lambda);
    }
    method.halves = Halves::read_from(&[Settings::FIELDS, Own::FIELDS]);
    method.outer = Optimizer::Adam { lr: method.settings.meta_lr, beta1: 0.9, beta2: 0.999, eps: own.meta_eps };
    Ok(method)
}

/// Where the inner steps of a training task end, with its pull.
fn proximal_point(method: &Maml, own: Own, start: &Params, support: &Labeled, rng: &mut Stream) -> Result<Params> {
    let end = method.learn(start, support, rng)?.params;
    match own.pull {
        Pull::EachStep => Ok(end),
        Pull::After => start.axpy(1.0 - method.settings.inner_lr * own.lambda, &end.sub(start)?),
    }
}

/// The query loss at the proximal point, and (I + H/λ)⁻¹ times its gradient there.
fn implicit_gradient(method: &Maml, own: Own, params: &Params, task: &Task, rng: &mut Stream) -> Result<(f64, Params)> {
    let point = proximal_point(method, own, params, &task.support, rng)?;
    let query = method.model.loss_grad(&point, &task.query, Reduction::Mean)?;
    let (_, _, curvature) = Curvature::at(&method.model, &point, &task.support, Group::All)?;
    let held =
        |v: &Params| v.scale(1.0 + own.cg_damping)?.axpy(1.0 / (own.lambda + own.lambda_damping), &curvature.times(v)?);
    Ok((query.loss, solve(held, &query.grads, own.cg_steps)?))
}

#[cfg(test)]
mod tests;
