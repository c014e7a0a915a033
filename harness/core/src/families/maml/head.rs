//! The exact meta-gradient where the inner steps move the head alone (Raghu et al. 2020, arXiv 1909.09157).
//!
//! Features do not change inside the loop, so they are computed once, and the gradient of a linear head has a formula. Written
//! out, it makes the unrolled loop an ordinary graph over features and head: one backward pass through it, and one of the body from
//! what it says of the features, is the exact meta-gradient, second derivatives included, for the price of one pass over
//! support and query.

use candle_core::{D, Tensor};

use super::{Maml, Settings};
use crate::episode::{Labeled, Targets, Task, one_hot};
use crate::error::Result;
use crate::loss::{self, Reduction};
use crate::model::{Features, Group, Norm};
use crate::params::Params;
use crate::rng::Stream;

/// The gradient of the query loss with respect to the initialisation, exact: of the head through its steps, of the body by the
/// features of support and query, each set under its own statistics. As [`exact`](super::exact) under [`Group::Head`], at a fraction of
/// the cost.
pub fn through_the_heads_steps(method: &Maml, params: &Params, task: &Task, _: &mut Stream) -> Result<(f64, Params)> {
    let features = |set: &Labeled| method.model.features(params, &set.x, &Norm::Batch);
    let (support, query) = (features(&task.support)?, features(&task.query)?);
    let head = Group::Head.part(params).to_vars()?;
    let value = query_loss([&support.values, &query.values], &head, task, &method.settings)?;
    Features::gradient(&value, &head, [support, query])
}

/// The query loss after the head's inner steps, as a graph over features and head.
fn query_loss([support, query]: [&Tensor; 2], head: &Params, task: &Task, settings: &Settings) -> Result<Tensor> {
    let (mut weight, mut bias) = (head.get("head.weight")?.clone(), head.get("head.bias")?.clone());
    for _ in 0..settings.inner_steps {
        let away = loss_by_answers(&answers(support, &weight, &bias)?, &task.support.y)?;
        weight = (weight - (support.t()?.matmul(&away)? * settings.inner_lr)?)?;
        bias = (bias - (away.sum(0)? * settings.inner_lr)?)?;
    }
    loss::loss(&answers(query, &weight, &bias)?, &task.query.y, Reduction::Mean)
}

/// `[n, outputs]` from features `[n, features]`.
fn answers(features: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    Ok(features.matmul(weight)?.broadcast_add(bias)?)
}

/// The derivative of the mean loss by the answers `[n, outputs]`: (softmax − one-hot)/n for cross-entropy, 2·(answer −
/// target)/(n·outputs) for the squared error.
fn loss_by_answers(answers: &Tensor, targets: &Targets) -> Result<Tensor> {
    let (n, outputs) = answers.dims2()?;
    Ok(match targets {
        Targets::Classes(classes) => {
            let hot = one_hot(classes, outputs, answers.dtype(), answers.device())?;
            let softmax = candle_nn::ops::softmax(answers, D::Minus1)?;
            ((softmax - hot)? / n as f64)?
        }
        Targets::Values(values) => ((answers - values)? * (2.0 / (n * outputs) as f64))?,
    })
}
