//! Numbers of another build are never shown as this one's, and a run that was stopped goes on under another build only
//! where that repeats its last stretch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use harness::command_line::{self, Cli};
use harness::results::checkpoint::Checkpoint;
use harness::results::run_json::RunRecord;
use harness_core::{Algorithm, Entry, Error, Params, Progress, Result, Scalars, State, Update, Variant};

use crate::bench::{Bench, REPTILE, binary, folder};
use crate::compare::{assert_same, metrics, newest, steps, tensors};
use crate::process::{done, end, run, signal, start, wait_for};
use crate::trainings::TWIN;

const SHORT: [&str; 2] = ["--budget", "short"];
const TRAINING: &str = "HARNESS_TEST_TRAINING_CODE";
const EVALUATION: &str = "HARNESS_TEST_EVALUATION_CODE";

/// Folder of a run's seed 0 at the short budget.
fn short(out: &Path, label: &str) -> PathBuf {
    out.join("short/b").join(label).join("seed-0")
}

fn as_other_code(mut command: Command, which: &str) -> Command {
    command.env(which, "other");
    command
}

fn record(folder: &Path) -> RunRecord {
    RunRecord::read(&folder.join("run.json")).unwrap()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The verdict of each row of summary.csv.
fn verdicts(out: &Path) -> Vec<String> {
    let csv = text(&out.join("short/summary.csv"));
    csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().to_owned()).collect()
}

#[test]
fn finished_runs_of_other_code_are_named_at_once_and_kept_or_trained_again() {
    let again = REPTILE.replace("[method.reptile]", "[method.again]\nalgorithm = \"reptile\"");
    // Of another training.
    let again = again.replace("meta_step = 0.1", "meta_step = 0.2");
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 20\n{again}meta_iters = 20\n"));
    let out = bench.out("out");
    done(bench.reproduce(&out, &SHORT));
    let dirs = [short(&out, "reptile"), short(&out, "again")];
    let before = dirs.clone().map(|dir| fs::read(dir.join("metrics.csv")).unwrap());
    let columns = |out: &Path| text(&out.join("short/summary.csv")).lines().next().unwrap().to_owned();
    let head = columns(&out);

    let refused = run(as_other_code(bench.reproduce(&out, &SHORT), TRAINING)).expect(2, "2 runs are of other builds");
    for part in [
        "\n  b reptile seed 0: complete, made by ",
        "\n  b again seed 0: complete, made by ",
        "b.toml --method reptile --method again --budget short --out ",
        " --fresh\n",
        " --keep\n",
    ] {
        assert!(refused.err.contains(part), "{part} is not in: {}", refused.err);
    }
    assert!(refused.out.is_empty(), "{}", refused.out);
    assert_eq!(before, dirs.clone().map(|dir| fs::read(dir.join("metrics.csv")).unwrap()), "nothing was spent");

    // One row is missing: it is trained, the other one is shown as it is.
    fs::remove_dir_all(&dirs[1]).unwrap();
    let kept = [&SHORT[..], &["--keep"]].concat();
    let kept = run(as_other_code(bench.reproduce(&out, &kept), TRAINING)).expect(0, "kept as it is, without a verdict");
    assert!(kept.out.contains("other build"), "{}", kept.out);
    assert_eq!(verdicts(&out), ["other build", "no target"]);
    assert_eq!((columns(&out), fs::read(dirs[0].join("metrics.csv")).unwrap()), (head, before[0].clone()));
    let (first, second) = (record(&dirs[0]), record(&dirs[1]));
    assert_eq!(first.kept.unwrap().beside, second.code.unwrap());
    assert!(text(&out.join("short/summary.md")).contains("kept as it was and not judged"));
    assert!(text(&out.join("report.html")).contains("kept as it was and not judged"));

    // The build that made it shows it as its own, and the other one is not its.
    let mine = [&SHORT[..], &["--method", "reptile"]].concat();
    done(bench.reproduce(&out, &mine)).expect(0, "complete already, kept");
    assert_eq!(record(&dirs[0]).kept, None);
    run(bench.reproduce(&out, &SHORT)).expect(2, "1 run is of another build");
    let fresh = [&SHORT[..], &["--method", "reptile", "--fresh"]].concat();
    let fresh = run(as_other_code(bench.reproduce(&out, &fresh), TRAINING)).expect(0, "0 complete, 0 to resume, 1 new");
    assert!(!fresh.err.contains("another build"), "{}", fresh.err);
    assert_eq!(record(&dirs[0]).code, record(&dirs[1]).code);
    run(as_other_code(bench.reproduce(&out, &[&SHORT[..], &["--fresh", "--keep"]].concat()), TRAINING))
        .expect(2, "cannot be used with");
}

