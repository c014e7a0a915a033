//! How long a meta-iteration takes on some ranks over some network: a model whose constants are measured, its table for
//! README.md, and a simulated network that the model is held against.
//!
//! Constants are seconds of one core, not of a clock, so that what else the machine does changes them little. The
//! model: the order crosses; the rank with most tasks does them one after the other; every rank sends what it made of
//! each to every other that takes part, and what is sent crosses while the next task is done; all fold.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use candle_core::Device;
use harness_core::{Progress, Purpose, Result, State, Stream, TaskSource, Update};

use super::follow::tests::{led, of_benchmark};
use super::iterate::{draw, iterate};
use super::job::Job;
use crate::benchmark::Benchmark;
use crate::commands::bench::workload;
use crate::ranks::Wire;
use crate::ranks::local::{Network, of_this_thread};

/// What one method on one data set costs.
#[derive(Clone, Debug, PartialEq)]
struct Constants {
    name: String,
    /// Tasks of a meta-iteration.
    tasks: usize,
    /// Seconds of one core: one task; one fold of them all; writing and reading one task's update.
    task: f64,
    fold: f64,
    codec: f64,
    /// Of one task's update.
    bytes: f64,
}

/// Round numbers of two networks: what they carry, and how long a message without bytes takes through TCP on them.
const NETWORKS: [(&str, Network); 2] = [
    ("1 Gbit/s", Network { delay: 60e-6, per_byte: 8e-9 }),
    ("25 Gbit/s", Network { delay: 20e-6, per_byte: 8e-9 / 25.0 }),
];
const RANKS: [usize; 9] = [1, 2, 3, 4, 5, 8, 16, 24, 32];

/// Seconds of a meta-iteration on ranks of one core each.
fn model(of: &Constants, network: Network, ranks: usize) -> f64 {
    let parts = ranks.min(of.tasks);
    let most = of.tasks.div_ceil(parts) as f64;
    let compute = most * of.task + of.fold;
    if parts == 1 {
        return compute;
    }
    let others = (parts - 1) as f64;
    let least = (of.tasks / parts) as f64;
    let message = of.bytes * network.per_byte;
    // What crosses last: the copies of one update, or whatever was not through while the tasks were done.
    let round = others * message;
    let all = (most * others).max(of.tasks as f64 - least) * message;
    let tail = round.max(all - (most - 1.0) * of.task);
    // The order and the updates are a message each; writing is half of the codec, of a rank's own; reading the rest.
    let codec = of.codec / 2.0 * (most + of.tasks as f64 - least);
    compute + 2.0 * network.delay + tail + codec
}

/// The constants as rows of a Markdown table.
fn constants_table(all: &[Constants]) -> String {
    let mut text = String::from(
        "| | tasks | a task, ms | the fold, ms | an update written and read, ms | its bytes |\n\
         | :-- | --: | --: | --: | --: | --: |\n",
    );
    for Constants { name, tasks, task, fold, codec, bytes } in all {
        let [task, fold, codec] = [task, fold, codec].map(|seconds| format!("{:.3}", seconds * 1e3));
        text += &format!("| {name} | {tasks} | {task} | {fold} | {codec} | {bytes} |\n");
    }
    text
}

fn constants_of(table: &str) -> Vec<Constants> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let number = |at: usize| cells[at].replace(',', "").parse::<f64>().expect("a number");
        Constants {
            name: cells[0].to_owned(),
            tasks: number(1) as usize,
            task: number(2) / 1e3,
            fold: number(3) / 1e3,
            codec: number(4) / 1e3,
            bytes: number(5),
        }
    };
    table.lines().skip(2).map(row).collect()
}

/// Milliseconds, and how many times as fast as one rank, for each network and method.
fn model_table(all: &[Constants]) -> String {
    let mut text = String::from("| ranks |");
    for (network, _) in NETWORKS {
        all.iter().for_each(|of| text += &format!(" {}, {network} |", of.name));
    }
    text += &format!("\n| --: |{}\n", " --: |".repeat(all.len() * NETWORKS.len()));
    for ranks in RANKS {
        text += &format!("| {ranks} |");
        for (_, network) in NETWORKS {
            for of in all {
                let (alone, seconds) = (model(of, network, 1), model(of, network, ranks));
                let digits = if seconds < 0.1 { 1 } else { 0 };
                text += &format!(" {:.digits$} ms, {:.1}× |", seconds * 1e3, alone / seconds);
            }
        }
        text.push('\n');
    }
    text
}

/// The four of the table, on data that is built in.
fn jobs() -> Vec<(String, Job)> {
    let letters: Arc<dyn TaskSource> = Arc::new(workload::letters().unwrap());
    let noise: Arc<dyn TaskSource> = Arc::new(workload::noise().unwrap());
    let mut all = Vec::new();
    for (set, benchmark, source) in
        [("Omniglot", "omniglot-5w1s", letters), ("mini-ImageNet", "mini-imagenet-5w1s", noise)]
    {
        // Tasks that wait for no other.
        let folded = [("method.reptile.second_moment".to_owned(), "folded".to_owned())];
        let benchmark = Arc::new(Benchmark::find(benchmark, &folded).unwrap());
        for label in ["reptile", "fomaml"] {
            all.push((format!("{label} {set}"), of_benchmark(benchmark.clone(), label, source.clone())));
        }
    }
    all
}

