//! Meta-SGD (Li, Zhou, Chen, Li 2017, "Meta-SGD: Learning to Learn Quickly for Few-Shot Learning", arXiv 1707.09835): MAML whose inner
//! steps have a learned rate for each entry of each parameter, θ ← θ − α∘∇L(θ). The outer loop learns α beside the initialisation, by the
//! exact gradient through the steps; a rate may become negative.

use harness_core::families::maml::{Maml, Settings, Unrolled};
use harness_core::outer;
use harness_core::prelude::*;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "meta-sgd",
    summary: "MAML with a learned inner rate for each entry of each parameter",
    paper: "Li et al. 2017, arXiv 1707.09835",
    build,
    toy: "inner_lr = 0.3\ninner_steps = 1\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 4\nmeta_lr = 0.01\neval_steps = 1",
    settings: &[settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

/// Before the name of a parameter: its rates.
const RATE_OF: &str = "rate.";

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let mut maml = Maml::new(parse_config(table)?, context, Group::All, by_learned_rates)?;
    // Where the rates start is of the training alone.
    maml.halves.both.clear();
    Ok(Box::new(MetaSgd { maml }))
}

/// The network's parameters, and the rates under their names.
fn parts(params: &Params) -> (Params, Params) {
    (params.filter(|name| !name.starts_with(RATE_OF)), params.stripped(RATE_OF))
}

/// The query loss after the inner steps, and its exact gradient by the initialisation and by the rates.
fn by_learned_rates(method: &Maml, params: &Params, task: &Task, _: &mut Stream) -> Result<(f64, Params)> {
    let (network, rates) = parts(params);
    let mut unrolled = Unrolled::new(&method.model, &network, method.settings.inner_lr, Group::All);
    for _ in 0..method.settings.inner_steps {
        unrolled.step_by(&task.support, &rates)?;
    }
    let at = method.model.loss_grad(unrolled.params(), &task.query, Reduction::Mean)?;
    let (by_start, by_rates) = unrolled.pull_back_both(&at.grads)?;
    Ok((at.loss, by_start.merged(&by_rates.prefixed(RATE_OF))))
}

struct MetaSgd {
    maml: Maml,
}

impl Variant for MetaSgd {
    fn base(&self) -> &dyn Algorithm {
        &self.maml
    }

    /// All rates start as `inner_lr`. The outer Adam has moments for them too.
    fn init(&self, rng: &mut Stream) -> Result<State> {
        let network = self.maml.model.init(rng)?;
        let rates = network.map(|tensor| tensor.ones_like()? * self.maml.settings.inner_lr)?;
        outer::start(network.merged(&rates.prefixed(RATE_OF)))
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], _: &mut Stream) -> Result<Vec<Adapted>> {
        let (mut params, rates) = parts(&state.params);
        let mut done = 0;
        let known_at = |wanted: &usize| {
            while done < *wanted {
                let grads = self.maml.model.loss_grad(&params, support, Reduction::Mean)?.grads;
                params = params.sub(&grads.zip(&rates, |grad, rate| grad * rate)?)?;
                done += 1;
            }
            Ok(Adapted { params: params.clone(), buffers: Params::new() })
        };
        steps.iter().map(known_at).collect()
    }
}

#[cfg(test)]
mod tests;
