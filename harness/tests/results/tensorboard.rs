//! `report --tensorboard`: event files that the real package reads.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, REPTILE};
use crate::harness;
use crate::process::done;

const NAME: &str = "events.out.tfevents.harness";

fn bench() -> Bench {
    Bench::sine(&format!("{REPTILE}meta_iters = 20\n"))
}

fn event_file(out: &Path, seed: u64) -> PathBuf {
    out.join(format!("quick/tensorboard/b/reptile/seed-{seed}")).join(NAME)
}

#[test]
fn event_files_are_the_same_bytes_again_and_go_with_their_run() {
    let bench = bench();
    let out = bench.out("out");
    done(bench.reproduce(&out, &["--seeds", "2", "--tensorboard"]));
    let bytes = fs::read(event_file(&out, 0)).unwrap();
    // Length 24, then its checksum: the record that says which version the file has.
    assert_eq!(bytes[..12], [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
    fs::remove_file(event_file(&out, 0)).unwrap();
    fs::remove_dir_all(out.join("quick/b/reptile/seed-1")).unwrap();
    let own = event_file(&out, 1).with_file_name("events.out.tfevents.mine");
    fs::write(&own, "mine").unwrap();
    done(harness(&bench, &["report", "out"]));
    assert!(fs::read(event_file(&out, 0)).unwrap() == bytes, "kept up to date once it is there");
    assert!(!event_file(&out, 1).exists(), "its run is gone");
    assert!(own.exists(), "somebody else's file went");
}

/// Tag → (time, step, value), as metrics.csv has them.
fn expected(run: &Path) -> BTreeMap<String, Vec<(f64, u64, f64)>> {
    let record: Value = serde_json::from_str(&fs::read_to_string(run.join("run.json")).unwrap()).unwrap();
    let started = chrono::DateTime::parse_from_rfc3339(record["started"].as_str().unwrap()).unwrap().timestamp() as f64;
    let mut tags = BTreeMap::<String, Vec<_>>::new();
    for line in fs::read_to_string(run.join("metrics.csv")).unwrap().lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let tag = format!("{}/{}/{}", fields[4], fields[5], fields[6]);
        let number = |i: usize| fields[i].parse::<f64>().unwrap();
        tags.entry(tag).or_default().push((started + number(10), fields[3].parse().unwrap(), number(7)));
    }
    tags
}

/// Needs Python with the package: `PYTHON=/some/venv/bin/python cargo test -p harness --test results -- --ignored`.
#[test]
#[ignore = "needs Python with the tensorboard package (PYTHON names the interpreter)"]
fn the_real_package_reads_every_row() {
    let python = std::env::var("PYTHON").unwrap_or("python3".into());
    let has = Command::new(&python).args(["-c", "import tensorboard"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        // Straight to the terminal: what a passing test prints is kept from it.
        let why = format!("{python} has no tensorboard package: pip install tensorboard, and name it in PYTHON");
        let _ = writeln!(std::io::stderr(), "SKIPPED a test: {why}");
        return;
    }
    let bench = bench();
    let out = bench.out("out");
    done(bench.reproduce(&out, &["--tensorboard"]));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_tensorboard.py");
    let mut command = Command::new(python);
    command.arg(script).arg(out.join("quick/tensorboard"));
    let read: Value = serde_json::from_str(&done(command).out).unwrap();
    let run = &read["b/reptile/seed-0"];
    let expected = expected(&out.join("quick/b/reptile/seed-0"));
    assert!(expected.len() >= 3 && expected.keys().any(|tag| tag == "test/-/mse"), "{:?}", expected.keys());
    assert_eq!(run.as_object().unwrap().keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (tag, rows) in expected {
        let got = run[&tag].as_array().unwrap();
        assert_eq!(got.len(), rows.len(), "{tag}");
        for (got, (time, step, value)) in got.iter().zip(rows) {
            assert!((got[0].as_f64().unwrap() - time).abs() < 1e-6, "{tag}: {got} at {time}");
            assert_eq!(got[1].as_u64(), Some(step), "{tag}");
            assert!((got[2].as_f64().unwrap() - value).abs() <= 1e-6 * value.abs(), "{tag}: {got} is not {value}");
        }
    }
}
