//! Linear systems whose solution has derivatives.

use candle_core::{DType, Tensor};
use harness_core::Result;

/// A⁻¹B of a symmetric, positive definite A `[n, n]` and B `[n, m]`, differentiable by both. Not a number where A is not positive
/// definite.
///
/// The solution S and the inverse are computed without a history, in f64; what is returned is a step of Newton's from there,
/// S + A⁻¹(B − AS). It stays at S, and its derivative A⁻¹(dB − dA·S) is that of the solution.
pub fn solve(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let inverse = inverse(a)?;
    let solution = inverse.matmul(&b.detach())?;
    let left = (b - a.matmul(&solution)?)?;
    Ok((&solution + inverse.matmul(&left)?)?)
}

/// By Cholesky: A = LLᵀ, so that A⁻¹ = MᵀM with M = L⁻¹.
fn inverse(a: &Tensor) -> Result<Tensor> {
    let mut l: Vec<Vec<f64>> = a.detach().to_dtype(DType::F64)?.to_vec2()?;
    let n = l.len();
    for i in 0..n {
        for j in 0..=i {
            let sum = l[i][j] - l[i][..j].iter().zip(&l[j][..j]).map(|(x, y)| x * y).sum::<f64>();
            // The root of what is below 0 is not a number, and spreads to all that follows.
            l[i][j] = if i == j { sum.sqrt() } else { sum / l[j][j] };
        }
    }
    let mut m: Vec<Vec<f64>> = Vec::with_capacity(n);
    let mut inverse = vec![0.0; n * n];
    for i in 0..n {
        let mut row = vec![0.0; i + 1];
        row[i] = 1.0;
        for (k, before) in m.iter().enumerate() {
            row.iter_mut().zip(before).for_each(|(x, y)| *x -= l[i][k] * y);
        }
        row.iter_mut().for_each(|x| *x /= l[i][i]);
        for (j, factor) in row.iter().enumerate() {
            inverse[j * n..].iter_mut().zip(&row).for_each(|(x, y)| *x += factor * y);
        }
        m.push(row);
    }
    Ok(Tensor::from_vec(inverse, (n, n), a.device())?.to_dtype(a.dtype())?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use harness_core::{Params, Purpose, Stream, loss};

    use super::*;
    use crate::tests::normal;

    fn matrix<const R: usize>(rows: [[f64; 2]; R]) -> Tensor {
        Tensor::new(&rows, &Device::Cpu).unwrap()
    }

    /// [[4, 2], [2, 3]] has the inverse [[3, −2], [−2, 4]]/8.
    #[test]
    fn two_unknowns_by_hand() {
        let x = solve(&matrix([[4.0, 2.0], [2.0, 3.0]]), &matrix([[8.0, 0.0], [0.0, 16.0]])).unwrap();
        let want = [[3.0, -4.0], [-2.0, 8.0]];
        let got = x.to_vec2::<f64>().unwrap();
        assert!(got.iter().flatten().zip(want.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?}");
    }

    #[test]
    fn a_large_system_is_solved_in_f32_too() {
        let n = 60;
        let mut rng = Stream::new(0, Purpose::Data, 0, 0);
        let mut draw = |columns| normal(&mut rng, (n, columns)).to_dtype(DType::F32).unwrap();
        let (x, b) = (draw(200), draw(5));
        let a = (x.matmul(&x.t().unwrap()).unwrap() + Tensor::eye(n, DType::F32, &Device::Cpu).unwrap()).unwrap();
        let left = (a.matmul(&solve(&a, &b).unwrap()).unwrap() - b).unwrap().abs().unwrap().max_all().unwrap();
        assert!(left.to_scalar::<f32>().unwrap() < 1e-4, "{left}");
    }

    #[test]
    fn what_is_not_positive_definite_has_no_solution() {
        let x = solve(&matrix([[1.0, 2.0], [2.0, 1.0]]), &matrix([[1.0, 0.0], [0.0, 1.0]])).unwrap();
        assert!(x.to_vec2::<f64>().unwrap().iter().flatten().any(|x| x.is_nan()));
    }

    /// By both sides, against central differences; A stays symmetric, as it is where a Gram matrix is differentiated.
    #[test]
    fn the_solution_is_differentiated_exactly() {
        let value = |a: [f64; 3], b: [f64; 2]| {
            let vars = Params::from_iter([
                ("a".to_owned(), matrix([[a[0], a[1]], [a[1], a[2]]])),
                ("b".to_owned(), Tensor::new(&[[b[0]], [b[1]]], &Device::Cpu).unwrap()),
            ]);
            let vars = vars.to_vars().unwrap();
            let solved = solve(vars.get("a").unwrap(), vars.get("b").unwrap()).unwrap();
            let weighted = solved.mul(&Tensor::new(&[[1.0], [-2.0]], &Device::Cpu).unwrap()).unwrap();
            loss::gradient(&weighted.sqr().unwrap().sum_all().unwrap(), &vars).unwrap()
        };
        let (a, b) = ([4.0, 2.0, 3.0], [1.0, 5.0]);
        let (_, grads) = value(a, b);
        let by_a = grads.get("a").unwrap().to_vec2::<f64>().unwrap();
        let by_b = grads.get("b").unwrap().to_vec2::<f64>().unwrap();
        let ours = [by_a[0][0], by_a[0][1] + by_a[1][0], by_a[1][1], by_b[0][0], by_b[1][0]];
        for (index, ours) in ours.into_iter().enumerate() {
            let at = |by: f64| {
                let (mut a, mut b) = (a, b);
                *a.iter_mut().chain(&mut b).nth(index).unwrap() += by;
                value(a, b).0
            };
            let want = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((ours - want).abs() < 1e-6 * want.abs().max(1.0), "{index}: {ours} and {want}");
        }
    }
}
