//! `log.txt` in a run's folder: what was said of that run, with the time, for whoever looks at it later.

use std::fs::OpenOptions;
use std::io::Write;

use crate::progress::sentence;
use crate::runner::{Event, Job, Observer};

/// Its name.
pub const FILE: &str = "log.txt";

/// Writes down what it hands on.
pub struct RunLog<'a>(pub &'a dyn Observer);

impl Observer for RunLog<'_> {
    fn event(&self, job: &Job, event: &Event) {
        let said = match event {
            Event::Started { step } => Some(format!("{}: starts at step {step} of {}", job.name(), job.meta_iters)),
            // Every call that finds a complete run says so: that is no part of the run's history.
            Event::Kept | Event::CaughtUp { .. } => None,
            event => sentence(job, event).map(|(_, text)| text),
        };
        if let Some(said) = said {
            let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let line = format!("{now} {}\n", said.replace('\n', " "));
            let file = OpenOptions::new().create(true).append(true).open(job.dir.path().join(FILE));
            // A log that cannot be written costs no run: what matters is in the other files, which say so themselves.
            let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
        }
        self.0.event(job, event);
    }
}
