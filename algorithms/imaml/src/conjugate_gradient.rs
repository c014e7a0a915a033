//! Conjugate gradients (Hestenes and Stiefel 1952).

use candle_core::DType;
use harness_core::{Error, Params, Result};

/// Below this share of the right side's square, what is left of it is rounding.
const NEGLIGIBLE: f64 = 1e-20;

/// x with Ax ≈ b after at most `steps` products with A, which `times` gives: symmetric, and positive in the directions
/// that come up. From x = 0; ends early where nothing is left to solve for, or where A is not positive (a loss that is not
/// convex can make it so), with what it has by then. Errors with [`Error::Diverged`] if a product or `b` is not finite.
pub fn solve(times: impl Fn(&Params) -> Result<Params>, b: &Params, steps: usize) -> Result<Params> {
    let (mut x, mut left, mut direction) = (b.zeros_like()?, b.clone(), b.clone());
    let whole = dot(b, b)?;
    let mut square = whole;
    let lost = |number: f64| !number.is_finite();
    if lost(whole) {
        return Err(diverged("the gradient that they solve for"));
    }
    for _ in 0..steps {
        if square <= NEGLIGIBLE * whole {
            break;
        }
        let image = times(&direction)?;
        let curvature = dot(&direction, &image)?;
        if lost(curvature) {
            return Err(diverged("a Hessian product"));
        }
        if curvature <= 0.0 {
            break;
        }
        let length = square / curvature;
        x = x.axpy(length, &direction)?;
        left = left.axpy(-length, &image)?;
        let next = dot(&left, &left)?;
        direction = left.axpy(next / square, &direction)?;
        square = next;
    }
    Ok(x)
}

/// A number that left the real line: solved with it, a task would count as one that has nothing to say.
fn diverged(what: &str) -> Error {
    Error::Diverged(format!("diverged in conjugate gradients: {what} is not finite; lower inner_lr"))
}

fn dot(a: &Params, b: &Params) -> Result<f64> {
    Ok(a.dot(b)?.to_dtype(DType::F64)?.to_scalar::<f64>()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    fn vector(x: [f64; 2]) -> Params {
        [("x".to_owned(), Tensor::new(&x, &Device::Cpu).unwrap())].into_iter().collect()
    }

    fn values(params: &Params) -> Vec<f64> {
        params.get("x").unwrap().to_vec1().unwrap()
    }

    fn solved(a: [f64; 2], steps: usize) -> Vec<f64> {
        let diagonal = vector(a);
        let times = |v: &Params| v.zip(&diagonal, |v, a| v * a);
        values(&solve(times, &vector([1.0, 1.0]), steps).unwrap())
    }

    /// diag(1, 3)·x = (1, 1): the first step has length 2/4 and leaves (½, −½); the second ends at (1, ⅓).
    #[test]
    fn two_steps_solve_two_unknowns() {
        assert_eq!(solved([1.0, 3.0], 1), [0.5, 0.5]);
        for steps in [2, 9] {
            let x = solved([1.0, 3.0], steps);
            assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 1.0 / 3.0).abs() < 1e-12, "{x:?}");
        }
    }

    #[test]
    fn a_direction_of_negative_curvature_ends_it() {
        assert_eq!(solved([1.0, -3.0], 5), [0.0, 0.0]);
    }

    #[test]
    fn a_product_that_is_no_number_is_an_error_and_not_a_gradient_of_zero() {
        for bad in [f64::NAN, f64::INFINITY] {
            let times = |v: &Params| v.scale(bad);
            let error = solve(times, &vector([1.0, 1.0]), 5).unwrap_err().to_string();
            assert!(error.contains("a Hessian product is not finite"), "{error}");
            let error = solve(|v| v.scale(2.0), &vector([bad, 1.0]), 5).unwrap_err().to_string();
            assert!(error.contains("the gradient that they solve for is not finite"), "{error}");
        }
    }

    #[test]
    fn nothing_to_solve_for_is_solved_by_nothing() {
        let times = |v: &Params| v.scale(2.0);
        assert_eq!(values(&solve(times, &vector([0.0, 0.0]), 5).unwrap()), [0.0, 0.0]);
    }
}