#[test]
fn quick_runs_of_other_code_are_trained_again_without_a_question() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 20\n"));
    let out = bench.out("out");
    done(bench.reproduce(&out, &[]));
    let before = record(&folder(&out, "reptile"));
    let again = run(as_other_code(bench.reproduce(&out, &[]), TRAINING));
    again.expect(0, "made by another build, so trained again: b reptile seed 0\n");
    let after = record(&folder(&out, "reptile"));
    assert!(after.code.is_some() && before.code != after.code);
    assert_eq!(after.segments.len(), 1);
    let dry = run(bench.reproduce(&out, &["--dry-run"])).expect(0, "");
    assert!(dry.out.contains("(complete, made by another build)"), "{}", dry.out);
}

#[test]
fn where_only_the_evaluation_changed_only_that_is_done_again() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 40\n"));
    let out = bench.out("out");
    done(bench.reproduce(&out, &SHORT));
    let dir = short(&out, "reptile");
    let (before, state, rows) = (record(&dir), tensors(&dir), metrics(&dir));
    let again = run(as_other_code(bench.reproduce(&out, &SHORT), EVALUATION)).expect(0, "evaluated again");
    assert!(!again.err.contains("another build"), "{}", again.err);
    let after = record(&dir);
    let (was, is) = (before.code.unwrap(), after.code.unwrap());
    assert!(was.training == is.training && was.evaluation != is.evaluation);
    assert!(tensors(&dir) == state && metrics(&dir) == rows, "the code is the same in truth");
    let first_steps: Vec<u64> = after.segments.iter().map(|segment| segment.first_step).collect();
    assert_eq!(first_steps, [0, 40]);
    run(as_other_code(bench.reproduce(&out, &SHORT), EVALUATION)).expect(0, "complete already, kept");
    // Without the end of its training nothing can be evaluated.
    fs::remove_file(newest(&dir)).unwrap();
    run(bench.reproduce(&out, &SHORT)).expect(2, "1 run is of another build");
}

/// Stops a run of 1,500 meta-iterations somewhere behind its second checkpoint.
fn stopped(bench: &Bench, out: &Path) -> PathBuf {
    let args = [&SHORT[..], &["--checkpoint-every", "0.02"]].concat();
    let dir = short(out, "reptile");
    let mut child = start(bench.reproduce(out, &args));
    wait_for(&mut child, "two checkpoints", || steps(&dir).len() == 2 && steps(&dir)[1] > 0);
    signal(&child, "INT");
    end(child).expect(5, "interrupted");
    assert_eq!(steps(&dir).len(), 2, "{:?}", steps(&dir));
    dir
}

fn long() -> Bench {
    Bench::sine(&format!("{REPTILE}meta_iters = 1500\n"))
}

#[test]
fn a_stopped_run_goes_on_under_a_build_that_repeats_its_last_stretch() {
    let bench = long();
    let (whole, out) = (bench.out("whole"), bench.out("out"));
    done(bench.reproduce(&whole, &SHORT));
    let dir = stopped(&bench, &out);
    let [last, before] = steps(&dir)[..] else { panic!() };
    let moved = run(as_other_code(bench.reproduce(&out, &SHORT), TRAINING));
    let moved = moved.expect(0, &format!("repeating meta-iterations {before} to {last}\n"));
    assert!(moved.err.contains(&format!("resumed reptile seed 0 at step {last}\n")), "{}", moved.err);
    assert_same(&short(&whole, "reptile"), &dir, "two builds");
    let record = record(&dir);
    let first_steps: Vec<u64> = record.segments.iter().map(|segment| segment.first_step).collect();
    assert_eq!(first_steps, [0, last]);
    assert!(record.segments[0].code != record.segments[1].code && record.segments[1].code == record.code);
    let checkpoint = Checkpoint::load(&newest(&dir)).unwrap();
    assert_eq!((&checkpoint.meta.segments, checkpoint.meta.code()), (&record.segments, record.code.as_ref()));
}

