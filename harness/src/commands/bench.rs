//! `harness bench`: how fast the inner loop is on this machine, beside stock candle and beside what its cores can
//! multiply, measured in turn in one run.

mod measure;
mod workload;

use clap::Args;
use comfy_table::{Cell, CellAlignment, Table};
use harness_core::{Entry, Result};
use serde::Serialize;

use self::measure::{Rounds, median};
use self::workload::{What, Workload};
use crate::cli::value::{positive, seconds};
use crate::cli::{Format, table_or_json};
use crate::console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  # Three rounds of each network, about a minute
  harness bench

  # For a script, on one core
  harness bench --format json --threads 1";

/// Measures the inner loop on this machine: the Omniglot and the mini-ImageNet network, in training and evaluation, in
/// turn with stock candle and with the machine's matrix-multiply rate. Run it on an idle machine.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Bench {
    /// How to print the figures
    #[arg(long, value_name = "FORMAT", value_parser = table_or_json(), default_value = "table")]
    pub format: Format,

    /// Worker threads; all cores if absent
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,

    /// Length of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 1.5, value_parser = seconds)]
    pub seconds: f64,
}

/// One row: a network, in training or in evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub network: &'static str,
    pub what: &'static str,
    /// Milliseconds of the whole machine for one inner step at batch 10: wall time over steps done on all cores.
    pub inner_step_ms: f64,
    /// The same on candle's own operations.
    pub stock_ms: f64,
    /// How many times faster than stock.
    pub ratio: f64,
    pub inner_steps_per_s: f64,
    pub gflops: f64,
    /// `gflops` over the machine's own f32 matrix-multiply rate in this run.
    pub matmul_share: f64,
    /// The machine's rate: 1024³ products through the `gemm` crate, one per core at once, GFLOP/s.
    pub matmul_gflops: f64,
    /// Training: tasks a second end to end through the runner. Evaluation: episodes a second, both modes.
    pub tasks_per_s: f64,
    /// The same as `matmul_share`, for the tasks that came through the runner.
    pub end_to_end_share: f64,
    /// Peak resident memory of this process so far, MB; 0 where the system does not tell.
    pub peak_mb: f64,
    pub threads: usize,
    pub instruction_set: &'static str,
}

/// Measures and prints. Nothing is written to disk.
pub fn run(args: &Bench, algorithms: &[Entry]) -> Result<Exit> {
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let pool = super::pool(Some(threads))?;
    let mut rows = Vec::new();
    for workload in Workload::all(algorithms)? {
        for what in [What::Train, What::Evaluate] {
            tracing::info!("measuring {} {}", workload.name, what.name());
            rows.push(row(&workload, what, &pool, args.seconds)?);
        }
    }
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&rows).expect("rows are plain data"),
        _ => table(&rows, console::width(WIDTH)).to_string(),
    };
    console::print(&format!("{text}\n")).map(|()| Exit::Done)
}

/// All figures of a row come from rounds in which each is measured once, in turn.
fn row(workload: &Workload, what: What, pool: &rayon::ThreadPool, seconds: f64) -> Result<Row> {
    let threads = pool.current_num_threads();
    let mut rounds = Rounds::default();
    // Before the stock path, whose memory is not the product's.
    workload.steps(what, false, threads, seconds / 4.0)?;
    workload.tasks(what, pool, seconds / 4.0)?;
    let peak_mb = measure::peak_mb();
    for _ in 0..measure::ROUNDS {
        rounds.matmul.push(harness_kernels::matmul_rate(threads, 1024));
        rounds.fast.push(workload.steps(what, false, threads, seconds)?);
        rounds.stock.push(workload.steps(what, true, threads, seconds)?);
        rounds.tasks.push(workload.tasks(what, pool, seconds)?);
    }
    let (fast, stock) = (median(&rounds.fast), median(&rounds.stock));
    let matmul = rounds.matmul.iter().copied().fold(0.0, f64::max);
    let (tasks, step) = (median(&rounds.tasks), workload.step_flops());
    let gflops = step / fast / 1e9;
    Ok(Row {
        network: workload.name,
        what: what.name(),
        inner_step_ms: 1e3 * fast,
        stock_ms: 1e3 * stock,
        ratio: stock / fast,
        inner_steps_per_s: 1.0 / fast,
        gflops,
        matmul_share: gflops / matmul,
        matmul_gflops: matmul,
        tasks_per_s: tasks,
        end_to_end_share: tasks * workload.task_steps(what) * step / 1e9 / matmul,
        peak_mb,
        threads,
        instruction_set: harness_kernels::instruction_set(),
    })
}

/// Columns where stdout is no terminal: what the table needs.
const WIDTH: u16 = 120;

fn table(rows: &[Row], width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_width(width);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_header([
        "network",
        "what",
        "ms/step",
        "stock ms",
        "times",
        "GFLOP/s",
        "of matmul",
        "end to end",
        "tasks/s",
        "peak MB",
    ]);
    for row in rows {
        let number = |value: f64, digits: usize| format!("{value:.digits$}");
        let cells = [
            number(row.inner_step_ms, 3),
            number(row.stock_ms, 1),
            number(row.ratio, 1),
            number(row.gflops, 0),
            format!("{:.0} %", 100.0 * row.matmul_share),
            format!("{:.0} %", 100.0 * row.end_to_end_share),
            number(row.tasks_per_s, 1),
            number(row.peak_mb, 0),
        ];
        let right = cells.map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
        table.add_row([Cell::new(row.network), Cell::new(row.what)].into_iter().chain(right));
    }
    table
}
