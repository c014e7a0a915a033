//! What outer loops share: an optimiser on the mean gradient of a meta-batch, and running statistics.

use crate::algorithm::{Scalars, Update, mean_scalars};
use crate::error::Result;
use crate::optimizer::{Moments, Optimizer};
use crate::params::Params;
use crate::state::State;

/// The optimiser's slots in a state: `outer.first` and `outer.second`.
const SLOT: &str = "outer";
/// Share of a batch in running statistics, PyTorch's default: running ← 0.9·running + 0.1·batch.
const MOMENTUM: f64 = 0.1;

/// A state at the start of training, with the zero moments that [`step`] goes on from.
pub fn start(params: Params) -> Result<State> {
    let mut state = State::new(params);
    let zeros = Some(state.params.zeros_like()?);
    state.slots = Moments { first: zeros.clone(), second: zeros, steps: 0 }.to_slots(SLOT);
    Ok(state)
}

/// One step of `optimizer` along `gradient`; the state's meta-iterations are the steps taken so far. Errors as
/// [`Optimizer::apply`].
pub fn step(state: &mut State, optimizer: Optimizer, gradient: &Params) -> Result<()> {
    let moments = Moments::from_slots(&state.slots, SLOT, state.step);
    let (params, moments) = optimizer.apply(&state.params, gradient, &moments)?;
    state.params = params;
    state.slots = moments.to_slots(SLOT);
    Ok(())
}

/// A whole fold: [`step`] along [`mean_gradient`], [`fold_statistics`], and the mean of the updates' scalars to log. Errors as
/// theirs.
pub fn descend(state: &mut State, optimizer: Optimizer, updates: &[Update]) -> Result<Scalars> {
    step(state, optimizer, &mean_gradient(updates)?)?;
    fold_statistics(state, updates)?;
    Ok(mean_scalars(updates))
}

/// The mean over tasks of the role `gradient`. Errors: [`Error::Usage`](crate::Error::Usage) where an update has none.
pub fn mean_gradient(updates: &[Update]) -> Result<Params> {
    Params::mean(updates.iter().map(|update| update.role("gradient")).collect::<Result<Vec<_>>>()?)
}

/// Folds the role `stats` of each update into the state's buffers, in task order; a state without buffers keeps none.
/// Errors: [`Error::Usage`](crate::Error::Usage) where an update has none.
pub fn fold_statistics(state: &mut State, updates: &[Update]) -> Result<()> {
    if state.buffers.is_empty() {
        return Ok(());
    }
    for update in updates {
        let stats = update.role("stats")?;
        state.buffers = state.buffers.zip(stats, |old, new| (old * (1.0 - MOMENTUM))? + (new * MOMENTUM)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    fn one(value: f64) -> Params {
        [("w".to_string(), Tensor::new(&[value], &Device::Cpu).unwrap())].into_iter().collect()
    }

    fn read(params: &Params) -> f64 {
        params.get("w").unwrap().to_vec1::<f64>().unwrap()[0]
    }

    /// Gradients 1 and 3 have the mean 2; Adam's first step is its rate long. The second goes on from the first's moments:
    /// with the same gradient again it is as long.
    #[test]
    fn two_steps_of_adam_on_the_mean_gradient_by_hand() {
        let mut state = start(one(1.0)).unwrap();
        let updates = [1.0, 3.0].map(|gradient| Update::default().with("gradient", one(gradient)));
        let mean = mean_gradient(&updates).unwrap();
        assert_eq!(read(&mean), 2.0);
        for want in [0.9, 0.8] {
            step(&mut state, Optimizer::adam(0.1, 0.9), &mean).unwrap();
            state.step += 1;
            assert!((read(&state.params) - want).abs() < 1e-6);
        }
        assert_eq!(state.slots.keys().collect::<Vec<_>>(), ["outer.first", "outer.second"]);
    }

    #[test]
    fn statistics_are_folded_in_task_order() {
        let updates = [10.0, 20.0].map(|stats| Update::default().with("stats", one(stats)));
        let mut state = State::new(one(0.0));
        fold_statistics(&mut state, &updates).unwrap();
        assert!(state.buffers.is_empty());
        state.buffers = one(0.0);
        fold_statistics(&mut state, &updates).unwrap();
        // 0.9·(0.1·10) + 0.1·20
        assert!((read(&state.buffers) - 2.9).abs() < 1e-12);
    }
}
