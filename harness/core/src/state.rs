//! All that a run carries from one meta-iteration to the next. The harness owns it; a method only reads and folds.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};
use crate::params::Params;

/// Parameters, slots and buffers of a run and how many meta-iterations made them.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use harness_core::{Params, State};
///
/// let mut state = State::new(Params::from_iter([("head.bias".into(), Tensor::new(&[0f32; 5], &Device::Cpu)?)]));
/// state.slots.insert("adam.second".into(), state.params.zeros_like()?);
/// let stored = state.to_tensors();
/// assert_eq!(stored.keys().collect::<Vec<_>>(), ["params/head.bias", "slots/adam.second/head.bias"]);
/// assert!(State::from_tensors(stored, state.step)?.same_bits(&state)?);
/// # Ok::<(), harness_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The initialisation that is meta-learned.
    pub params: Params,
    /// Optimiser slots by name, such as `adam.second`: one tensor a parameter.
    pub slots: BTreeMap<String, Params>,
    /// What is neither trained nor an optimiser's, such as running statistics.
    pub buffers: Params,
    /// Meta-iterations done.
    pub step: u64,
}

const PARAMS: &str = "params/";
const SLOTS: &str = "slots/";
const BUFFERS: &str = "buffers/";

impl State {
    /// A state at step 0 that has parameters and nothing else.
    pub fn new(params: Params) -> Self {
        State { params, ..State::default() }
    }

    /// The slot called `name`. Errors: [`Error::Usage`] if a method asks for one that `init` did not make.
    pub fn slot(&self, name: &str) -> Result<&Params> {
        self.slots.get(name).ok_or_else(|| crate::error::unknown("slot", name, self.slots.keys().map(String::as_str)))
    }

    /// One flat map `params/…`, `slots/<slot>/…`, `buffers/…`, as a checkpoint stores it.
    pub fn to_tensors(&self) -> BTreeMap<String, Tensor> {
        let params = self.params.iter().map(|(name, tensor)| (format!("{PARAMS}{name}"), tensor.clone()));
        let buffers = self.buffers.iter().map(|(name, tensor)| (format!("{BUFFERS}{name}"), tensor.clone()));
        let slots = self.slots.iter().flat_map(|(slot, params)| {
            params.iter().map(move |(name, tensor)| (format!("{SLOTS}{slot}/{name}"), tensor.clone()))
        });
        params.chain(buffers).chain(slots).collect()
    }

    /// The inverse of [`State::to_tensors`]. Errors: [`Error::Data`] on a name that has none of the three prefixes.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>, step: u64) -> Result<State> {
        let mut state = State { step, ..State::default() };
        for (name, tensor) in tensors {
            if let Some(name) = name.strip_prefix(PARAMS) {
                state.params.insert(name, tensor);
            } else if let Some(name) = name.strip_prefix(BUFFERS) {
                state.buffers.insert(name, tensor);
            } else if let Some((slot, name)) = name.strip_prefix(SLOTS).and_then(|rest| rest.split_once('/')) {
                state.slots.entry(slot.to_owned()).or_default().insert(name, tensor);
            } else {
                return Err(Error::data(format!("checkpoint tensor \"{name}\" is no parameter, slot or buffer")));
            }
        }
        Ok(state)
    }

    /// This state on `device`.
    pub fn to(&self, device: &Device) -> Result<State> {
        let moved = |params: &Params| params.map(|tensor| tensor.to_device(device));
        let slots = self.slots.iter().map(|(name, slot)| Ok((name.clone(), moved(slot)?)));
        Ok(State {
            params: moved(&self.params)?,
            slots: slots.collect::<Result<_>>()?,
            buffers: moved(&self.buffers)?,
            step: self.step,
        })
    }

    /// Same step and the same bits in every tensor.
    pub fn same_bits(&self, other: &State) -> Result<bool> {
        let flat = |state: &State| state.to_tensors().into_iter().collect::<Params>();
        Ok(self.step == other.step && flat(self).same_bits(&flat(other))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_and_back() {
        let tensor = |x: f32| Tensor::new(&[x], &Device::Cpu).unwrap();
        let one = |x: f32| [("a/b".to_string(), tensor(x))].into_iter().collect::<Params>();
        let mut state = State::new(one(1.0));
        state.slots.insert("adam.second".into(), one(2.0));
        state.buffers = one(3.0);
        state.step = 7;
        let back = State::from_tensors(state.to_tensors(), 7).unwrap();
        assert!(state.same_bits(&back).unwrap());
        assert!(!state.same_bits(&State::from_tensors(state.to_tensors(), 8).unwrap()).unwrap());
        assert!(State::from_tensors([("odd".to_string(), tensor(0.0))], 0).is_err());
    }
}
