use clap::Args;

const EXAMPLES: &str = "\
Examples:
  # BibTeX of everything that one table rests on
  harness cite omniglot-5w1s

  # CPU, commit and hours of the committed results
  harness cite results/reference --note";

/// Prints BibTeX for every method and data set of a table.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Cite {
    /// A folder with results, or the name or file of a benchmark
    #[arg(value_name = "DIR|BENCHMARK", default_value = "results/runs")]
    pub of: String,

    /// Print where the numbers were made (processor, commit, hours) as a paragraph instead
    #[arg(long)]
    pub note: bool,
}
