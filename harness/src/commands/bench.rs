//! `harness bench`: how fast the inner loop is on this machine, beside stock candle and beside what its cores can
//! multiply, measured in turn in one run.

mod measure;
mod passes;
pub mod workload;

use clap::{Args, ValueEnum};
use harness_core::{Entry, Error, Result};
use harness_kernels::Cap;
use serde::Serialize;

use self::measure::{Rounds, median};
use self::workload::Workload;
use crate::cli::value::{instruction_set, positive, seconds, threads};
use crate::cli::{Format, table_or_json};
use crate::console;
use crate::exit::Exit;
use crate::load::Watch;
use crate::table::{Column, Table};

const EXAMPLES: &str = "\
Examples:
  # Both networks of the Reptile paper, some minutes
  harness bench

  # One network for a script, on one core
  harness bench --network omniglot --threads 1 --format json";

/// Measures the inner loop on this machine: in training and evaluation, in turn with stock candle and with the machine's
/// matrix-multiply rate; products with a Hessian and passes to features and back beside gradients. Run it on an idle machine.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Bench {
    /// A network to measure, may be repeated; the two of the Reptile paper if absent
    #[arg(long = "network", value_name = "NAME")]
    pub networks: Vec<Network>,

    /// What to measure, may be repeated; everything if absent
    #[arg(long = "what", value_name = "WHAT")]
    pub whats: Vec<What>,

    /// How to print the figures
    #[arg(long, value_name = "FORMAT", value_parser = table_or_json(), default_value = "table")]
    pub format: Format,

    /// Worker threads; all cores if absent
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Length of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 1.5, value_parser = seconds)]
    pub seconds: f64,

    /// Rounds, in each of which everything is measured once; medians are printed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = positive)]
    pub rounds: usize,

    /// Leave out candle's own operations, which take most of the time
    #[arg(long)]
    pub without_stock: bool,

    /// Leave out the memory of each row, which takes a process of its own
    #[arg(long)]
    pub without_memory: bool,

    /// Use no wider instructions than these, to compare with unlike machines: avx512, avx2, neon, scalar
    #[arg(long, value_name = "SET", value_parser = instruction_set)]
    pub instruction_set: Option<Cap>,

    /// Print the largest resident memory in MB that this one row takes, by ours or by stock operations
    #[arg(long, value_name = "WHOSE", hide = true)]
    pub memory_of: Option<Whose>,
}

/// A network on noise or glyphs of its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// Reptile's on Omniglot: 64 filters, stride 2
    Omniglot,
    /// Reptile's on mini-ImageNet: 32 filters, pools
    MiniImagenet,
    /// ProtoNet's on Omniglot: 64 filters, pools
    OmniglotConv4,
    /// ProtoNet's on mini-ImageNet: 64 filters, pools
    MiniImagenetConv4,
}

/// What a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// An inner step of Reptile on ten images
    Train,
    /// One of an evaluation task, scaled to ten images
    Evaluate,
    /// A product with the Hessian of five images' loss
    SecondOrder,
    /// Ten images to features, and back from a gradient of those
    Features,
}

/// Whose operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    Ours,
    Stock,
}

/// One row: a network, and what it does.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub network: String,
    pub what: String,
    /// Milliseconds of the whole machine for one inner step at batch 10, a product with the Hessian of five images' loss, or ten images
    /// to features and back: wall time over what is done on all cores.
    pub inner_step_ms: f64,
    /// An inner step on candle's own operations.
    pub stock_ms: Option<f64>,
    /// How many times faster than stock.
    pub ratio: Option<f64>,
    /// Of a product, or of features and back: the time over that of a gradient of as many images.
    pub gradients: Option<f64>,
    pub inner_steps_per_s: f64,
    /// Of an inner step.
    pub gflops: Option<f64>,
    /// `gflops` over the machine's own f32 matrix-multiply rate in this run.
    pub matmul_share: Option<f64>,
    /// The machine's rate: 1024³ products through the `gemm` crate, one per core at once, GFLOP/s.
    pub matmul_gflops: f64,
    /// Training: tasks a second end to end through the runner. Evaluation: episodes a second, both modes.
    pub tasks_per_s: Option<f64>,
    /// The same as `matmul_share`, for the tasks that came through the runner.
    pub end_to_end_share: Option<f64>,
    /// Peak resident memory of a process that does this row alone, MB; none where the system does not tell.
    pub peak_mb: Option<f64>,
    /// The same on candle's own operations.
    pub stock_peak_mb: Option<f64>,
    pub threads: usize,
    pub instruction_set: &'static str,
}

/// Measures and prints. Nothing is written to disk.
pub fn run(args: &Bench, algorithms: &[Entry]) -> Result<Exit> {
    harness_kernels::cap(args.instruction_set);
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let pool = super::pool(Some(threads))?;
    let networks = or(&args.networks, &[Network::Omniglot, Network::MiniImagenet]);
    let whats = or(&args.whats, What::value_variants());
    if let Some(whose) = args.memory_of {
        let ([network], [what]) = (networks, whats) else {
            return Err(Error::usage("--memory-of is of one --network and one --what"));
        };
        return memory_of(&Workload::of(*network, algorithms)?, *what, whose, &pool, args.seconds);
    }
    let (mut rows, watch) = (Vec::new(), Watch::begin());
    for network in networks {
        let workload = Workload::of(*network, algorithms)?;
        for what in whats {
            tracing::info!("measuring {} {}", name(network), name(what));
            rows.push(row(args, &workload, *network, *what, &pool)?);
        }
    }
    if let Some(others) = watch.hindered(threads) {
        tracing::info!("{others}: measure again on an idle machine");
    }
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&rows).expect("rows are plain data"),
        _ => table(&rows).grid(console::width(WIDTH)),
    };
    console::print(&format!("{text}\n")).map(|()| Exit::Done)
}

