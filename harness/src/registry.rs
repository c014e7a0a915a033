//! The methods that this binary knows: one line here and one in `harness/Cargo.toml` each.
//!
//! The list is explicit because a crate that is only a dependency links to nothing: registration by link-time magic
//! would leave the registry silently empty.

use std::sync::OnceLock;

use candle_core::Device;
use harness_core::error::unknown;
use harness_core::{Context, Entry, ModelSpec, Problem, Protocol, Result};

/// All methods, in the order in which `harness list algorithms` prints them.
// One line each, so that what several people add at once merges; `harness new-algorithm` looks for this form.
#[rustfmt::skip]
pub const ALGORITHMS: &[Entry] = &[
    reptile::ENTRY,
    fomaml::ENTRY,
    maml::ENTRY,
    transfer::ENTRY,
    protonet::ENTRY,
    baseline_plus_plus::ENTRY,
    minibatch_prox::ENTRY,
    evolution::ENTRY,
    anil::ENTRY,
    imaml::ENTRY,
    boil::ENTRY,
    nil::ENTRY,
    matching::ENTRY,
    r2d2::ENTRY,
    meta_sgd::ENTRY,
    simpleshot::ENTRY,
];

static KNOWN: OnceLock<Vec<Entry>> = OnceLock::new();

/// The methods of this binary, those of [`main_with`](crate::main_with) where it has been called.
pub fn known() -> &'static [Entry] {
    KNOWN.get().map_or(ALGORITHMS, Vec::as_slice)
}

/// Makes [`known`] say these, once a process.
pub(crate) fn know(algorithms: &[Entry]) {
    let _ = KNOWN.set(algorithms.to_vec());
}

/// The method of that name. Errors with the nearest name if there is none.
pub fn find<'a>(algorithms: &'a [Entry], name: &str) -> Result<&'a Entry> {
    let found = algorithms.iter().find(|entry| entry.name == name);
    found.ok_or_else(|| unknown("algorithm", name, algorithms.iter().map(|entry| entry.name)))
}

/// What a method is built for where it computes on the CPU.
pub fn on_cpu(model: ModelSpec, input: Vec<usize>, problem: Problem, protocol: Protocol) -> Context {
    Context { model, input, problem, protocol, device: Device::Cpu, plain: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every folder of `algorithms/` is registered: the failure prints the two lines that are missing.
    #[test]
    fn no_folder_is_forgotten() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../algorithms");
        let registered: Vec<&str> = ALGORITHMS.iter().map(|entry| entry.name).collect();
        for crate_dir in std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
            let name = crate_dir.file_name().into_string().unwrap();
            let ident = name.replace('-', "_");
            assert!(
                registered.contains(&name.as_str()),
                "algorithms/{name} is not registered. Add to harness/Cargo.toml:\n    {name}.workspace = true\n\
                 and to ALGORITHMS in harness/src/registry.rs:\n    {ident}::ENTRY,"
            );
        }
    }

    #[test]
    fn names_are_unique_and_documented() {
        for (index, entry) in ALGORITHMS.iter().enumerate() {
            assert!(!entry.summary.is_empty() && !entry.paper.is_empty(), "{}", entry.name);
            assert!(ALGORITHMS[..index].iter().all(|other| other.name != entry.name), "{} twice", entry.name);
        }
    }
}
