//! Numbers and paths in words, the same in every table, plot, message and page.

use std::path::Path;

use serde::Serializer;

/// A path in JSON, for `#[serde(serialize_with)]`: as messages have it, with U+FFFD for what is no UTF-8.
pub fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
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

/// `7 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0 if seconds > 0.0 => format!("{seconds:.1} s"),
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        _ => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// `4.5 MB`, in powers of ten.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_well() {
        assert_eq!(
            [thousands(7), thousands(1000), thousands(100_000), thousands(1_234_567)],
            ["7", "1,000", "100,000", "1,234,567"]
        );
        assert_eq!(plural(1, "seed"), "1 seed");
        assert_eq!(plural(3, "seed"), "3 seeds");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!([0.24, 59.2, 200.0, 7500.0].map(duration), ["0.2 s", "59 s", "3 min 20 s", "2 h 5 min"]);
    }

    #[test]
    fn hours_keep_two_digits() {
        assert_eq!([731.9, 36.0, 5.0, 36000.0].map(hours), ["0.20", "0.010", "0.0014", "10.00"]);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!([999, 1500, 4_528_840, 2_000_000_000].map(size), ["999 bytes", "1.5 kB", "4.5 MB", "2.0 GB"]);
    }
}
