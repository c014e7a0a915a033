//! One module a subcommand.

pub mod list;
pub mod report;
pub mod reproduce;
