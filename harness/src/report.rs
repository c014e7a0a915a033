//! Stands in for the report until it is merged.
use crate::exit::Exit;
use std::path::{Path, PathBuf};
pub struct Report;
impl Report {
    pub fn exit(&self) -> Exit {
        Exit::Done
    }
    pub fn json(&self) -> String {
        String::new()
    }
    pub fn terminal_table(&self, _: usize) -> String {
        String::new()
    }
}
pub fn build(_: &Path) -> harness_core::Result<Report> {
    Ok(Report)
}
pub fn build_budgets(_: &[PathBuf]) -> harness_core::Result<Report> {
    Ok(Report)
}
pub fn terminal_width() -> usize {
    100
}
