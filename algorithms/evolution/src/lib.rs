//! A zeroth-order outer loop: antithetic evolution strategies on the adapted loss. Salimans et al. 2017 ("Evolution
//! Strategies as a Scalable Alternative to Reinforcement Learning", arXiv 1703.03864) make a gradient of differences between
//! mirrored perturbations; Song et al. 2020 ("ES-MAML", arXiv 1910.01215) take it of the loss after adaptation.
//!
//! A task is tried from φ + σε and from φ − σε. Its contribution is the two adapted losses and the key of the stream that made
//! ε: the fold makes ε again, so no vector ever leaves a worker.

mod perturbation;

use harness_core::families::maml::{Maml, MetaGradient, Settings};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "evolution",
    summary: "zeroth-order: mirrored perturbations of the initialisation, compared by their loss after adaptation",
    paper: "Salimans et al. 2017, arXiv 1703.03864; Song et al. 2020, arXiv 1910.01215",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 2\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 64\nmeta_lr = 0.01\n\
          sigma = 0.05",
    settings: &[settings::keys::<Own>, settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

settings! {
    /// What this method has beside the [`Settings`] of MAML's family. No paper has a supervised few-shot setting: these are ours.
    struct Own {
        /// length of a perturbation in each parameter
        sigma: f64 = 0.1 => POSITIVE;
    }
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    // The norm layers' scales and shifts are meta-learned, but the inner loop leaves them alone, as MAML's does.
    Ok(Box::new(Maml::new(settings, context, Group::Weights, Mirrored { sigma: own.sigma })?))
}

/// A meta-gradient from tasks that are tried on both sides of the initialisation.
struct Mirrored {
    sigma: f64,
}

impl MetaGradient for Mirrored {
    fn contribution(&self, method: &Maml, params: &Params, task: &Task, rng: &mut Stream) -> Result<Update> {
        let key = rng.bits();
        let noise = perturbation::signs(params, key)?;
        // Both sides see the same mini-batches, so that only the perturbation tells them apart.
        let tried = |side: f64| adapted_loss(method, &params.axpy(side, &noise)?, task, &mut rng.clone());
        let (plus, minus) = (tried(self.sigma)?, tried(-self.sigma)?);
        let update = Update { keys: vec![key], ..Update::default() };
        Ok(update.scalar("plus", plus).scalar("minus", minus))
    }

    fn tries(&self) -> usize {
        2
    }

    /// The mean of the perturbations, each weighted by the rank of its difference.
    fn gradient(&self, params: &Params, updates: &[Update]) -> Result<Params> {
        let difference = |update: &Update| update.scalars["plus"] - update.scalars["minus"];
        let differences: Vec<f64> = updates.iter().map(difference).collect();
        let keys = updates.iter().flat_map(|update| &update.keys).copied();
        perturbation::mean(params, keys.zip(perturbation::ranks(&differences)))
    }

    fn scalars(&self, updates: &[Update]) -> Scalars {
        let scalars = mean_scalars(updates);
        [("query_loss".to_owned(), (scalars["plus"] + scalars["minus"]) / 2.0)].into()
    }
}

/// The query loss after adaptation from `params`.
fn adapted_loss(method: &Maml, params: &Params, task: &Task, rng: &mut Stream) -> Result<f64> {
    let adapted = method.learn(params, &task.support, rng)?;
    let answers = method.score(&adapted, &task.support, &task.query.x, Mode::Transductive)?;
    Ok(f64::from(loss::loss(&answers, &task.query.y, Reduction::Mean)?.to_scalar::<f32>()?))
}

#[cfg(test)]
mod tests;
