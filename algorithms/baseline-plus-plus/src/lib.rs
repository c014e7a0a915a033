//! Baseline++ (Chen, Liu, Kira, Wang, Huang 2019, "A Closer Look at Few-shot Classification", arXiv 1904.04232, section 3.2):
//! supervised training on all training classes, then a new head on frozen features; both heads score a class by the
//! cosine between its weight vector and the features, which keeps images of one class close together.

use candle_core::{D, Tensor};
use harness_core::settings::{self, BELOW_ONE, COUNT, NOT_NEGATIVE, RATE, Rate, SHARE, TEST_RATE};
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Entry, Features, Group, Halves, Labeled, Mode, Model, Moments, Norm,
    Optimizer, Params, Progress, Reduction, Result, Sampling, Scalars, State, Stream, Task, Update, loss, outer,
    parse_config,
};

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "baseline-plus-plus",
    summary: "supervised training on all classes, then a new head on frozen features, both heads cosine similarities",
    paper: "Chen et al. 2019, arXiv 1904.04232",
    build,
    toy: "batch = 32\nlr = 0.01\ntune_epochs = 20\ntune_lr = 0.1",
    code: harness_core::code!(),
};

harness_core::settings! {
    /// Defaults are those of wyharveychen/CloserLookFewShot.
    struct Config {
        batch: usize = 16 => COUNT;
        lr: f64 = 1e-3 => RATE;
        tune_epochs: usize = 100 => COUNT;
        tune_batch: usize = 4 => COUNT;
        tune_lr: f64 = 0.01 => TEST_RATE;
        tune_momentum: f64 = 0.9 => BELOW_ONE;
        tune_dampening: f64 = 0.9 => SHARE;
        tune_weight_decay: f64 = 1e-3 => NOT_NEGATIVE;
    }
}

struct BaselinePlusPlus {
    config: Config,
    model: Model,
    train_classes: usize,
    /// Ways and support images of a test episode.
    ways: usize,
    support: usize,
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    let train_classes = context.train_classes()?;
    let model = context.model(1)?;
    let ways = context.protocol.ways;
    let support = ways * context.protocol.shots;
    Ok(Box::new(BaselinePlusPlus { config, model, train_classes, ways, support }))
}

/// A fresh head: weights uniform in ±1/√features, one column a class, and a gain for each class, at first the column's
/// length (PyTorch's `Linear` under `WeightNorm`).
fn new_head(features: usize, classes: usize, like: &Tensor, rng: &mut Stream) -> Result<Params> {
    let bound = 1.0 / (features as f64).sqrt();
    let values: Vec<f32> = (0..features * classes).map(|_| rng.uniform(-bound, bound) as f32).collect();
    let weight = Tensor::from_vec(values, (features, classes), like.device())?.to_dtype(like.dtype())?;
    let gain = weight.sqr()?.sum(0)?.sqrt()?;
    Ok([("head.weight".to_string(), weight), ("head.gain".to_string(), gain)].into_iter().collect())
}

/// Each feature vector at length 1. Features that are all 0 stay 0, and have a gradient.
fn directions(features: &Tensor) -> Result<Tensor> {
    let length = ((features.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()? + 1e-5)?;
    Ok(features.broadcast_div(&length)?)
}

/// scale · gain · cos(features, weight) for each class: `[n, classes]` from directions `[n, features]`. The scale makes up
/// for a cosine's small range: 2, or 10 for more than 200 classes (backbone.py, `distLinear`).
fn logits(directions: &Tensor, head: &Params) -> Result<Tensor> {
    let (weight, gain) = (head.get("head.weight")?, head.get("head.gain")?);
    let scale = if gain.elem_count() <= 200 { 2.0 } else { 10.0 };
    let factor = (gain.div(&weight.sqr()?.sum(0)?.sqrt()?)? * scale)?;
    Ok(directions.matmul(weight)?.broadcast_mul(&factor)?)
}

impl Algorithm for BaselinePlusPlus {
    fn sampling(&self) -> Sampling {
        Sampling::independent(Draw::Batch { size: self.config.batch }, 1)
    }

    fn test_steps(&self) -> usize {
        self.config.tune_epochs * self.support.div_ceil(self.config.tune_batch)
    }

    fn cost(&self) -> Cost {
        // A step of the head alone is worth about one image through the network.
        Cost { task: self.config.batch as f64, episode: self.test_steps() as f64 }
    }

    fn rates(&self) -> Vec<Rate> {
        settings::rates(&self.config)
    }

    fn halves(&self) -> Option<Halves> {
        let test =
            ["tune_epochs", "tune_batch", "tune_lr", "tune_momentum", "tune_dampening", "tune_weight_decay"].to_vec();
        Some(Halves { test, ..Halves::default() })
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let params = self.model.init(rng)?;
        let old = params.get("head.weight")?;
        let head = new_head(old.dim(0)?, self.train_classes, old, rng)?;
        let mut state = outer::start(Group::Body.part(&params).merged(&head))?;
        state.buffers = self.model.initial_stats()?;
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, _: &mut Stream) -> Result<Update> {
        let features = self.model.features(&state.params, &task.support.x, &Norm::Batch)?;
        let (stats, head) = (features.stats.clone(), Group::Head.part(&state.params).to_vars()?);
        let answers = logits(&directions(&features.values)?, &head)?;
        let loss = loss::loss(&answers, &task.support.y, Reduction::Mean)?;
        let (loss, gradient) = Features::gradient(&loss, &head, [features])?;
        Ok(Update::default().with("gradient", gradient).with("stats", stats).scalar("loss", loss))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, _: Progress) -> Result<Scalars> {
        outer::descend(state, Optimizer::adam(self.config.lr, 0.9), &updates)
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let features = self.model.embed(&state.params, &support.x, &Norm::told_by(&state.buffers))?;
        let known = Labeled::new(directions(&features)?, support.y.clone())?;
        let optimizer = Optimizer::Sgd {
            lr: self.config.tune_lr,
            momentum: self.config.tune_momentum,
            dampening: self.config.tune_dampening,
            weight_decay: self.config.tune_weight_decay,
            lr_decay: 0.0,
        };
        let mut head = new_head(known.x.dim(1)?, self.ways, &known.x, rng)?;
        let (mut moments, mut order, mut all) = (Moments::default(), Vec::new(), Vec::new());
        for wanted in steps {
            while (moments.steps as usize) < *wanted {
                if order.is_empty() {
                    order = (0..known.len()).collect();
                    rng.shuffle(&mut order);
                }
                // The last batch of an epoch holds what is left.
                let batch: Vec<usize> = order.drain(..self.config.tune_batch.min(order.len())).collect();
                let (batch, vars) = (known.select(&batch)?, head.to_vars()?);
                let loss = loss::loss(&logits(&batch.x, &vars)?, &batch.y, Reduction::Mean)?;
                let (_, grads) = loss::gradient(&loss, &vars)?;
                (head, moments) = optimizer.apply(&head, &grads, &moments)?;
            }
            all.push(Adapted { params: state.params.merged(&head), buffers: state.buffers.clone() });
        }
        Ok(all)
    }

    fn score(&self, adapted: &Adapted, _: &Labeled, query: &Tensor, _: Mode) -> Result<Tensor> {
        let features = self.model.embed(&adapted.params, query, &Norm::told_by(&adapted.buffers))?;
        logits(&directions(&features)?, &adapted.params)
    }
}

#[cfg(test)]
mod tests;
