//! What several commands read from the command line in the same way.

mod shard;
pub mod value;
mod verbosity;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

pub use self::shard::Shard;
pub use self::verbosity::Verbosity;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// To copy and paste
    Markdown,
    /// For a paper
    Latex,
}

/// How a single table is printed: a [`Format`], or a file of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sheet {
    /// For people
    Table,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
    /// To copy and paste
    Markdown,
    /// For a paper
    Latex,
}

/// Reads `table` or `json`, for commands whose output nobody pastes.
pub fn table_or_json() -> impl TypedValueParser<Value = Format> {
    let values = [Format::Table, Format::Json].map(|format| format.to_possible_value().expect("none is hidden"));
    PossibleValuesParser::new(values).map(|name| Format::from_str(&name, false).expect("one of the possible values"))
}
