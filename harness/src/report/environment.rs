//! Where numbers were made, as a paragraph to paste: processors, commits, hours.

use crate::results::run_json::RunRecord;

/// A few sentences over `records`; empty for none.
pub fn note<'a>(records: impl Iterator<Item = &'a RunRecord> + Clone) -> String {
    let distinct = |get: &dyn Fn(&RunRecord) -> String| {
        let mut all: Vec<String> = records.clone().map(get).filter(|text| !text.is_empty()).collect();
        all.sort();
        all.dedup();
        all
    };
    let runs = records.clone().count() as u64;
    if runs == 0 {
        return String::new();
    }
    let seconds: f64 = records.clone().map(|record| record.seconds).sum();
    let cpus = distinct(&|record| {
        let set =
            if record.instruction_set.is_empty() { String::new() } else { format!(" ({})", record.instruction_set) };
        if record.cpu.is_empty() { String::new() } else { format!("{}{set}", record.cpu) }
    });
    let commits = distinct(&|record| {
        let dirty = if record.git_dirty == Some(true) { " with changes" } else { "" };
        let commit = record.git_commit.as_deref().unwrap_or_default();
        if commit.is_empty() {
            String::new()
        } else {
            format!("{}{dirty}", commit.chars().take(12).collect::<String>())
        }
    });
    let versions = distinct(&|record| record.versions.get("harness").cloned().unwrap_or_default());
    let mut said = vec![format!(
        "{} took {} of wall-clock time",
        super::format::plural(runs, "training run"),
        crate::progress::human(seconds)
    )];
    let mut say = |words: &str, list: &[String]| {
        if !list.is_empty() {
            said.push(format!("{words} {}", list.join(", ")));
        }
    };
    say("on", &cpus);
    say("with harness", &versions);
    say("at commit", &commits);
    said.join(" ") + ".\n"
}
