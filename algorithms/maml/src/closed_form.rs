//! Exact MAML on quadratic tasks ½(θ − c)ᵀA(θ − c).
//!
//! The query gradient after k inner steps of rate α, A(I − αA)ᵏ(φ − c), comes back through them with another factor
//! (I − αA)ᵏ: it is −P(c − φ) with P = (I − αA)ᵏA(I − αA)ᵏ. The fixed point (Σ Pᵢ)⁻¹ Σ Pᵢcᵢ minimises the mean loss after
//! k steps.

use harness_core::conformance::{ClosedForm, Matrix, Outer, check_closed_form, left_by_descent};

const STEPS: usize = 3;

#[test]
fn holds() {
    check_closed_form(
        &crate::ENTRY,
        &ClosedForm {
            config: |rate| {
                format!(
                    "inner_lr = {rate}\ninner_steps = {STEPS}\ntrain_shots = 4\ntrain_queries = 4\nmeta_batch = 3\n\
                     meta_lr = 0.01"
                )
            },
            pull: |bowl, rate| {
                let left = left_by_descent(bowl, rate, STEPS);
                left * Matrix(bowl.curvature()) * left
            },
            left: left_by_descent,
            outer: Outer::Adam(0.01),
        },
    );
}
