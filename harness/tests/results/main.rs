//! Results folders: filled by several processes, compared with one another, and written in other formats, all through
//! the real binary.
#![cfg(unix)]

#[allow(dead_code)]
#[path = "../survive/bench.rs"]
mod bench;
#[allow(dead_code)]
#[path = "../survive/process.rs"]
mod process;

mod against;
mod apart;
mod cite;
mod formats;
mod narrow;
mod regression;
mod shards;
mod tags;
mod tensorboard;

use std::fs;
use std::path::Path;
use std::process::Command;

use bench::{Bench, binary};

/// `harness …` in the benchmark's folder.
fn harness(bench: &Bench, args: &[&str]) -> Command {
    let mut command = binary(bench.dir.path());
    command.args(args);
    command
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