/// Who measures does so alone.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Seconds of a core that `work` takes: of several stretches that are long beside a tick of the system's clock, the one
/// that was disturbed least.
fn least(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    const STRETCH: f64 = 0.5;
    work()?;
    let mut all = Vec::new();
    for _ in 0..5 {
        let (began, mut done) = (of_this_thread(), 0u32);
        while of_this_thread() - began < STRETCH {
            work()?;
            done += 1;
        }
        all.push((of_this_thread() - began) / f64::from(done));
    }
    Ok(all.into_iter().fold(f64::INFINITY, f64::min))
}

/// Measures the parts of a meta-iteration.
fn measure(name: &str, job: &Job) -> Result<Constants> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    pool.install(|| {
        let sampling = job.algorithm.sampling();
        let state = job.algorithm.init(&mut Stream::new(0, Purpose::Init, 0, 0))?;
        let learn = |index: u64| -> Result<Vec<Update>> {
            job.algorithm.chain_update(&state, &mut [draw(job, &sampling.draw, state.step, index)?])
        };
        let mut next = 0..;
        let task = least(|| learn(next.next().expect("there is no last number")).map(drop))?;
        let updates: Vec<Update> = (0..sampling.meta_batch as u64).map(learn).collect::<Result<Vec<_>>>()?.concat();
        let progress = Progress { iteration: 0, total: job.meta_iters };
        let fold = least(|| job.algorithm.outer_update(&mut state.clone(), updates.clone(), progress).map(drop))?;
        let mut message = Vec::new();
        let codec = least(|| {
            message.clear();
            updates[0].write(&mut message)?;
            Update::read(&message, &Device::Cpu).map(drop)
        })?;
        let (name, tasks, bytes) = (name.to_owned(), sampling.meta_batch, message.len() as f64);
        Ok(Constants { name, tasks, task, fold, codec, bytes })
    })
}

/// Seconds of a meta-iteration on simulated ranks of one thread each, by the clock.
fn simulated(job: &Job, network: Network, ranks: usize, seconds: f64) -> f64 {
    led(job, ranks, network, |workers| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
        let mut state: State = job.algorithm.init(&mut Stream::new(0, Purpose::Init, 0, 0)).unwrap();
        let (mut all, began) = (Vec::new(), Instant::now());
        while began.elapsed().as_secs_f64() < seconds || all.len() < 5 {
            let before = Instant::now();
            pool.install(|| iterate(job, &mut state, job.meta_iters, workers)).unwrap().expect("nobody is lost");
            all.push(before.elapsed().as_secs_f64());
        }
        // The first one carries the state.
        median(all.split_off(1))
    })
}

#[test]
#[ignore = "measures for a minute: prints the two tables of harness/README.md"]
fn measured_constants_and_their_table() {
    let _alone = alone();
    let all: Vec<Constants> = jobs().iter().map(|(name, job)| measure(name, job).unwrap()).collect();
    println!("{}\n{}", constants_table(&all), model_table(&all));
}

#[test]
#[ignore = "needs two idle cores for a minute"]
fn a_simulated_network_confirms_three_cells() {
    let _alone = alone();
    let jobs = jobs();
    let mut far = Vec::new();
    for (which, network) in [(0, 0), (1, 1), (2, 0)] {
        let ((name, job), (speed, network)) = (&jobs[which], NETWORKS[network]);
        let wanted = model(&measure(name, job).unwrap(), network, 2);
        let found = simulated(job, network, 2, 10.0);
        let ratio = found / wanted;
        println!(
            "{name}, 2 ranks, {speed}: model {:.2} ms, simulated {:.2} ms, ratio {ratio:.3}",
            wanted * 1e3,
            found * 1e3
        );
        if !(0.85..=1.15).contains(&ratio) {
            far.push(format!("{name} over {speed}: {ratio:.3}"));
        }
    }
    assert!(far.is_empty(), "{far:?}");
}

#[test]
fn the_readmes_table_follows_from_its_constants() {
    let readme = include_str!("../../README.md");
    let between = |first: &str, last: &str| {
        let (_, rest) = readme.split_once(first).expect("the mark is there");
        rest.split_once(last).expect("the mark is there").0.trim().to_owned()
    };
    let constants = between("<!-- constants -->\n", "<!-- end -->");
    let table = between("<!-- model -->\n", "<!-- end -->");
    let all = constants_of(&constants);
    assert_eq!(constants_table(&all).trim(), constants);
    assert_eq!(model_table(&all).trim(), table, "put this in its place:\n{}", model_table(&all));
}

#[test]
fn the_model_by_hand() {
    let of = Constants { name: "x".into(), tasks: 5, task: 0.01, fold: 0.001, codec: 0.0004, bytes: 1e6 };
    let network = Network { delay: 1e-3, per_byte: 8e-9 };
    assert!((model(&of, network, 1) - 0.051).abs() < 1e-12);
    // Three tasks on one rank, two on the other. Two of the three updates, of 8 ms each, cross while tasks are done.
    let two = 0.03 + 0.001 + 2e-3 + 0.008 + 0.0002 * (3.0 + 3.0);
    // Tasks of 1 ms do not hide them: the first leaves after 1 ms, the last is through 24 ms later.
    let small = Constants { task: 0.001, ..of.clone() };
    let through = 0.001 + 0.024 + 0.001 + 2e-3 + 0.0002 * (3.0 + 3.0);
    assert!((model(&small, network, 2) - through).abs() < 1e-12, "{} {through}", model(&small, network, 2));
    assert!((model(&of, network, 2) - two).abs() < 1e-12, "{} {two}", model(&of, network, 2));
    assert_eq!(model(&of, network, 5), model(&of, network, 32), "a meta-batch of 5 ends at 5 ranks");
}
