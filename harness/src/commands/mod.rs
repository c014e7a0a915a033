//! One module a subcommand.

pub mod bench;
pub mod data;
pub mod list;
pub mod report;
pub mod reproduce;
