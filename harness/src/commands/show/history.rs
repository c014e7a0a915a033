//! How a run came to be: which builds worked on it and when, and the end of its log.

use std::path::Path;

use crate::results::run_dir::{self, RunDir};
use crate::results::run_json::RunRecord;
use crate::words;

/// Lines of the log that a terminal gets.
const SHOWN: usize = 20;

/// Builds, dates and the last lines of the log.
pub fn lines(record: &RunRecord, folder: &Path) -> Vec<String> {
    let mut lines = vec!["history".to_owned()];
    let mut say = |text: String| lines.push(format!("  {text}"));
    let ended = record.ended.as_ref().map(|ended| format!(", ended {ended}")).unwrap_or_default();
    if !record.started.is_empty() {
        say(format!("started {}{ended}: {} of work", record.started, words::duration(record.seconds)));
    }
    for segment in &record.segments {
        let from = words::thousands(segment.first_step);
        say(format!("from meta-iteration {from}: {}, {}", segment.build(), segment.instruction_set));
    }
    if record.segments.is_empty() {
        let build = crate::identity::build(record.git_commit.as_deref(), record.git_dirty);
        say(format!("{build}, {}", record.instruction_set));
    }
    if !record.cpu.is_empty() {
        say(format!("{}, {}", record.cpu, words::plural(record.threads, "thread")));
    }
    record.trained_by.iter().for_each(|run| say(format!("trained by {run}")));
    if let Some(step) = record.took_over() {
        let step = words::thousands(step);
        say(format!("another run trained up to meta-iteration {step}, and its time is not in this one's"));
    }
    chosen(record, folder).into_iter().for_each(&mut say);
    if record.overridden {
        say(format!("changed: {}", record.overrides.join(", ")));
    }
    record.failure.iter().for_each(|why| say(format!("failed: {why}")));
    let log = log(folder);
    let hidden = log.len().saturating_sub(SHOWN);
    if hidden > 0 {
        say(format!("{}: {} more above", run_dir::LOG, words::plural(hidden as u64, "line")));
    }
    log.into_iter().skip(hidden).for_each(say);
    lines.push(format!("  {}", folder.display()));
    lines
}

/// Which state is reported where it was chosen, and the files of that one and of the last, as far as they are here.
fn chosen(record: &RunRecord, folder: &Path) -> Option<String> {
    let (step, dir) = (record.selected_step?, RunDir::from(folder.to_path_buf()));
    let here = |path: &Path| path.is_file().then(|| path.display().to_string());
    let reported = here(&dir.reported_path(record)).map(|file| format!(": {file}")).unwrap_or_default();
    let last = here(&dir.checkpoint_path(record.meta_iters)).filter(|_| step != record.meta_iters);
    let last = last.map(|file| format!("; the last one is {file}")).unwrap_or_default();
    Some(format!("the reported state is that of step {step}, the best on validation classes{reported}{last}"))
}

/// The log of a run; none where an older build made it.
pub fn log(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(run_dir::LOG)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
