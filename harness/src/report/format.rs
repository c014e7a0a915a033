//! Numbers and names as people read them; the same in every table and plot.

/// A value of `metric`: accuracies with two decimals, errors with three (`1.2e-5` where that would be nothing).
pub fn value(metric: &str, value: f64) -> String {
    if metric == "accuracy" {
        format!("{value:.2}")
    } else if value != 0.0 && value.abs() < 0.001 {
        format!("{value:.1e}")
    } else {
        format!("{value:.3}")
    }
}

/// How an axis of percent is read whose places go by what is missing to 100.
pub const MISSING: &str = "scale: logarithm of what is missing to 100 %";

/// Whether percent from `low` to `high` come so near to 100 that a plain axis would hide their differences.
pub fn near_hundred(low: f64, high: f64) -> bool {
    high > 90.0 && 100.0 - low > 6.0 * (100.0 - high)
}

/// With its sign.
pub fn signed(metric: &str, delta: f64) -> String {
    let text = value(metric, delta.abs());
    let nothing = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    match delta {
        _ if nothing => text,
        d if d < 0.0 => format!("-{text}"),
        _ => format!("+{text}"),
    }
}

/// `97.61 ±0.12`, or the value alone.
pub fn with_interval(metric: &str, centre: f64, interval: Option<f64>) -> String {
    match interval {
        Some(interval) => format!("{} ±{}", value(metric, centre), value(metric, interval)),
        None => value(metric, centre),
    }
}

/// `100,000`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `3 seeds`, `1 seed`.
pub fn plural(n: u64, one: &str) -> String {
    format!("{} {one}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// The metric with its unit.
pub fn metric(name: &str) -> &str {
    match name {
        "accuracy" => "accuracy, %",
        "mse" => "mean squared error",
        other => other,
    }
}

/// Hours of so many seconds: `0.20`, `0.0031`: two digits that mean something.
pub fn hours(seconds: f64) -> String {
    let hours = seconds / 3600.0;
    let decimals = (1.0 - hours.log10().floor()).clamp(2.0, 6.0) as usize;
    format!("{hours:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(with_interval("accuracy", 97.676, Some(0.041)), "97.68 ±0.04");
        assert_eq!(with_interval("mse", 0.11423, None), "0.114");
        assert_eq!(value("mse", 0.000_012), "1.2e-5");
        assert_eq!(signed("accuracy", -0.504), "-0.50");
        assert_eq!(signed("accuracy", 0.5), "+0.50");
        assert_eq!(signed("accuracy", -0.001), "0.00");
        assert_eq!(
            [thousands(7), thousands(1000), thousands(100_000), thousands(1_234_567)],
            ["7", "1,000", "100,000", "1,234,567"]
        );
        assert_eq!(plural(1, "seed"), "1 seed");
        assert_eq!(plural(3, "seed"), "3 seeds");
    }
}
