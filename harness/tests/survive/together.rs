//! Two processes on one results folder.

use crate::bench::{Bench, REPTILE, TRANSFER, folder};
use crate::compare::{assert_same, steps};
use crate::process::{done, end, run, start, wait_for};

#[test]
fn a_second_process_is_refused_and_a_dead_ones_lock_is_stale() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 3000\n"));
    let (whole, out) = (bench.out("whole"), bench.out("out"));
    done(bench.reproduce(&whole, &[]));
    let dir = folder(&out, "reptile");
    let args = ["--checkpoint-every", "0.05"];
    let mut first = start(bench.reproduce(&out, &args));
    wait_for(&mut first, "a checkpoint", || !steps(&dir).is_empty());
    let holder = format!("is being written by process {}: wait for it, or use another --out", first.id());
    for args in [&args[..], &["--fresh"]] {
        run(bench.reproduce(&out, args)).expect(2, &holder);
    }
    first.kill().unwrap();
    assert_eq!(end(first).signal, Some(9), "it was not disturbed");
    assert!(dir.join("run.lock").exists());
    done(bench.reproduce(&out, &args)).expect(0, "resumed reptile seed 0 at step ");
    assert_same(&folder(&whole, "reptile"), &dir, "after a second process knocked");
}

#[test]
fn two_processes_that_start_at_once_leave_whole_runs() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 300\n{TRANSFER}meta_iters = 300\n"));
    let (whole, out) = (bench.out("whole"), bench.out("out"));
    done(bench.reproduce(&whole, &[]));
    let both: Vec<_> = (0..2).map(|_| start(bench.reproduce(&out, &["--threads", "1"]))).collect();
    for child in both {
        let ended = end(child);
        // Each run is done by one of them; the other one is refused it, or finds it complete.
        assert!(matches!(ended.code, Some(0 | 2 | 7)), "{ended:?}");
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
    }
    done(bench.reproduce(&out, &[]));
    for label in ["reptile", "transfer"] {
        assert_same(&folder(&whole, label), &folder(&out, label), label);
    }
}
