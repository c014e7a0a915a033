//! R2-D2, "ridge regression differentiable discriminator" (Bertinetto, Henriques, Torr, Vedaldi 2019, "Meta-learning with differentiable
//! closed-form solvers", arXiv 1805.08136): an episode's head is the ridge regression of the labels on the features of its support set, in
//! closed form. Training goes back through the solution to the features; a calibration of the answers, and λ on request, are learned with
//! them.

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
    /// What this method has beside the [`Settings`] of the family. λ and α are those of bertinetto/r2d2 on CIFAR-FS, whose code also keeps λ and draws the shots: the benchmarks' rows say so.
    #[derive(Copy)]
    struct Own {
        /// most support images a class in training: each episode draws `train_shots` to so many and has the fewer queries; if none, always `train_shots`
        max_shots: Option<usize> = None => COUNT;
        /// λ for each support image, at the start or for good
        lambda: f64 = 50.0 => POSITIVE;
        /// whether λ is learned: the paper's; the authors' code keeps it
        learn_lambda: bool = true;
        /// factor of the answers at the start
        alpha: f64 = 10.0 => POSITIVE;
    }
}

/// The head's names: ln λ where it is learned, so that λ stays above 0, and the calibration α·answer + β.
const LOG_LAMBDA: &str = "head.log_lambda";
const ALPHA: &str = "head.alpha";
const BETA: &str = "head.beta";

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    let one = |value: f64| Tensor::full(value as f32, 1, &context.device);
    let learned = own.learn_lambda.then_some((LOG_LAMBDA, own.lambda.ln()));
    let head = learned.into_iter().chain([(ALPHA, own.alpha), (BETA, 0.0)]);
    let head = head.map(|(name, value)| Ok((name.to_owned(), one(value)?))).collect::<Result<Params>>()?;
    let method = Embedding::new(settings, context, move |episode| ridge(episode, own.lambda))?.with_head(head);
    Ok(Box::new(match own.max_shots {
        Some(most) => method.with_shots_up_to(most)?,
        None => method,
    }))
}

/// α·[q 1]W + β with W = [X 1]ᵀ([X 1][X 1]ᵀ + nλI)⁻¹Y: the small system, of the n support images (their equation 7). The column of
/// ones, which makes a bias, adds 1 to every product of two images. λ is the head's, or `kept` where the head has none.
fn ridge(episode: &Embedded<'_>, kept: f64) -> Result<Tensor> {
    let Embedded { support, query, classes, head } = episode;
    let n = classes.len();
    let products = |images: &Tensor| images.matmul(&support.t()?)? + 1.0;
    let one = Tensor::eye(n, support.dtype(), support.device())?;
    let ridge = match head.get(LOG_LAMBDA) {
        Ok(learned) => one.broadcast_mul(&(learned.exp()? * n as f64)?)?,
        Err(_) => (one * (kept * n as f64))?,
    };
    let labels = one_hot(classes, episode.ways(), support.dtype(), support.device())?;
    let weights = solve(&(products(support)? + ridge)?, &labels)?;
    let answers = products(query)?.matmul(&weights)?;
    Ok(answers.broadcast_mul(head.get(ALPHA)?)?.broadcast_add(head.get(BETA)?)?)
}

#[cfg(test)]
mod tests;
