//! A method's own settings: a serde struct in its crate, read from the `[method.<label>]` block of a benchmark.

use serde::de::value::Error as NoStruct;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};

use crate::error::{Error, Result, nearest, unknown};
use crate::settings::{self, Settings};

/// Reads a config. Errors: [`Error::Usage`] of one line; a wrong key names the nearest right one, a wrong type and a number out
/// of its [`Range`](crate::settings::Range) name the key. Keys are wrong only if `T` has `deny_unknown_fields`, which
/// [`settings!`](crate::settings!) gives.
///
/// ```
/// use harness_core::parse_config;
/// use harness_core::settings::{COUNT, RATE};
///
/// harness_core::settings! {
///     struct Config {
///         inner_iters: usize = 5 => COUNT;
///         lr: f64 = 1e-3 => RATE;
///     }
/// }
///
/// let config: Config = parse_config(&"inner_iters = 8".parse().unwrap())?;
/// assert_eq!((config.inner_iters, config.lr), (8, 1e-3));
///
/// let error = |text: &str| parse_config::<Config>(&text.parse().unwrap()).err().expect("wrong").to_string();
/// assert!(error("iner_iters = 8").contains("did you mean \"inner_iters\"?"));
/// assert!(error("lr = \"fast\"").starts_with("lr: invalid type: string \"fast\""));
/// assert_eq!(error("inner_iters = 0"), "inner_iters = 0: it must be at least 1");
/// # Ok::<(), harness_core::Error>(())
/// ```
pub fn parse_config<T: Settings>(table: &toml::Table) -> Result<T> {
    refuse_ways(table, keys::<T>())?;
    let read: T = table.clone().try_into().map_err(|error: toml::de::Error| match explain(error.message()) {
        // It names what is wrong, which is no value of a key.
        unknown if unknown.starts_with("unknown ") => Error::Usage(unknown),
        _ => Error::Usage(told(&error, "")),
    })?;
    settings::check(&read)?;
    Ok(read)
}

/// Reads two structs from one table: what several methods share, and a method's own keys. (serde's `flatten` does not go
/// with `deny_unknown_fields`.) A key that neither has is an error that names the nearest of both.
pub fn parse_parts<A: Settings, B: Settings>(table: &toml::Table) -> Result<(A, B)> {
    let (shared, own) = (keys::<A>(), keys::<B>());
    refuse_ways(table, &[shared, own].concat())?;
    if let Some(wrong) = table.keys().find(|key| ![shared, own].concat().contains(&key.as_str())) {
        return Err(unknown("key", wrong, shared.iter().chain(own).copied()));
    }
    let part = |keys: &[&str]| -> toml::Table {
        let held = table.iter().filter(|(key, _)| keys.contains(&key.as_str()));
        held.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    Ok((parse_config(&part(shared))?, parse_config(&part(own))?))
}

/// Training with other ways than the test is asked of every method, and most cannot: they say why rather than that they do
/// not know the key.
fn refuse_ways(table: &toml::Table, known: &[&str]) -> Result<()> {
    match table.contains_key("train_ways") && !known.contains(&"train_ways") {
        false => Ok(()),
        true => Err(Error::usage(
            "train_ways: this method tests the head that it trains, or trains on all classes at once, and has no ways of its \
             own in training: reptile and minibatch-prox take a new head at test, protonet has none",
        )),
    }
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

/// What is wrong with a value that was read from TOML, on one line, with the path of its key below `path` (may be empty).
pub fn told(error: &toml::de::Error, path: &str) -> String {
    let message = explain(error.message());
    // The keys below `path` are in no accessor, only in the last line of the error's text.
    let text = error.to_string();
    let below = text.lines().last().and_then(|line| line.strip_prefix("in `")?.strip_suffix('`'));
    let path = [path, below.unwrap_or_default()];
    let path = path.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
    if path.is_empty() { message } else { format!("{path}: {message}") }
}

/// Turns serde's `unknown field` into a sentence with a guess; other messages stay, on one line.
pub fn explain(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let quoted: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    let (kind, rest) = match line.split_once(" `") {
        Some(("unknown field", _)) => ("key", &quoted),
        Some(("unknown variant", _)) => ("value", &quoted),
        _ => return plain(line),
    };
    let Some((wrong, known)) = rest.split_first() else { return line };
    let hint = match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"? "),
        None => String::new(),
    };
    format!("unknown {kind} \"{wrong}\"; {hint}known: {}", known.join(", "))
}

/// Rust's names of types are no help to whoever writes a benchmark.
fn plain(line: String) -> String {
    let Some((head, kind)) = line.rsplit_once("expected ") else { return line };
    match kind {
        "usize" | "u64" | "u32" => format!("{head}expected a whole number, 0 or more"),
        "f64" => format!("{head}expected a number"),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Small {
        #[allow(dead_code)]
        inner_iters: usize,
        #[allow(dead_code)]
        #[serde(default)]
        order: Order,
    }

    impl Settings for Small {}

    #[derive(serde::Deserialize, Debug, Default)]
    #[serde(rename_all = "kebab-case")]
    enum Order {
        #[default]
        Folded,
        Sequential,
    }

    fn error(text: &str) -> String {
        parse_config::<Small>(&text.parse().unwrap()).unwrap_err().to_string()
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

    #[test]
    fn a_wrong_type_names_its_key_and_says_what_is_wanted() {
        let wanted = "expected a whole number, 0 or more";
        for (value, found) in [
            ("\"x\"", "invalid type: string \"x\""),
            ("1.5", "invalid type: floating point `1.5`"),
            ("-1", "invalid value: integer `-1`"),
            ("[1]", "invalid type: sequence"),
        ] {
            assert_eq!(error(&format!("inner_iters = {value}")), format!("inner_iters: {found}, {wanted}"));
        }
        assert!(error("inner_iters = 1\norder = 3").starts_with("order: "), "{}", error("inner_iters = 1\norder = 3"));
    }

    #[derive(serde::Deserialize, Debug, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Own {
        lambda: f64,
    }

    impl Settings for Own {}

    #[test]
    fn two_parts_read_one_table() {
        let parts = |text: &str| parse_parts::<Small, Own>(&text.parse().unwrap());
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
