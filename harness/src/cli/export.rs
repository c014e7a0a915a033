use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  # sine-reptile-seed-0.safetensors, .json and .py, here
  harness export checkpoint-30000.safetensors

  # A finished run's checkpoint, for evaluation alone
  harness export checkpoint-60000.safetensors \\
      --trim --out kept/checkpoint-60000.safetensors";

/// Writes a checkpoint's parameters as plain named safetensors, with a model card (JSON) and the same network as a PyTorch
/// module (Python) beside them, so that other programs can load the initialisation.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    /// A checkpoint-STEP.safetensors of a run
    #[arg(value_name = "CHECKPOINT")]
    pub checkpoint: PathBuf,

    /// The file to write, card and module beside it; BENCHMARK-LABEL-seed-N.safetensors here if absent
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Write a checkpoint instead, for `harness eval`: without what only training needs, and nothing beside it
    #[arg(long)]
    pub trim: bool,
}