/// Its states are this build's, so that the table that comes after has its whole curve.
#[test]
fn states_of_the_build_before_serve_the_next_table_once_its_last_stretch_is_repeated() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 6000\n{TWIN}"));
    let (alone, out) = (bench.out("alone"), bench.out("out"));
    done(bench.reproduce(&alone, &[&SHORT[..], &["--method", "twin"]].concat()));
    let dir = short(&out, "reptile");
    let mut child = start(bench.reproduce(&out, &[&SHORT[..], &["--checkpoint-every", "0.02"]].concat()));
    wait_for(&mut child, "points of the curve", || steps(&dir).get(1).is_some_and(|step| *step > 1500));
    signal(&child, "INT");
    end(child).expect(5, "interrupted");
    let moved = run(as_other_code(bench.reproduce(&out, &SHORT), TRAINING)).expect(0, "repeating meta-iterations");
    assert!(moved.err.contains("b twin seed 0: goes on from step 6000"), "{}", moved.err);
    assert_eq!(record(&short(&out, "twin")).missing_points, Vec::<u64>::new(), "{}", moved.err);
    assert_same(&short(&alone, "twin"), &short(&out, "twin"), "by two builds");
}

/// What a build that knew no identities left.
fn without_identity(dir: &Path) {
    for step in steps(dir) {
        let path = harness::results::checkpoint::path(dir, step);
        let mut checkpoint = Checkpoint::load(&path).unwrap();
        checkpoint.meta.segments.clear();
        checkpoint.write(&path).unwrap();
    }
    let mut record = record(dir);
    (record.code, record.segments) = (None, Vec::new());
    record.git_commit = Some("0123456789abcdef".into());
    record.write(&dir.join("run.json")).unwrap();
}

#[test]
fn runs_of_builds_that_knew_no_identity_are_of_another_build() {
    let bench = long();
    let (whole, out) = (bench.out("whole"), bench.out("out"));
    done(bench.reproduce(&whole, &SHORT));
    let dir = stopped(&bench, &out);
    without_identity(&dir);
    let last = steps(&dir)[0];
    let ended = run(bench.reproduce(&out, &SHORT)).expect(0, &format!(" to {last}\n"));
    assert!(ended.err.contains("stopped under another build; repeating"), "{}", ended.err);
    assert_same(&short(&whole, "reptile"), &dir, "an older build and this one");
    let segments = record(&dir).segments;
    assert_eq!((segments.len(), &segments[0].code), (2, &None));
    assert_eq!(segments[0].git_commit.as_deref(), Some("0123456789abcdef"));
    without_identity(&short(&whole, "reptile"));
    run(bench.reproduce(&whole, &SHORT)).expect(2, "b reptile seed 0: complete, made by commit 0123456789ab");
    let kept = [&SHORT[..], &["--keep"]].concat();
    run(bench.reproduce(&whole, &kept)).expect(0, "made by commit 0123456789ab");
}

/// Calls the command in this process with a method of other code.
fn reproduce(bench: &Bench, out: &Path, entry: Entry) -> Result<harness::exit::Exit> {
    let (file, out) = (bench.file(), out.to_str().unwrap().to_owned());
    let line = ["harness", "reproduce", file.to_str().unwrap(), "--budget", "short", "--out", &out];
    let command_line::Command::Reproduce(args) = Cli::parse_from(line).command else { panic!("that is reproduce") };
    harness::commands::reproduce::run(&args, &[entry])
}

#[test]
fn a_flipped_sign_is_caught_in_what_is_finished_and_in_what_was_stopped() {
    let flipped = Entry {
        code: "with another sign",
        build: |settings, context| Ok(Box::new(Flipped((reptile::ENTRY.build)(settings, context)?))),
        ..reptile::ENTRY
    };
    let bench = long();
    let out = bench.out("out");
    let dir = stopped(&bench, &out);
    let [last, before] = steps(&dir)[..] else { panic!() };
    let state = tensors(&dir);
    let Err(Error::Usage(refused)) = reproduce(&bench, &out, flipped) else { panic!("it went on") };
    for part in [
        format!("b reptile seed 0: stopped at step {last} under "),
        format!("this build does not repeat its meta-iterations {before} to {last} (params/"),
        "build that commit to go on with it".to_owned(),
        "--method reptile --budget short".to_owned(),
    ] {
        assert!(refused.contains(&part), "{part} is not in: {refused}");
    }
    assert!(!refused.contains("--keep"), "nothing finished can be kept: {refused}");
    assert!(tensors(&dir) == state, "all is as it was");
    // The same method under another hash goes on, and is then another build's.
    let moved = Entry { code: "moved", ..reptile::ENTRY };
    assert_eq!(reproduce(&bench, &out, moved).unwrap(), harness::exit::Exit::Done);
    let Err(Error::Usage(refused)) = reproduce(&bench, &out, flipped) else { panic!("an old number is shown") };
    assert!(refused.contains("b reptile seed 0: complete, made by "), "{refused}");
}

