//! SimpleShot (Wang, Chao, Weinberger, van der Maaten 2019, "SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning",
//! arXiv 1911.04623): supervised training on all training classes; at test a query belongs to the class whose mean of support features is
//! nearest, after one of three normalisations of all features. Nothing is learned at test.

use harness_core::families::embedding::{class_means, directions, nearness};
use harness_core::families::supervised::{AtTest, Head, MEAN, Supervised, Training};
use harness_core::prelude::*;
use serde::Deserialize;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "simpleshot",
    summary: "supervised training on all classes, then the nearest class mean of normalised features",
    paper: "Wang et al. 2019, arXiv 1911.04623",
    build,
    toy: "batch = 32\nlr = 0.01",
    settings: &[settings::keys::<Config>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

/// What becomes of a feature vector at test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Normalisation {
    /// It stays as it is (UN).
    Un,
    /// It gets length 1 (L2N).
    L2n,
    /// The training images' mean feature is taken away, then it gets length 1 (CL2N).
    Cl2n,
}

settings! {
    /// Batches and rate are ours, as in the other supervised methods.
    struct Config {
        /// images a meta-iteration
        batch: usize = 64 => COUNT;
        /// Adam's rate
        lr: f64 = 1e-3 => RATE;
        /// of features at test: `un`: none; `l2n`: to length 1; `cl2n`: minus the training images' mean, then to length 1
        normalisation: Normalisation = Normalisation::Cl2n, test;
    }
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    let training = Training::new(&config, config.batch, config.lr, Statistics::Running);
    let test = NearestMean { normalisation: config.normalisation, model: context.model(1)? };
    Ok(Box::new(Supervised::with_head(training, context, LINEAR, test)?.keeping_the_mean()))
}

/// A dense layer.
const LINEAR: Head = Head {
    init: new_head,
    prepared: |features| Ok(features.clone()),
    logits: |features, head| Ok(features.matmul(head.get("head.weight")?)?.broadcast_add(head.get("head.bias")?)?),
};

/// Weights and biases uniform in ±1/√features (PyTorch's `Linear`).
fn new_head(features: usize, classes: usize, like: &Tensor, rng: &mut Stream) -> Result<Params> {
    let bound = 1.0 / (features as f64).sqrt();
    let mut draw = |n: usize| (0..n).map(|_| rng.uniform(-bound, bound) as f32).collect::<Vec<_>>();
    let weight = Tensor::from_vec(draw(features * classes), (features, classes), like.device())?;
    let bias = Tensor::from_vec(draw(classes), classes, like.device())?;
    let head = Params::from_iter([("head.weight".to_owned(), weight), ("head.bias".to_owned(), bias)]);
    head.to(like.dtype(), like.device())
}

/// Of a supervised network's features, under running statistics: both modes coincide.
struct NearestMean {
    normalisation: Normalisation,
    model: Model,
}

impl NearestMean {
    /// Features `[n, features]` as they are compared.
    fn normalised(&self, features: &Tensor, mean: &Tensor) -> Result<Tensor> {
        match self.normalisation {
            Normalisation::Un => Ok(features.clone()),
            Normalisation::L2n => directions(features),
            Normalisation::Cl2n => directions(&features.broadcast_sub(mean)?),
        }
    }
}

impl AtTest for NearestMean {
    fn steps(&self) -> usize {
        0
    }

    fn adapt(&self, state: &State, _: &Labeled, steps: &[usize], _: &mut Stream) -> Result<Vec<Adapted>> {
        Ok(vec![Adapted::from(state); steps.len()])
    }

    /// −‖query − class mean‖² of normalised features; the mean is not normalised again (simple_shot, `metric_class_type`).
    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, _: Mode) -> Result<Tensor> {
        let (norm, mean) = (Norm::told_by(&adapted.buffers), adapted.buffers.get(MEAN)?);
        let features = |x: &Tensor| self.normalised(&self.model.embed(&adapted.params, x, &norm)?, mean);
        nearness(&features(query)?, &class_means(&features(&support.x)?, support.classes()?)?)
    }
}

#[cfg(test)]
mod tests;
