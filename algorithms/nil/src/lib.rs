//! NIL, "no inner loop" (Raghu, Raghu, Bengio, Vinyals 2020, "Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of
//! MAML", arXiv 1909.09157, section 5.1): trained as ANIL or MAML; at test the head is taken off and nothing adapts. A query is answered by
//! the cosines between its features and those of the support images, which weight the support labels as matching networks do.

use harness_core::families::embedding::{self, Embedded, attention};
use harness_core::families::maml::Settings;
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
    let (_, own) = parse_parts::<Settings, Own>(table)?;
    let trains = match own.train_as {
        TrainAs::Anil => anil::ENTRY,
        TrainAs::Maml => maml::ENTRY,
    };
    let mut theirs = table.clone();
    theirs.remove(TRAIN_AS);
    Ok(Box::new(Nil { trained: (trains.build)(&theirs, context)?, by: trains.name, model: context.episode_model()? }))
}

/// The key that the other method does not know.
const TRAIN_AS: &str = "train_as";

struct Nil {
    /// The other method, of that name.
    trained: Box<dyn Algorithm>,
    by: &'static str,
    model: Model,
}

impl Variant for Nil {
    fn base(&self) -> &dyn Algorithm {
        self.trained.as_ref()
    }

    /// A row of the other method and this one have one training. No step is taken at test: of that method's keys it reads none.
    fn halves(&self) -> Option<Halves> {
        let trains_as = Some(TrainsAs { method: self.by, own: vec![TRAIN_AS] });
        self.trained.halves().map(|theirs| Halves { both: Vec::new(), trains_as, ..theirs })
    }

    fn test_steps(&self) -> usize {
        0
    }

    /// An episode's images go through the network once.
    fn cost(&self, protocol: &Protocol) -> Cost {
        let Protocol { ways, shots, queries } = *protocol;
        Cost { episode: (ways * (shots + queries)) as f64, ..self.trained.cost(protocol) }
    }

    /// The head is taken off.
    fn adapt(&self, state: &State, _: &Labeled, steps: &[usize], _: &mut Stream) -> Result<Vec<Adapted>> {
        let body = State { params: Group::Body.part(&state.params), ..state.clone() };
        Ok(vec![Adapted::from(&body); steps.len()])
    }

    /// Transductive: the support set and the queries each under their own statistics, as in training. Inductive: the support set and one
    /// query as one batch.
    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        let model = &self.model;
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
