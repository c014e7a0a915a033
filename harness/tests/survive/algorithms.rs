//! Every registered method, on classes and on waves: the same bytes for one thread and two, and after a kill with the
//! number of threads changed.

use std::fmt::Write;

use harness::registry::ALGORITHMS;
use harness_core::conformance::regression;
use harness_core::{Entry, Error};

use crate::bench::{Bench, folder};
use crate::compare::{assert_same, steps};
use crate::process::{done, end, start, wait_for};

#[test]
fn every_algorithm_on_glyphs() {
    check(Bench::glyphs, ALGORITHMS);
}

#[test]
fn every_algorithm_on_sine() {
    let entries: Vec<Entry> = ALGORITHMS.iter().copied().filter(takes_regression).collect();
    assert!(entries.iter().any(|entry| entry.name == "reptile"));
    check(Bench::sine, &entries);
}

/// A method that only tells classes apart says so when it is built.
fn takes_regression(entry: &Entry) -> bool {
    match (entry.build)(&entry.toy.parse().unwrap(), &regression(1, &[4], 10)) {
        Ok(_) => true,
        Err(Error::Usage(message)) if message.contains("regression") => false,
        Err(error) => panic!("{}: {error}", entry.name),
    }
}

fn check(bench: impl Fn(&str) -> Bench, entries: &[Entry]) {
    let mut blocks = String::new();
    for entry in entries {
        // Enough for a few checkpoints; the toy settings are each method's own small ones.
        writeln!(blocks, "[method.{}]\nmeta_iters = 150\n{}", entry.name, entry.toy).unwrap();
    }
    let bench = bench(&blocks);
    let [one, two] = ["one", "two"].map(|name| bench.out(name));
    done(bench.reproduce(&one, &["--threads", "1"]));
    done(bench.reproduce(&two, &["--threads", "2"]));
    for entry in entries {
        assert_same(&folder(&one, entry.name), &folder(&two, entry.name), &format!("{}: 1 and 2 threads", entry.name));
        let args = |threads| ["--method", entry.name, "--checkpoint-every", "0", "--threads", threads];
        // A folder of its own: two of them have the same training.
        let killed = bench.out(&format!("killed {}", entry.name));
        let dir = folder(&killed, entry.name);
        let mut child = start(bench.reproduce(&killed, &args("2")));
        wait_for(&mut child, "its fifth step was saved", || steps(&dir).first().is_some_and(|step| *step >= 5));
        child.kill().unwrap();
        end(child);
        let resumed = format!("resumed {} seed 0 at step ", entry.name);
        done(bench.reproduce(&killed, &args("1"))).expect(0, &resumed);
        assert_same(&folder(&one, entry.name), &dir, &format!("{}: killed and resumed", entry.name));
    }
}
