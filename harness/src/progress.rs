//! Progress on stderr: bars on a terminal, a line every ten seconds elsewhere.

mod whole;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use harness_data::Step;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing::{Level, debug, info, trace, warn};

use self::whole::Whole;
use crate::results::run_dir::RunDir;
use crate::runner::{Event, Job, Observer};
use crate::words;
use crate::{console, log};

/// Between two lines about the same run where stderr is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// Shows all runs of one call, and how long all of them together will take.
pub struct Terminal {
    bars: Option<&'static MultiProgress>,
    runs: Mutex<HashMap<RunDir, Run>>,
    whole: Mutex<Whole>,
    /// Of the whole call, beneath those of its runs; none where there is one run.
    bar: Option<ProgressBar>,
}

struct Run {
    bar: Option<ProgressBar>,
    said: Instant,
    /// The last point of the learning curve: `, accuracy 93.10 at 400`.
    value: String,
}

impl Terminal {
    /// Bars if stderr is a terminal and progress is wanted.
    pub fn new(jobs: &[Job]) -> Self {
        let bars = log::bars();
        let whole = bars.filter(|_| jobs.len() > 1).map(|bars| {
            let style = match console::progress_width() {
                0..100 => "{prefix:<28!} {bar:10} {percent:>3} %  {wide_msg}",
                _ => "{prefix:<34!} {bar:24} {percent:>3} %  {wide_msg}",
            };
            let style = ProgressStyle::with_template(style).expect("the template is valid").progress_chars("━━─");
            let bar = bars.add(ProgressBar::new(1000).with_style(style));
            bar.set_prefix(format!("all {} runs", jobs.len()));
            bar
        });
        Terminal { bars, runs: Mutex::default(), whole: Mutex::new(Whole::new(jobs)), bar: whole }
    }

    fn start(&self, job: &Job, step: u64) {
        let bar = self.bars.as_ref().map(|bars| {
            // What counts comes before a narrow terminal's edge, where the last field is cut off.
            let style = match console::progress_width() {
                0..100 => "{prefix:<28!} {bar:10} {percent:>3} %  {eta} left  {wide_msg}",
                _ => "{prefix:<34!} {bar:24} {percent:>3} %  {eta} left  {wide_msg}",
            };
            let style = ProgressStyle::with_template(style).expect("the template is valid").progress_chars("━━─");
            let bar = ProgressBar::new(work(job)).with_style(style);
            let bar = match &self.bar {
                Some(whole) => bars.insert_before(whole, bar),
                None => bars.add(bar),
            };
            bar.set_prefix(job.name());
            bar.set_position(step);
            bar.reset_eta();
            bar
        });
        let run = Run { bar, said: Instant::now(), value: String::new() };
        self.runs.lock().expect("observers do not panic").insert(job.dir.clone(), run);
        self.whole.lock().expect("observers do not panic").start(job, step);
    }

    fn advance(&self, job: &Job, position: u64, what: &str) {
        let mut runs = self.runs.lock().expect("observers do not panic");
        let Some(run) = runs.get_mut(&job.dir) else { return };
        let mut whole = self.whole.lock().expect("observers do not panic");
        let turns = whole.advance(job, position);
        if let Some(bar) = &run.bar {
            bar.set_position(position);
            if turns {
                bar.reset_eta();
            }
            bar.set_message(format!("{what}{}", run.value));
        } else if run.said.elapsed() >= PAUSE {
            run.said = Instant::now();
            let percent = (100.0 * position as f64 / work(job).max(1) as f64).floor();
            let left =
                whole.seconds(job).map_or_else(String::new, |left| format!(", about {} left", words::duration(left)));
            info!("{}: {percent:.0} % ({what}{}){left}", job.name(), run.value);
            if let Some(told) = whole.due() {
                info!("all: {:.0} % ({told})", (100.0 * whole.share()).floor());
            }
        }
        self.show(&whole);
    }

    /// A run that took over a training measures what that had passed: nothing of its bar's, and it may take long.
    fn catch_up(&self, job: &Job, step: u64, of: u64) {
        let mut runs = self.runs.lock().expect("observers do not panic");
        let Some(run) = runs.get_mut(&job.dir) else { return };
        let what = format!("learning curve up to meta-iteration {step}/{of}{}", run.value);
        if let Some(bar) = &run.bar {
            bar.set_message(what);
        } else if run.said.elapsed() >= PAUSE {
            run.said = Instant::now();
            info!("{}: {what}", job.name());
        }
    }

    fn show(&self, whole: &Whole) {
        if let Some(bar) = &self.bar {
            bar.set_position((1000.0 * whole.share()) as u64);
            bar.set_message(whole.told());
        }
    }

    fn measured(&self, job: &Job, step: u64, value: f64) {
        if let Some(run) = self.runs.lock().expect("observers do not panic").get_mut(&job.dir) {
            let (metric, value) = (job.metric().name, job.metric().value(value));
            run.value = format!(", {metric} {value} at {}", words::thousands(step));
        }
    }

    /// A run ended, with all that it had to do or without.
    fn end(&self, job: &Job, complete: bool) {
        if let Some(bar) = self.runs.lock().expect("observers do not panic").remove(&job.dir).and_then(|run| run.bar) {
            bar.finish_and_clear();
        }
        let mut whole = self.whole.lock().expect("observers do not panic");
        match whole.end(job, complete) {
            true => self.bar.iter().for_each(ProgressBar::finish_and_clear),
            false => self.show(&whole),
        }
    }
}

/// Meta-iterations and episodes on one scale, good enough for a bar: an episode counts as the meta-iterations that it
/// costs.
fn work(job: &Job) -> u64 {
    job.meta_iters + evaluation(job, job.eval_episodes)
}

