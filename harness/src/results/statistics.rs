//! Means and intervals. Two kinds, never mixed: over episodes (within a seed) and over seeds.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Half-width of the 95 % interval of the mean over seeds: t(0.975, n−1) · s / √n. None for fewer than two.
pub fn seed_interval(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let (n, mean) = (values.len() as f64, mean(values));
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("at least one degree of freedom").inverse_cdf(0.975);
    Some(t * (variance / n).sqrt())
}

/// Rounded to nine significant digits: far below any interval, and 97.68 stays `97.68` in the files.
pub fn tidy(value: f64) -> f64 {
    format!("{value:.8e}").parse().expect("a printed float")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_over_seeds_is_students() {
        // 97, 98, 99: s = 1, t(0.975, 2) = 4.302653, /sqrt(3)
        assert!((seed_interval(&[97.0, 98.0, 99.0]).unwrap() - 2.484_138).abs() < 1e-5);
        // two seeds one apart: s = 0.707107, t(0.975, 1) = 12.706205, /sqrt(2) -> 6.353102
        assert!((seed_interval(&[1.0, 2.0]).unwrap() - 6.353_102).abs() < 1e-5);
        // five equal values vary by nothing
        assert_eq!(seed_interval(&[3.0; 5]), Some(0.0));
        assert_eq!(seed_interval(&[3.0]), None);
        assert_eq!(seed_interval(&[]), None);
    }

    #[test]
    fn tidy_numbers_are_short() {
        assert_eq!(tidy(0.1 + 0.2), 0.3);
        assert_eq!(tidy(97.18 - 97.68), -0.5);
        assert_eq!(tidy(0.0), 0.0);
    }
}
