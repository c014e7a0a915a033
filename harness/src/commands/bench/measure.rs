//! Timing in rounds, and what the system says of memory.

/// Rounds in which each figure is measured once; medians are printed.
pub const ROUNDS: usize = 3;

/// Measurements by kind.
#[derive(Default)]
pub struct Rounds {
    pub matmul: Vec<f64>,
    /// Seconds of the whole machine a step.
    pub fast: Vec<f64>,
    pub stock: Vec<f64>,
    /// Tasks a second.
    pub tasks: Vec<f64>,
}

/// The middle value; the mean of the two middle ones for an even number. NaN for none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// Peak resident memory of this process in MB (Linux), else 0.
pub fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()).map_or(0.0, |kb| kb / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
