//! `"ways * 0.4"`: a value that follows from the cell's ways, shots and queries. Resolved before anything is read or hashed,
//! so that a run's config holds numbers alone.

use harness_core::error::unknown;
use harness_core::{Error, Result};
use toml::{Table, Value};

use super::read::take;

/// What an expression may speak of.
const NAMES: [&str; 3] = ["ways", "shots", "queries"];
const FUNCTIONS: [&str; 2] = ["ceil", "round"];
/// Keys of a row whose values are words.
const WORDS: [&str; 10] =
    ["algorithm", "like", "note", "legend", "series", "select", "split", "model", "view", super::base::UNSET];
/// Parentheses and signs inside one another.
const DEEPEST: usize = 32;

/// Whether a text is meant to be computed: it speaks of ways, shots or queries.
pub(super) fn is_one(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| NAMES.contains(&word))
}

/// Whether the value at a path may be one.
pub(super) fn may_stand_at(path: &[&str]) -> bool {
    match path {
        ["protocol", ..] => true,
        ["method", _, keys @ ..] => !keys.iter().any(|key| WORDS.contains(key)),
        _ => false,
    }
}

/// Computes every expression of a benchmark's tree: that of `protocol.queries` from ways and shots, then those of the rows.
/// Errors name the key, the expression and what is wrong with it.
pub(super) fn resolve(table: &mut Table) -> Result<()> {
    let mut known: Vec<(&str, f64)> = Vec::new();
    if let Some(Value::Table(protocol)) = table.get_mut("protocol") {
        // What is wrong here is told before whatever follows from it.
        if let Some(key) = protocol.keys().find(|key| !NAMES.contains(&key.as_str())) {
            return Err(Error::usage(format!("protocol: {}", unknown("key", key, NAMES))));
        }
        for name in NAMES {
            if let Some(value) = protocol.get_mut(name) {
                compute(value, &format!("protocol.{name}"), &known)?;
            }
            let number = take::<usize>(&mut protocol.clone(), "protocol", name)?;
            known.extend(number.map(|value| (name, value as f64)));
        }
    }
    if let Some(Value::Table(rows)) = table.get_mut("method") {
        for (label, row) in rows.iter_mut() {
            compute_all(row, &format!("method.{label}"), &known)?;
        }
    }
    Ok(())
}

fn compute_all(value: &mut Value, path: &str, known: &[(&str, f64)]) -> Result<()> {
    match value {
        Value::Table(table) => {
            let mut computed = table.iter_mut().filter(|(key, _)| !WORDS.contains(&key.as_str()));
            computed.try_for_each(|(key, value)| compute_all(value, &format!("{path}.{key}"), known))
        }
        Value::Array(values) => values.iter_mut().try_for_each(|value| compute_all(value, path, known)),
        _ => compute(value, path, known),
    }
}

fn compute(value: &mut Value, path: &str, known: &[(&str, f64)]) -> Result<()> {
    let Value::String(text) = &*value else { return Ok(()) };
    if is_one(text) {
        *value = evaluate(text, known).map_err(|what| Error::usage(format!("{path}: \"{text}\": {what}")))?;
    }
    Ok(())
}

/// A number, and whether it is a whole one as TOML has them.
#[derive(Clone, Copy)]
struct Number {
    value: f64,
    whole: bool,
}

/// The value of an expression of numbers, names, + - * / and parentheses, ceil(x) and round(x, digits). Whole numbers stay
/// whole, but for a division that leaves something.
fn evaluate(text: &str, known: &[(&str, f64)]) -> Result<Value> {
    let mut reader = Reader { rest: text.trim_start(), known, depth: 0 };
    let Number { value, whole } = reader.sum()?;
    if let Some(c) = reader.rest.chars().next() {
        return Err(Error::usage(format!("\"{c}\" is out of place")));
    }
    match whole && value.abs() < 2f64.powi(53) {
        _ if !value.is_finite() => Err(Error::usage("is no number")),
        true => Ok(Value::Integer(value as i64)),
        false => Ok(Value::Float(value)),
    }
}

