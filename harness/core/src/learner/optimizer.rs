//! Optimisers of the inner loop and what they remember.

use std::collections::BTreeMap;

use crate::params::Params;

/// An optimiser and its settings.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// w ← w − lr·u, with u = g, or with momentum as PyTorch has it: g += decay·w; m ← momentum·m + (1 − dampening)·g
    /// (the first m is g itself); u = m.
    Sgd {
        lr: f64,
        #[serde(default)]
        momentum: f64,
        #[serde(default)]
        dampening: f64,
        #[serde(default)]
        weight_decay: f64,
    },
    /// TensorFlow 1's Adam: lr_t = lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ), w ← w − lr_t·m/(√v + ε). ε is added to the uncorrected √v,
    /// unlike PyTorch's.
    Adam {
        lr: f64,
        #[serde(default)]
        beta1: f64,
        #[serde(default = "beta2")]
        beta2: f64,
        #[serde(default = "eps")]
        eps: f64,
    },
}

fn beta2() -> f64 {
    0.999
}

fn eps() -> f64 {
    1e-8
}

impl Optimizer {
    /// Plain gradient descent.
    pub fn sgd(lr: f64) -> Self {
        Optimizer::Sgd { lr, momentum: 0.0, dampening: 0.0, weight_decay: 0.0 }
    }

    /// Adam with the given β₁ and TensorFlow's β₂ and ε.
    pub fn adam(lr: f64, beta1: f64) -> Self {
        Optimizer::Adam { lr, beta1, beta2: beta2(), eps: eps() }
    }

    /// The step size.
    pub fn lr(&self) -> f64 {
        match self {
            Optimizer::Sgd { lr, .. } | Optimizer::Adam { lr, .. } => *lr,
        }
    }

    pub(super) fn keeps_first(&self) -> bool {
        match self {
            Optimizer::Sgd { momentum, .. } => *momentum != 0.0,
            Optimizer::Adam { beta1, .. } => *beta1 != 0.0,
        }
    }

    pub(super) fn keeps_second(&self) -> bool {
        matches!(self, Optimizer::Adam { .. })
    }
}

/// What an optimiser remembers between steps.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// Momentum, or Adam's first moment. Absent means zero.
    pub first: Option<Params>,
    /// Adam's second moment. Absent means zero.
    pub second: Option<Params>,
    /// Steps taken so far: the power of β in Adam's bias correction.
    pub steps: u64,
}

impl Moments {
    /// As slots of a [`State`](crate::State): `<prefix>.first`, `<prefix>.second`.
    pub fn to_slots(&self, prefix: &str) -> BTreeMap<String, Params> {
        let named = |part: &str, params: &Option<Params>| Some((format!("{prefix}.{part}"), params.clone()?));
        [named("first", &self.first), named("second", &self.second)].into_iter().flatten().collect()
    }

    /// The inverse of [`Moments::to_slots`]; missing slots are zero.
    pub fn from_slots(slots: &BTreeMap<String, Params>, prefix: &str, steps: u64) -> Self {
        let slot = |part: &str| slots.get(&format!("{prefix}.{part}")).cloned();
        Moments { first: slot("first"), second: slot("second"), steps }
    }
}
