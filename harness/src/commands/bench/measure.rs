//! Timing in rounds, and what the system says of memory.

use std::process::Command;

use super::{Bench, Network, What, Whose, name};

/// Measurements by kind.
#[derive(Default)]
pub struct Rounds {
    pub matmul: Vec<f64>,
    /// Seconds of the whole machine a step.
    pub fast: Vec<f64>,
    pub stock: Vec<f64>,
    /// A gradient of as many images.
    pub gradient: Vec<f64>,
    /// Tasks a second.
    pub tasks: Vec<f64>,
}

/// The middle value; the mean of the two middle ones for an even number. None for none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[n / 2]),
        n => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

/// Peak resident memory of this process in MB (Linux), else 0.
pub fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()).map_or(0.0, |kb| kb / 1024.0)
}

/// Peak resident memory in MB of a process of its own that does one row by one kind of operations; none where none can be had.
pub fn memory(args: &Bench, threads: usize, network: Network, what: What, whose: Whose) -> Option<f64> {
    let mut command = Command::new(std::env::current_exe().ok()?);
    command.args(["--quiet", "bench", "--network", &name(&network)]);
    command.args(["--what", &name(&what), "--memory-of", &name(&whose)]);
    command.args(["--threads", &threads.to_string(), "--seconds", &(args.seconds / 2.0).to_string()]);
    if let Some(set) = args.instruction_set {
        command.args(["--instruction-set", set.name()]);
    }
    let output = command.output().ok()?;
    let megabytes: f64 = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    (output.status.success() && megabytes > 0.0).then_some(megabytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
