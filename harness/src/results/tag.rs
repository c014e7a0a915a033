//! `--tag NAME`: what the user calls some runs. It lies in run.json and in no hash and no path, so that a tag can be
//! given, changed and left out without anything being trained again.

use harness_core::Result;

use super::run_dir::{RECORD, RunDir};
use super::run_json::{RunRecord, Status};
use crate::lists::shared_by;

/// Characters at most: a tag stands beneath tables.
const LONGEST: usize = 40;

/// Reads a tag. Errors with the rule that it breaks.
pub fn parse(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_alphanumeric() || "-_.+".contains(c);
    match text.chars().count() {
        1..=LONGEST if text.chars().all(allowed) => Ok(text.to_owned()),
        _ => Err(format!("1 to {LONGEST} letters, digits, -, _, . or +")),
    }
}

/// Gives the run in `dir` a tag, unless it has no record or is in somebody's hands.
pub fn put(dir: &RunDir, tag: &str) -> Result<()> {
    if !dir.path().join(RECORD).exists() {
        return Ok(());
    }
    let mut record = dir.record()?;
    if record.status == Status::Running || record.tag.as_deref() == Some(tag) {
        return Ok(());
    }
    record.tag = Some(tag.to_owned());
    dir.write_record(&record)
}

/// The tags of some runs, each once: `first, second`; None where no run has one.
pub fn of<'a>(records: impl IntoIterator<Item = &'a RunRecord>) -> Option<String> {
    let mut tags: Vec<&str> = records.into_iter().filter_map(|record| record.tag.as_deref()).collect();
    tags.sort_unstable();
    tags.dedup();
    (!tags.is_empty()).then(|| tags.join(", "))
}

/// `tagged first: reptile, maml`, for each tag among `rows` of label and tag, in their order.
pub fn notes<'a>(rows: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Vec<String> {
    let rows = rows.into_iter().filter_map(|(label, tag)| Some((tag?, label)));
    shared_by(rows).into_iter().map(|(tag, labels)| format!("tagged {tag}: {}", labels.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_short_word() {
        assert_eq!(parse("larger-head_2.1+x"), Ok("larger-head_2.1+x".into()));
        for text in ["", "two words", "a/b", "a,b", &"x".repeat(41)] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rows_of_one_tag_are_told_together() {
        let rows = [("a", Some("x")), ("a", Some("x")), ("b", None), ("c", Some("x")), ("d", Some("y"))];
        assert_eq!(notes(rows), ["tagged x: a, c", "tagged y: d"]);
    }
}
