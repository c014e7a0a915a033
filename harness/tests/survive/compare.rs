//! Whether two runs left the same: metrics.csv without its timings, the other files byte by byte, parameters bit by bit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;

/// Steps of the checkpoints in a run's folder, newest first.
pub fn steps(folder: &Path) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
    let step = |name: String| name.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok();
    let mut steps: Vec<u64> = entries.flatten().filter_map(name).filter_map(step).collect();
    steps.sort_unstable_by(|a, b| b.cmp(a));
    steps
}

/// Paths of the checkpoints, newest first.
pub fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    steps(folder).iter().map(|step| folder.join(format!("checkpoint-{step}.safetensors"))).collect()
}

pub fn newest(folder: &Path) -> PathBuf {
    checkpoints(folder).swap_remove(0)
}

/// metrics.csv without its last column, `wall_s`.
pub fn metrics(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("metrics.csv")).unwrap();
    text.lines().map(|line| format!("{}\n", line.rsplit_once(',').expect("eleven columns").0)).collect()
}

/// Every tensor of the newest checkpoint, the final evaluation among them.
pub fn tensors(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(newest(folder)).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    all.tensors().into_iter().map(|(name, view)| (name, view.data().to_vec())).collect()
}

/// Panics with the name of the first thing that differs.
pub fn assert_same(there: &Path, here: &Path, when: &str) {
    assert_eq!(metrics(there), metrics(here), "metrics.csv, {when}");
    assert_eq!(steps(there)[0], steps(here)[0], "steps, {when}");
    assert!(tensors(there) == tensors(here), "the final state, {when}");
    for name in ["episodes.parquet", "adaptation.csv"] {
        assert!(fs::read(there.join(name)).ok() == fs::read(here.join(name)).ok(), "{name}, {when}");
    }
    let left: Vec<_> = fs::read_dir(here).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".tmp-")), "{left:?}, {when}");
}
