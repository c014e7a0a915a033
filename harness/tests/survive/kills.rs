//! `kill -9` at random moments, resumed each time, in the end the same bytes as without.

use std::path::Path;
use std::time::{Duration, Instant};

use harness_core::{Purpose, Stream};

use crate::bench::{Bench, REPTILE, TRANSFER, folder};
use crate::compare::{assert_same, steps};
use crate::process::{Ended, done, end, start};

const LABELS: [&str; 2] = ["reptile", "transfer"];

/// How a series of kills goes.
struct Series {
    kills: usize,
    /// `--checkpoint-every`.
    every: &'static str,
    /// Between the start of a process and its end, in seconds.
    alive: (f64, f64),
    /// Of each of two methods.
    meta_iters: u64,
}

#[test]
fn killed_at_random_moments() {
    kill(Series { kills: 12, every: "0.1", alive: (0.1, 0.8), meta_iters: 4000 });
}

#[test]
#[ignore = "about two minutes"]
fn killed_at_fifty_random_moments() {
    kill(Series { kills: 50, every: "0.5", alive: (0.2, 2.5), meta_iters: 16_000 });
}

#[test]
#[ignore = "about eight minutes"]
fn killed_at_two_hundred_random_moments() {
    kill(Series { kills: 200, every: "0.5", alive: (0.2, 2.5), meta_iters: 16_000 });
}

fn kill(series: Series) {
    let iters = format!("meta_iters = {}\n", series.meta_iters);
    let bench = Bench::sine(&format!("{REPTILE}{iters}{TRANSFER}{iters}"));
    let whole = bench.out("whole");
    let began = Instant::now();
    done(bench.reproduce(&whole, &["--threads", "2"]));
    println!("uninterrupted: {:.1} s", began.elapsed().as_secs_f64());
    let mut rng = Stream::new(50, Purpose::Data, 0, 0);
    let (mut killed, mut resumed, mut round) = (0, 0, 0);
    while killed < series.kills {
        round += 1;
        let out = bench.out(&format!("round-{round}"));
        for part in 0.. {
            // Parts take turns with one thread and two: neither the kill nor the number may show.
            let threads = ["2", "1"][part % 2];
            let before: Vec<Option<u64>> = LABELS.map(|label| saved(&out, label)).into();
            let child = start(bench.reproduce(&out, &["--threads", threads, "--checkpoint-every", series.every]));
            let ended = if killed < series.kills {
                let (least, most) = series.alive;
                end_after(child, rng.uniform(least, most))
            } else {
                end(child)
            };
            resumed += check(&ended, &before);
            if ended.signal.is_none() {
                ended.expect(0, "");
                break;
            }
            killed += 1;
        }
        for label in LABELS {
            assert_same(&folder(&whole, label), &folder(&out, label), &format!("{label} after {killed} kills"));
        }
    }
    println!("{killed} kills in {round} rounds, {resumed} runs resumed above step 0");
    assert!(resumed > 0, "none of {killed} kills came after a checkpoint");
}

/// Kills after so many seconds, if it is still there.
fn end_after(mut child: std::process::Child, seconds: f64) -> Ended {
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let _ = child.kill();
    end(child)
}

/// Step of the newest checkpoint of a run that is not complete.
fn saved(out: &Path, label: &str) -> Option<u64> {
    let dir = folder(out, label);
    let record = std::fs::read_to_string(dir.join("run.json")).unwrap_or_default();
    steps(&dir).first().copied().filter(|_| !record.contains("\"status\": \"complete\""))
}

/// A run that said where it goes on went on at its newest checkpoint; returns how many did.
fn check(ended: &Ended, before: &[Option<u64>]) -> usize {
    let mut resumed = 0;
    for (label, saved) in LABELS.iter().zip(before) {
        let start = format!("resumed {label} seed 0 at step ");
        let line = ended.err.lines().find_map(|line| line.strip_prefix(&start));
        let step: Option<u64> = line.map(|rest| rest.parse().expect("nothing follows the step"));
        match (saved, step) {
            (Some(saved), Some(step)) => {
                assert_eq!(*saved, step, "work was lost: {}", ended.err);
                assert!(step > 0);
                resumed += 1;
            }
            (None, Some(step)) => panic!("{label} resumed at {step} from nothing"),
            // Killed before it came so far.
            (Some(_), None) => assert!(ended.signal.is_some(), "{label} did not resume: {}", ended.err),
            (None, None) => {}
        }
    }
    resumed
}
