//! A method's own settings: a serde struct in its crate, read from the `[method.<label>]` block of a benchmark.

use serde::de::value::Error as NoStruct;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};

use crate::error::{Error, Result, nearest, unknown};

/// Reads a config. Errors: [`Error::Usage`] of one line; a wrong key names the nearest right one, a wrong type is told.
/// Keys are wrong only if `T` has `deny_unknown_fields`.
///
/// ```
/// use harness_core::parse_config;
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields, default)]
/// struct Config {
///     inner_iters: usize,
///     lr: f64,
/// }
///
/// impl Default for Config {
///     fn default() -> Self {
///         Config { inner_iters: 5, lr: 1e-3 }
///     }
/// }
///
/// let config: Config = parse_config(&"inner_iters = 8".parse().unwrap())?;
/// assert_eq!((config.inner_iters, config.lr), (8, 1e-3));
///
/// let error = parse_config::<Config>(&"iner_iters = 8".parse().unwrap()).err().expect("a wrong key");
/// assert!(error.to_string().contains("did you mean \"inner_iters\"?"));
/// # Ok::<(), harness_core::Error>(())
/// ```
pub fn parse_config<T: DeserializeOwned>(table: &toml::Table) -> Result<T> {
    table.clone().try_into().map_err(|error: toml::de::Error| Error::Usage(explain(error.message())))
}

/// Reads two structs from one table: what several methods share, and a method's own keys. (serde's `flatten` does not go
/// with `deny_unknown_fields`.) A key that neither has is an error that names the nearest of both.
pub fn parse_parts<A: DeserializeOwned, B: DeserializeOwned>(table: &toml::Table) -> Result<(A, B)> {
    let (shared, own) = (keys::<A>(), keys::<B>());
    if let Some(wrong) = table.keys().find(|key| ![shared, own].concat().contains(&key.as_str())) {
        return Err(unknown("key", wrong, shared.iter().chain(own).copied()));
    }
    let part = |keys: &[&str]| -> toml::Table {
        let held = table.iter().filter(|(key, _)| keys.contains(&key.as_str()));
        held.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    Ok((parse_config(&part(shared))?, parse_config(&part(own))?))
}

/// The keys of a settings struct: the fields that its derived `Deserialize` asks for. None for what is no struct.
pub fn keys<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It always fails: only the question is of interest.
    let _ = T::deserialize(Asked(&mut fields));
    fields
}

struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = NoStruct;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NoStruct> {
        *self.0 = fields;
        Err(NoStruct::custom("there is nothing to read"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoStruct> {
        Err(NoStruct::custom("not a struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Checks counts that make no sense at 0: pairs of a setting's name and value. Errors: [`Error::Usage`] naming the first
/// that is 0.
pub fn at_least_one(settings: &[(&str, usize)]) -> Result<()> {
    match settings.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(Error::usage(format!("{name} = 0: it must be at least 1"))),
        None => Ok(()),
    }
}

/// Checks numbers that must be above 0: pairs of a setting's name and value. Errors: [`Error::Usage`] naming the first that
/// is not.
pub fn positive(settings: &[(&str, f64)]) -> Result<()> {
    all(settings, "above 0", |value| value > 0.0)
}

/// As [`positive`], for numbers that may be 0.
pub fn not_negative(settings: &[(&str, f64)]) -> Result<()> {
    all(settings, "0 or more", |value| value >= 0.0)
}

fn all(settings: &[(&str, f64)], what: &str, holds: impl Fn(f64) -> bool) -> Result<()> {
    match settings.iter().find(|(_, value)| !(value.is_finite() && holds(*value))) {
        Some((name, value)) => Err(Error::usage(format!("{name} = {value}: it must be {what}"))),
        None => Ok(()),
    }
}

/// Turns serde's `unknown field` into a sentence with a guess; other messages stay, on one line.
pub fn explain(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let quoted: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    let (kind, rest) = match line.split_once(" `") {
        Some(("unknown field", _)) => ("key", &quoted),
        Some(("unknown variant", _)) => ("value", &quoted),
        _ => return line,
    };
    let Some((wrong, known)) = rest.split_first() else { return line };
    let hint = match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"? "),
        None => String::new(),
    };
    format!("unknown {kind} \"{wrong}\"; {hint}known: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        #[allow(dead_code)]
        inner_iters: usize,
        #[allow(dead_code)]
        #[serde(default)]
        order: Order,
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        assert!(positive(&[("sigma", 0.1)]).is_ok() && not_negative(&[("lambda", 0.0)]).is_ok());
        let wrong = positive(&[("lr", 1.0), ("sigma", 0.0)]).unwrap_err();
        assert_eq!(wrong.to_string(), "sigma = 0: it must be above 0");
        for value in [-1.0, f64::NAN, f64::INFINITY] {
            let wrong = not_negative(&[("lambda", value)]).unwrap_err();
            assert_eq!(wrong.to_string(), format!("lambda = {value}: it must be 0 or more"));
        }
    }

    #[derive(serde::Deserialize, Debug, Default)]
    #[serde(rename_all = "kebab-case")]
    enum Order {
        #[default]
        Folded,
        Sequential,
    }

    fn error(text: &str) -> String {
        parse_config::<Settings>(&text.parse().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_key_or_value_names_the_nearest_right_one() {
        assert_eq!(
            error("iner_iters = 3"),
            "unknown key \"iner_iters\"; did you mean \"inner_iters\"? known: inner_iters, order"
        );
        assert_eq!(
            error("inner_iters = 3\norder = \"sequentiel\""),
            "unknown value \"sequentiel\"; did you mean \"sequential\"? known: folded, sequential"
        );
        assert!(error("inner_iters = \"x\"").contains("invalid type"));
    }

    #[derive(serde::Deserialize, Debug, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Own {
        lambda: f64,
    }

    #[test]
    fn two_parts_read_one_table() {
        let parts = |text: &str| parse_parts::<Settings, Own>(&text.parse().unwrap());
        let (shared, own) = parts("lambda = 0.5\ninner_iters = 3").unwrap();
        assert_eq!((shared.inner_iters, own.lambda), (3, 0.5));
        let error = |text: &str| parts(text).unwrap_err().to_string();
        let known = "known: inner_iters, order, lambda";
        assert_eq!(error("lamda = 1"), format!("unknown key \"lamda\"; did you mean \"lambda\"? {known}"));
        assert_eq!(
            error("inner_itres = 1"),
            format!("unknown key \"inner_itres\"; did you mean \"inner_iters\"? {known}")
        );
        assert!(error("inner_iters = 3\nlambda = \"x\"").contains("invalid type"));
        assert!(error("lambda = 1.0").contains("missing field `inner_iters`"));
        assert_eq!(keys::<f64>(), [""; 0]);
    }
}
