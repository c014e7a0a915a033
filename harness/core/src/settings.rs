//! The settings of a method in one place: a struct, its defaults, what each number may be, whether the test reads it, and the
//! words of its line in the method's README.
//!
//! ```
//! use harness_core::settings::{COUNT, RATE, Settings};
//! use harness_core::{Halves, parse_config};
//!
//! harness_core::settings! {
//!     /// Defaults are the paper's.
//!     struct Config {
//!         /// Inner steps of a training task.
//!         inner_iters: usize = 5 => COUNT;
//!         /// Step size.
//!         lr: f64 = 1e-3 => RATE;
//!         /// Inner steps at test.
//!         eval_iters: usize = 50 => COUNT, test;
//!         replacement: bool = false;
//!     }
//! }
//!
//! let config: Config = parse_config(&"inner_iters = 8".parse().unwrap())?;
//! assert_eq!((config.inner_iters, config.lr, config.replacement), (8, 1e-3, false));
//!
//! let error = parse_config::<Config>(&"lr = -0.1".parse().unwrap()).err().expect("no run could mean it");
//! assert_eq!(error.to_string(), "lr = -0.1: it must be above 0");
//!
//! let keys = harness_core::settings::keys::<Config>();
//! assert_eq!(keys[1].row(), "| `lr` | 0.001 | Step size |");
//! assert_eq!(Halves::read_from(&[Config::FIELDS]).test, ["eval_iters"]);
//! # Ok::<(), harness_core::Error>(())
//! ```

use std::fmt;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// What a number may be. NaN and infinity never are.
#[derive(Clone, Copy)]
pub struct Range {
    /// As in `lr = 0: it must be …`.
    pub words: &'static str,
    holds: fn(f64) -> bool,
    step_size: Option<Stage>,
}

/// Where a step size counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In training alone.
    Training,
    /// In adapting to a test episode, whether or not in training too.
    Adapting,
}

/// A count that makes no sense at 0: steps, images, tasks.
pub const COUNT: Range = Range::new("at least 1", |value| value >= 1.0);
/// A step size of training.
pub const RATE: Range = Range { step_size: Some(Stage::Training), ..POSITIVE };
/// A step size with which a method adapts at test: what to lower where an evaluation ends in numbers that are none.
pub const TEST_RATE: Range = Range { step_size: Some(Stage::Adapting), ..POSITIVE };
/// Above 0.
pub const POSITIVE: Range = Range::new("above 0", |value| value > 0.0);
/// 0 or more: what 0 switches off.
pub const NOT_NEGATIVE: Range = Range::new("0 or more", |value| value >= 0.0);
/// A share of which something must be left, as of momentum.
pub const BELOW_ONE: Range = Range::new("at least 0 and below 1", |value| (0.0..1.0).contains(&value));
/// A share of a whole.
pub const SHARE: Range = Range::new("0 to 1", |value| (0.0..=1.0).contains(&value));

impl Range {
    /// A range in the words that follow `it must be`.
    pub const fn new(words: &'static str, holds: fn(f64) -> bool) -> Self {
        Range { words, holds, step_size: None }
    }

    /// Errors: [`Error::Usage`] with the setting's name, its value and what it must be.
    pub fn check(&self, name: &str, value: f64) -> Result<()> {
        match value.is_finite() && (self.holds)(value) {
            true => Ok(()),
            false => Err(Error::usage(format!("{name} = {value}: it must be {}", self.words))),
        }
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words)
    }
}

/// A field of a settings struct.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key in a benchmark's block.
    pub name: &'static str,
    /// None for what is no number, or any number.
    pub range: Option<Range>,
    /// Who reads it.
    pub read: Read,
    /// Its documentation: unit and source.
    pub words: &'static str,
}

/// Who reads a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Training alone.
    Training,
    /// Adapting and scoring alone: `, test` in [`settings!`](crate::settings!).
    Test,
    /// Both: `, both`.
    Both,
}

/// A setting as a README shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key in a benchmark's block.
    pub name: &'static str,
    /// As a benchmark's file would write it; `none` where nothing is set.
    pub default: String,
    /// What a number must be, as in [`Range::words`].
    pub range: Option<&'static str>,
    /// Unit and source.
    pub words: String,
}

impl Key {
    /// The line in a README's table `| key | default | unit, source |`.
    pub fn row(&self) -> String {
        format!("| `{}` | {} | {} |", self.name, self.default, self.words)
    }
}

