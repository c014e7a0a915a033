//! R2-D2, "ridge regression differentiable discriminator" (Bertinetto, Henriques, Torr, Vedaldi 2019, "Meta-learning with differentiable
//! closed-form solvers", arXiv 1805.08136): an episode's head is the ridge regression of the labels on the features of its support set, in
//! closed form. Training goes back through the solution to the features; λ and a calibration of the answers are learned with them.

mod solve;

use harness_core::episode::one_hot;
use harness_core::families::embedding::{Embedded, Embedding, Settings};
use harness_core::prelude::*;

use self::solve::solve;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "r2d2",
    summary: "a ridge regression on the support set in closed form; features are learned through its solution",
    paper: "Bertinetto et al. 2019, arXiv 1805.08136",
    build,
    toy: "train_ways = 10\ntrain_shots = 1\ntrain_queries = 4\nmax_shots = 3\nlr = 0.01\nlambda = 1.0\nalpha = 10.0",
    settings: &[settings::keys::<Own>, settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

settings! {
    /// What this method has beside the [`Settings`] of the family. Defaults are those of bertinetto/r2d2 on CIFAR-FS.
    #[derive(Copy)]
    struct Own {
        /// most support images a class in training: each episode draws `train_shots` to so many and has the fewer queries; if none, always `train_shots`
        max_shots: Option<usize> = None => COUNT;
        /// λ at the start, for each support image
        lambda: f64 = 50.0 => POSITIVE;
        /// factor of the answers at the start
        alpha: f64 = 10.0 => POSITIVE;
    }
}

/// The head's names: ln λ, so that λ stays above 0, and the calibration α·answer + β.
const LOG_LAMBDA: &str = "head.log_lambda";
const ALPHA: &str = "head.alpha";
const BETA: &str = "head.beta";

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    let one = |value: f64| Tensor::full(value as f32, 1, &context.device);
    let head = [(LOG_LAMBDA, own.lambda.ln()), (ALPHA, own.alpha), (BETA, 0.0)];
    let head = head.into_iter().map(|(name, value)| Ok((name.to_owned(), one(value)?))).collect::<Result<Params>>()?;
    let method = Embedding::new(settings, context, ridge)?.with_head(head);
    Ok(Box::new(match own.max_shots {
        Some(most) => method.with_shots_up_to(most)?,
        None => method,
    }))
}

/// α·[q 1]W + β with W = [X 1]ᵀ([X 1][X 1]ᵀ + nλI)⁻¹Y: the small system, of the n support images (their equation 7). The column of
/// ones, which makes a bias, adds 1 to every product of two images.
fn ridge(episode: &Embedded<'_>) -> Result<Tensor> {
    let Embedded { support, query, classes, head } = episode;
    let n = classes.len();
    let products = |images: &Tensor| images.matmul(&support.t()?)? + 1.0;
    let ridge = (head.get(LOG_LAMBDA)?.exp()? * n as f64)?;
    let ridge = Tensor::eye(n, support.dtype(), support.device())?.broadcast_mul(&ridge)?;
    let labels = one_hot(classes, episode.ways(), support.dtype(), support.device())?;
    let weights = solve(&(products(support)? + ridge)?, &labels)?;
    let answers = products(query)?.matmul(&weights)?;
    Ok(answers.broadcast_mul(head.get(ALPHA)?)?.broadcast_add(head.get(BETA)?)?)
}

#[cfg(test)]
mod tests;
