//! Baseline++ (Chen, Liu, Kira, Wang, Huang 2019, "A Closer Look at Few-shot Classification", arXiv 1904.04232, section 3.2):
//! supervised training on all training classes, then a new head on frozen features; both heads score a class by the
//! cosine between its weight vector and the features, which keeps images of one class close together.

use harness_core::families::embedding::directions;
use harness_core::families::supervised::{AtTest, Head, Supervised, Training, tune_head};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "baseline-plus-plus",
    summary: "supervised training on all classes, then a new head on frozen features, both heads cosine similarities",
    paper: "Chen et al. 2019, arXiv 1904.04232",
    build,
    toy: "batch = 32\nlr = 0.01\ntune_epochs = 20\ntune_lr = 0.1",
    settings: &[settings::keys::<Config>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

settings! {
    /// Defaults are those of wyharveychen/CloserLookFewShot.
    struct Config {
        /// images a meta-iteration
        batch: usize = 16 => COUNT;
        /// Adam's rate
        lr: f64 = 1e-3 => RATE;
        /// passes over the support set at test
        tune_epochs: usize = 100 => COUNT, test;
        /// images of a step at test
        tune_batch: usize = 4 => COUNT, test;
        /// of SGD at test
        tune_lr: f64 = 0.01 => TEST_RATE, test;
        /// of SGD at test
        tune_momentum: f64 = 0.9 => BELOW_ONE, test;
        /// of SGD at test
        tune_dampening: f64 = 0.9 => SHARE, test;
        /// of SGD at test
        tune_weight_decay: f64 = 1e-3 => NOT_NEGATIVE, test;
    }
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    let training = Training::new(&config, config.batch, config.lr, Statistics::Running);
    let test = NewHead { config, model: context.model(1)?, protocol: context.protocol };
    Ok(Box::new(Supervised::with_head(training, context, COSINE, test)?))
}

/// scale · gain · cos(features, weight) for each class.
const COSINE: Head = Head { init: new_head, prepared: directions, logits };

/// Weights uniform in ±1/√features, one column a class, and a gain for each class, at first the column's length (PyTorch's
/// `Linear` under `WeightNorm`).
fn new_head(features: usize, classes: usize, like: &Tensor, rng: &mut Stream) -> Result<Params> {
    let bound = 1.0 / (features as f64).sqrt();
    let values: Vec<f32> = (0..features * classes).map(|_| rng.uniform(-bound, bound) as f32).collect();
    let weight = Tensor::from_vec(values, (features, classes), like.device())?.to_dtype(like.dtype())?;
    let gain = weight.sqr()?.sum(0)?.sqrt()?;
    Ok([("head.weight".to_string(), weight), ("head.gain".to_string(), gain)].into_iter().collect())
}

/// `[n, classes]` from directions `[n, features]`. The scale makes up for a cosine's small range: 2, or 10 for more than
/// 200 classes (backbone.py, `distLinear`).
fn logits(directions: &Tensor, head: &Params) -> Result<Tensor> {
    let (weight, gain) = (head.get("head.weight")?, head.get("head.gain")?);
    let scale = if gain.elem_count() <= 200 { 2.0 } else { 10.0 };
    let factor = (gain.div(&weight.sqr()?.sum(0)?.sqrt()?)? * scale)?;
    Ok(directions.matmul(weight)?.broadcast_mul(&factor)?)
}

/// A new head for the episode's classes, on features that stay as they are.
struct NewHead {
    config: Config,
    model: Model,
    protocol: Protocol,
}

impl AtTest for NewHead {
    fn steps(&self) -> usize {
        self.config.tune_epochs * (self.protocol.ways * self.protocol.shots).div_ceil(self.config.tune_batch)
    }

    /// A step of the head alone is worth about one image through the network.
    fn passes(&self, _: &Protocol) -> f64 {
        self.steps() as f64
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let features = self.model.embed(&state.params, &support.x, &Norm::told_by(&state.buffers))?;
        let known = Labeled::new(directions(&features)?, support.y.clone())?;
        let head = new_head(known.x.dim(1)?, self.protocol.ways, &known.x, rng)?;
        let Config { tune_lr, tune_momentum, tune_dampening, tune_weight_decay, .. } = self.config;
        let optimizer = Optimizer::Sgd {
            lr: tune_lr,
            momentum: tune_momentum,
            dampening: tune_dampening,
            weight_decay: tune_weight_decay,
            lr_decay: 0.0,
        };
        let mut order = Vec::new();
        let epochs = || {
            if order.is_empty() {
                order = (0..known.len()).collect();
                rng.shuffle(&mut order);
            }
            // The last batch of an epoch holds what is left.
            order.drain(..self.config.tune_batch.min(order.len())).collect()
        };
        let heads = tune_head(COSINE, head, &known, optimizer, epochs, steps)?;
        let adapted = |head| Adapted { params: state.params.merged(&head), buffers: state.buffers.clone() };
        Ok(heads.into_iter().map(adapted).collect())
    }

    fn score(&self, adapted: &Adapted, _: &Labeled, query: &Tensor, _: Mode) -> Result<Tensor> {
        let features = self.model.embed(&adapted.params, query, &Norm::told_by(&adapted.buffers))?;
        logits(&directions(&features)?, &adapted.params)
    }
}

#[cfg(test)]
mod tests;
