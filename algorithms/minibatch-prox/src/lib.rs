//! Meta-MinibatchProx (Zhou, Yuan, Xu, Yan, Feng 2019, "Efficient Meta Learning via Minibatch Proximal Update", NeurIPS):
//! learn a task under a pull of λ/2·‖θ − φ‖² towards the initialisation φ, then move φ towards where that led.
//!
//! The authors' code (metaminibatchprox/code) is a fork of openai/supervised-reptile, so everything but the pull is as in
//! Reptile: the inner loop, Adam's second moment across tasks, the annealed outer step.

use candle_core::Tensor;
use harness_core::inner::{Recipe, Role, Settings};
use harness_core::settings::{NOT_NEGATIVE, Rate};
use harness_core::{
    Adapted, Algorithm, Context, Cost, Draw, Entry, Halves, Labeled, Mode, Progress, Result, Sampling, Scalars, State,
    Stream, Task, Update, config,
};

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "minibatch-prox",
    summary: "Reptile with each task held near the initialisation by a proximal term",
    paper: "Zhou et al. 2019, NeurIPS",
    build,
    toy: "lambda = 0.1\ninner_batch = 6\nlr = 0.003\ntrain_shots = 4\neval_iters = 20\nmeta_batch = 3",
    code: harness_core::code!(),
};

harness_core::settings! {
    /// What this method has beside the shared [`Settings`].
    struct Own {
        /// Default of the authors' run scripts.
        lambda: f64 = 0.1 => NOT_NEGATIVE;
    }
}

struct MinibatchProx(Recipe);

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = config::parse_parts::<Settings, Own>(table)?;
    let recipe = Recipe::new(settings, context)?;
    Ok(Box::new(MinibatchProx(Recipe { steps: recipe.steps.proximal(own.lambda), ..recipe })))
}

impl Algorithm for MinibatchProx {
    fn sampling(&self) -> Sampling {
        let Settings { train_shots, meta_batch, .. } = self.0.settings;
        Sampling::independent(Draw::Episode { ways: None, shots: train_shots, queries: 0 }, meta_batch)
    }

    fn test_steps(&self) -> usize {
        self.0.settings.eval_iters
    }

    fn cost(&self) -> Cost {
        self.0.cost()
    }

    fn rates(&self) -> Vec<Rate> {
        self.0.rates()
    }

    fn halves(&self) -> Option<Halves> {
        Some(self.0.halves(&["lambda"]))
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        self.0.init(rng)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let (update, moments) = self.0.learn(state, task, &self.0.moments(state), rng)?;
        Ok(Recipe::with_second(update, moments))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let scalars = self.0.outer_step(state, &updates, Role::Params, progress)?;
        self.0.fold_seconds(state, &updates)?;
        Ok(scalars)
    }

    /// Adapting starts from the second moment that training left.
    fn for_evaluation(&self, state: &State) -> State {
        state.clone()
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.0.adapt(state, support, steps, rng)
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.0.score(adapted, support, query, mode)
    }
}

#[cfg(test)]
mod tests;
