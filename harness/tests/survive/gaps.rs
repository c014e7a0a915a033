//! Killed in every gap between the end of one write and the start of the next, one after the other.

use crate::bench::{Bench, TRANSFER, folder};
use crate::compare::assert_same;
use crate::process::{done, run};

#[test]
fn killed_between_any_two_writes() {
    let bench = Bench::sine(&format!("{TRANSFER}meta_iters = 3\n"));
    let args = ["--threads", "1", "--checkpoint-every", "0"];
    let whole = bench.out("whole");
    done(bench.reproduce(&whole, &args));
    let mut gaps = 0;
    loop {
        let out = bench.out(&format!("gap-{}", gaps + 1));
        let mut command = bench.reproduce(&out, &args);
        command.env("HARNESS_TEST_KILL_AT", (gaps + 1).to_string());
        let ended = run(command);
        let when = format!("killed in gap {}", gaps + 1);
        if ended.signal.is_none() {
            ended.expect(0, "");
            break;
        }
        assert_eq!(ended.signal, Some(9), "{ended:?}");
        done(bench.reproduce(&out, &args));
        assert_same(&folder(&whole, "transfer"), &folder(&out, "transfer"), &when);
        gaps += 1;
    }
    println!("{gaps} gaps");
    // The record twice, a curve point at both ends, three steps, each with its row and checkpoint, and the final files.
    assert!(gaps >= 20, "{gaps} gaps: are there places left to die at?");
}
