use clap::{Args, ValueEnum};
use harness_kernels::Cap;

use super::value::{instruction_set, positive, seconds};
use super::{Format, table_or_json};

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
    #[arg(long, value_name = "N", value_parser = positive)]
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
