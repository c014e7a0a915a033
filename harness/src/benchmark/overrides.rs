//! `--set path=value`: changes to a benchmark's tree before it is read, so that an overridden value passes the same
//! checks as a written one.

use harness_core::error::unknown;
use harness_core::{Error, Result};
use toml::{Table, Value};

use super::method::TEST;

/// Sections that `--set` can reach. Names and published numbers are not settings.
const SECTIONS: [&str; 5] = ["data", "model", "protocol", "eval", "method"];

/// Changes the tree of a benchmark's file. `set`: paths as in the file (`method.reptile.inner_iters`) with TOML values,
/// quotes around strings optional. Errors name the path, and `origin`, the benchmark, where another one may have it; a value
/// that is set twice, by itself or as a part of another one, is an error too.
pub(super) fn apply(table: &mut Table, set: &[(String, String)], origin: &str) -> Result<()> {
    let mut before: Vec<(Vec<&str>, String)> = Vec::new();
    for (path, value) in set {
        let path = path.trim();
        let at = |error: Error| Error::usage(format!("--set {path}: {error}"));
        let here = |error: Error| Error::usage(format!("{origin}: --set {path}: {error}"));
        let parsed = parse_value(value).map_err(at)?;
        let segments: Vec<&str> = path.split('.').collect();
        check_form(&segments).map_err(at)?;
        check_row(table, &segments).map_err(here)?;
        let place = where_it_stands(table, &segments);
        let said = format!("--set {path}={}", value.trim());
        let same = |other: &Vec<&str>| other.starts_with(&place) || place.starts_with(other);
        if let Some((_, other)) = before.iter().find(|(other, _)| same(other)) {
            return Err(Error::usage(format!("{said}: {other} says it already: leave one of them out")));
        }
        insert(table, &place, parsed).map_err(here)?;
        before.push((place, said));
    }
    Ok(())
}

/// Reads a TOML value; what is none is a string if it could not be meant as anything else.
fn parse_value(text: &str) -> Result<Value> {
    let text = text.trim();
    let parsed = format!("v = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    if let Some(value) = parsed.and_then(|mut table| table.remove("v")) {
        return Ok(value);
    }
    let word = text.starts_with(|c: char| c.is_alphabetic() || "./~".contains(c));
    if word && !text.contains(|c: char| c.is_control() || "\"'[]{}".contains(c)) {
        return Ok(Value::String(text.to_string()));
    }
    Err(Error::usage(format!(
        "\"{}\" is not a TOML value: a number, true, false, \"text\", [list]",
        text.escape_debug()
    )))
}

fn insert(table: &mut Table, segments: &[&str], value: Value) -> Result<()> {
    let Some((last, parents)) = segments.split_last() else { return Ok(()) };
    let mut here = table;
    for (depth, segment) in parents.iter().enumerate() {
        let child = here.entry(*segment).or_insert_with(|| Value::Table(Table::new()));
        here = child.as_table_mut().ok_or_else(|| {
            let parent = segments[..=depth].join(".");
            Error::usage(format!("{parent} is a value, it has no \"{}\"", segments[depth + 1]))
        })?;
    }
    here.insert(last.to_string(), value);
    Ok(())
}

/// The path of a method's setting where the block has it already: in its table `test`, or outside.
fn where_it_stands<'a>(table: &Table, segments: &[&'a str]) -> Vec<&'a str> {
    let block = |label: &str| table.get("method")?.get(label)?.as_table();
    let has =
        |block: &Table, key: &str| block.get(TEST).and_then(Value::as_table).is_some_and(|test| test.contains_key(key));
    match *segments {
        ["method", label, key] if block(label).is_some_and(|block| has(block, key)) => vec!["method", label, TEST, key],
        ["method", label, TEST, key] if block(label).is_some_and(|block| block.contains_key(key)) => {
            vec!["method", label, key]
        }
        _ => segments.to_vec(),
    }
}

/// What is wrong with a path in every benchmark alike.
fn check_form(segments: &[&str]) -> Result<()> {
    let first = segments.first().copied().unwrap_or_default();
    if !SECTIONS.contains(&first) {
        return Err(unknown("section", first, SECTIONS));
    }
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(Error::usage("a path looks like protocol.ways or method.reptile.inner_iters"));
    }
    let least = if first == "method" { 3 } else { 2 };
    if segments.len() < least {
        return Err(Error::usage(format!("{} is a section: name a key of it", segments.join("."))));
    }
    Ok(())
}

