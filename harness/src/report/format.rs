//! Counts as people read them; the same in every table and plot.

/// How an axis of percent is read whose places go by what is missing to 100.
pub const MISSING: &str = "scale: logarithm of what is missing to 100 %";

/// Whether percent from `low` to `high` come so near to 100 that a plain axis would hide their differences.
pub fn near_hundred(low: f64, high: f64) -> bool {
    high > 90.0 && 100.0 - low > 6.0 * (100.0 - high)
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
        assert_eq!(
            [thousands(7), thousands(1000), thousands(100_000), thousands(1_234_567)],
            ["7", "1,000", "100,000", "1,234,567"]
        );
        assert_eq!(plural(1, "seed"), "1 seed");
        assert_eq!(plural(3, "seed"), "3 seeds");
    }
}
