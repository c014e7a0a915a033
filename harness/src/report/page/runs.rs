//! Where the numbers come from: every run with its machine, time, commit, hashes and effective configuration.

use crate::{
    identity::{self, Segment},
    progress::human,
    record::RunRecord,
    report::{format, run::Final, summary::Summary},
};
use serde::Serialize;
use serde_json::Value;

/// One run, or what is left of one.
#[derive(Serialize)]
pub struct RunLine {
    pub method: String,
    pub seed: u64,
    pub status: String,
    /// Why it is not in the tables.
    pub reason: Option<String>,
    pub meta_iters: String,
    /// `12 min 12 s`, and in hours.
    pub time: String,
    pub hours: String,
    pub machine: String,
    pub commit: String,
    pub ended: String,
}

/// The configuration of one method on one benchmark, and the hashes of its runs.
#[derive(Serialize)]
pub struct Recipe {
    pub method: String,
    pub algorithm: String,
    pub overridden: bool,
    pub parts: Vec<Part>,
}

/// Runs with the same configuration, the seed apart.
#[derive(Serialize)]
pub struct Part {
    pub seeds: String,
    /// `method.inner_iters` and `5`.
    pub config: Vec<(String, String)>,
    /// A name, and the sha256.
    pub hashes: Vec<(String, String)>,
    pub versions: String,
}

/// The runs of `benchmark`, in the order of its table.
pub fn lines(summary: &Summary, benchmark: &str) -> Vec<RunLine> {
    let last = |record: &RunRecord| {
        let place = |record: &RunRecord| (record.benchmark.clone(), record.label.clone(), record.seed);
        summary.runs.iter().find(|run| place(&run.record) == place(record)).map_or(&[][..], |run| &run.last)
    };
    let line = |record| line(record, last(record));
    let mut lines: Vec<RunLine> = records(summary, benchmark).into_iter().map(line).collect();
    for left in summary.left.iter().filter(|left| left.benchmark == benchmark) {
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

/// What each method of `benchmark` ran with.
pub fn recipes(summary: &Summary, benchmark: &str) -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = Vec::new();
    let records = records(summary, benchmark);
    for of_method in records.chunk_by(|a, b| a.label == b.label) {
        let mut groups: Vec<(Value, Vec<&RunRecord>)> = Vec::new();
        for record in of_method {
            let mut config = record.config.clone();
            if let Some(table) = config.as_object_mut() {
                table.remove("seed");
            }
            match groups.iter_mut().find(|(other, _)| *other == config) {
                Some((_, members)) => members.push(record),
                None => groups.push((config, vec![record])),
            }
        }
        recipes.push(Recipe {
            method: of_method[0].label.clone(),
            algorithm: of_method[0].algorithm.clone(),
            overridden: of_method.iter().any(|record| record.overridden),
            parts: groups.iter().map(|(config, members)| Part::new(config, members)).collect(),
        });
    }
    recipes
}

/// Complete runs and unfinished ones, as the benchmark file orders its methods.
fn records<'a>(summary: &'a Summary, benchmark: &str) -> Vec<&'a RunRecord> {
    let all = summary.runs.iter().map(|run| &run.record).chain(&summary.unfinished);
    let mut records: Vec<&RunRecord> = all.filter(|record| record.benchmark == benchmark).collect();
    records.sort_by(|a, b| (a.order, &a.label, a.seed).cmp(&(b.order, &b.label, b.seed)));
    records
}

fn line(record: &RunRecord, last: &[Final]) -> RunLine {
    let known = |text: &str, lead: &str| if text.is_empty() { String::new() } else { format!("{lead}{text}") };
    let threads =
        if record.threads > 0 { format!(", {}", format::plural(record.threads, "thread")) } else { String::new() };
    RunLine {
        method: record.label.clone(),
        seed: record.seed,
        status: record.status.name().to_string(),
        reason: record.failure.clone().or_else(|| stretches(record)),
        meta_iters: meta_iters(record, last),
        time: if record.seconds > 0.0 { human(record.seconds) } else { String::new() },
        hours: if record.seconds > 0.0 { hours(record.seconds) } else { String::new() },
        machine: format!("{}{}{threads}", record.cpu, known(&record.instruction_set, ", ")),
        commit: record.git_commit.as_ref().map_or(String::new(), |commit| {
            let dirty = if record.git_dirty == Some(true) { " + changes" } else { "" };
            format!("{}{dirty}", commit.chars().take(12).collect::<String>())
        }),
        ended: record.ended.clone().unwrap_or_default(),
    }
}

