//! The algorithms behind the rows: what they are, their paper, and where ours differs from it.

use super::deviations;
use crate::registry;
use crate::results::rows::Summary;
use serde::Serialize;

/// One algorithm, said once for all its rows.
#[derive(Serialize)]
pub struct Method {
    pub name: String,
    pub anchor: String,
    pub summary: &'static str,
    pub paper: &'static str,
    /// HTML.
    pub deviations: Option<String>,
    /// Labels that use it, with the benchmark file's remark.
    pub rows: Vec<(String, Option<String>)>,
}

/// Every algorithm that ran, by name.
pub fn all<'a>(summaries: impl Iterator<Item = &'a Summary>) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    for record in summaries.flat_map(|s| s.runs.iter().map(|run| &run.record).chain(&s.unfinished)) {
        // Records of other builds may not say which algorithm a label stands for.
        let name = if record.algorithm.is_empty() { &record.label } else { &record.algorithm };
        let index = methods.iter().position(|method| method.name == *name).unwrap_or_else(|| {
            let entry = registry::known().iter().find(|entry| entry.name == *name);
            methods.push(Method {
                name: name.clone(),
                anchor: anchor(name),
                summary: entry.map_or("", |entry| entry.summary),
                paper: entry.map_or("", |entry| entry.paper),
                deviations: entry.and_then(deviations::html),
                rows: Vec::new(),
            });
            methods.len() - 1
        });
        // A figure's rows are many settings of one method, which its own table names.
        if record.figure.is_some() {
            continue;
        }
        let rows = &mut methods[index].rows;
        match rows.iter_mut().find(|(label, _)| *label == record.label) {
            Some((_, note)) if note.is_none() => *note = record.note.clone(),
            Some(_) => {}
            None => rows.push((record.label.clone(), record.note.clone())),
        }
    }
    for method in &mut methods {
        method.rows.sort();
    }
    methods.sort_by(|a, b| a.name.cmp(&b.name));
    methods
}

/// Where the page describes `algorithm`.
pub fn anchor(algorithm: &str) -> String {
    format!("method-{}", slug(algorithm))
}

/// A name as part of an id: letters, digits and hyphens stay.
pub fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
