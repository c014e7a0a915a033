//! Meta-MinibatchProx (Zhou, Yuan, Xu, Yan, Feng 2019, "Efficient Meta Learning via Minibatch Proximal Update", NeurIPS):
//! learn a task under a pull of λ/2·‖θ − φ‖² towards the initialisation φ, then move φ towards where that led.
//!
//! The authors' code (metaminibatchprox/code) is a fork of openai/supervised-reptile, so everything but the pull is as in
//! Reptile: the inner loop, Adam's second moment across tasks, the annealed outer step.

use harness_core::families::reptile::{Reptile, Settings};
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "minibatch-prox",
    summary: "Reptile with each task held near the initialisation by a proximal term",
    paper: "Zhou et al. 2019, NeurIPS",
    build,
    toy: "lambda = 0.1\ninner_batch = 6\nlr = 0.003\ntrain_shots = 4\neval_iters = 20\nmeta_batch = 3",
    settings: &[settings::keys::<Own>, settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

settings! {
    /// What this method has beside the shared [`Settings`].
    struct Own {
        /// λ, on the loss of a mini-batch; default of the authors' run scripts
        lambda: f64 = 0.1 => NOT_NEGATIVE, both;
    }
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    let mut method = Reptile::new(settings, context)?;
    method.inner = method.inner.proximal(own.lambda);
    method.halves = Halves::read_from(&[Settings::FIELDS, Own::FIELDS]);
    Ok(Box::new(method))
}

#[cfg(test)]
mod tests;
