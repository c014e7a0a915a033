//! `harness list benchmarks NAME`: a benchmark written out, every value with the file that says it.

use harness_core::{Entry, Result};
use serde_json::json;
use toml::Value;

use crate::benchmark::{Benchmark, Traced};
use crate::cli::Format;
use crate::commands::rows;

/// Column at which the files start, where a value leaves room.
const ASIDE: usize = 40;

/// As TOML that reads back as the same benchmark, or as JSON. Errors where a row could not be run: its algorithm or one of
/// its settings is none.
pub fn render(what: &str, format: Format, algorithms: &[Entry]) -> Result<String> {
    let (benchmark, traced, files) = Benchmark::traced(what)?;
    benchmark.methods.iter().try_for_each(|method| rows::without_data(&benchmark, method, algorithms).map(drop))?;
    if format == Format::Json {
        let row = |value: &Traced| {
            json!({
                "path": value.path.join("."),
                "value": value.value,
                "files": value.files,
                "like": value.like,
                "expression": value.expression,
            })
        };
        let values: Vec<_> = traced.iter().map(row).collect();
        return Ok(format!("{:#}\n", json!({ "name": benchmark.name, "files": files, "values": values })));
    }
    let mut out = format!(
        "# {}, written out: as a file this text is the same benchmark. After each value: the file that says it.\n# {}\n\n",
        benchmark.name,
        files.join(", ")
    );
    // TOML takes every key after a header to be of its table.
    let (tops, others): (Vec<&Traced>, Vec<&Traced>) = traced.iter().partition(|value| value.path.len() == 1);
    let mut section: Option<&[String]> = None;
    for value in tops.into_iter().chain(others) {
        let (key, parents) = value.path.split_last().expect("a value has a key");
        if section.is_some_and(|section| section != parents) {
            out += &format!("\n[{}]\n", parents.join("."));
        }
        section = Some(parents);
        out += &line(key, value);
    }
    Ok(out)
}

fn line(key: &str, value: &Traced) -> String {
    let expression = value.expression.as_ref().map(|text| format!("= {text}"));
    let like = value.like.as_ref().map(|label| format!("as {label}"));
    let aside = [Some(value.files.join(", ")).filter(|files| !files.is_empty()), expression, like];
    let aside = aside.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let aside = if aside.is_empty() { "left unsaid".to_owned() } else { aside };
    match &value.value {
        Value::Array(rows) if rows.iter().any(Value::is_table) => {
            let rows: String = rows.iter().map(|row| format!("  {row},\n")).collect();
            format!("{:<ASIDE$} # {aside}\n{rows}]\n", format!("{key} = ["))
        }
        single => format!("{:<ASIDE$} # {aside}\n", format!("{key} = {single}")),
    }
}
