//! Where the numbers come from: every run with its machine, time, commit, hashes and effective configuration.

use crate::identity::{self, Segment};
use crate::results::metrics::MetricRow;
use crate::results::rows::Summary;
use crate::results::run_json::RunRecord;
use crate::words;
use serde::Serialize;
use serde_json::Value;

/// One run, or what is left of one.
#[derive(Serialize)]
pub struct RunLine {
    pub method: String,
    pub seed: u64,
    pub status: String,
    /// Why it is not in the tables, or which state is and whose work that was.
    pub reason: Option<String>,
    pub meta_iters: String,
    /// `12 min 12 s`, and in hours.
    pub time: String,
    pub hours: String,
    pub machine: String,
    pub commit: String,
    pub ended: String,
}

/// What lies behind the rows of one benchmark: its runs, their settings and their hashes. What all of them share is said
/// once.
#[derive(Serialize)]
pub struct Appendix {
    pub lines: Vec<RunLine>,
    /// `protocol.ways` and `5`.
    pub settings: Vec<(String, String)>,
    /// A name, and the sha256.
    pub hashes: Vec<(String, String)>,
    pub recipes: Vec<Recipe>,
}

/// What one method has of its own.
#[derive(Serialize)]
pub struct Recipe {
    pub method: String,
    pub algorithm: String,
    pub overridden: bool,
    pub parts: Vec<Part>,
}

/// Runs with the same settings, the seed apart.
#[derive(Serialize)]
pub struct Part {
    pub seeds: String,
    pub settings: Vec<(String, String)>,
    pub hashes: Vec<(String, String)>,
}

impl Appendix {
    pub fn new(summary: &Summary, benchmark: &str) -> Self {
        let records = records(summary, benchmark);
        let settings: Vec<Pairs> = records.iter().map(|record| settings(record)).collect();
        let hashes: Vec<Pairs> = records.iter().map(|record| hashes(record)).collect();
        let (shared, shared_hashes) = (shared(&settings), shared(&hashes));
        let own = |pairs: &Pairs, shared: &Pairs| -> Pairs {
            pairs.iter().filter(|pair| !shared.contains(pair)).cloned().collect()
        };
        let mut recipes: Vec<Recipe> = Vec::new();
        for (index, record) in records.iter().enumerate() {
            if recipes.last().is_none_or(|recipe| recipe.method != record.label) {
                let (method, algorithm) = (record.label.clone(), record.algorithm.clone());
                recipes.push(Recipe { method, algorithm, overridden: false, parts: Vec::new() });
            }
            let recipe = recipes.last_mut().expect("just pushed");
            recipe.overridden |= record.overridden;
            let (settings, mut hashes) = (own(&settings[index], &shared), own(&hashes[index], &shared_hashes));
            let seed = record.seed;
            match recipe.parts.iter_mut().find(|part| part.settings == settings) {
                Some(part) => {
                    part.seeds += &format!(", {seed}");
                    hashes.retain(|pair| !part.hashes.contains(pair));
                    hashes.iter_mut().for_each(|(name, _)| *name += &format!(", seed {seed}"));
                    part.hashes.extend(hashes);
                }
                None => recipe.parts.push(Part { seeds: format!("seed {seed}"), settings, hashes }),
            }
        }
        Appendix { lines: lines(summary, benchmark), settings: shared, hashes: shared_hashes, recipes }
    }
}

/// Names with their values.
type Pairs = Vec<(String, String)>;

/// What all of `lists` hold; nothing for a single one, whose own list is the same.
fn shared(lists: &[Pairs]) -> Pairs {
    let Some((first, others)) = lists.split_first().filter(|(_, others)| !others.is_empty()) else { return Vec::new() };
    first.iter().filter(|pair| others.iter().all(|other| other.contains(pair))).cloned().collect()
}

fn settings(record: &RunRecord) -> Pairs {
    let mut config = record.config.clone();
    if let Some(table) = config.as_object_mut() {
        table.remove("seed");
    }
    let mut flat = Vec::new();
    flatten("", &config, &mut flat);
    flat
}

