//! Ctrl-C and SIGTERM: the step ends, a checkpoint is written, code 5; a second one ends at once.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::bench::{Bench, REPTILE, folder};
use crate::compare::{assert_same, steps, tensors};
use crate::process::{done, end, signal, start, started, wait_for};

const GO_ON: &str = "interrupted: the same command goes on where it stopped";

#[test]
fn ctrl_c_and_sigterm_save_and_say_how_to_go_on() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 1500\n"));
    let whole = bench.out("whole");
    done(bench.reproduce(&whole, &[]));
    for kind in ["INT", "TERM"] {
        let out = bench.out(kind);
        let dir = folder(&out, "reptile");
        let mut child = start(bench.reproduce(&out, &[]));
        wait_for(&mut child, "training started", || started(&dir));
        std::thread::sleep(Duration::from_millis(150));
        signal(&child, kind);
        let ended = end(child).expect(5, GO_ON);
        let [step] = steps(&dir)[..] else { panic!("{:?}: {}", steps(&dir), ended.err) };
        assert!(ended.err.contains(&format!("b reptile seed 0: stopped at step {step}, checkpoint written")));
        assert!(ended.err.contains("stopping after the step that is under way"), "{}", ended.err);
        let record = std::fs::read_to_string(dir.join("run.json")).unwrap();
        assert!(record.contains("\"status\": \"interrupted\""), "{record}");
        let resumed = done(bench.reproduce(&out, &[])).expect(0, "1 run: 0 complete, 1 to resume, 0 new");
        assert!(resumed.err.contains(&format!("resumed reptile seed 0 at step {step}\n")), "{}", resumed.err);
        assert_same(&folder(&whole, "reptile"), &dir, kind);
        done(bench.reproduce(&out, &[])).expect(0, "1 run: 1 complete, 0 to resume, 0 new");
        done(bench.reproduce(&out, &["--fresh"])).expect(0, "1 run: 0 complete, 0 to resume, 1 new");
    }
}

#[test]
fn an_interrupted_evaluation_goes_on_with_the_next_episodes() {
    cut_in_its_evaluation(&Bench::sine(&slow("eval_iters = 400")));
}

/// A checkpoint has the modes by name, a benchmark in an order of its own.
#[test]
fn each_mode_goes_on_with_its_own_episodes() {
    let bench = Bench::glyphs(&slow("eval_iters = 60").replace("train_shots = 50", "train_shots = 10"));
    let text = std::fs::read_to_string(bench.file()).unwrap();
    assert!(text.contains("episodes = 100, modes = [\"transductive\", \"inductive\"]"), "{text}");
    std::fs::write(bench.file(), text.replace("episodes = 100,", "episodes = 300,")).unwrap();
    cut_in_its_evaluation(&bench);
}

/// Nothing to train, and a long evaluation.
fn slow(eval_iters: &str) -> String {
    format!("{REPTILE}meta_iters = 0\n").replace("eval_iters = 10", eval_iters)
}

fn cut_in_its_evaluation(bench: &Bench) {
    let args = ["--threads", "2", "--checkpoint-every", "0"];
    let (whole, out) = (bench.out("whole"), bench.out("cut"));
    done(bench.reproduce(&whole, &args));
    let dir = folder(&out, "reptile");
    let mut child = start(bench.reproduce(&out, &args));
    wait_for(&mut child, "two chunks were saved", || evaluated(&dir) >= 128);
    signal(&child, "INT");
    end(child).expect(5, GO_ON);
    let saved = evaluated(&dir);
    let mut child = start(bench.reproduce(&out, &args));
    wait_for(&mut child, "another save", || evaluated(&dir) != saved);
    assert!(evaluated(&dir) > saved, "the evaluation started over");
    child.kill().unwrap();
    end(child);
    done(bench.reproduce(&out, &args)).expect(0, "resumed reptile seed 0 at step 0\n");
    assert_same(&folder(&whole, "reptile"), &dir, "interrupted in its evaluation");
}

/// Episodes of the final evaluation in the newest checkpoint, three numbers of 8 bytes each.
fn evaluated(dir: &Path) -> usize {
    if steps(dir).is_empty() {
        return 0;
    }
    let all = tensors(dir);
    all.iter().find(|(name, _)| name.starts_with("evaluation/")).map_or(0, |(_, bytes)| bytes.len() / 24)
}

/// As `timeout` does: the same signal twice, without a pause.
#[test]
fn a_signal_that_comes_twice_at_once_is_one() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 100000\n"));
    let out = bench.out("out");
    let mut child = start(bench.reproduce(&out, &[]));
    wait_for(&mut child, "training started", || started(&folder(&out, "reptile")));
    std::thread::sleep(Duration::from_millis(150));
    signal(&child, "TERM");
    signal(&child, "TERM");
    end(child).expect(5, GO_ON);
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_the_step() {
    // One step takes minutes.
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 1\ninner_iters = 100000000\n"));
    let out = bench.out("out");
    let mut child = start(bench.reproduce(&out, &[]));
    wait_for(&mut child, "training started", || started(&folder(&out, "reptile")));
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "the first one waits for the step");
    let began = Instant::now();
    signal(&child, "INT");
    assert_eq!(end(child).code, Some(130));
    assert!(began.elapsed() < Duration::from_secs(5));
}
