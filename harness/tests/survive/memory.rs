//! Memory stays flat over a long run. Only Linux tells how much it is.
#![cfg(target_os = "linux")]

use crate::bench::{Bench, REPTILE, folder};
use crate::compare::steps;
use crate::process::{end, start, wait_for};

#[test]
fn resident_memory_is_flat_over_twenty_thousand_meta_iterations() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 25000\n"));
    let out = bench.out("out");
    let dir = folder(&out, "reptile");
    let mut child = start(bench.reproduce(&out, &["--checkpoint-every", "0.05"]));
    let id = child.id();
    let mut at = |step: u64| {
        wait_for(&mut child, "that step", || steps(&dir).first().is_some_and(|newest| *newest >= step));
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    };
    let (early, late) = (at(2000), at(20_000));
    println!("{early:.1} MiB at step 2,000, {late:.1} MiB at 20,000");
    assert_eq!(end(child).code, Some(0));
    assert!((late / early - 1.0).abs() < 0.05, "{early} MiB, then {late} MiB");
}
