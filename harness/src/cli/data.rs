use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, table_or_json};

const EXAMPLES: &str = "\
Examples:
  # Bring Omniglot (10 MB) into a folder of yours
  harness data fetch omniglot --data-dir ~/data

  # Check a folder or archive of your own images
  harness data verify ~/pictures";

/// Fetches, checks and finds data sets.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Data {
    /// What to do
    #[arg(value_enum)]
    pub action: DataAction,

    /// A name of `list datasets`, or the path of a folder or archive of images; all that have files if absent
    #[arg(value_name = "DATASET")]
    pub datasets: Vec<String>,

    /// Folder with data sets; looked at before HARNESS_DATA_DIR and the user's cache
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Agree to the terms of the images (mini-ImageNet) without being asked
    #[arg(long)]
    pub accept_license: bool,

    /// Never use the network
    #[arg(long)]
    pub offline: bool,

    /// How to print what was found
    #[arg(long, value_name = "FORMAT", value_parser = table_or_json(), default_value = "table")]
    pub format: Format,
}

/// What `data` can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DataAction {
    /// Download what is missing, checked
    Fetch,
    /// Count, decode and compare every image
    Verify,
    /// Say where the data is
    Path,
}
