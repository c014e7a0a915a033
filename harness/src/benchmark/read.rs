//! From text to [`Benchmark`], section by section, so that every error names the path of the key that is wrong.

use std::path::Path;

use harness_core::config::told;
use harness_core::error::unknown;
use harness_core::{Error, Result};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::base::{BASE, Chain, get};
use super::{Benchmark, DataBlock, expression, method, overrides};

const KEYS: [&str; 11] =
    [BASE, "name", "title", "data", "model", "protocol", "eval", "figure", "row", "method", "published"];

/// `origin` is the file's path, or the name of an embedded benchmark; it stands before every error.
pub(super) fn parse(text: &str, origin: &str, set: &[(String, String)]) -> Result<Benchmark> {
    let plain = |error: Error| Error::usage(one_line(&error.to_string()));
    let chain = Chain::load(text, origin).map_err(plain)?;
    let at = |error: Error| {
        let text = error.to_string();
        let from_here = |(path, _): &(String, String)| text.starts_with(path.trim());
        let elsewhere =
            in_base(&chain, &text).filter(|_| !set.iter().any(from_here)).map(|file| format!(" ({file} says it)"));
        Error::usage(one_line(&format!("{origin}: {error}{}", elsewhere.unwrap_or_default())))
    };
    let mut table = chain.merged().map_err(at)?;
    overrides::apply(&mut table, set, origin).map_err(plain)?;
    chain.check_likes(&table).map_err(at)?;
    expression::resolve(&mut table).map_err(at)?;
    let benchmark = read(table, Path::new(origin)).map_err(at)?;
    benchmark.validate().map_err(at)?;
    Ok(benchmark)
}

/// The base that says what an error is about, where the benchmark's own file does not: `section: unknown key "x"…` and
/// `method.row.key: …` name the place.
fn in_base<'a>(chain: &'a Chain, error: &str) -> Option<&'a str> {
    let (place, what) = error.split_once(": ").filter(|(_, what)| !what.starts_with("missing"))?;
    let key = what.strip_prefix("unknown key \"").and_then(|rest| rest.split('"').next());
    let path: Vec<&str> = place.split('.').chain(key).collect();
    let at = chain.0.iter().position(|file| get(&file.table, &path).is_some())?;
    (at > 0).then(|| chain.0[at].name.as_str())
}

fn read(mut table: Table, origin: &Path) -> Result<Benchmark> {
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown("key", key, KEYS));
    }
    let stem = origin.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    Ok(Benchmark {
        name: take(&mut table, "", "name")?.or(stem).unwrap_or_default(),
        title: need(&mut table, "", "title")?,
        data: DataBlock {
            folder: origin.parent().map(Path::to_path_buf).unwrap_or_default(),
            ..need(&mut table, "", "data")?
        },
        model: need(&mut table, "", "model")?,
        protocol: need(&mut table, "", "protocol")?,
        eval: need(&mut table, "", "eval")?,
        figure: take(&mut table, "", "figure")?,
        methods: method::read_all(need(&mut table, "", "method")?, &take(&mut table, "", "row")?.unwrap_or_default())?,
        published: published(take(&mut table, "", "published")?.unwrap_or_default())?,
    })
}

fn published(rows: Vec<Value>) -> Result<Vec<super::PublishedValue>> {
    let read = |(row, value): (usize, Value)| {
        let label = value.get("label").and_then(Value::as_str).map(|label| format!(" ({label})"));
        convert(value, &format!("published row {row}{}", label.unwrap_or_default()))
    };
    (1..).zip(rows).map(read).collect()
}

/// The value of a key, which is removed from the table.
pub(super) fn take<T: DeserializeOwned>(table: &mut Table, path: &str, key: &str) -> Result<Option<T>> {
    table.remove(key).map(|value| convert(value, &join(path, key))).transpose()
}

/// As [`take`]; errors if there is no such key.
pub(super) fn need<T: DeserializeOwned>(table: &mut Table, path: &str, key: &str) -> Result<T> {
    let value = take(table, path, key)?;
    value.ok_or_else(|| {
        let hint = match harness_core::error::nearest(key, table.keys().map(String::as_str)) {
            Some(near) => format!("; is \"{near}\" meant to be it?"),
            None => String::new(),
        };
        Error::usage(format!("{} is missing{hint}", join(path, key)))
    })
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

fn convert<T: DeserializeOwned>(value: Value, path: &str) -> Result<T> {
    value.try_into().map_err(|error: toml::de::Error| Error::usage(told(&error, path)))
}

/// Keys, labels and `--set` paths may hold line breaks; an error that quotes them does not.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(plain).collect()
}