/// The choice that was made, or else this one.
fn or<'a, T>(chosen: &'a [T], otherwise: &'a [T]) -> &'a [T] {
    if chosen.is_empty() { otherwise } else { chosen }
}

/// As it is typed.
fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Does one row by one kind of operations, and prints what memory that took.
fn memory_of(workload: &Workload, what: What, whose: Whose, pool: &rayon::ThreadPool, seconds: f64) -> Result<Exit> {
    let threads = pool.current_num_threads();
    match what {
        What::SecondOrder => drop(workload.passes.product(threads, seconds)),
        What::Features => drop(workload.passes.features(threads, seconds)),
        What::Train | What::Evaluate => {
            workload.steps(what, whose, threads, seconds)?;
            if whose == Whose::Ours {
                workload.tasks(what, pool, seconds)?;
            }
        }
    }
    console::print(&format!("{:.1}\n", measure::peak_mb())).map(|()| Exit::Done)
}

/// All figures of a row come from rounds in which each is measured once, in turn.
fn row(args: &Bench, workload: &Workload, network: Network, what: What, pool: &rayon::ThreadPool) -> Result<Row> {
    let (threads, seconds) = (pool.current_num_threads(), args.seconds);
    let is_step = matches!(what, What::Train | What::Evaluate);
    let stock = is_step && !args.without_stock;
    let memory = |whose, wanted: bool| {
        (wanted && !args.without_memory).then(|| measure::memory(args, threads, network, what, whose)).flatten()
    };
    let (peak_mb, stock_peak_mb) = (memory(Whose::Ours, true), memory(Whose::Stock, stock));
    let mut rounds = Rounds::default();
    for _ in 0..args.rounds {
        rounds.matmul.push(harness_kernels::matmul_rate(threads, 1024));
        rounds.fast.push(match what {
            What::SecondOrder => workload.passes.product(threads, seconds),
            What::Features => workload.passes.features(threads, seconds),
            _ => workload.steps(what, Whose::Ours, threads, seconds)?,
        });
        if !is_step {
            rounds.gradient.push(workload.passes.gradient(what == What::SecondOrder, threads, seconds));
            continue;
        }
        if stock {
            rounds.stock.push(workload.steps(what, Whose::Stock, threads, seconds)?);
        }
        rounds.tasks.push(workload.tasks(what, pool, seconds)?);
    }
    let fast = median(&rounds.fast).expect("at least one round");
    let stock = median(&rounds.stock);
    let matmul = rounds.matmul.iter().copied().fold(0.0, f64::max);
    let step = workload.step_flops();
    let gflops = is_step.then_some(step / fast / 1e9);
    let tasks = median(&rounds.tasks);
    Ok(Row {
        network: name(&network),
        what: name(&what),
        inner_step_ms: 1e3 * fast,
        stock_ms: stock.map(|stock| 1e3 * stock),
        ratio: stock.map(|stock| stock / fast),
        gradients: median(&rounds.gradient).map(|gradient| fast / gradient),
        inner_steps_per_s: 1.0 / fast,
        gflops,
        matmul_share: gflops.map(|gflops| gflops / matmul),
        matmul_gflops: matmul,
        tasks_per_s: tasks,
        end_to_end_share: tasks.map(|tasks| tasks * workload.task_steps(what) * step / 1e9 / matmul),
        peak_mb,
        stock_peak_mb,
        threads,
        instruction_set: harness_kernels::instruction_set(),
    })
}

/// Columns where stdout is no terminal: what the table needs.
const WIDTH: u16 = 140;

fn table(rows: &[Row]) -> Table {
    let figures = [
        "ms",
        "stock ms",
        "times",
        "gradients",
        "GFLOP/s",
        "of matmul",
        "end to end",
        "tasks/s",
        "peak MB",
        "stock MB",
    ];
    let columns = ["network", "what"].map(Column::left).into_iter().chain(figures.map(Column::right));
    let number = |value: Option<f64>, digits: usize| value.map_or_else(String::new, |v| format!("{v:.digits$}"));
    let share = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{:.0} %", 100.0 * v));
    let line = |row: &Row| {
        vec![
            row.network.clone(),
            row.what.clone(),
            number(Some(row.inner_step_ms), 3),
            number(row.stock_ms, 1),
            number(row.ratio, 1),
            number(row.gradients, 2),
            number(row.gflops, 0),
            share(row.matmul_share),
            share(row.end_to_end_share),
            number(row.tasks_per_s, 1),
            number(row.peak_mb, 0),
            number(row.stock_peak_mb, 0),
        ]
    };
    Table::new(String::new(), columns, rows.iter().map(line))
}