/// The keys of a settings struct with their defaults, in the order of the struct: what [`Entry::settings`](crate::Entry) names.
pub fn keys<S: Settings + Default>() -> Vec<Key> {
    let key = |(field, default): (&Field, String)| Key {
        name: field.name,
        default: plain(&default),
        range: field.range.map(|range| range.words),
        words: field.words.trim().trim_end_matches('.').to_owned(),
    };
    S::FIELDS.iter().zip(S::default().shown()).map(key).collect()
}

/// `Some(FanIn)` as `fan-in`.
fn plain(shown: &str) -> String {
    let shown = shown.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(shown);
    let mut text = String::new();
    for c in shown.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// A step size by the name of its setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The key in a benchmark's block.
    pub name: &'static str,
    /// Its value, or its default.
    pub value: f64,
    /// Where it counts.
    pub stage: Stage,
}

/// A settings struct: [`settings!`](crate::settings!) writes one with its defaults and ranges. A struct written by hand says
/// no more than `impl Settings for It {}`, and checks its numbers itself.
pub trait Settings: DeserializeOwned {
    /// In the order of the struct.
    const FIELDS: &'static [Field] = &[];

    /// The value of each of the [`FIELDS`](Settings::FIELDS) that has a range; None for the others.
    fn numbers(&self) -> Vec<Option<f64>> {
        Vec::new()
    }

    /// The value of each of the [`FIELDS`](Settings::FIELDS) as Rust shows it.
    fn shown(&self) -> Vec<String> {
        Vec::new()
    }
}

fn ranged<S: Settings>(settings: &S) -> impl Iterator<Item = (&'static str, Range, f64)> {
    let numbers = settings.numbers();
    S::FIELDS.iter().zip(numbers).filter_map(|(field, value)| Some((field.name, field.range?, value?)))
}

/// Errors: [`Error::Usage`] naming the first setting that no run could mean.
pub fn check<S: Settings>(settings: &S) -> Result<()> {
    ranged(settings).try_for_each(|(name, range, value)| range.check(name, value))
}

/// The step sizes among the settings, in the order of the struct.
pub fn rates<S: Settings>(settings: &S) -> Vec<Rate> {
    let rate = |(name, range, value): (_, Range, _)| Some(Rate { name, value, stage: range.step_size? });
    ranged(settings).filter_map(rate).collect()
}

/// A setting that has a range.
pub trait Number {
    /// None where it is not set.
    fn number(&self) -> Option<f64>;
}

impl Number for f64 {
    fn number(&self) -> Option<f64> {
        Some(*self)
    }
}

impl Number for usize {
    fn number(&self) -> Option<f64> {
        Some(*self as f64)
    }
}

impl Number for u32 {
    fn number(&self) -> Option<f64> {
        Some(f64::from(*self))
    }
}

impl Number for u64 {
    fn number(&self) -> Option<f64> {
        Some(*self as f64)
    }
}

impl<T: Number> Number for Option<T> {
    fn number(&self) -> Option<f64> {
        self.as_ref()?.number()
    }
}

