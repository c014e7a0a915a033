//! A method's own settings: a serde struct in its crate, read from the `[method.<label>]` block of a benchmark.

use serde::de::DeserializeOwned;

use crate::error::{Error, Result, nearest};

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

/// Checks counts that make no sense at 0: pairs of a setting's name and value. Errors: [`Error::Usage`] naming the first
/// that is 0.
pub fn at_least_one(settings: &[(&str, usize)]) -> Result<()> {
    match settings.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(Error::usage(format!("{name} = 0: it must be at least 1"))),
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
}