/// How many, whose they were, and which state is reported.
fn meta_iters(record: &RunRecord, last: &[Final]) -> String {
    let mut text = format::thousands(record.meta_iters);
    if let Some(step) = record.selected_step {
        text += &format!(", the best on validation classes after {}", format::thousands(step));
        let number = |last: &Final| format!("{} {}", last.mode, format::value(&record.metric, last.value));
        let numbers: Vec<String> = last.iter().map(number).collect();
        if !numbers.is_empty() {
            text += &format!(" (the last state: {})", numbers.join(", "));
        }
    }
    if let Some(of) = &record.trained_by {
        text += &format!(", trained by {of}");
    }
    text
}

/// Of a run that several builds or kinds of machines made, or that another build kept.
fn stretches(record: &RunRecord) -> Option<String> {
    let one = |segment: &Segment| {
        format!("from step {} on {}, {}", segment.first_step, segment.build(), segment.instruction_set)
    };
    let kept = record
        .kept
        .as_ref()
        .map(|kept| format!("of another build, kept beside {}", identity::build(kept.git_commit.as_deref(), None)));
    let several = (record.segments.len() > 1).then(|| record.segments.iter().map(one).collect::<Vec<_>>().join("; "));
    let said: Vec<String> = kept.into_iter().chain(several).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// `0.20`, `0.0031`: two digits that mean something.
fn hours(seconds: f64) -> String {
    let hours = seconds / 3600.0;
    let decimals = (1.0 - hours.log10().floor()).clamp(2.0, 6.0) as usize;
    format!("{hours:.decimals$}")
}

impl Part {
    fn new(config: &Value, members: &[&RunRecord]) -> Self {
        let mut flat = Vec::new();
        flatten("", config, &mut flat);
        let seeds: Vec<String> = members.iter().map(|record| record.seed.to_string()).collect();
        let mut hashes: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, get: fn(&RunRecord) -> &str| {
            let shared = members.iter().all(|record| get(record) == get(members[0]));
            for record in &members[..if shared { 1 } else { members.len() }] {
                let name = if shared { name.to_string() } else { format!("{name}, seed {}", record.seed) };
                if !get(record).is_empty() {
                    hashes.push((name, get(record).to_string()));
                }
            }
        };
        add("specification", |r| &r.spec_hash);
        add("configuration", |r| &r.config_hash);
        add("training", |r| &r.training_hash);
        add("evaluation", |r| &r.evaluation_hash);
        add("data", |r| &r.data_digest);
        add("test episodes", |r| &r.episode_hash);
        add("training code", |r| r.code.as_ref().map(|code| code.training.as_str()).unwrap_or_default());
        add("evaluation code", |r| r.code.as_ref().map(|code| code.evaluation.as_str()).unwrap_or_default());
        add("git commit", |r| r.git_commit.as_deref().unwrap_or_default());
        let versions: Vec<String> = members[0].versions.iter().map(|(name, v)| format!("{name} {v}")).collect();
        let word = if seeds.len() == 1 { "seed" } else { "seeds" };
        Part { seeds: format!("{word} {}", seeds.join(", ")), config: flat, hashes, versions: versions.join(", ") }
    }
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
    fn configurations_are_flat_and_hours_short() {
        let config = serde_json::json!({"b": {"x": 1, "y": ["u", "v"]}, "a": "t", "c": {}});
        let mut flat = Vec::new();
        flatten("", &config, &mut flat);
        let told: Vec<String> = flat.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        assert_eq!(told, ["a = \"t\"", "b.x = 1", "b.y = [\"u\",\"v\"]", "c = {}"]);
        assert_eq!([731.9, 36.0, 5.0, 36000.0].map(hours), ["0.20", "0.010", "0.0014", "10.00"]);
    }
}