/// Errors on a row that the benchmark does not have.
fn check_row(table: &Table, segments: &[&str]) -> Result<()> {
    let ["method", label, ..] = segments else { return Ok(()) };
    let rows = table.get("method").and_then(Value::as_table);
    let labels = || rows.into_iter().flat_map(|rows| rows.keys().map(String::as_str));
    if labels().any(|known| known == *label) { Ok(()) } else { Err(unknown("method", label, labels())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(pairs: &[(&str, &str)]) -> Result<Table, String> {
        let text = "[protocol]\nways = 5\n[eval]\nepisodes = { quick = 1, short = 2, paper = 3 }\n\
                    [method.reptile]\nlr = 0.1";
        let mut table = text.parse().unwrap();
        let set: Vec<_> = pairs.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
        apply(&mut table, &set, "b.toml").map_err(|error| error.to_string())?;
        Ok(table)
    }

    #[test]
    fn values_are_toml_and_words_need_no_quotes() {
        let table = applied(&[
            ("method.reptile.lr", "2e-3"),
            ("method.reptile.optimizer", "sgd"),
            ("method.reptile.note", "\"a b\""),
            ("method.reptile.view.invert", "true"),
            ("eval.episodes.quick", "9"),
        ])
        .unwrap();
        let block = &table["method"]["reptile"];
        assert_eq!(block["lr"].as_float(), Some(2e-3));
        assert_eq!(block["optimizer"].as_str(), Some("sgd"));
        assert_eq!(block["note"].as_str(), Some("a b"));
        assert_eq!(block["view"]["invert"].as_bool(), Some(true));
        assert_eq!(table["eval"]["episodes"]["quick"].as_integer(), Some(9));
        assert_eq!(table["eval"]["episodes"]["paper"].as_integer(), Some(3));
        for bad in ["", "[1,", "\"x", "1 2", "5w", "a\nb = 3", "1\nb = 3"] {
            let error = applied(&[("protocol.ways", bad)]).unwrap_err();
            assert!(error.starts_with("--set protocol.ways: ") && !error.contains('\n'), "{bad:?}: {error}");
        }
    }

    #[test]
    fn a_wrong_path_names_the_nearest_right_one() {
        let error = |path| applied(&[(path, "1")]).unwrap_err();
        assert!(error("protocl.ways").contains("did you mean \"protocol\"?"));
        assert!(error("method.reptlie.lr").contains("unknown method \"reptlie\"; did you mean \"reptile\"?"));
        assert!(error("published.0.value").contains("known: data, model, protocol, eval, method"));
        assert!(error("protocol.ways.x").contains("protocol.ways is a value, it has no \"x\""));
        assert!(error("method.reptile").contains("name a key of it"));
        assert!(error("protocol.").contains("looks like") && error("").contains("unknown section"));
    }

    #[test]
    fn what_another_benchmark_may_have_is_told_of_this_one() {
        let error = |path| applied(&[(path, "1")]).unwrap_err();
        assert!(error("method.maml.lr").starts_with("b.toml: --set method.maml.lr: unknown method \"maml\""));
        assert!(error("protocol.ways.x").starts_with("b.toml: --set protocol.ways.x: "));
        assert!(error("protocl.ways").starts_with("--set protocl.ways: "), "no benchmark has it");
    }

    #[test]
    fn a_value_is_set_once() {
        let error = |pairs: &[(&str, &str)]| applied(pairs).unwrap_err();
        assert_eq!(
            error(&[("protocol.ways", "2"), ("method.reptile.lr", "1"), ("protocol.ways", "3")]),
            "--set protocol.ways=3: --set protocol.ways=2 says it already: leave one of them out"
        );
        let whole = error(&[("eval.episodes.quick", "9"), ("eval.episodes", "7")]);
        assert!(whole.contains("--set eval.episodes.quick=9 says it already"), "a part of it: {whole}");
        assert!(error(&[("eval.episodes", "7"), ("eval.episodes.quick", "9")]).contains("says it already"));
        // Inside of the table `test` or outside, it is one setting.
        let twice = error(&[("method.reptile.lr", "1"), ("method.reptile.test.lr", "2")]);
        assert!(twice.contains("--set method.reptile.lr=1 says it already"), "{twice}");
        assert!(applied(&[("eval.episodes.quick", "9"), ("eval.episodes.paper", "7")]).is_ok());
    }
}
