//! `harness show RUN`: one run in the terminal: numbers, learning curve, settings, history.

mod curve;
mod find;
mod history;
mod settings;

use std::path::Path;

use harness_core::Result;
use serde_json::json;

use crate::cli::{Format, Show};
use crate::console;
use crate::exit::Exit;
use crate::report::format;
use crate::results::metrics::{self, MetricRow};
use crate::results::run_dir::{METRICS, RECORD};
use crate::results::run_json::RunRecord;

/// Prints the run. What is damaged is an error; what an unfinished run lacks is left out.
pub fn run(args: &Show) -> Result<Exit> {
    let folder = find::run(&args.run)?;
    let record = RunRecord::read(&folder.join(RECORD))?;
    let file = folder.join(METRICS);
    let rows = match file.exists() {
        true => metrics::read(&file, &record.benchmark, &record.label, record.seed)?,
        false => Vec::new(),
    };
    let width = super::report::terminal_width();
    let text = match args.format {
        Format::Json => json(&record, &rows, &folder),
        _ => page(&record, &rows, &folder, width),
    };
    console::print(&text).map(|()| Exit::Done)
}

fn json(record: &RunRecord, rows: &[MetricRow], folder: &Path) -> String {
    let row = |row: &MetricRow| {
        json!({
            "step": row.step, "split": row.split, "mode": row.mode, "metric": row.metric,
            "value": Some(row.value).filter(|value| value.is_finite()), "ci95": row.ci95, "n": row.n, "wall_s": row.wall_s,
        })
    };
    let all = json!({
        "folder": folder, "run": record, "metrics": rows.iter().map(row).collect::<Vec<_>>(), "log": history::log(folder),
    });
    format!("{all:#}\n")
}

fn page(record: &RunRecord, rows: &[MetricRow], folder: &Path, width: u16) -> String {
    let mut head = vec![record.status.name().to_owned(), format!("budget {}", record.budget)];
    head.push(format::plural(record.meta_iters, "meta-iteration"));
    head.extend(record.tag.as_ref().map(|tag| format!("tag {tag}")));
    let title = match record.title.as_str() {
        "" => String::new(),
        title => format!(": {title}"),
    };
    let name = format!("{} {} seed {}{title}", record.benchmark, record.label, record.seed);
    let parts = [
        vec![name, head.join(" · ")],
        curve::numbers(record, rows, width),
        curve::lines(record, rows, width),
        settings::lines(record),
        history::lines(record, folder),
    ];
    let paragraph = |part: &Vec<String>| {
        let lines: Vec<String> = part.iter().flat_map(|line| console::wrap(line, width.into())).collect();
        lines.join("\n")
    };
    let parts: Vec<String> = parts.iter().filter(|part| !part.is_empty()).map(paragraph).collect();
    parts.join("\n\n") + "\n"
}
