//! Adam's second moment from task to task: one task after the other, or folded when they all started from the same one.

use serde::Deserialize;

use super::{Reptile, SLOT};
use crate::algorithm::Update;
use crate::episode::Task;
use crate::error::Result;
use crate::optimizer::{Moments, Optimizer};
use crate::params::Params;
use crate::rng::Stream;
use crate::state::State;

/// How the second moment of Adam passes from task to task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondMoment {
    /// Tasks of a meta-batch start from the same moment and are folded in task order.
    Folded,
    /// Tasks run one after the other, each from the moment that the one before left, as the original does.
    Sequential,
}

/// The role of an update that carries a second moment.
const SECOND: &str = "second";

impl Reptile {
    /// Tasks one after the other, each with the moments that the one before left; the last update carries them on.
    pub(super) fn in_order(&self, state: &State, tasks: &mut [(Task, Stream)]) -> Result<Vec<Update>> {
        let mut moments = self.moments(state);
        let mut updates = Vec::with_capacity(tasks.len());
        for (task, rng) in tasks.iter_mut() {
            let (update, after) = self.learned(state, task, &moments, rng)?;
            updates.push(update);
            moments = after;
        }
        let last = updates.pop();
        updates.extend(last.map(|last| with_second(last, moments)));
        Ok(updates)
    }

    /// Brings the second moments of the updates into the state.
    pub(super) fn keep_seconds(&self, state: &mut State, updates: &[Update]) -> Result<()> {
        let Optimizer::Adam { beta2, .. } = self.inner.optimizer else { return Ok(()) };
        let each: Vec<&Params> = updates.iter().filter_map(|update| update.tensors.get(SECOND)).collect();
        let slot = format!("{SLOT}.second");
        let kept = match self.second_moment {
            SecondMoment::Folded => {
                Some(fold(state.slot(&slot)?, &each, beta2.powi(self.settings.inner_iters as i32))?)
            }
            SecondMoment::Sequential => each.last().map(|second| (*second).clone()),
        };
        state.slots.extend(kept.map(|kept| (slot, kept)));
        Ok(())
    }
}

/// An update that carries the second moment of its own task, if the optimiser keeps one.
pub(super) fn with_second(update: Update, moments: Moments) -> Update {
    match moments.second {
        Some(second) => update.with(SECOND, second),
        None => update,
    }
}

/// v ← β₂ᵏ·v + (vᵢ − β₂ᵏ·v_old), with `decay` = β₂ᵏ for k inner steps.
///
/// Each vᵢ = β₂ᵏ·v_old + (what task i's own gradients added), so the fold decays what is there and adds the task's own
/// part: exactly the sequential moment, but for the gradients having been taken with a moment up to one meta-batch old.
fn fold(old: &Params, each: &[&Params], decay: f64) -> Result<Params> {
    let mut folded = old.clone();
    for own in each {
        let added = own.axpy(-decay, old)?;
        // Rounding may leave a tiny negative number where a task added nothing; a second moment has none.
        folded = folded.scale(decay)?.zip(&added, |v, added| (v + added)?.maximum(0.0))?;
    }
    Ok(folded)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    fn params(value: f32) -> Params {
        [("w".to_string(), Tensor::new(&[value], &Device::Cpu).unwrap())].into_iter().collect()
    }

    #[test]
    fn the_fold_is_the_sequential_moment_when_gradients_are_the_same() {
        // One step a task, gradients 1, 2 and 3, beta2 = 0.5: v = 8 -> 4.5 -> 4.25 -> 6.625.
        let own = |g: f32| params(0.5 * 8.0 + 0.5 * g * g);
        let each = [own(1.0), own(2.0), own(3.0)];
        let folded = fold(&params(8.0), &each.iter().collect::<Vec<_>>(), 0.5).unwrap();
        assert_eq!(folded.get("w").unwrap().to_vec1::<f32>().unwrap(), [6.625]);
    }
}
