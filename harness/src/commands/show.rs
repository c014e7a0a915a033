//! `harness show RUN`: one run in the terminal: numbers, learning curve, settings, history.

mod curve;
mod find;
mod history;
mod settings;

use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use harness_core::Result;
use serde_json::json;

use crate::cli::{Format, table_or_json};
use crate::console;
use crate::exit::Exit;
use crate::results::metrics::{self, MetricRow};
use crate::results::run_dir::{METRICS, RECORD};
use crate::results::run_json::RunRecord;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  # What one run was, and how it went
  harness show results/runs/quick/sine/reptile/seed-0

  # The same for a program
  harness show results/runs/quick/sine/reptile/seed-0 \\
      --format json";

/// Prints what one run was: its numbers, its learning curve, its settings and its history. Trains and writes nothing.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// A run's folder, a file in it, or a folder that holds one run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// How to print it
    #[arg(long, value_name = "FORMAT", value_parser = table_or_json(), default_value = "table")]
    pub format: Format,
}

/// Prints the run. What is damaged is an error; what an unfinished run lacks is left out.
pub fn run(args: &Show) -> Result<Exit> {
    let folder = find::run(&args.run)?;
    let record = RunRecord::read(&folder.join(RECORD))?;
    let file = folder.join(METRICS);
    let rows = match file.exists() {
        true => metrics::read(&file, &record.benchmark, &record.label, record.seed)?,
        false => Vec::new(),
    };
    let width = console::table_width();
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
        "folder": folder.display().to_string(), "run": record, "metrics": rows.iter().map(row).collect::<Vec<_>>(),
        "log": history::log(folder),
    });
    format!("{all:#}\n")
}

fn page(record: &RunRecord, rows: &[MetricRow], folder: &Path, width: u16) -> String {
    let mut head = vec![record.status.name().to_owned(), format!("budget {}", record.whole_budget())];
    head.push(words::plural(record.meta_iters, "meta-iteration"));
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
