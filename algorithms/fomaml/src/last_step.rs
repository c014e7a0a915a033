//! openai/supervised-reptile's `FOML` (reptile.py): of a task's inner steps only the last one's change is kept.

use harness_core::families::reptile::{Inner, Move, Reptile, SecondMoment, Settings};
use harness_core::prelude::*;
use serde::Deserialize;

/// Where the last mini-batch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tail {
    /// Drawn like the others, so that it may show images again once the pool is used up.
    Shared,
    /// `tail_shots` images a class set aside, all of them in one balanced batch.
    Separate,
}

settings! {
    /// What this variant has beside the shared [`Settings`].
    pub(crate) struct Own {
        /// where the last mini-batch comes from: `shared`, drawn like the others, or `separate`
        tail: Tail = Tail::Shared;
        /// images a class of a separate tail, of `train_shots`
        tail_shots: usize = 0;
    }
}

pub(crate) fn build(table: &toml::Table, context: &Context) -> Result<Box<dyn Algorithm>> {
    let (settings, own) = parse_parts::<Settings, Own>(table)?;
    let (tail, shots) = (own.tail_shots, settings.train_shots);
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
    let mut method = Reptile::new(settings, context)?.learning(
        move |method: &Reptile, learner: &mut Learner<'_>, task: &Task, rng: &mut Stream| {
            last_step(method, own.tail, learner, task, rng)
        },
    );
    method.set_aside = tail;
    if method.settings.optimizer == Inner::Adam {
        method.second_moment = SecondMoment::Sequential;
    }
    Ok(Box::new(method))
}

/// All inner steps of one task; what counts is the change that the last one made.
fn last_step(
    method: &Reptile,
    tail: Tail,
    learner: &mut Learner<'_>,
    task: &Task,
    rng: &mut Stream,
) -> Result<(Move, f64)> {
    let pool = Pool::new(&task.support)?;
    let mut batches = method.batches(&pool, rng);
    learner.run(&pool, &mut batches, method.settings.inner_iters - 1)?;
    let before = learner.params()?;
    let loss = match tail {
        Tail::Shared => learner.run(&pool, &mut batches, 1)?,
        Tail::Separate => {
            let tail = Pool::new(&task.query)?;
            learner.step(&tail, &(0..tail.len()).collect::<Vec<_>>())?
        }
    };
    Ok((Move::By(learner.params()?.sub(&before)?), loss))
}
