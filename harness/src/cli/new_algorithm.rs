use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  # algorithms/my-method: a small method, registered
  harness new-algorithm my-method

  # A crate of its own, beside the clone
  harness new-algorithm my-method --standalone ../my-method";

/// Writes a new method's crate: a small one that compiles, learns and passes the conformance suite, to be changed into yours.
/// It goes into algorithms/ of the workspace around the current folder and is registered there; with --standalone it is a
/// project of its own that has the harness as a dependency.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct NewAlgorithm {
    /// The crate and the method: lower-case letters, digits, - and _
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Write a project of its own into this folder, new or empty: no fork, nothing to register
    #[arg(long, value_name = "DIR")]
    pub standalone: Option<PathBuf>,

    /// Where that project gets the harness from: a clone's folder or the URL of a repository; the clone around the current
    /// folder if absent, or the one that this binary was built from
    #[arg(long, value_name = "FOLDER|URL", requires = "standalone")]
    pub harness: Option<String>,
}
