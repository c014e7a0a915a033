//! What is measured, and in which digits and words people read it: the same in every table, chart and message.

use harness_core::{Mode, Split};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that tables compare; in files its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// In files: `accuracy`.
    pub name: &'static str,
    /// Without its unit.
    pub words: &'static str,
    /// `%`, or nothing.
    pub unit: &'static str,
    pub decimals: usize,
    pub higher_is_better: bool,
}

/// Right answers of a hundred.
pub const ACCURACY: Metric =
    Metric { name: "accuracy", words: "accuracy", unit: "%", decimals: 2, higher_is_better: true };
/// Of regression.
pub const MSE: Metric =
    Metric { name: "mse", words: "mean squared error", unit: "", decimals: 3, higher_is_better: false };

impl Metric {
    /// Whether it lies between 0 and 100.
    pub fn is_percent(self) -> bool {
        self.unit == "%"
    }

    /// With its unit: `accuracy, %`.
    pub fn heading(self) -> String {
        if self.unit.is_empty() { self.words.to_owned() } else { format!("{}, {}", self.words, self.unit) }
    }

    /// `97.61`; an error that its decimals would hide as `1.2e-5`.
    pub fn value(self, value: f64) -> String {
        let decimals = self.decimals;
        match !self.is_percent() && value != 0.0 && value.abs() < 10f64.powi(-(decimals as i32)) {
            true => format!("{value:.1e}"),
            false => format!("{value:.decimals$}"),
        }
    }

    /// With its sign.
    pub fn signed(self, delta: f64) -> String {
        let text = self.value(delta.abs());
        let nothing = text.bytes().all(|b| matches!(b, b'0' | b'.'));
        match delta {
            _ if nothing => text,
            d if d < 0.0 => format!("-{text}"),
            _ => format!("+{text}"),
        }
    }

    /// `97.61 ±0.12`, or the value alone.
    pub fn with_interval(self, centre: f64, interval: Option<f64>) -> String {
        let half = interval.map(|half| format!(" ±{}", self.value(half))).unwrap_or_default();
        self.value(centre) + &half
    }

    /// A difference with its sign and its interval.
    pub fn difference(self, delta: f64, interval: Option<f64>) -> String {
        let half = interval.map(|half| format!(" ±{}", self.value(half))).unwrap_or_default();
        self.signed(delta) + &half
    }

    /// `value`, such that more is better.
    pub fn gain(self, value: f64) -> f64 {
        if self.higher_is_better { value } else { -value }
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let known = [ACCURACY, MSE].into_iter().find(|metric| metric.name == name);
        known.ok_or_else(|| D::Error::custom(format!("metric \"{name}\" is none of accuracy, mse")))
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name)
    }
}

/// The mode of that name in files.
pub fn mode(name: &str) -> Option<Mode> {
    [Mode::Transductive, Mode::Inductive, Mode::Pointwise].into_iter().find(|mode| mode.as_str() == name)
}

/// The split of that name in files.
pub fn split(name: &str) -> Option<Split> {
    [Split::Train, Split::Val, Split::Test].into_iter().find(|split| split.as_str() == name)
}

/// The mode behind `lead`, such as `, inductive`; nothing for regression, whose answers are scored in one way.
pub fn with_mode(lead: &str, mode: Mode) -> String {
    if mode == Mode::Pointwise { String::new() } else { format!("{lead}{}", mode.as_str()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(ACCURACY.with_interval(97.676, Some(0.041)), "97.68 ±0.04");
        assert_eq!(MSE.with_interval(0.11423, None), "0.114");
        assert_eq!(MSE.value(0.000_012), "1.2e-5");
        assert_eq!(ACCURACY.signed(-0.504), "-0.50");
        assert_eq!(ACCURACY.signed(0.5), "+0.50");
        assert_eq!(ACCURACY.signed(-0.001), "0.00");
        assert_eq!((ACCURACY.heading(), MSE.heading()), ("accuracy, %".into(), "mean squared error".into()));
        assert_eq!((ACCURACY.gain(2.0), MSE.gain(2.0)), (2.0, -2.0));
    }

    #[test]
    fn names_in_files_are_read_back() {
        for metric in [ACCURACY, MSE] {
            assert_eq!(serde_json::from_str::<Metric>(&serde_json::to_string(&metric).unwrap()).unwrap(), metric);
        }
        let unknown = serde_json::from_str::<Metric>("\"speed\"").unwrap_err().to_string();
        assert!(unknown.contains("\"speed\" is none of accuracy, mse"), "{unknown}");
        assert_eq!((mode("-"), split("val"), split("exam")), (Some(Mode::Pointwise), Some(Split::Val), None));
        assert_eq!(
            (with_mode(", ", Mode::Inductive), with_mode(", ", Mode::Pointwise)),
            (", inductive".into(), "".into())
        );
    }
}
