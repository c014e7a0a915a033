//! openai/supervised-reptile's `FOML` (reptile.py): of a task's inner steps only the last one's change is kept.

use candle_core::Tensor;
use harness_core::inner::{Inner, Recipe, Role, Settings};
use harness_core::settings::Rate;
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Error, Halves, Labeled, Mode, Moments, Pool, Progress, Result, Sampling,
    Scalars, State, Stream, Task, Update, config,
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

harness_core::settings! {
    /// What this variant has beside the shared [`Settings`].
    struct Own {
        tail: Tail = Tail::Shared;
        /// Which numbers fit depends on the tail.
        tail_shots: usize = 0;
    }
}

struct LastStep {
    recipe: Recipe,
    own: Own,
}

pub(crate) fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = config::parse_parts::<Settings, Own>(table)?;
    let recipe = Recipe::new(settings, context)?;
    let (tail, shots) = (own.tail_shots, recipe.settings.train_shots);
    let fits = match own.tail {
        Tail::Shared => tail == 0,
        Tail::Separate => (1..shots).contains(&tail),
    };
    if !fits {
        return Err(Error::usage(format!(
            "tail_shots = {tail} does not fit: a separate tail takes 1 to {} of the {shots} train_shots, a shared one 0",
            shots.saturating_sub(1)
        )));
    }
    Ok(Box::new(LastStep { recipe, own }))
}

impl LastStep {
    /// All inner steps of one task; the update is the change that the last one made.
    fn learn(&self, state: &State, task: &Task, moments: &Moments, rng: &mut Stream) -> Result<(Update, Moments)> {
        let pool = Pool::new(&task.support)?;
        let mut batches = self.recipe.batches(&pool, rng);
        let mut learner = self.recipe.learner(state, moments)?;
        learner.run(&pool, &mut batches, self.recipe.settings.inner_iters - 1)?;
        let before = learner.params()?;
        let loss = match self.own.tail {
            Tail::Shared => learner.run(&pool, &mut batches, 1)?,
            Tail::Separate => {
                let tail = Pool::new(&task.query)?;
                learner.step(&tail, &(0..tail.len()).collect::<Vec<_>>())?
            }
        };
        let delta = learner.params()?.sub(&before)?;
        Ok((Update::default().with(Role::Delta.name(), delta).scalar("loss", loss), learner.moments()?))
    }
}

impl Algorithm for LastStep {
    fn sampling(&self) -> Sampling {
        let Settings { train_shots, meta_batch, optimizer, .. } = self.recipe.settings;
        // The images set aside arrive as the query set; the tasks of a meta-batch share Adam's state, so they are a chain.
        let queries = self.own.tail_shots;
        let draw = Draw::Episode { ways: None, shots: train_shots - queries, queries };
        Sampling { draw, meta_batch, chain: if optimizer == Inner::Adam { meta_batch } else { 1 } }
    }

    fn test_steps(&self) -> usize {
        self.recipe.settings.eval_iters
    }

    fn cost(&self) -> Cost {
        self.recipe.cost()
    }

    fn rates(&self) -> Vec<Rate> {
        self.recipe.rates()
    }

    fn halves(&self) -> Option<Halves> {
        Some(self.recipe.halves(&[]))
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        self.recipe.init(rng)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        Ok(self.learn(state, task, &self.recipe.moments(state), rng)?.0)
    }

    fn chain_update(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        self.recipe.in_order(state, tasks, |task, moments, rng| self.learn(state, task, moments, rng))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let scalars = self.recipe.outer_step(state, &updates, Role::Delta, progress)?;
        Recipe::keep_last_second(state, &updates);
        Ok(scalars)
    }

    /// Adapting starts from the second moment that training left.
    fn for_evaluation(&self, state: &State) -> State {
        state.clone()
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.recipe.adapt(state, support, steps, rng)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.recipe.score(adapted, support, query, mode)
    }
}
