//! my-method (authors, year, "title", link): the idea in two sentences.
//!
//! As it stands this is Reptile with plain gradient descent (Nichol, Achiam, Schulman 2018, arXiv 1803.02999): learn a task
//! in a few steps, then move the initialisation towards where that led. algorithms/README.md explains the contract.

use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "my-method",
    summary: "a few gradient steps a task, then the initialisation moves towards the mean result",
    paper: "none yet",
    build,
    toy: "inner_batch = 6\ninner_lr = 0.1\ntrain_shots = 4\nmeta_batch = 3",
    settings: &[settings::keys::<Config>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

settings! {
    /// The keys of a benchmark's block: default, range, and whether the test reads it. Each is a line in README.md, in the same words.
    struct Config {
        /// inner steps of a training task
        inner_steps: usize = 5 => COUNT;
        /// images of an inner step
        inner_batch: usize = 10 => COUNT, both;
        /// of an inner step, on the mean loss; ours
        inner_lr: f64 = 0.1 => TEST_RATE, both;
        /// tasks of a meta-iteration
        meta_batch: usize = 5 => COUNT;
        /// outer step, annealed linearly to 0
        meta_step: f64 = 1.0 => RATE;
        /// images a class of a training task
        train_shots: usize = 10 => COUNT;
        /// inner steps at test
        eval_steps: usize = 20 => COUNT, test;
    }
}

struct MyMethod {
    config: Config,
    model: Model,
    inner: InnerLoop,
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let config: Config = parse_config(table)?;
    let inner = InnerLoop::new(Optimizer::sgd(config.inner_lr), Reduction::Mean);
    Ok(Box::new(MyMethod { inner, model: context.episode_model()?, config }))
}

impl Algorithm for MyMethod {
    fn sampling(&self) -> Sampling {
        let draw = Draw::Episode { ways: None, shots: self.config.train_shots, queries: 0 };
        Sampling::independent(draw, self.config.meta_batch)
    }

    fn test_steps(&self) -> usize {
        self.config.eval_steps
    }

    fn rates(&self) -> Vec<Rate> {
        settings::rates(&self.config)
    }

    fn halves(&self) -> Option<Halves> {
        Some(Halves::read_from(&[Config::FIELDS]))
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        Ok(State::new(self.model.init(rng)?))
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let pool = Pool::new(&task.support)?;
        let mut batches = MiniBatches::new(pool.len(), self.config.inner_batch, false, rng);
        let mut learner = Learner::new(&self.model, &state.params, &self.inner, &Moments::default())?;
        let loss = learner.run(&pool, &mut batches, self.config.inner_steps)?;
        Ok(Update::default().with("params", learner.params()?).scalar("loss", loss))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let ends = updates.iter().map(|update| update.role("params")).collect::<Result<Vec<&Params>>>()?;
        let towards = Params::mean(ends)?.sub(&state.params)?;
        state.params = state.params.axpy(progress.anneal(self.config.meta_step, 0.0), &towards)?;
        Ok(mean_scalars(&updates))
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let pool = Pool::new(support)?;
        let mut batches = MiniBatches::new(pool.len(), self.config.inner_batch, false, rng);
        let mut learner = Learner::new(&self.model, &state.params, &self.inner, &Moments::default())?;
        learner.snapshots(&pool, &mut batches, steps, &state.buffers)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.model.predict(adapted, support, query, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conforms() {
        harness_core::conformance::check(&ENTRY);
    }
}
