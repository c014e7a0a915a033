//! `sweep = { inner_iters = [1, 2, 4] }`: one block of a file as several rows, one a value.

use harness_core::{Error, Result};
use toml::{Table, Value};

use super::read::take;

/// The rows that a block stands for, as labels and blocks: itself if it sweeps nothing.
///
/// Several lists are gone through side by side, so that settings which belong together change together. The first names
/// the rows: `LABEL-VALUE`, with `_` for a decimal point. All rows are of the series `LABEL`, unless the block says
/// otherwise. Errors name the list that is wrong.
pub(super) fn expand(label: &str, mut block: Table) -> Result<Vec<(String, Table)>> {
    let path = format!("method.{label}");
    let Some(sweep) = take::<Table>(&mut block, &path, "sweep")? else { return Ok(vec![(label.to_owned(), block)]) };
    let lists = sweep.iter().map(|(key, value)| Ok((key, list(&format!("{path}.sweep.{key}"), value)?)));
    let lists = lists.collect::<Result<Vec<_>>>()?;
    let Some((first, names)) = lists.first() else {
        return Err(Error::usage(format!(
            "{path}.sweep: name a setting and its values: {{ inner_iters = [1, 2, 4] }}"
        )));
    };
    if let Some((key, other)) = lists.iter().find(|(_, values)| values.len() != names.len()) {
        return Err(Error::usage(format!(
            "{path}.sweep: {first} has {} values, {key} has {}: lists of one sweep are gone through side by side",
            names.len(),
            other.len()
        )));
    }
    block.entry("algorithm").or_insert_with(|| Value::String(label.to_owned()));
    block.entry("series").or_insert_with(|| Value::String(label.to_owned()));
    let row = |at: usize| {
        let mut row = block.clone();
        row.extend(lists.iter().map(|(key, values)| ((*key).clone(), values[at].clone())));
        (format!("{label}-{}", word(&names[at])), row)
    };
    Ok((0..names.len()).map(row).collect())
}

fn list<'a>(path: &str, value: &'a Value) -> Result<&'a Vec<Value>> {
    let plain =
        |value: &Value| matches!(value, Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::String(_));
    value
        .as_array()
        .filter(|values| !values.is_empty() && values.iter().all(plain))
        .ok_or_else(|| Error::usage(format!("{path}: must be a list of values, such as [1, 2, 4]")))
}

/// A value as part of a label.
fn word(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        other => other.to_string().replace('.', "_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<Vec<(String, Table)>, String> {
        expand("line", text.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_are_gone_through_side_by_side_and_the_first_names_the_rows() {
        let rows = expanded("lr = 0.1\ninner_iters = 9\nsweep = { meta_step = [0.25, 1.0], inner_iters = [2, 3] }");
        let rows = rows.unwrap();
        let labels: Vec<&str> = rows.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["line-0_25", "line-1_0"]);
        let want = "lr = 0.1\ninner_iters = 3\nmeta_step = 1.0\nalgorithm = \"line\"\nseries = \"line\"";
        assert_eq!(rows[1].1, want.parse::<Table>().unwrap());
    }

    #[test]
    fn a_block_without_a_sweep_is_itself_and_names_stay() {
        assert_eq!(expanded("lr = 0.1").unwrap(), [("line".to_owned(), "lr = 0.1".parse().unwrap())]);
        let rows = expanded("algorithm = \"a\"\nseries = \"s\"\nsweep = { tail = [\"shared\"] }").unwrap();
        assert_eq!(rows[0].0, "line-shared");
        assert_eq!((rows[0].1["algorithm"].as_str(), rows[0].1["series"].as_str()), (Some("a"), Some("s")));
    }

    #[test]
    fn a_wrong_list_is_named() {
        for (text, part) in [
            ("sweep = 3", "method.line.sweep: invalid type"),
            ("sweep = {}", "method.line.sweep: name a setting"),
            ("sweep = { lr = 0.1 }", "method.line.sweep.lr: must be a list"),
            ("sweep = { lr = [] }", "method.line.sweep.lr: must be a list"),
            ("sweep = { lr = [[1]] }", "method.line.sweep.lr: must be a list"),
            ("sweep = { lr = [1, 2], tail = [1] }", "lr has 2 values, tail has 1"),
        ] {
            let error = expanded(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
