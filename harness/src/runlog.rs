//! `log.txt` in a run's folder: what was said of that run, with the time, for whoever looks at it later.

use crate::progress::sentence;
use crate::runner::{Event, Job, Observer};

/// Writes down what it hands on.
pub struct RunLog<'a>(pub &'a dyn Observer);

impl Observer for RunLog<'_> {
    fn event(&self, job: &Job, event: &Event) {
        let said = match event {
            Event::Started { step } => Some(format!("{}: starts at step {step} of {}", job.name(), job.meta_iters)),
            // Every call that finds a complete run says so: that is no part of the run's history.
            Event::Kept { .. } | Event::CaughtUp { .. } => None,
            event => sentence(job, event).map(|(_, text)| text),
        };
        if let Some(said) = said {
            let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            job.dir.log(&format!("{now} {}", said.replace('\n', " ")));
        }
        self.0.event(job, event);
    }
}