#[test]
fn a_run_with_one_checkpoint_is_repeated_from_its_start_unless_that_takes_long() {
    let bench = long();
    let out = bench.out("out");
    let dir = stopped(&bench, &out);
    let [last, before] = steps(&dir)[..] else { panic!() };
    fs::remove_file(harness::results::checkpoint::path(&dir, before)).unwrap();
    let path = newest(&dir);
    let mut checkpoint = Checkpoint::load(&path).unwrap();
    let seconds = std::mem::replace(&mut checkpoint.meta.elapsed_s, 1e5);
    checkpoint.write(&path).unwrap();
    run(as_other_code(bench.reproduce(&out, &SHORT), TRAINING))
        .expect(2, "and there is no earlier checkpoint to repeat it from");
    checkpoint.meta.elapsed_s = seconds;
    checkpoint.write(&path).unwrap();
    run(as_other_code(bench.reproduce(&out, &SHORT), TRAINING)).expect(0, &format!("meta-iterations 0 to {last}\n"));
}

#[test]
fn another_instruction_set_is_recorded_and_not_refused() {
    let bench = long();
    let out = bench.out("out");
    let dir = stopped(&bench, &out);
    let capped = [&SHORT[..], &["--instruction-set", "scalar"]].concat();
    let ended = run(bench.reproduce(&out, &capped)).expect(0, "resumed reptile");
    assert!(!ended.err.contains("repeating"), "{}", ended.err);
    let record = record(&dir);
    assert_eq!(record.instruction_set, "scalar");
    let sets: Vec<&str> = record.segments.iter().map(|segment| segment.instruction_set.as_str()).collect();
    assert_eq!(sets, [harness_kernels::instruction_set(), "scalar"]);
    let wrong = [&SHORT[..], &["--instruction-set", "avx1024"]].concat();
    run(bench.reproduce(&out, &wrong)).expect(2, "no such set; this machine has scalar");
    let elsewhere = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
    let lacking = [&SHORT[..], &["--instruction-set", elsewhere]].concat();
    run(bench.reproduce(&out, &lacking)).expect(2, &format!("this machine has no {elsewhere}; it has scalar"));
}

#[test]
fn what_only_reads_reads_results_of_any_build_and_says_so() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 20\n"));
    let out = bench.out("out");
    done(as_other_code(bench.reproduce(&out, &SHORT), TRAINING));
    let checkpoint = newest(&short(&out, "reptile"));
    let harness = |args: &[&str]| {
        let mut command = binary(bench.dir.path());
        command.args(args);
        run(command)
    };
    let (out, checkpoint) = (out.to_str().unwrap(), checkpoint.to_str().unwrap());
    harness(&["report", out]).expect(0, "note: b reptile seed 0 was made by another build than this one (");
    harness(&["compare", out, out]).expect(0, "note: 2 runs were made by other builds than this one");
    harness(&["eval", checkpoint, "b.toml"]).expect(0, "note: another build than this one trained the checkpoint (");
    harness(&["export", checkpoint]).expect(0, "note: another build than this one trained the checkpoint (");
    let own = bench.out("own");
    done(bench.reproduce(&own, &SHORT));
    let own = harness(&["report", own.to_str().unwrap()]).expect(0, "");
    assert!(!own.err.contains("another build"), "{}", own.err);
}

/// Reptile that moves away from where its tasks led.
struct Flipped(Box<dyn Algorithm>);

impl Variant for Flipped {
    fn base(&self) -> &dyn Algorithm {
        self.0.as_ref()
    }

    fn outer_update(&self, state: &mut State, updates: Vec<Update>, progress: Progress) -> Result<Scalars> {
        let before: Params = state.params.clone();
        let scalars = self.0.outer_update(state, updates, progress)?;
        let moved = state.params.sub(&before)?;
        state.params = before.axpy(-1.0, &moved)?;
        Ok(scalars)
    }
}
