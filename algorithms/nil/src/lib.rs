//! NIL, "no inner loop" (Raghu, Raghu, Bengio, Vinyals 2020, "Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of
//! MAML", arXiv 1909.09157, section 5.1): trained as ANIL or MAML; at test the head is taken off and nothing adapts. A query is answered by
//! the cosines between its features and those of the support images, which weight the support labels as matching networks do.

use harness_core::families::embedding::{self, Embedded, attention};
use harness_core::families::maml::{Maml, Settings, exact, through_the_heads_steps};
use harness_core::prelude::*;
use serde::Deserialize;

/// The registry line.
pub const ENTRY: Entry = Entry {
    name: "nil",
    summary: "trained as ANIL or MAML; at test no head: cosines of features weight the support labels",
    paper: "Raghu et al. 2020, arXiv 1909.09157",
    build,
    toy: "inner_lr = 0.5\ninner_steps = 2\ntrain_shots = 2\ntrain_queries = 2\nmeta_batch = 4\nmeta_lr = 0.01",
    settings: &[settings::keys::<Own>, settings::keys::<Settings>],
    readme: include_str!("../README.md"),
    code: harness_core::code!(),
};

/// How the features are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TrainAs {
    /// The inner steps move the head alone.
    Anil,
    /// They move everything but norm layers.
    Maml,
}

settings! {
    /// What this method has beside the [`Settings`] of MAML's family.
    #[derive(Copy)]
    struct Own {
        /// the inner steps of training: those of `anil`, as the paper's table, or of `maml`
        train_as: TrainAs = TrainAs::Anil;
    }
}

fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    if matches!(context.problem, Problem::Regression { .. }) {
        return Err(Error::usage("a method that compares classes has no form for regression: leave it out here"));
    }
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    let mut trained = match own.train_as {
        TrainAs::Anil => Maml::new(settings, context, Group::Head, through_the_heads_steps)?,
        TrainAs::Maml => Maml::new(settings, context, Group::Weights, exact)?,
    };
    // No step is taken at test: of the family's keys it reads none.
    trained.halves.both.clear();
    Ok(Box::new(Nil { trained }))
}

struct Nil {
    trained: Maml,
}

impl Variant for Nil {
    fn base(&self) -> &dyn Algorithm {
        &self.trained
    }

    fn test_steps(&self) -> usize {
        0
    }

    /// An episode's images go through the network once.
    fn cost(&self, protocol: &Protocol) -> Cost {
        let Protocol { ways, shots, queries } = *protocol;
        Cost { episode: (ways * (shots + queries)) as f64, ..Algorithm::cost(&self.trained, protocol) }
    }

    /// The head is of no use at test.
    fn for_evaluation(&self, state: &State) -> State {
        State { params: Group::Body.part(&state.params), slots: Default::default(), ..state.clone() }
    }

    fn adapt(&self, state: &State, _: &Labeled, steps: &[usize], _: &mut Stream) -> Result<Vec<Adapted>> {
        Ok(vec![Adapted::from(&Variant::for_evaluation(self, state)); steps.len()])
    }

    /// Transductive: the support set and the queries each under their own statistics, as in training. Inductive: the support set and one
    /// query as one batch.
    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        let model = &self.trained.model;
        if mode == Mode::Inductive {
            return embedding::score(model, &answers, adapted, support, query, mode);
        }
        let features = |x: &Tensor| model.embed(&adapted.params, x, &Norm::Batch);
        let (support, classes) = (features(&support.x)?, support.classes()?);
        answers(&Embedded { support, classes, query: features(query)?, head: &Params::new() })
    }
}

/// The plain cosines decide, as in the softmax of matching networks.
fn answers(episode: &Embedded<'_>) -> Result<Tensor> {
    attention(&episode.query, &episode.support, episode.classes, 1.0)
}

#[cfg(test)]
mod tests;
