use clap::Args;

use super::value::{positive, seconds};
use super::{Format, table_or_json};

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
