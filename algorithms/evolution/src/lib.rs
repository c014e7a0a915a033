//! A zeroth-order outer loop: antithetic evolution strategies on the adapted loss. Salimans et al. 2017 ("Evolution
//! Strategies as a Scalable Alternative to Reinforcement Learning", arXiv 1703.03864) make a gradient of differences between
//! mirrored perturbations; Song et al. 2020 ("ES-MAML", arXiv 1910.01215) take it of the loss after adaptation.
//!
//! A task is tried from φ + σε and from φ − σε. Its contribution is the two adapted losses and the key of the stream that made
//! ε: the fold makes ε again, so no vector ever leaves a worker.

mod perturbation;

use candle_core::Tensor;
use harness_core::descent::{Descent, Settings};
use harness_core::settings::{POSITIVE, Rate};
use harness_core::{
    Adapted, Algorithm, Context, Cost, Entry, Group, Halves, Labeled, Mode, Params, Progress, Reduction, Result,
    Sampling, Scalars, State, Stream, Task, Together, Update, config, loss, mean_scalars,
};

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "evolution",
    summary: "zeroth-order: mirrored perturbations of the initialisation, compared by their loss after adaptation",
    paper: "Salimans et al. 2017, arXiv 1703.03864; Song et al. 2020, arXiv 1910.01215",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 2\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 64\nmeta_lr = 0.01\n\
          sigma = 0.05",
    code: harness_core::code!(),
};

harness_core::settings! {
    /// What this method has beside the [`Settings`] of MAML's family. No paper has a supervised few-shot setting: these are ours.
    struct Own {
        /// Length of a perturbation in each parameter.
        sigma: f64 = 0.1 => POSITIVE;
    }
}

struct Evolution {
    descent: Descent,
    sigma: f64,
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = config::parse_parts::<Settings, Own>(table)?;
    // The norm layers' scales and shifts are meta-learned, but the inner loop leaves them alone, as MAML's does.
    Ok(Box::new(Evolution { descent: Descent::without_gradient(settings, context, Group::Weights)?, sigma: own.sigma }))
}

impl Evolution {
    /// The query loss after adaptation from `params`.
    fn adapted_loss(&self, params: &Params, task: &Task, rng: &mut Stream) -> Result<f64> {
        let steps = self.descent.settings.inner_steps;
        let adapted = self.descent.descend(params, &task.support, &[steps], rng)?;
        let answers = self.descent.score(&adapted[0], &task.support, &task.query.x, Mode::Transductive)?;
        Ok(f64::from(loss::loss(&answers, &task.query.y, Reduction::Mean)?.to_scalar::<f32>()?))
    }
}

impl Algorithm for Evolution {
    fn sampling(&self) -> Sampling {
        self.descent.sampling()
    }

    fn test_steps(&self) -> usize {
        self.descent.test_steps()
    }

    fn cost(&self) -> Cost {
        // Each task is learned twice; a query costs a forward pass only, which hardly counts.
        let cost = self.descent.cost();
        Cost { task: 2.0 * cost.task, ..cost }
    }

    fn rates(&self) -> Vec<Rate> {
        self.descent.rates()
    }

    fn halves(&self) -> Option<Halves> {
        self.descent.halves()
    }

    fn init(&self, rng: &mut Stream) -> Result<State> {
        self.descent.init(rng)
    }

    fn task_update(&self, state: &State, task: &Task, rng: &mut Stream) -> Result<Update> {
        let key = rng.bits();
        let noise = perturbation::of(&state.params, key)?;
        // Both sides see the same mini-batches, so that only the perturbation tells them apart.
        let tried = |side: f64| self.adapted_loss(&state.params.axpy(side, &noise)?, task, &mut rng.clone());
        let (plus, minus) = (tried(self.sigma)?, tried(-self.sigma)?);
        let update = Update { keys: vec![key], ..Update::default() };
        Ok(update.scalar("plus", plus).scalar("minus", minus))
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, _: Progress) -> Result<Scalars> {
        let difference = |update: &Update| update.scalars["plus"] - update.scalars["minus"];
        let differences: Vec<f64> = updates.iter().map(difference).collect();
        let keys = updates.iter().flat_map(|update| &update.keys).copied();
        self.descent
            .outer_step(state, &perturbation::mean(&state.params, keys.zip(perturbation::ranks(&differences)))?)?;
        let scalars = mean_scalars(&updates);
        Ok([("query_loss".to_owned(), (scalars["plus"] + scalars["minus"]) / 2.0)].into())
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        self.descent.adapt(state, support, steps, rng)
    }

    fn together(&self) -> Together {
        self.descent.together()
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        self.descent.score(adapted, support, query, mode)
    }
}

#[cfg(test)]
mod tests;
