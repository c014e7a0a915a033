//! Reptile with plain gradient descent on quadratic tasks ½(θ − c)ᵀA(θ − c).
//!
//! k inner steps of rate α end where θ − c = (I − αA)ᵏ(φ − c), so a task pulls the initialisation by P(c − φ) with
//! P = I − (I − αA)ᵏ. One meta-iteration is φ ← φ + ε·mean Pᵢ(cᵢ − φ); its fixed point is φ* = (Σ Pᵢ)⁻¹ Σ Pᵢcᵢ: tasks
//! count by how far they are learned, direction by direction.

use harness_core::conformance::{ClosedForm, Matrix, Outer, check_closed_form, left_by_descent};

const STEPS: usize = 5;

#[test]
fn holds() {
    check_closed_form(
        &crate::ENTRY,
        &ClosedForm {
            config: |rate| {
                format!(
                    "optimizer = \"sgd\"\nreduction = \"mean\"\nlr = {rate}\ninner_iters = {STEPS}\ninner_batch = 4\n\
                     train_shots = 4\nmeta_batch = 3\nmeta_step = 0.5\neval_batch = 4"
                )
            },
            pull: |bowl, rate| Matrix::unit() - left_by_descent(bowl, rate, STEPS),
            left: left_by_descent,
            outer: Outer::Step(0.5),
        },
    );
}
