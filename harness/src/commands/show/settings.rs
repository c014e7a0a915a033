//! The effective settings of a run, one a line, with the path that `--set` takes.

use serde_json::Value;

use crate::results::run_json::RunRecord;

/// What stands in the heading already.
const SAID: [&str; 5] = ["benchmark", "label", "seed", "meta_iters", "algorithm"];

/// `protocol.ways = 5`, in the order of the alphabet; an older record may have none.
pub fn lines(record: &RunRecord) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in record.config.as_object().into_iter().flatten() {
        match key.as_str() {
            key if SAID.contains(&key) => {}
            "method" | "view" | "model" if !value.is_null() => {
                let path = match key.as_str() {
                    "view" => format!("method.{}.view", record.label),
                    "method" => format!("method.{}", record.label),
                    _ => key.clone(),
                };
                flatten(&path, value, &mut lines);
            }
            _ => flatten(key, value, &mut lines),
        }
    }
    lines.sort();
    if !lines.is_empty() {
        lines.insert(0, format!("settings ({})", record.algorithm));
    }
    lines.iter().enumerate().map(|(i, line)| if i == 0 { line.clone() } else { format!("  {line}") }).collect()
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(table) => table.iter().for_each(|(key, value)| flatten(&format!("{path}.{key}"), value, lines)),
        value => lines.push(format!("{path} = {value}")),
    }
}
