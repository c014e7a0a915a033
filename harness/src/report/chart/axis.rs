//! Axes with round ticks: linear, logarithmic, logarithmic in the distance to 100 %, and meta-iterations from zero.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// How an axis of percent is read whose places go by what is missing to 100.
pub const MISSING: &str = "scale: logarithm of what is missing to 100 %";

/// Whether percent from `low` to `high` come so near to 100 that a plain axis would hide their differences.
pub fn near_hundred(low: f64, high: f64) -> bool {
    high > 90.0 && 100.0 - low > 6.0 * (100.0 - high)
}

/// One axis; a value's place and the ticks it is read by.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    min: f64,
    max: f64,
    scale: Scale,
    pub ticks: Vec<f64>,
}

/// How values become places.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Linear,
    Log,
    /// Percent, by the logarithm of what is missing to 100.
    Missing,
}

/// The round step (1, 2 or 5 times a power of ten) that cuts `span` into at most `ticks` parts.
fn round_step(span: f64, ticks: usize) -> f64 {
    let raw = span / ticks as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|m| m * power >= raw * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

/// Where an axis of [`Axis::missing`] ends at the latest: what is nearer to 100 is drawn there, and prints as 100.00.
const NEARLY_ALL: f64 = 99.995;

impl Axis {
    /// From round number to round number around `low..high`, which may be a single value.
    pub fn linear(low: f64, high: f64, ticks: usize) -> Self {
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
        let step = round_step(high - low, ticks);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let ticks: Vec<f64> = (first as i64..=last as i64).map(|i| i as f64 * step).collect();
        Axis { min: first * step, max: last * step, scale: Scale::Linear, ticks }
    }

    /// From exactly `min` to exactly `max` (which may be the smaller), with round ticks between.
    pub fn exact(min: f64, max: f64, ticks: usize) -> Self {
        let (low, high) = (min.min(max), min.max(max));
        let step = round_step((high - low).max(1e-12), ticks);
        let first = (low / step - 1e-9).ceil() as i64;
        let ticks = (first..).map(|i| i as f64 * step).take_while(|t| *t <= high + step * 1e-9).collect();
        Axis { min, max: if max == min { min + 1.0 } else { max }, scale: Scale::Linear, ticks }
    }

    /// Logarithmic around positive `low..high`, ticks at 1, 2 and 5 or at powers of ten alone if those are many.
    pub fn log(low: f64, high: f64) -> Self {
        let (low, high) = if high > low { (low, high) } else { (low / 1.5, high * 1.5) };
        let decades = (high / low).log10();
        let marks: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let (first, last) = (low.log10().floor() as i32 - 1, high.log10().ceil() as i32 + 1);
        let all: Vec<f64> = (first..=last).flat_map(|e| marks.iter().map(move |m| m * 10f64.powi(e))).collect();
        let below = all.iter().rposition(|t| *t <= low * (1.0 + 1e-9)).unwrap_or(0);
        let above = all.iter().position(|t| *t >= high * (1.0 - 1e-9)).unwrap_or(all.len() - 1);
        let ticks = all[below..=above].to_vec();
        Axis { min: ticks[0], max: ticks[ticks.len() - 1], scale: Scale::Log, ticks }
    }

    /// Percent from `low` to `high` by the logarithm of what is missing to 100, so that 99 lies as far from 98 as 98 from
    /// 96: ticks where 50, 20, 10, 5, 2, 1, … are missing.
    pub fn missing(low: f64, high: f64) -> Self {
        let high = high.min(NEARLY_ALL);
        let low = low.min(high - 0.1);
        let ticks = |marks: &[f64]| -> Vec<f64> {
            let all = (-3..2).rev().flat_map(|e| marks.iter().map(move |m| 100.0 - m * 10f64.powi(e)));
            let all = all.filter(|tick| (low..=high).contains(tick));
            [20.0].into_iter().filter(|tick| (low..=high).contains(tick)).chain(all).collect()
        };
        let coarse = ticks(&[5.0, 2.0, 1.0]);
        let ticks = if coarse.len() < 6 { ticks(&[7.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.0]) } else { coarse };
        Axis { min: low, max: high, scale: Scale::Missing, ticks }
    }

    /// Where an axis of [`Axis::missing`] may end by which `most` percent must be read: behind it, and not so far that
    /// what is nearer to 100 takes the room of all else.
    pub fn past(most: f64) -> f64 {
        (100.0 - (100.0 - most) / 2.0).clamp(99.9, NEARLY_ALL)
    }

    /// The values at its start and its end.
    pub fn ends(&self) -> (f64, f64) {
        (self.min, self.max)
    }

    /// Whether it is [`Axis::missing`]; a reader must be told.
    pub fn is_missing(&self) -> bool {
        self.scale == Scale::Missing
    }

    /// 0 at the start of the axis, 1 at its end, and beyond where the value is.
    pub fn free(&self, value: f64) -> f64 {
        let missing = |value: f64| (100.0 - value).max(100.0 - NEARLY_ALL);
        match self.scale {
            Scale::Linear => (value - self.min) / (self.max - self.min),
            Scale::Log => (value.max(f64::MIN_POSITIVE) / self.min).ln() / (self.max / self.min).ln(),
            Scale::Missing => (missing(self.min) / missing(value)).ln() / (missing(self.min) / missing(self.max)).ln(),
        }
    }

    /// [`Axis::free`], held at the edges.
    pub fn place(&self, value: f64) -> f64 {
        self.free(value).clamp(0.0, 1.0)
    }

    /// A tick in as few characters as tell it from its neighbours: `20k`, `0.05`, `-5`.
    pub fn label(&self, tick: f64) -> String {
        let apart = self.ticks.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
        let needed = match self.scale {
            Scale::Linear => apart,
            Scale::Log => tick.abs(),
            Scale::Missing => return in_full(tick),
        };
        let largest = self.ticks.iter().fold(0f64, |m, t| m.max(t.abs()));
        if self.scale == Scale::Linear && largest >= 10_000.0 && tick != 0.0 {
            let decimals = usize::from(apart < 1000.0);
            return format!("{:.*}k", decimals, tick / 1000.0);
        }
        let decimals =
            if needed.is_finite() && needed > 0.0 { (-(needed * 1.0001).log10().floor()).max(0.0) } else { 0.0 };
        let text = format!("{tick:.*}", decimals as usize);
        if text.trim_start_matches('-').bytes().all(|b| matches!(b, b'0' | b'.')) { "0".into() } else { text }
    }
}

/// A percentage in all its decimals, of which ticks have few: `98`, `99.85`.
fn in_full(tick: f64) -> String {
    let whole = |decimals: &usize| {
        let scaled = tick * 10f64.powi(*decimals as i32);
        (scaled - scaled.round()).abs() < 1e-6
    };
    let decimals = (0..6).find(whole).unwrap_or(6);
    format!("{tick:.decimals$}")
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (self.place(*value) * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Ticks, and nothing between them: the grid is for reading, not for decoration.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.min..self.max
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|t| axis.label(*t)).collect()
    }

    #[test]
    fn ticks_are_round_and_short() {
        assert_eq!(labels(&Axis::linear(21.3, 97.9, 5)), ["20", "40", "60", "80", "100"]);
        assert_eq!(labels(&Axis::linear(0.0, 4.4, 5)), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(labels(&Axis::linear(97.1, 97.9, 5)), ["97.0", "97.2", "97.4", "97.6", "97.8", "98.0"]);
        assert_eq!(labels(&Axis::exact(0.0, 100_000.0, 5)), ["0", "20k", "40k", "60k", "80k", "100k"]);
        assert_eq!(labels(&Axis::exact(0.0, 1000.0, 5)), ["0", "200", "400", "600", "800", "1000"]);
        assert_eq!(labels(&Axis::log(0.13, 4.1)), ["0.1", "0.2", "0.5", "1", "2", "5"]);
        assert_eq!(labels(&Axis::log(0.0012, 4.1)), ["0.001", "0.01", "0.1", "1", "10"]);
    }

    #[test]
    fn what_is_missing_makes_the_axis_near_a_hundred() {
        let axis = Axis::missing(20.0, 99.5);
        assert_eq!(labels(&axis), ["20", "50", "80", "90", "95", "98", "99", "99.5"]);
        // Half of the missing is gone at every step, whatever is missing.
        let step = axis.place(60.0) - axis.place(20.0);
        assert!((axis.place(98.0) - axis.place(96.0) - step).abs() < 1e-9);
        assert_eq!((axis.place(99.5), axis.place(100.0), axis.free(10.0) < 0.0), (1.0, 1.0, true));
        assert!(Axis::missing(100.0, 100.0).place(100.0) <= 1.0, "nothing missing is no division by nothing");
    }

    #[test]
    fn labels_near_a_hundred_have_the_decimals_of_their_ticks() {
        let axis = Axis::missing(99.5, 99.9);
        assert_eq!(labels(&axis), ["99.5", "99.6", "99.7", "99.8", "99.85", "99.9"]);
        let axis = Axis::missing(99.9, 99.99);
        assert_eq!(labels(&axis), ["99.9", "99.93", "99.95", "99.96", "99.97", "99.98", "99.985", "99.99"]);
    }

    #[test]
    fn an_axis_near_a_hundred_ends_behind_its_largest_value() {
        let last = |most: f64| Axis::missing(95.0, Axis::past(most));
        for most in [98.0, 99.94, 99.98, 99.995, 100.0] {
            assert!((0.0..=1.0).contains(&last(most).free(most)), "{most}: {}", last(most).free(most));
        }
        assert!((last(98.0).max - 99.9).abs() < 1e-9, "as far as it goes where nothing asks for more");
        assert!((last(99.94).max - 99.97).abs() < 1e-9);
        assert!(last(99.94).free(100.0) > 1.0, "what is behind it stays behind it");
    }

    #[test]
    fn one_value_still_makes_an_axis() {
        for axis in [Axis::linear(3.0, 3.0, 5), Axis::exact(0.0, 0.0, 5), Axis::log(0.2, 0.2)] {
            assert!(axis.max > axis.min && !axis.ticks.is_empty(), "{axis:?}");
        }
    }

    #[test]
    fn a_log_axis_puts_one_in_the_middle_of_a_tenth_and_ten() {
        let axis = Axis::log(0.1, 10.0);
        assert_eq!([0.1, 1.0, 10.0, 0.0].map(|v| axis.map(&v, (0, 100))), [0, 50, 100, 0]);
    }
}
