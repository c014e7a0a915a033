//! Where each value of a resolved benchmark came from: the file that says it, and how.

use harness_core::Result;
use toml::{Table, Value};

use super::base::{Chain, File, get, one_for_each_budget};
use super::method::TEST;
use super::{Benchmark, embedded, expression};

/// A value of a benchmark that is written out.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// As in a file: `method`, `reptile`, `lr`.
    pub path: Vec<String>,
    pub value: Value,
    /// The files that say it: several where it is one number for each budget. None: nobody says it, the rule of the
    /// field does.
    pub files: Vec<String>,
    /// The row that the value was taken from, where it is like another one.
    pub like: Option<String>,
    /// The expression that it was computed from.
    pub expression: Option<String>,
}

impl Benchmark {
    /// The benchmark of that name or path with the origin of each of its values, in the order of its canonical text, and
    /// the files behind it, its own first. Errors as [`Benchmark::find`].
    pub fn traced(what: &str) -> Result<(Benchmark, Vec<Traced>, Vec<String>)> {
        let (text, origin) = embedded::text_of(what, &[])?;
        let benchmark = Benchmark::parse(&text, &origin)?;
        let chain = Chain::load(&text, &origin)?;
        let whole: Table = benchmark.canonical()?.parse().expect("canonical text is TOML");
        let mut traced = Vec::new();
        trace(&chain, &whole, &mut Vec::new(), &mut traced);
        Ok((benchmark, traced, chain.0.into_iter().map(|file| file.name).collect()))
    }
}

fn trace(chain: &Chain, table: &Table, path: &mut Vec<String>, traced: &mut Vec<Traced>) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            // Sections, rows and their tables `test`; any other table is a value.
            Value::Table(inner) if path.len() == 1 || path[0] == "method" && (path.len() == 2 || key == TEST) => {
                trace(chain, inner, path, traced);
            }
            value => traced.push(origin(chain, path, value)),
        }
        path.pop();
    }
}

fn origin(chain: &Chain, path: &[String], value: &Value) -> Traced {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let mut traced =
        Traced { path: path.to_vec(), value: value.clone(), files: Vec::new(), like: None, expression: None };
    let each: Vec<Vec<&str>> = match value {
        // One number for each budget is merged, any other table stands where it is said.
        Value::Table(inner) if one_for_each_budget(inner) => {
            inner.keys().map(|key| [&words[..], &[key]].concat()).collect()
        }
        _ => vec![words],
    };
    for path in each {
        let Some(said) = said(chain, &path) else { continue };
        if !traced.files.contains(&said.file) {
            traced.files.push(said.file);
        }
        traced.like = traced.like.or(said.like);
        traced.expression = traced.expression.or(said.expression);
    }
    traced
}

struct Said {
    file: String,
    like: Option<String>,
    expression: Option<String>,
}

/// The nearest file that says something of a path: of a row's own block first, then of the rows that it is like, then of
/// `[row]`.
fn said(chain: &Chain, path: &[&str]) -> Option<Said> {
    let at = |path: &[&str], like: Option<&str>| {
        // `[model]` is taken over as a whole.
        let says = |file: &&File| path[0] != "model" || file.table.contains_key("model");
        let files = chain.0.iter().filter(says).take(if path[0] == "model" { 1 } else { usize::MAX });
        let (file, value) = files.into_iter().find_map(|file| Some((file, nearest(&file.table, path)?)))?;
        let expression = value.as_str().filter(|text| expression::may_stand_at(path) && expression::is_one(text));
        Some(Said { file: file.name.clone(), like: like.map(str::to_owned), expression: expression.map(str::to_owned) })
    };
    let ["method", label, rest @ ..] = path else { return at(path, None) };
    let label = block(chain, label);
    let rest: Vec<&str> = rest.iter().copied().filter(|key| *key != TEST).collect();
    let below = |start: &[&str], like: Option<&str>| at(&start.iter().chain(&rest).copied().collect::<Vec<_>>(), like);
    let in_block = |label: &str, like: Option<&str>| {
        below(&["method", label, "sweep"], like)
            .or_else(|| below(&["method", label, TEST], like))
            .or_else(|| below(&["method", label], like))
    };
    let likes = chain.likes(label);
    in_block(label, None)
        .or_else(|| likes.into_iter().find_map(|like| in_block(like, Some(like))))
        .or_else(|| below(&["row"], None))
}

/// The value at a path, or the one value that stands for all budgets.
fn nearest<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let whole = || get(table, &path[..path.len() - 1]).filter(|value| !value.is_table());
    get(table, path).or_else(whole)
}

/// The block that a row was made from: its own, or the one whose sweep it is of.
fn block<'a>(chain: &'a Chain, row: &'a str) -> &'a str {
    let labels = || {
        let rows = chain.0.iter().filter_map(|file| file.table.get("method")?.as_table());
        rows.flat_map(|rows| rows.keys().map(String::as_str))
    };
    let of_sweep = |label: &&str| row.strip_prefix(*label).is_some_and(|value| value.starts_with('-'));
    if labels().any(|label| label == row) {
        return row;
    }
    labels().filter(of_sweep).max_by_key(|label| label.len()).unwrap_or(row)
}