fn hashes(record: &RunRecord) -> Pairs {
    let versions: Vec<String> = record.versions.iter().map(|(name, v)| format!("{name} {v}")).collect();
    let all = [
        ("specification", record.spec_hash.as_str()),
        ("configuration", &record.config_hash),
        ("data", &record.data_digest),
        ("test episodes", &record.episode_hash),
        ("training code", record.code.as_ref().map_or("", |code| code.training.as_str())),
        ("evaluation code", record.code.as_ref().map_or("", |code| code.evaluation.as_str())),
        ("git commit", record.git_commit.as_deref().unwrap_or_default()),
        ("versions", &versions.join(", ")),
    ];
    let known = all.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The runs of `benchmark`, in the order of its table.
pub fn lines(summary: &Summary, benchmark: &str) -> Vec<RunLine> {
    let last = |record: &RunRecord| {
        let place = |record: &RunRecord| (record.benchmark.clone(), record.label.clone(), record.seed);
        summary.runs.iter().find(|run| place(&run.record) == place(record)).map_or(&[][..], |run| &run.last)
    };
    let line = |record| line(record, last(record));
    let mut lines: Vec<RunLine> = records(summary, benchmark).into_iter().map(line).collect();
    for left in summary.excluded.iter().filter(|left| left.benchmark == benchmark) {
        if let Some(line) = lines.iter_mut().find(|l| (&l.method, l.seed) == (&left.method, left.seed)) {
            line.status = left.status.to_string();
            line.reason = left.reason.clone();
        } else {
            lines.push(RunLine {
                method: left.method.clone(),
                seed: left.seed,
                status: left.status.to_string(),
                reason: left.reason.clone(),
                meta_iters: String::new(),
                time: String::new(),
                hours: String::new(),
                machine: String::new(),
                commit: String::new(),
                ended: String::new(),
            });
        }
    }
    lines
}

/// Complete runs and unfinished ones, as the benchmark file orders its methods.
fn records<'a>(summary: &'a Summary, benchmark: &str) -> Vec<&'a RunRecord> {
    let all = summary.runs.iter().map(|run| &run.record).chain(&summary.unfinished);
    let mut records: Vec<&RunRecord> = all.filter(|record| record.benchmark == benchmark).collect();
    records.sort_by(|a, b| (a.order, &a.label, a.seed).cmp(&(b.order, &b.label, b.seed)));
    records
}

fn line(record: &RunRecord, last: &[MetricRow]) -> RunLine {
    let known = |text: &str, lead: &str| if text.is_empty() { String::new() } else { format!("{lead}{text}") };
    let threads =
        if record.threads > 0 { format!(", {}", words::plural(record.threads, "thread")) } else { String::new() };
    RunLine {
        method: record.label.clone(),
        seed: record.seed,
        status: record.status.name().to_string(),
        reason: record.failure.clone().or_else(|| about(record, last)),
        meta_iters: words::thousands(record.meta_iters),
        time: if record.seconds > 0.0 { words::duration(record.seconds) } else { String::new() },
        hours: if record.seconds > 0.0 { words::hours(record.seconds) } else { String::new() },
        machine: format!("{}{}{threads}", record.cpu, known(&record.instruction_set, ", ")),
        commit: record.git_commit.as_ref().map_or(String::new(), |commit| {
            let dirty = if record.git_dirty == Some(true) { " + changes" } else { "" };
            format!("{}{dirty}", commit.chars().take(12).collect::<String>())
        }),
        ended: record.ended.clone().unwrap_or_default(),
    }
}

/// Which state is reported, and whose meta-iterations these were.
fn state(record: &RunRecord, last: &[MetricRow]) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(step) = record.selected_step {
        let mut text = format!("the best on validation classes after {}", words::thousands(step));
        let number = |last: &MetricRow| format!("{} {}", last.mode.as_str(), record.metric.value(last.value));
        let numbers: Vec<String> = last.iter().map(number).collect();
        if !numbers.is_empty() {
            text += &format!(" (the last state: {})", numbers.join(", "));
        }
        said.push(text);
    }
    said.extend(record.trained_by.as_ref().map(|of| format!("trained by {of}")));
    if let Some(step) = record.took_over() {
        said.push(format!("to {} trained by another run, whose time is not counted", words::thousands(step)));
    }
    said
}

/// Of a run that several builds or kinds of machines made, or that another build kept.
fn stretches(record: &RunRecord) -> Vec<String> {
    let one = |segment: &Segment| {
        format!("from step {} on {}, {}", segment.first_step, segment.build(), segment.instruction_set)
    };
    let kept = record
        .kept
        .as_ref()
        .map(|kept| format!("of another build, kept beside {}", identity::build(kept.git_commit.as_deref(), None)));
    let several = (record.segments.len() > 1).then(|| record.segments.iter().map(one).collect::<Vec<_>>().join("; "));
    kept.into_iter().chain(several).collect()
}

/// What a reader of a run's line should know beyond its columns.
fn about(record: &RunRecord, last: &[MetricRow]) -> Option<String> {
    let said = [state(record, last), stretches(record)].concat();
    (!said.is_empty()).then(|| said.join("; "))
}

/// The leaves of `value` under dotted names, as `--set` takes them.
fn flatten(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(table) if !table.is_empty() => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, out);
            }
        }
        Value::Null if path.is_empty() => {}
        value => out.push((path.to_string(), value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_flat() {
        let config = serde_json::json!({"b": {"x": 1, "y": ["u", "v"]}, "a": "t", "c": {}});
        let mut flat = Vec::new();
        flatten("", &config, &mut flat);
        let told: Vec<String> = flat.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        assert_eq!(told, ["a = \"t\"", "b.x = 1", "b.y = [\"u\",\"v\"]", "c = {}"]);
    }
}
