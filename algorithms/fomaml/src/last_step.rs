//! openai/supervised-reptile's `FOML` (reptile.py): of a task's inner steps only the last one's change is kept.

use candle_core::Tensor;
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Error, InnerLoop, Labeled, Learner, MiniBatches, Mode, Model, Moments,
    Optimizer, Params, Pool, Progress, Reduction, Result, Sampling, Scalars, State, Stream, Task, Update, config,
    mean_scalars, parse_config,
};
use serde::Deserialize;

/// Where the last mini-batch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Tail {
    /// Drawn like the others, so that it may show images again once the pool is used up.
    Shared,
    /// `tail_shots` images a class set aside, all of them in one balanced batch.
    Separate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Inner {
    Adam,
    Sgd,
}

/// Defaults are the Reptile paper's 5-way 1-shot Omniglot settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    inner_iters: usize,
    inner_batch: usize,
    lr: f64,
    optimizer: Inner,
    reduction: Reduction,
    meta_batch: usize,
    meta_step: f64,
    meta_step_final: f64,
    train_shots: usize,
    tail: Tail,
    tail_shots: usize,
    replacement: bool,
    eval_iters: usize,
    eval_batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            inner_iters: 5,
            inner_batch: 10,
            lr: 1e-3,
            optimizer: Inner::Adam,
            reduction: Reduction::Sum,
            meta_batch: 5,
            meta_step: 1.0,
            meta_step_final: 0.0,
            train_shots: 10,
            tail: Tail::Shared,
            tail_shots: 0,
            replacement: false,
            eval_iters: 50,
            eval_batch: 5,
        }
    }
}

struct LastStep {
    config: Config,
    model: Model,
    inner: InnerLoop,
}

pub(crate) fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    config::at_least_one(&[
        ("inner_iters", config.inner_iters),
        ("inner_batch", config.inner_batch),
        ("meta_batch", config.meta_batch),
        ("train_shots", config.train_shots),
        ("eval_batch", config.eval_batch),
    ])?;
    let fits = match config.tail {
        Tail::Shared => config.tail_shots == 0,
        Tail::Separate => (1..config.train_shots).contains(&config.tail_shots),
    };
    if !fits {
        let (tail, shots) = (config.tail_shots, config.train_shots);
        return Err(Error::usage(format!(
            "tail_shots = {tail} does not fit: a separate tail takes 1 to {} of the {shots} train_shots, a shared one 0",
            shots.saturating_sub(1)
        )));
    }
    let optimizer = match config.optimizer {
        Inner::Adam => Optimizer::adam(config.lr, 0.0),
        Inner::Sgd => Optimizer::sgd(config.lr),
    };
    let inner = InnerLoop::new(optimizer, config.reduction);
    Ok(Box::new(LastStep { inner, model: context.episode_model()?, config }))
}

impl LastStep {
    fn moments(&self, state: &State) -> Moments {
        let per_iteration = self.config.inner_iters * self.config.meta_batch;
        Moments::from_slots(&state.slots, "adam", state.step * per_iteration as u64)
    }

    /// All inner steps of one task; the update is the change that the last one made.
    fn learn(&self, state: &State, task: &Task, moments: &Moments, rng: &mut Stream) -> Result<(Update, Moments)> {
        let pool = Pool::new(&task.support)?;
        let mut batches = MiniBatches::new(pool.len(), self.config.inner_batch, self.config.replacement, rng);
        let mut learner = Learner::new(&self.model, &state.params, &self.inner, moments)?;
        learner.run(&pool, &mut batches, self.config.inner_iters - 1)?;
        let before = learner.params()?;
        let loss = match self.config.tail {
            Tail::Shared => learner.run(&pool, &mut batches, 1)?,
            Tail::Separate => {
                let tail = Pool::new(&task.query)?;
                learner.step(&tail, &(0..tail.len()).collect::<Vec<_>>())?
            }
        };
        let delta = learner.params()?.sub(&before)?;
        Ok((Update::default().with("delta", delta).scalar("loss", loss), learner.moments()?))
    }
}

impl Algorithm for LastStep {
    fn sampling(&self) -> Sampling {
        // The images set aside arrive as the query set; the tasks of a meta-batch share Adam's state, so they are a chain.
        let queries = self.config.tail_shots;
        let draw = Draw::Episode { ways: None, shots: self.config.train_shots - queries, queries };
        let chain = if self.config.optimizer == Inner::Adam { self.config.meta_batch } else { 1 };
        Sampling { draw, meta_batch: self.config.meta_batch, chain }
    }

    fn test_steps(&self) -> usize {
        self.config.eval_iters
    }

    fn cost(&self) -> Cost {
        Cost {
            task: (self.config.inner_iters * self.config.inner_batch) as f64,
            episode: (self.config.eval_iters * self.config.eval_batch) as f64,
        }
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        let mut state = State::new(self.model.init(rng)?);
        if self.config.optimizer == Inner::Adam {
            let zero = Moments { second: Some(state.params.zeros_like()?), ..Moments::default() };
            state.slots = zero.to_slots("adam");
        }
        Ok(state)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        Ok(self.learn(state, task, &self.moments(state), rng)?.0)
    }

    fn chain_update(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        let mut moments = self.moments(state);
        let mut updates = Vec::with_capacity(tasks.len());
        for (task, rng) in tasks.iter_mut() {
            let (update, after) = self.learn(state, task, &moments, rng)?;
            updates.push(update);
            moments = after;
        }
        if let (Some(last), Some(second)) = (updates.last_mut(), moments.second) {
            last.tensors.insert("second".into(), second);
        }
        Ok(updates)
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let mut scalars = mean_scalars(&updates);
        let meta_step = progress.anneal(self.config.meta_step, self.config.meta_step_final);
        let deltas = updates.iter().map(|update| update.role("delta")).collect::<Result<Vec<&Params>>>()?;
        state.params = state.params.axpy(meta_step, &Params::mean(deltas)?)?;
        if let Some(second) = updates.last().and_then(|update| update.tensors.get("second")) {
            state.slots.insert("adam.second".into(), second.clone());
        }
        scalars.insert("meta_step".into(), meta_step);
        Ok(scalars)
    }

    /// Adapting starts from the second moment that training left.
    fn for_evaluation(&self, state: &State) -> State {
        state.clone()
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), self.config.eval_batch, self.config.replacement, rng);
        let mut learner = Learner::new(&self.model, &state.params, &self.inner, &self.moments(state))?;
        learner.snapshots(&pool, &mut batches, steps, &Params::new())
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}
