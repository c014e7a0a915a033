use clap::{ArgAction, Args};

/// How much is said on stderr; results on stdout stay as they are.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Verbosity {
    /// Say only what went wrong: no progress, no notes
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    pub quiet: bool,

    /// Say what is decided: data found, runs planned, checkpoints written; -vv says more. Without -q and -v the
    /// variable RUST_LOG decides
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Messages")]
    pub verbose: u8,
}
