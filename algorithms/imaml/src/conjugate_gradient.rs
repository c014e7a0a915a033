//! Conjugate gradients (Hestenes and Stiefel 1952).

use candle_core::DType;
use harness_core::{Params, Result};

/// Below this share of the right side's square, what is left of it is rounding.
const NEGLIGIBLE: f64 = 1e-20;

/// x with Ax ≈ b after at most `steps` products with A, which `times` gives: symmetric, and positive in the directions
/// that come up. From x = 0; ends early where nothing is left to solve for, or where A is not positive (a loss that is not
/// convex can make it so), with what it has by then.
pub fn solve(times: impl Fn(&Params) -> Result<Params>, b: &Params, steps: usize) -> Result<Params> {
    let (mut x, mut left, mut direction) = (b.zeros_like()?, b.clone(), b.clone());
    let whole = dot(b, b)?;
    let mut square = whole;
    for _ in 0..steps {
        if square <= NEGLIGIBLE * whole {
            break;
        }
        let image = times(&direction)?;
        let curvature = dot(&direction, &image)?;
        if curvature.is_nan() || curvature <= 0.0 {
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
    fn nothing_to_solve_for_is_solved_by_nothing() {
        let times = |v: &Params| v.scale(2.0);
        assert_eq!(values(&solve(times, &vector([0.0, 0.0]), 5).unwrap()), [0.0, 0.0]);
    }
}
