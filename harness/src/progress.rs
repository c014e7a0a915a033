//! Progress on stderr: bars on a terminal, a line every ten seconds elsewhere.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use harness_data::Step;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing::{debug, info, trace, warn};

use crate::results::run_dir::RunDir;
use crate::runner::{Event, Job, Observer};
use crate::{console, log};

/// Between two lines about the same run where stderr is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// Shows all runs of one call.
pub struct Terminal {
    bars: Option<&'static MultiProgress>,
    runs: Mutex<HashMap<RunDir, Run>>,
}

struct Run {
    bar: Option<ProgressBar>,
    started: Instant,
    first: u64,
    said: Instant,
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

impl Terminal {
    /// Bars if stderr is a terminal and progress is wanted.
    pub fn new() -> Self {
        Terminal { bars: log::bars(), runs: Mutex::default() }
    }

    fn start(&self, job: &Job, step: u64) {
        let bar = self.bars.as_ref().map(|bars| {
            // What counts comes before a narrow terminal's edge.
            let style = match console::progress_width() {
                0..100 => "{msg:<28!} {bar:10} {percent:>3} %  {eta} left  {prefix}",
                _ => "{msg:<34!} {bar:24} {percent:>3} %  {prefix}  {eta} left",
            };
            let style = ProgressStyle::with_template(style).expect("the template is valid").progress_chars("━━─");
            let bar = bars.add(ProgressBar::new(work(job)).with_style(style));
            bar.set_message(job.name());
            bar.set_position(step);
            bar.reset_eta();
            bar
        });
        let now = Instant::now();
        let run = Run { bar, started: now, first: step, said: now };
        self.runs.lock().expect("observers do not panic").insert(job.dir.clone(), run);
    }

    fn advance(&self, job: &Job, position: u64, what: &str) {
        let mut runs = self.runs.lock().expect("observers do not panic");
        let Some(run) = runs.get_mut(&job.dir) else { return };
        if let Some(bar) = &run.bar {
            bar.set_position(position);
            bar.set_prefix(what.to_owned());
        } else if run.said.elapsed() >= PAUSE {
            run.said = Instant::now();
            let (done, left) = (position - run.first, work(job).saturating_sub(position));
            let seconds = run.started.elapsed().as_secs_f64() * left as f64 / done.max(1) as f64;
            let percent = 100.0 * position as f64 / work(job).max(1) as f64;
            info!("{}: {percent:.0} % ({what}), about {} left", job.name(), human(seconds));
        }
    }

    fn end(&self, job: &Job) {
        if let Some(bar) = self.runs.lock().expect("observers do not panic").remove(&job.dir).and_then(|run| run.bar) {
            bar.finish_and_clear();
        }
    }
}

/// Meta-iterations and episodes on one scale, good enough for a bar: an episode counts as the meta-iterations that it
/// costs.
fn work(job: &Job) -> u64 {
    job.meta_iters + evaluation(job, job.eval_episodes)
}

fn evaluation(job: &Job, episodes: usize) -> u64 {
    let cost = job.algorithm.cost(&job.spec.protocol);
    let iteration = cost.task * job.algorithm.sampling().meta_batch as f64;
    match job.meta_iters {
        0 => episodes as u64,
        _ => (episodes as f64 * cost.episode / iteration.max(1.0)) as u64,
    }
}

impl Observer for Terminal {
    fn event(&self, job: &Job, event: &Event) {
        let name = job.name();
        match event {
            Event::Started { step } => self.start(job, *step),
            Event::Resumed { step } => {
                info!("resumed {} seed {} at step {step}", job.method.label, job.seed);
            }
            Event::Joined { step, of } => info!("{name}: goes on from step {step} of the training of {of}"),
            Event::Waiting { holder } => {
                info!("{name}: waits for process {holder}, which has the same training in hand")
            }
            Event::CaughtUp { step, of } => trace!("{name}: measured up to step {step} of {of}"),
            Event::Gaps { points } => {
                warn!(
                    "{name}: {points} points of the learning curve are missing: the training had passed them already"
                );
            }
            Event::Unserved { why } => {
                self.end(job);
                debug!("{name}: failed: {why}");
            }
            Event::Damaged { what } => warn!("{name}: {what}"),
            Event::Step { step } => self.advance(job, *step, &format!("meta-iteration {step}/{}", job.meta_iters)),
            Event::Curve { step, value } => trace!("{name}: {} {value:.4} at step {step}", job.metric().name),
            Event::NoPoint { why } => warn!("{name}: the learning curve lacks a point: {why}"),
            Event::Saved { step } => debug!("{name}: checkpoint written at step {step}"),
            Event::Evaluated { done, total } => {
                self.advance(job, job.meta_iters + evaluation(job, *done), &format!("episode {done}/{total}"));
            }
            Event::Interrupted { step } => {
                self.end(job);
                info!("{name}: stopped at step {step}, checkpoint written");
            }
            Event::Failed { why } => {
                self.end(job);
                warn!("{name}: failed: {why}");
            }
            Event::Completed { seconds } => {
                self.end(job);
                info!("{name}: done in {}", human(*seconds));
            }
            Event::Kept => info!("{name}: complete already, kept"),
            Event::KeptOther { build } => info!("{name}: made by {build}, kept as it is, without a verdict"),
            Event::Reevaluated => info!("{name}: trained by this code, evaluated by other code: evaluated again"),
        }
    }
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

/// `7 s`, `3 min 20 s`, `2 h 5 min`.
pub fn human(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0 if seconds > 0.0 => format!("{seconds:.1} s"),
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        _ => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn durations_read_well() {
        assert_eq!(human(0.24), "0.2 s");
        assert_eq!(human(59.2), "59 s");
        assert_eq!(human(200.0), "3 min 20 s");
        assert_eq!(human(7500.0), "2 h 5 min");
    }
}
