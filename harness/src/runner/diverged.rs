//! Numbers that left the real line: what was found, where, and which setting to lower.

use harness_core::settings::{Rate, Stage};
use harness_core::{Error, Mode, Result, Scalars, Split, State};

use super::job::Job;
use crate::results::episodes::{Outcome, Outcomes};

/// Errors on NaN and infinity in what an iteration left, naming the step and the step sizes.
pub(super) fn in_training(job: &Job, state: &State, scalars: &Scalars) -> Result<()> {
    let bad = match scalars.iter().find(|(_, value)| !value.is_finite()) {
        Some((name, value)) => Some(format!("{name} is {value}")),
        None => lost(state)?,
    };
    let Some(what) = bad else { return Ok(()) };
    let rates: Vec<String> =
        job.algorithm.rates().iter().map(|rate| format!("{} = {}", rate.name, rate.value)).collect();
    let rates = if rates.is_empty() { "whatever its step sizes are".to_owned() } else { rates.join(", ") };
    Err(Error::Diverged(format!("diverged at meta-iteration {}: {what} ({rates}); lower the rate", state.step)))
}

/// What of a state is not finite. A statistic or a moment that is infinite does not make a loss infinite: its channel answers
/// the same to every image, its parameter stays where it is.
fn lost(state: &State) -> Result<Option<String>> {
    let slots = state.slots.iter().map(|(name, slot)| (name.as_str(), slot));
    for (what, params) in [("parameter", &state.params), ("statistic", &state.buffers)].into_iter().chain(slots) {
        if let Some(name) = params.not_finite()? {
            return Ok(Some(format!("{what} {name} is not finite")));
        }
    }
    Ok(None)
}

/// Errors if an episode's answers were no numbers, naming the first one and the setting to lower. `first` is the number
/// of the first episode of `outcomes`.
pub fn check_numbers(job: &Job, split: Split, outcomes: &Outcomes, first: usize) -> Result<()> {
    let bad = |(mode, all): &(Mode, Vec<Outcome>)| {
        all.iter().position(|outcome| !outcome.is_number()).map(|at| (first + at, *mode))
    };
    let Some((episode, mode)) = outcomes.iter().filter_map(bad).min_by_key(|(episode, _)| *episode) else {
        return Ok(());
    };
    let of = match split {
        Split::Test => "",
        Split::Val => " of the validation classes",
        Split::Train => " of the training classes",
    };
    let answers = match mode {
        Mode::Pointwise => "the answers".to_owned(),
        mode => format!("the {} answers", mode.as_str()),
    };
    let remedy = remedy(&job.algorithm.rates());
    Err(Error::Diverged(format!(
        "diverged in evaluation, episode {episode}{of}: {answers} are not finite numbers; {remedy}"
    )))
}

/// The step sizes with which an evaluation adapts; where there are none, those of the training that led there.
fn remedy(rates: &[Rate]) -> String {
    let tell = |stage: Stage| -> Vec<String> {
        let some = rates.iter().filter(|rate| rate.stage == stage);
        some.map(|rate| format!("{} (now {})", rate.name, rate.value)).collect()
    };
    let named = match tell(Stage::Adapting) {
        adapting if !adapting.is_empty() => adapting,
        _ => tell(Stage::Training),
    };
    match named.is_empty() {
        true => "lower the method's step sizes".to_owned(),
        false => format!("lower {}", named.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use harness_core::Params;

    use super::*;

    #[test]
    fn a_lost_statistic_or_moment_is_found_as_a_lost_parameter_is() {
        let one = |value: f32| -> Params {
            [("w".to_owned(), candle_core::Tensor::new(&[1.0, value], &candle_core::Device::Cpu).unwrap())]
                .into_iter()
                .collect()
        };
        let (sound, bad) = (one(2.0), one(f32::INFINITY));
        let state = |params: &Params, buffers: &Params, moment: &Params| State {
            params: params.clone(),
            buffers: buffers.clone(),
            slots: [("adam.v".to_owned(), moment.clone())].into(),
            ..State::default()
        };
        assert_eq!(lost(&state(&sound, &sound, &sound)).unwrap(), None);
        for (state, told) in [
            (state(&bad, &sound, &sound), "parameter w is not finite"),
            (state(&sound, &bad, &sound), "statistic w is not finite"),
            (state(&sound, &sound, &bad), "adam.v w is not finite"),
        ] {
            assert_eq!(lost(&state).unwrap().as_deref(), Some(told));
        }
    }

    #[test]
    fn the_rate_that_adapts_is_the_one_to_lower() {
        let rate = |name, stage| Rate { name, value: 0.5, stage };
        let both = [rate("lr", Stage::Training), rate("tune_lr", Stage::Adapting)];
        assert_eq!(remedy(&both), "lower tune_lr (now 0.5)");
        assert_eq!(remedy(&both[..1]), "lower lr (now 0.5)");
        assert_eq!(remedy(&[]), "lower the method's step sizes");
    }
}
