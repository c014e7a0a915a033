//! A zeroth-order outer loop: antithetic evolution strategies on the adapted loss. Salimans et al. 2017 ("Evolution
//! Strategies as a Scalable Alternative to Reinforcement Learning", arXiv 1703.03864) make a gradient of differences between
//! mirrored perturbations; Song et al. 2020 ("ES-MAML", arXiv 1910.01215) take it of the loss after adaptation.
//!
//! A task is tried from φ + σε and from φ − σε. Its contribution is the two adapted losses and the key of the stream that made
//! ε: the fold makes ε again, so no vector ever leaves a worker.

mod perturbation;

use candle_core::Tensor;
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Entry, Error, InnerLoop, Labeled, Learner, MiniBatches, Mode, Model, Moments,
    Optimizer, Params, Pool, Progress, Reduction, Result, Sampling, Scalars, State, Stream, Task, Update, config, loss,
    mean_scalars, parse_config,
};
use serde::Deserialize;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "evolution",
    summary: "zeroth-order: mirrored perturbations of the initialisation, compared by their loss after adaptation",
    paper: "Salimans et al. 2017, arXiv 1703.03864; Song et al. 2020, arXiv 1910.01215",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 2\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 16\nmeta_lr = 0.01\n\
          sigma = 0.05",
};

/// No paper has a supervised few-shot setting: the defaults are what served on sine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    inner_steps: usize,
    inner_lr: f64,
    train_shots: usize,
    train_queries: usize,
    meta_batch: usize,
    meta_lr: f64,
    sigma: f64,
    shaping: Shaping,
    eval_steps: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shaping {
    Ranks,
    Raw,
    Signs,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            inner_steps: 8,
            inner_lr: 0.02,
            train_shots: 10,
            train_queries: 10,
            meta_batch: 64,
            meta_lr: 0.01,
            sigma: 0.05,
            shaping: Shaping::Ranks,
            eval_steps: 32,
        }
    }
}

struct Evolution {
    config: Config,
    model: Model,
    inner: InnerLoop,
    outer: Optimizer,
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    config::at_least_one(&[
        ("train_shots", config.train_shots),
        ("train_queries", config.train_queries),
        ("meta_batch", config.meta_batch),
    ])?;
    if !(config.sigma > 0.0 && config.sigma.is_finite()) {
        return Err(Error::usage(format!("sigma = {}: it must be above 0", config.sigma)));
    }
    let inner = InnerLoop::new(Optimizer::sgd(config.inner_lr), Reduction::Mean);
    let outer = Optimizer::adam(config.meta_lr, 0.9);
    Ok(Box::new(Evolution { inner, outer, model: context.episode_model()?, config }))
}

impl Evolution {
    /// Full-batch gradient descent on the support set, as far as each of `steps`.
    fn descend(&self, params: &Params, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), pool.len(), false, rng);
        let mut learner = Learner::new(&self.model, params, &self.inner, &Moments::default())?;
        learner.snapshots(&pool, &mut batches, steps, &Params::new())
    }

    /// The query loss after adaptation from `params`.
    fn adapted_loss(&self, params: &Params, task: &Task, rng: &mut Stream) -> Result<f64> {
        let adapted = self.descend(params, &task.support, &[self.config.inner_steps], rng)?;
        let answers = self.model.predict(&adapted[0], &task.support, &task.query.x, Mode::Transductive)?;
        Ok(f64::from(loss::loss(&answers, &task.query.y, Reduction::Mean)?.to_scalar::<f32>()?))
    }
}

impl Algorithm for Evolution {
    fn sampling(&self) -> Sampling {
        let (shots, queries) = (self.config.train_shots, self.config.train_queries);
        Sampling::independent(Draw::Episode { ways: None, shots, queries }, self.config.meta_batch)
    }

    fn test_steps(&self) -> usize {
        self.config.eval_steps
    }

    fn cost(&self) -> Cost {
        let ways = self.model.outputs() as f64;
        let support = ways * self.config.train_shots as f64;
        let queries = ways * self.config.train_queries as f64;
        let task = 2.0 * (support * self.config.inner_steps as f64 + queries / 3.0);
        Cost { task, episode: support * self.config.eval_steps as f64 }
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = State::new(self.model.init(rng)?);
        let zeros = Some(state.params.zeros_like()?);
        state.slots = Moments { first: zeros.clone(), second: zeros, steps: 0 }.to_slots("outer");
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let key = rng.bits();
        let noise = perturbation::of(&state.params, key)?;
        let tried = |sign: f64| {
            let params = state.params.axpy(sign * self.config.sigma, &noise)?;
            self.adapted_loss(&params, task, &mut rng.clone())
        };
        let (plus, minus) = (tried(1.0)?, tried(-1.0)?);
        let update = Update { keys: vec![key], ..Update::default() };
        Ok(update.scalar("plus", plus).scalar("minus", minus))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, _: Progress) -> Result<Scalars> {
        let differences: Vec<f64> =
            updates.iter().map(|update| update.scalars["plus"] - update.scalars["minus"]).collect();
        let weights = match self.config.shaping {
            Shaping::Ranks => perturbation::ranks(&differences),
            Shaping::Raw => differences,
            Shaping::Signs => differences.iter().map(|d| d.signum()).collect(),
        };
        let each = updates.iter().flat_map(|update| &update.keys).copied().zip(weights);
        let grad = perturbation::mean(&state.params, each)?;
        let moments = Moments::from_slots(&state.slots, "outer", state.step);
        let (params, moments) = self.outer.apply(&state.params, &grad, &moments)?;
        state.params = params;
        state.slots = moments.to_slots("outer");
        let scalars = mean_scalars(&updates);
        Ok([("query_loss".to_string(), (scalars["plus"] + scalars["minus"]) / 2.0)].into())
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.descend(&state.params, support, steps, rng)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}

#[cfg(test)]
mod tests;