/// A settings struct: `name: type = default => range, test;`. The range is left out for what is no number; `test` or `both`
/// says that the test reads a setting, alone or beside training ([`Halves::read_from`](crate::Halves::read_from)); a
/// field's documentation is its line in the README. It can be read with [`parse_config`](crate::parse_config) and
/// [`parse_parts`](crate::config::parse_parts), which refuse other keys and numbers out of range. The crate that uses it needs
/// `serde`. See [`settings`](mod@crate::settings).
#[macro_export]
macro_rules! settings {
    (@range) => { ::std::option::Option::None };
    (@range $range:expr) => { ::std::option::Option::Some($range) };
    (@number $value:expr) => { ::std::option::Option::None };
    (@number $value:expr, $range:expr) => { $crate::settings::Number::number(&$value) };
    (@read) => { $crate::settings::Read::Training };
    (@read test) => { $crate::settings::Read::Test };
    (@read both) => { $crate::settings::Read::Both };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                $field_vis:vis $field:ident: $kind:ty = $default:expr $(=> $range:expr)? $(, $read:ident)?;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, ::serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        $vis struct $name {
            $(
                $(#[doc = $doc])*
                $field_vis $field: $kind,
            )*
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                $name { $($field: $default,)* }
            }
        }

        impl $crate::settings::Settings for $name {
            const FIELDS: &'static [$crate::settings::Field] = &[
                $($crate::settings::Field {
                    name: ::std::stringify!($field),
                    range: $crate::settings!(@range $($range)?),
                    read: $crate::settings!(@read $($read)?),
                    words: ::std::concat!($($doc),*),
                },)*
            ];

            fn numbers(&self) -> ::std::vec::Vec<::std::option::Option<f64>> {
                ::std::vec![$($crate::settings!(@number self.$field $(, $range)?)),*]
            }

            fn shown(&self) -> ::std::vec::Vec<::std::string::String> {
                ::std::vec![$(::std::format!("{:?}", self.$field)),*]
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    crate::settings! {
        /// A field of each kind.
        #[derive(Copy)]
        struct All {
            inner_iters: usize = 5 => COUNT;
            lr: f64 = 1e-3 => RATE;
            tune_lr: f64 = 0.1 => TEST_RATE;
            sigma: f64 = 0.1 => POSITIVE;
            lambda: f64 = 0.0 => NOT_NEGATIVE;
            momentum: f64 = 0.9 => BELOW_ONE;
            dampening: f64 = 1.0 => SHARE;
            clip: Option<f64> = None => POSITIVE;
            replacement: bool = false;
        }
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let error = |text: &str| parse_config::<All>(&text.parse().unwrap()).unwrap_err().to_string();
        for (text, wanted) in [
            ("inner_iters = 0", "inner_iters = 0: it must be at least 1"),
            ("lr = 0", "lr = 0: it must be above 0"),
            ("tune_lr = -1.0", "tune_lr = -1: it must be above 0"),
            ("sigma = 0.0", "sigma = 0: it must be above 0"),
            ("momentum = 1.0", "momentum = 1: it must be at least 0 and below 1"),
            ("momentum = -0.1", "momentum = -0.1: it must be at least 0 and below 1"),
            ("dampening = 1.1", "dampening = 1.1: it must be 0 to 1"),
            ("clip = 0.0", "clip = 0: it must be above 0"),
            ("lr = inf", "lr = inf: it must be above 0"),
            ("lr = nan", "lr = NaN: it must be above 0"),
        ] {
            assert_eq!(error(text), wanted);
        }
        for value in ["-1.0", "nan", "inf"] {
            let wanted = format!("lambda = {}: it must be 0 or more", value.parse::<f64>().unwrap());
            assert_eq!(error(&format!("lambda = {value}")), wanted);
        }
        let edge = "momentum = 0.0\nlambda = 0.0\ndampening = 0.0\nclip = 0.5\nreplacement = true";
        let read: All = parse_config(&edge.parse().unwrap()).unwrap();
        assert_eq!((read.momentum, read.clip, read.inner_iters, read.replacement), (0.0, Some(0.5), 5, true));
    }

    #[test]
    fn step_sizes_are_known_by_name_default_or_not() {
        let read: All = parse_config(&"tune_lr = 1e6".parse().unwrap()).unwrap();
        let rate = |name, value, stage| Rate { name, value, stage };
        assert_eq!(rates(&read), [rate("lr", 1e-3, Stage::Training), rate("tune_lr", 1e6, Stage::Adapting)]);
    }

    #[derive(Clone, Copy, Debug, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Start {
        FanIn,
    }

    crate::settings! {
        struct Shown {
            /// Images a step
            /// of a task (paper).
            batch: usize = 5 => COUNT, both;
            lr: f64 = 1e-8 => RATE, test;
            start: Start = Start::FanIn;
            norm: Option<Start> = Some(Start::FanIn);
            clip: Option<f64> = None => POSITIVE;
        }
    }

    #[test]
    fn a_key_is_shown_as_a_benchmarks_file_would_write_it() {
        let rows: Vec<String> = keys::<Shown>().iter().map(Key::row).collect();
        assert_eq!(
            rows,
            [
                "| `batch` | 5 | Images a step of a task (paper) |",
                "| `lr` | 1e-8 |  |",
                "| `start` | fan-in |  |",
                "| `norm` | fan-in |  |",
                "| `clip` | none |  |",
            ]
        );
        assert_eq!(keys::<Shown>()[0].range, Some("at least 1"));
        let read: Vec<Read> = Shown::FIELDS.iter().map(|field| field.read).collect();
        assert_eq!(read, [Read::Both, Read::Test, Read::Training, Read::Training, Read::Training]);
        // Each default can be written back.
        let Shown { batch, lr, start: Start::FanIn, norm: Some(Start::FanIn), clip: None } =
            parse_config(&"batch = 5\nlr = 1e-8\nstart = \"fan-in\"\nnorm = \"fan-in\"".parse().unwrap()).unwrap()
        else {
            panic!("other defaults")
        };
        assert_eq!((batch, lr), (5, 1e-8));
    }
}
