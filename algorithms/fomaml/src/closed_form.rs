//! First-order MAML on quadratic tasks ½(θ − c)ᵀA(θ − c).
//!
//! After k inner steps of rate α, θ − c = (I − αA)ᵏ(φ − c). The query gradient there is A(I − αA)ᵏ(φ − c), and the last step's
//! change is αA(I − αA)ᵏ⁻¹(c − φ): each is P(c − φ), up to its sign, with P = A(I − αA)ᵏ and P = αA(I − αA)ᵏ⁻¹. The fixed
//! point is φ* = (Σ Pᵢ)⁻¹ Σ Pᵢcᵢ: directions that the inner loop learns well count less than in joint training. Exact MAML
//! differs by a second factor (I − αA)ᵏ, which its derivative through the inner steps brings.

use harness_core::conformance::{ClosedForm, Matrix, Outer, check_closed_form, left_by_descent};

const STEPS: usize = 3;

#[test]
fn finns_holds() {
    check_closed_form(
        &crate::ENTRY,
        &ClosedForm {
            config: |rate| {
                format!(
                    "inner_lr = {rate}\ninner_steps = {STEPS}\ntrain_shots = 4\ntrain_queries = 4\nmeta_batch = 3\n\
                     meta_lr = 0.01"
                )
            },
            pull: |bowl, rate| Matrix(bowl.curvature()) * left_by_descent(bowl, rate, STEPS),
            left: left_by_descent,
            outer: Outer::Adam(0.01),
        },
    );
}

#[test]
fn the_last_steps_holds() {
    check_closed_form(
        &crate::LAST_STEP,
        &ClosedForm {
            config: |rate| {
                format!(
                    "variant = \"last-step\"\noptimizer = \"sgd\"\nreduction = \"mean\"\nlr = {rate}\n\
                     inner_iters = {STEPS}\ninner_batch = 4\ntrain_shots = 4\nmeta_batch = 3\nmeta_step = 0.5\n\
                     eval_batch = 4"
                )
            },
            pull: |bowl, rate| rate * Matrix(bowl.curvature()) * left_by_descent(bowl, rate, STEPS - 1),
            left: left_by_descent,
            outer: Outer::Step(0.5),
        },
    );
}