struct Reader<'a> {
    rest: &'a str,
    known: &'a [(&'a str, f64)],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, c: char) -> bool {
        let after = self.rest.strip_prefix(c).map(str::trim_start);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn need(&mut self, c: char) -> Result<()> {
        if self.take(c) { Ok(()) } else { Err(Error::usage(format!("\"{c}\" is missing"))) }
    }

    /// The longest start of the rest that holds such characters.
    fn run(&mut self, of: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !of(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        run
    }

    fn sum(&mut self) -> Result<Number> {
        let mut left = self.product()?;
        loop {
            let sign = match (self.take('+'), self.take('-')) {
                (true, _) => 1.0,
                (_, true) => -1.0,
                _ => return Ok(left),
            };
            let right = self.product()?;
            left = Number { value: left.value + sign * right.value, whole: left.whole && right.whole };
        }
    }

    fn product(&mut self) -> Result<Number> {
        let mut left = self.factor()?;
        loop {
            if self.take('*') {
                let right = self.factor()?;
                left = Number { value: left.value * right.value, whole: left.whole && right.whole };
            } else if self.take('/') {
                let right = self.factor()?;
                let value = left.value / right.value;
                left = Number { value, whole: left.whole && right.whole && value.fract() == 0.0 };
            } else {
                return Ok(left);
            }
        }
    }

    fn factor(&mut self) -> Result<Number> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Error::usage("too many parentheses inside one another"));
        }
        let number = self.number_name_or_group();
        self.depth -= 1;
        number
    }

    fn number_name_or_group(&mut self) -> Result<Number> {
        if self.take('-') {
            let Number { value, whole } = self.factor()?;
            return Ok(Number { value: -value, whole });
        }
        if self.take('(') {
            let inside = self.sum()?;
            return self.need(')').map(|()| inside);
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return self.number();
        }
        let word = self.run(|c| c.is_alphanumeric() || c == '_');
        if let Some((_, value)) = self.known.iter().find(|(name, _)| *name == word) {
            return Ok(Number { value: *value, whole: true });
        }
        match word {
            "" => Err(Error::usage("a number is missing")),
            name if NAMES.contains(&name) => Err(Error::usage(format!("protocol.{name} is missing"))),
            "ceil" => {
                let [x] = self.arguments()?;
                Ok(Number { value: x.value.ceil(), whole: true })
            }
            "round" => {
                let [x, digits] = self.arguments()?;
                let unit = 10f64.powf(digits.value);
                Ok(Number { value: (x.value * unit).round() / unit, whole: digits.value == 0.0 })
            }
            other => {
                let known = self.known.iter().map(|(name, _)| *name).chain(FUNCTIONS);
                Err(unknown("word", other, known.collect::<Vec<_>>()))
            }
        }
    }

    fn number(&mut self) -> Result<Number> {
        let bytes = self.rest.as_bytes();
        let part = |at: usize| match bytes[at] {
            b'+' | b'-' => matches!(bytes[at - 1], b'e' | b'E'),
            byte => byte.is_ascii_alphanumeric() || byte == b'.',
        };
        let end = (1..bytes.len()).find(|at| !part(*at)).unwrap_or(bytes.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        let value = word.parse::<f64>().map_err(|_| Error::usage(format!("\"{word}\" is no number")))?;
        Ok(Number { value, whole: word.bytes().all(|byte| byte.is_ascii_digit()) })
    }

    fn arguments<const N: usize>(&mut self) -> Result<[Number; N]> {
        let mut arguments = [Number { value: 0.0, whole: true }; N];
        for (at, argument) in arguments.iter_mut().enumerate() {
            self.need(if at == 0 { '(' } else { ',' })?;
            *argument = self.sum()?;
        }
        self.need(')').map(|()| arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<Value, String> {
        evaluate(text, &[("ways", 5.0), ("shots", 1.0)]).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_stay_whole() {
        for (text, wanted) in [
            ("shots", Value::Integer(1)),
            ("ways * shots", Value::Integer(5)),
            ("100 * ceil(ways * shots / 4)", Value::Integer(200)),
            ("ways * 0.4", Value::Float(2.0)),
            ("ways / 2", Value::Float(2.5)),
            ("10 * ways / 2", Value::Integer(25)),
            ("round(10 * shots / (ways * 15), 4)", Value::Float(0.1333)),
            (" - ( ways - -2 ) + 2*3 ", Value::Integer(-1)),
            ("ways - shots - shots", Value::Integer(3)),
            ("round(ways / 2, 0)", Value::Integer(3)),
            ("ways*2e-1-1", Value::Float(0.0)),
        ] {
            assert_eq!(value(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_computed_is_named() {
        let deep = format!("{}ways", "(".repeat(100_000));
        for (text, part) in [
            ("way * 2", "unknown word \"way\"; did you mean \"ways\"?"),
            ("ways *", "a number is missing"),
            ("ways 2", "\"2\" is out of place"),
            ("(ways", "\")\" is missing"),
            ("3x * ways", "\"3x\" is no number"),
            ("round(ways)", "\",\" is missing"),
            ("ways / 0", "is no number"),
            ("ways * queries", "protocol.queries is missing"),
            (deep.as_str(), "too many parentheses"),
        ] {
            let error = value(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn words_are_left_as_they_are() {
        for word in ["adam", "each-step", "fan-in", "last-step", "per-draw", "shared", "way"] {
            assert!(!is_one(word), "{word}");
        }
        let text = "[protocol]\nways = 5\nshots = 2\nqueries = \"shots\"\n[method.m]\nnote = \"two shots\"\nlr = \"ways * 0.1\"\n\
                    n = { quick = \"shots\", paper = 3 }\nsweep = { k = [1, \"ways\"] }\noptimizer = \"adam\"";
        let mut table: Table = text.parse().unwrap();
        resolve(&mut table).unwrap();
        let wanted = "[protocol]\nways = 5\nshots = 2\nqueries = 2\n[method.m]\nnote = \"two shots\"\nlr = 0.5\n\
                      n = { quick = 2, paper = 3 }\nsweep = { k = [1, 5] }\noptimizer = \"adam\"";
        assert_eq!(table, wanted.parse::<Table>().unwrap());
        let mut wrong: Table = "protocol.ways = 5\n[method.m]\nlr = \"ways * sots\"".parse().unwrap();
        let error = resolve(&mut wrong).unwrap_err().to_string();
        assert!(error.starts_with("method.m.lr: \"ways * sots\": unknown word \"sots\""), "{error}");
    }
}
