//! The second moment of Adam after a meta-batch whose tasks all started from the same one.

use harness_core::{Params, Result};

/// Folds in task order: v ← β₂ᵏ·v + (vᵢ − β₂ᵏ·v_old), with `decay` = β₂ᵏ for k inner steps.
///
/// Each vᵢ = β₂ᵏ·v_old + (what task i's own gradients added), so the fold decays what is there and adds the task's own
/// part: exactly the sequential moment, but for the gradients having been taken with a moment up to one meta-batch old.
pub fn second_moments(old: &Params, each: &[&Params], decay: f64) -> Result<Params> {
    let mut folded = old.clone();
    for own in each {
        let added = own.axpy(-decay, old)?;
        // Rounding may leave a tiny negative number where a task added nothing; a second moment has none.
        folded = folded.scale(decay)?.zip(&added, |v, added| (v + added)?.maximum(0.0))?;
    }
    Ok(folded)
}
