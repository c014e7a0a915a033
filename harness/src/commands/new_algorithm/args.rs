use clap::Args;

const EXAMPLES: &str = "\
Examples:
  # algorithms/my-method: a small method, registered
  harness new-algorithm my-method

  # From any folder of the clone
  harness new-algorithm another-one";

/// Writes a new method's crate into algorithms/ of the workspace around the current folder: a small one that compiles,
/// learns and passes the conformance suite, to be changed into yours. Registers it too.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct NewAlgorithm {
    /// The crate and the method: lower-case letters, digits, - and _
    #[arg(value_name = "NAME")]
    pub name: String,
}
