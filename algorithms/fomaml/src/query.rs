//! cbfinn/maml with `stop_grad`: the published first-order rows.

use candle_core::Tensor;
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Group, InnerLoop, Labeled, Learner, MiniBatches, Mode, Model, Moments,
    Optimizer, Params, Pool, Progress, Reduction, Result, Sampling, Scalars, State, Stream, Task, Update, config,
    mean_scalars, parse_config,
};
use serde::Deserialize;

/// Defaults are Finn's 5-way 1-shot Omniglot settings (MAML paper, appendix A.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    inner_steps: usize,
    /// On the mean loss: cbfinn/maml divides the summed loss by the shots only, so this is ways × its flag.
    inner_lr: f64,
    train_shots: usize,
    train_queries: usize,
    meta_batch: usize,
    meta_lr: f64,
    eval_steps: usize,
    /// Meta-gradients are cut to ±clip, element by element.
    clip: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            inner_steps: 1,
            inner_lr: 2.0,
            train_shots: 1,
            train_queries: 1,
            meta_batch: 32,
            meta_lr: 1e-3,
            eval_steps: 3,
            clip: None,
        }
    }
}

struct Query {
    config: Config,
    model: Model,
    inner: InnerLoop,
    outer: Optimizer,
}

pub(crate) fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    config::at_least_one(&[
        ("inner_steps", config.inner_steps),
        ("train_shots", config.train_shots),
        ("train_queries", config.train_queries),
        ("meta_batch", config.meta_batch),
    ])?;
    // The norm layers' shifts are meta-learned, but the inner loop leaves them alone (cbfinn/maml, `forward_conv`).
    let inner = InnerLoop::new(Optimizer::sgd(config.inner_lr), Reduction::Mean).only(Group::Weights);
    let outer = Optimizer::adam(config.meta_lr, 0.9);
    Ok(Box::new(Query { inner, outer, model: context.episode_model()?, config }))
}

impl Query {
    /// Full-batch gradient descent on the support set, as far as each of `steps`.
    fn descend(&self, params: &Params, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), pool.len(), false, rng);
        let mut learner = Learner::new(&self.model, params, &self.inner, &Moments::default())?;
        learner.snapshots(&pool, &mut batches, steps, &Params::new())
    }
}

impl Algorithm for Query {
    fn sampling(&self) -> Sampling {
        let (shots, queries) = (self.config.train_shots, self.config.train_queries);
        Sampling::independent(Draw::Episode { ways: None, shots, queries }, self.config.meta_batch)
    }

    fn test_steps(&self) -> usize {
        self.config.eval_steps
    }

    fn cost(&self) -> Cost {
        // The model's own ways are not needed for an estimate to the right order: images a class times outputs.
        let ways = self.model.outputs() as f64;
        let support = ways * self.config.train_shots as f64;
        let task = support * self.config.inner_steps as f64 + ways * self.config.train_queries as f64;
        Cost { task, episode: support * self.config.eval_steps as f64 }
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = State::new(self.model.init(rng)?);
        let zeros = Some(state.params.zeros_like()?);
        state.slots = Moments { first: zeros.clone(), second: zeros, steps: 0 }.to_slots("outer");
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let adapted = self.descend(&state.params, &task.support, &[self.config.inner_steps], rng)?;
        let at = self.model.loss_grad(&adapted[0].params, &task.query, Reduction::Mean)?;
        Ok(Update::default().with("gradient", at.grads).scalar("query_loss", at.loss))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, _: Progress) -> Result<Scalars> {
        let grads = updates.iter().map(|update| update.role("gradient")).collect::<Result<Vec<&Params>>>()?;
        let mut grad = Params::mean(grads)?;
        if let Some(limit) = self.config.clip {
            grad = grad.map(|tensor| tensor.clamp(-limit, limit))?;
        }
        let moments = Moments::from_slots(&state.slots, "outer", state.step);
        let (params, moments) = self.outer.apply(&state.params, &grad, &moments)?;
        state.params = params;
        state.slots = moments.to_slots("outer");
        Ok(mean_scalars(&updates))
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.descend(&state.params, support, steps, rng)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}