fn evaluation(job: &Job, episodes: usize) -> u64 {
    let cost = job.algorithm.cost(&job.benchmark.protocol);
    let iteration = cost.task * job.algorithm.sampling().meta_batch as f64;
    match job.meta_iters {
        0 => episodes as u64,
        _ => (episodes as f64 * cost.episode / iteration.max(1.0)) as u64,
    }
}

impl Observer for Terminal {
    fn event(&self, job: &Job, event: &Event) {
        match event {
            Event::Started { step } => self.start(job, *step),
            Event::Step { step } => {
                self.advance(job, *step, &format!("meta-iteration {step}/{}", job.meta_iters));
            }
            Event::CaughtUp { step, of } => self.catch_up(job, *step, *of),
            Event::Curve { step, value } => self.measured(job, *step, *value),
            Event::Evaluated { done, total } => {
                let position = job.meta_iters + evaluation(job, *done);
                self.advance(job, position, &format!("episode {done}/{total}"));
            }
            Event::Completed { .. } | Event::Kept { .. } | Event::KeptOther { .. } => self.end(job, true),
            Event::Unserved { .. } | Event::Interrupted { .. } | Event::Failed { .. } => self.end(job, false),
            _ => {}
        }
        match sentence(job, event) {
            Some((Level::WARN, text)) => warn!("{text}"),
            Some((Level::INFO, text)) => info!("{text}"),
            Some((Level::DEBUG, text)) => debug!("{text}"),
            Some((_, text)) => trace!("{text}"),
            None => {}
        }
    }
}

/// What an event is in words, and how loud; None: a bar shows it.
pub fn sentence(job: &Job, event: &Event) -> Option<(Level, String)> {
    let name = job.name();
    let said = match event {
        Event::Started { .. } | Event::Step { .. } | Event::Evaluated { .. } => return None,
        Event::Resumed { step } => {
            (Level::INFO, format!("resumed {} seed {} at step {step}", job.method.label, job.seed))
        }
        Event::Joined { step, of } => {
            (Level::INFO, format!("{name}: goes on from step {step} of the training of {of}"))
        }
        Event::Waiting { holder } => {
            (Level::INFO, format!("{name}: waits for process {holder}, which has the same training in hand"))
        }
        Event::Alone { of } => {
            let why = "has done this training, and the states that validation chooses among are gone";
            (Level::INFO, format!("{name}: trains for itself: {of} {why}"))
        }
        Event::CaughtUp { step, of } => (Level::TRACE, format!("{name}: measured up to step {step} of {of}")),
        Event::Gaps { points } => {
            let why = "of the learning curve are missing: the training had passed them already";
            (Level::WARN, format!("{name}: {points} points {why}"))
        }
        Event::Unserved { why } => (Level::DEBUG, format!("{name}: failed: {why}")),
        Event::Damaged { what } => (Level::WARN, format!("{name}: {what}")),
        Event::Curve { step, value } => {
            (Level::TRACE, format!("{name}: {} {value:.4} at step {step}", job.metric().name))
        }
        Event::NoPoint { why } => (Level::WARN, format!("{name}: the learning curve lacks a point: {why}")),
        Event::Saved { step } => (Level::DEBUG, format!("{name}: checkpoint written at step {step}")),
        Event::Interrupted { step } => (Level::INFO, format!("{name}: stopped at step {step}, checkpoint written")),
        Event::Failed { why } => (Level::WARN, format!("{name}: failed: {why}")),
        Event::Completed { seconds } => (Level::INFO, format!("{name}: done in {}", words::duration(*seconds))),
        Event::Kept { other_target } => {
            (Level::INFO, format!("{name}: complete already, kept{}", target(*other_target)))
        }
        Event::KeptOther { build, other_target } => {
            let target = target(*other_target);
            (Level::INFO, format!("{name}: made by {build}, kept as it is, without a verdict{target}"))
        }
        Event::Reevaluated => {
            (Level::INFO, format!("{name}: trained by this code, evaluated by other code: evaluated again"))
        }
    };
    Some(said)
}

/// What is said of a run that was complete before the benchmark's file had its published values.
fn target(other: bool) -> &'static str {
    if other { "; its published values are now those of the benchmark's file" } else { "" }
}

/// Progress of reading, decoding and fetching data: a bar for each file or set on a terminal, notes everywhere.
pub fn data() -> impl Fn(Step<'_>) + Sync {
    let bars = log::bars();
    let open: Mutex<HashMap<String, ProgressBar>> = Mutex::default();
    move |step| {
        let (name, done, total, bytes) = match step {
            Step::Decoding { dataset, done, total } => (dataset, done as u64, Some(total as u64), false),
            Step::Downloading { file, done, total } => (file, done, total, true),
            Step::Waiting { path } => return info!("waiting for another process to finish {}", path.display()),
            Step::Note(note) => return warn!("{note}"),
        };
        let Some(bars) = bars else { return };
        let mut open = open.lock().expect("observers do not panic");
        let bar = open.entry(name.to_owned()).or_insert_with(|| {
            let style = match bytes {
                true => "{msg:<34!} {bar:24} {bytes}/{total_bytes}  {bytes_per_sec}",
                false => "{msg:<34!} {bar:24} {pos}/{len} images",
            };
            let style = ProgressStyle::with_template(style).expect("the template is valid").progress_chars("━━─");
            bars.add(ProgressBar::new(total.unwrap_or(0)).with_style(style).with_message(name.to_owned()))
        });
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
        if total == Some(done) {
            bar.finish_and_clear();
        }
    }
}
