//! Statistics of an evaluation.

/// Mean of `values` and the half-width of its 95 % interval, 1.96·s/√n with the sample standard deviation (cbfinn/maml
/// divides by n, not n − 1), both in the unit of `values`. The half-width is NaN for fewer than two values, the mean for none.
pub fn mean_ci95(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, f64::NAN);
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, 1.96 * (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_computed() {
        let (mean, half) = mean_ci95(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(mean, 2.5);
        assert!((half - 1.96 * (5.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
        assert!(mean_ci95(&[1.0]).1.is_nan());
    }
}
