//! One training serves every run that it can: the same bytes as training alone, whatever the order, and after any kill.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use harness::results::checkpoint::Checkpoint;
use harness_core::State;
use safetensors::SafeTensors;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::bench::{Bench, REPTILE, TRANSFER, binary, folder};
use crate::compare::{assert_same, checkpoints, metrics, steps, tensors};
use crate::process::{done, end, run, start, wait_for};

/// Rows whose labels, and what they do at test, are all that they differ in.
pub const TWIN: &str = "[method.twin]\nlike = \"reptile\"\neval_iters = 4\neval_batch = 5\n";

impl Bench {
    /// A second benchmark beside the first: fewer shots, another number of episodes and of points.
    fn other(&self) -> Other<'_> {
        let text = fs::read_to_string(self.file()).unwrap();
        let text = text.replace("shots = 10", "shots = 5").replace("episodes = 300", "episodes = 200");
        fs::write(
            self.dir.path().join("c.toml"),
            text.replace("curve_points = 9", "curve_points = 14, curve_in_full = true"),
        )
        .unwrap();
        Other(self)
    }
}

struct Other<'a>(&'a Bench);

impl Other<'_> {
    fn reproduce(&self, out: &Path, args: &[&str]) -> Command {
        let mut command = binary(self.0.dir.path());
        command.arg("reproduce").arg("c.toml").arg("--out").arg(out).args(args);
        command
    }
}

fn place(out: &Path, benchmark: &str, label: &str) -> std::path::PathBuf {
    out.join("quick").join(benchmark).join(label).join("seed-0")
}

fn record(dir: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("run.json")).unwrap()).unwrap()
}

fn snapshots(dir: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(dir).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("snapshot-")).collect()
}

#[test]
fn two_rows_are_one_training_and_the_same_bytes_as_two() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 600\n{TWIN}"));
    let (one, two, out) = (bench.out("one"), bench.out("two"), bench.out("out"));
    done(bench.reproduce(&one, &["--method", "reptile"]));
    done(bench.reproduce(&two, &["--method", "twin"]));
    let ended = done(bench.reproduce(&out, &["--threads", "2"]));
    assert!(
        ended.err.contains("b twin seed 0: goes on from step 600 of the training of b reptile seed 0"),
        "{}",
        ended.err
    );
    assert_same(&folder(&one, "reptile"), &folder(&out, "reptile"), "the row that trained");
    assert_same(&folder(&two, "twin"), &folder(&out, "twin"), "the row that came after it");
    let (reptile, twin) = (record(&folder(&out, "reptile")), record(&folder(&out, "twin")));
    assert_eq!(reptile["training_hash"], twin["training_hash"]);
    assert_ne!(reptile["evaluation_hash"], twin["evaluation_hash"]);
    assert_eq!((&reptile["trained_by"], &twin["trained_by"]), (&Value::Null, &Value::from("b reptile seed 0")));
    for label in ["reptile", "twin"] {
        assert!(snapshots(&folder(&out, label)).is_empty(), "they go once all are done");
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("trained by b reptile seed 0"));
    // A training of its own for whoever asks for it alone.
    done(bench.reproduce(&out, &["--fresh", "--method", "twin"]));
    assert_eq!(record(&folder(&out, "twin"))["trained_by"], Value::Null);
    assert_same(&two.join("quick/b/twin/seed-0"), &folder(&out, "twin"), "started over");
}

/// A row of another method which trains as the first one does, whichever of the two comes first.
#[test]
fn a_method_that_trains_as_another_shares_its_training() {
    let row = |method: &str| format!("[method.{method}]\nmeta_iters = 6\ninner_steps = 2\nmeta_batch = 2\n");
    let bench = Bench::glyphs(&[row("anil"), row("nil")].concat());
    let alone = ["anil", "nil"].map(|method| {
        let out = bench.out(&format!("{method} alone"));
        done(bench.reproduce(&out, &["--method", method]));
        folder(&out, method)
    });
    for (first, second) in [("anil", "nil"), ("nil", "anil")] {
        let out = bench.out(first);
        let mut begun = start(bench.reproduce(&out, &["--method", first, "--checkpoint-every", "0"]));
        wait_for(&mut begun, "a checkpoint", || steps(&folder(&out, first)).first().is_some_and(|step| *step > 2));
        begun.kill().unwrap();
        end(begun);
        let ended = done(bench.reproduce(&out, &["--method", second]));
        assert!(ended.err.contains(&format!("of the training of b {first} seed 0")), "{}", ended.err);
        done(bench.reproduce(&out, &[]));
        for (method, alone) in ["anil", "nil"].iter().zip(&alone) {
            assert_same(alone, &folder(&out, method), &format!("{method}, where {first} began"));
        }
        let [anil, nil] = ["anil", "nil"].map(|method| record(&folder(&out, method)));
        assert_eq!(anil["training_hash"], nil["training_hash"]);
        assert_eq!(anil["code"]["training"], nil["code"]["training"]);
        assert_ne!(anil["code"]["evaluation"], nil["code"]["evaluation"]);
    }
    // Settings of one alone are no longer of the other's training.
    let out = bench.out("apart");
    done(bench.reproduce(&out, &["--set", "method.nil.inner_steps=1"]));
    let [anil, nil] = ["anil", "nil"].map(|method| {
        let budget = fs::read_dir(&out).unwrap().flatten().find(|entry| entry.path().is_dir()).unwrap().path();
        record(&budget.join("b").join(method).join("seed-0"))
    });
    assert_ne!(anil["training_hash"], nil["training_hash"]);
    assert_eq!((&anil["trained_by"], &nil["trained_by"]), (&Value::Null, &Value::Null));
}

/// Begun for one table, killed, brought on for another one, killed, and finished for the first.
#[test]
fn a_training_passes_between_tables_whatever_is_killed() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 4000\n"));
    let other = bench.other();
    let (alone, out) = (bench.out("alone"), bench.out("out"));
    done(bench.reproduce(&alone, &[]));
    done(other.reproduce(&alone, &["--fresh"]));
    let args = ["--checkpoint-every", "0.05"];
    let (b, c) = (place(&out, "b", "reptile"), place(&out, "c", "reptile"));
    let mut first = start(bench.reproduce(&out, &args));
    wait_for(&mut first, "half the training", || steps(&b).first().is_some_and(|step| *step > 1000));
    first.kill().unwrap();
    end(first);
    assert!(!snapshots(&b).is_empty(), "the other table will want them");
    let mut second = start(other.reproduce(&out, &args));
    let begun = steps(&b)[0];
    wait_for(&mut second, "it went on", || steps(&c).first().is_some_and(|step| *step > begun));
    second.kill().unwrap();
    let second = end(second);
    assert!(second.err.contains("of the training of b reptile seed 0"), "{}", second.err);
    let ended = done(bench.reproduce(&out, &args));
    assert!(ended.err.contains("of the training of c reptile seed 0"), "{}", ended.err);
    done(other.reproduce(&out, &args));
    assert_same(&place(&alone, "b", "reptile"), &b, "begun, left and taken up again");
    assert_same(&place(&alone, "c", "reptile"), &c, "taken over and left");
    assert!(snapshots(&b).is_empty() && snapshots(&c).is_empty());
    assert!(record(&c)["missing_points"].is_null());
    // Neither run's seconds are those of the training: each took it over from the other.
    assert!(
        record(&b)["joined"].as_u64() > Some(1000) && record(&c)["joined"].as_u64() > Some(1000),
        "{:?}",
        record(&b)
    );
    assert_eq!(record(&place(&alone, "b", "reptile"))["joined"], Value::Null);
    let made = fs::read_to_string(out.join("quick/made.md")).unwrap();
    assert!(made.contains("| over "), "{made}");
}

/// A second process waits for the training that the first has in hand, and trains nothing.
#[test]
fn a_table_waits_for_the_training_that_another_process_has_in_hand() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 15000\n"));
    let other = bench.other();
    let (alone, out) = (bench.out("alone"), bench.out("out"));
    done(other.reproduce(&alone, &[]));
    let b = place(&out, "b", "reptile");
    let mut first = start(bench.reproduce(&out, &["--checkpoint-every", "0.1"]));
    wait_for(&mut first, "a checkpoint", || !steps(&b).is_empty());
    let id = first.id();
    let second = done(other.reproduce(&out, &[]));
    end(first).expect(0, "");
    assert!(
        second.err.contains(&format!("waits for process {id}, which has the same training in hand")),
        "{}",
        second.err
    );
    assert!(second.err.contains("goes on from step 15000 of the training of b reptile seed 0"), "{}", second.err);
    assert_same(&place(&alone, "c", "reptile"), &place(&out, "c", "reptile"), "after waiting");
}

/// With snapshots gone a table that nobody had planned has its final numbers, and says what its curve lacks.
#[test]
fn a_table_that_comes_too_late_for_its_curve_says_so() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 300\n"));
    let other = bench.other();
    let (alone, out) = (bench.out("alone"), bench.out("out"));
    done(bench.reproduce(&out, &[]));
    let late = done(other.reproduce(&out, &[]));
    done(other.reproduce(&alone, &[]));
    late.expect(0, "12 points of the learning curve are missing: the training had passed them already");
    let (alone, late) = (place(&alone, "c", "reptile"), place(&out, "c", "reptile"));
    assert_eq!(record(&late)["missing_points"].as_array().unwrap().len(), 12);
    assert!(tensors(&alone) == tensors(&late), "the final numbers");
    let (alone, late) = (metrics(&alone), metrics(&late));
    let rows: BTreeSet<&str> = alone.lines().collect();
    assert!(late.lines().all(|row| rows.contains(row)), "no row that training alone does not have");
    assert_eq!(alone.lines().count() - late.lines().count(), 2 * 12);
}

#[test]
fn killed_between_any_two_writes_of_two_rows() {
    let twin = "[method.twin]\nlike = \"transfer\"\ntune_steps = 5\n";
    let bench = Bench::sine(&format!("{TRANSFER}meta_iters = 3\n{twin}"));
    let args = ["--threads", "1", "--checkpoint-every", "0"];
    let (one, two) = (bench.out("one"), bench.out("two"));
    done(bench.reproduce(&one, &["--method", "transfer"]));
    done(bench.reproduce(&two, &["--method", "twin"]));
    let mut gaps = 0;
    loop {
        let out = bench.out(&format!("gap-{}", gaps + 1));
        let mut command = bench.reproduce(&out, &args);
        command.env("HARNESS_TEST_KILL_AT", (gaps + 1).to_string());
        let ended = run(command);
        let when = format!("killed in gap {}", gaps + 1);
        let whole = ended.signal.is_none();
        if whole {
            ended.expect(0, "");
        } else {
            assert_eq!(ended.signal, Some(9), "{ended:?}");
            done(bench.reproduce(&out, &args));
        }
        assert_same(&folder(&one, "transfer"), &folder(&out, "transfer"), &when);
        assert_same(&folder(&two, "twin"), &folder(&out, "twin"), &when);
        for label in ["transfer", "twin"] {
            assert!(snapshots(&folder(&out, label)).is_empty(), "{when}");
        }
        if whole {
            break;
        }
        gaps += 1;
    }
    println!("{gaps} gaps");
    assert!(gaps >= 35, "{gaps} gaps: are there places left to die at?");
}

#[test]
fn a_training_that_fails_fails_its_rows_once() {
    let bad = REPTILE.replace("lr = 0.02", "lr = 1e30");
    let bench = Bench::sine(&format!("{bad}meta_iters = 30\n{TWIN}{TRANSFER}meta_iters = 30\n"));
    let out = bench.out("out");
    let ended = run(bench.reproduce(&out, &[])).expect(7, "b transfer seed 0: done");
    let told = ended.err.lines().filter(|line| line.contains("failed: diverged at meta-iteration")).count();
    assert_eq!(told, 1, "{}", ended.err);
    let (first, second) = (record(&folder(&out, "reptile")), record(&folder(&out, "twin")));
    assert_eq!((&first["status"], &second["status"]), (&Value::from("failed"), &Value::from("failed")));
    let why = second["failure"].as_str().unwrap();
    assert!(why.starts_with("diverged at") && why.ends_with("(in the training of b reptile seed 0)"), "{why}");
    assert!(!folder(&out, "twin").join("metrics.csv").exists(), "nothing was tried again");
}

#[test]
fn the_shards_of_a_call_keep_a_training_together() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 30\n{TRANSFER}meta_iters = 30\n{TWIN}"));
    let listed = |shard: &str| -> Vec<String> {
        let args = ["--shard", shard, "--dry-run", "--format", "json"];
        let rows: Vec<Value> = serde_json::from_str(&done(bench.reproduce(&bench.out("out"), &args)).out).unwrap();
        rows.iter().map(|row| row["method"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((listed("1/2"), listed("2/2")), (vec!["reptile".into(), "twin".into()], vec!["transfer".into()]));
}

/// A checkpoint as builds wrote it before trainings were shared: no log of the training, no word of whose it is.
fn as_first_format(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut meta: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["meta"]).unwrap();
    let meta_table = meta.as_object_mut().unwrap();
    meta_table.insert("format".into(), 1.into());
    ["seen", "missing", "trained_by"].iter().for_each(|key| drop(meta_table.remove(*key)));
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut views: Vec<_> = tensors.tensors().into_iter().filter(|(name, _)| !name.starts_with("log/")).collect();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    let (mut hash, meta) = (Sha256::new(), meta.to_string());
    hash.update(&meta);
    for (name, view) in &views {
        hash.update(name);
        hash.update(format!("{:?}{:?}", view.dtype(), view.shape()));
        hash.update(view.data());
    }
    let sum: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let fields = [("format", "1".to_owned()), ("sha256", sum), ("meta", meta)];
    let header = fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    fs::write(path, safetensors::serialize(views, Some(header)).unwrap()).unwrap();
}

/// A run of the first format goes on, and its training serves a second row.
#[test]
fn a_run_of_the_first_format_goes_on_and_serves_another_row() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 4000\n{TWIN}"));
    let (whole, out) = (bench.out("whole"), bench.out("out"));
    done(bench.reproduce(&whole, &[]));
    let dir = folder(&out, "reptile");
    let mut child = start(bench.reproduce(&out, &["--method", "reptile", "--checkpoint-every", "0.05"]));
    wait_for(&mut child, "half the training", || steps(&dir).first().is_some_and(|step| *step > 1500));
    child.kill().unwrap();
    end(child);
    checkpoints(&dir).iter().for_each(|path| as_first_format(path));
    for name in snapshots(&dir) {
        fs::remove_file(dir.join(name)).unwrap();
    }
    let mut old = record(&dir);
    old["format"] = 1.into();
    for key in ["training_hash", "evaluation_hash"] {
        old.as_object_mut().unwrap().remove(key).unwrap();
    }
    fs::write(dir.join("run.json"), old.to_string()).unwrap();
    let step = steps(&dir)[0];
    let ended = done(bench.reproduce(&out, &[])).expect(0, &format!("resumed reptile seed 0 at step {step}\n"));
    assert!(ended.err.contains("goes on from step 4000 of the training of b reptile seed 0"), "{}", ended.err);
    assert_same(&folder(&whole, "reptile"), &dir, "begun in the first format");
    let (alone, twin) = (folder(&whole, "twin"), folder(&out, "twin"));
    assert!(tensors(&alone) == tensors(&twin), "state, log and final evaluation");
    let scalars = |dir: &Path| -> Vec<String> {
        metrics(dir).lines().filter(|row| row.contains(",train,-,loss,")).map(String::from).collect()
    };
    assert_eq!(scalars(&alone).len(), 200);
    assert_eq!(scalars(&alone), scalars(&twin), "the log came from the rows of the first format");
    // Points before the new build had nobody to keep them.
    let missing = record(&twin)["missing_points"].as_array().unwrap().len();
    assert!(missing > 0 && missing as u64 <= step * 8 / 4000, "{missing} before {step}");
}

/// What another build trained serves a row of this one only where that was asked for, and the record says whose code it was.
#[test]
fn a_training_of_another_build_serves_a_row_that_asks_for_it() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 300\n{TWIN}"));
    let (alone, out, own) = (bench.out("alone"), bench.out("out"), bench.out("own"));
    let short = |out: &Path, label: &str| out.join("short/b").join(label).join("seed-0");
    let other = |out: &Path, args: &[&str]| {
        let mut command = bench.reproduce(out, &[&["--budget", "short"], args].concat());
        command.env("HARNESS_TEST_TRAINING_CODE", "other");
        command
    };
    let code = |dir: &Path| record(dir)["code"].clone();
    done(bench.reproduce(&alone, &["--budget", "short", "--method", "twin"]));
    for out in [&out, &own] {
        done(bench.reproduce(out, &["--budget", "short", "--method", "reptile"]));
    }
    let kept = done(other(&out, &["--keep"]));
    assert!(kept.err.contains("goes on from step 300 of the training of b reptile seed 0"), "{}", kept.err);
    let (first, twin) = (short(&out, "reptile"), short(&out, "twin"));
    assert!(tensors(&short(&alone, "twin")) == tensors(&twin), "the code is the same in truth");
    assert_eq!(code(&first)["training"], code(&twin)["training"], "theirs");
    assert_eq!(record(&twin)["segments"].as_array().unwrap().len(), 1);
    // Unasked, this build trains it itself.
    done(other(&own, &["--method", "twin"]));
    let twin = short(&own, "twin");
    assert_ne!(code(&short(&own, "reptile"))["training"], code(&twin)["training"]);
    assert_eq!(record(&twin)["trained_by"], Value::Null);
}

/// A curve is of one training: what another build kept on the way of its own is no point of it.
#[test]
fn snapshots_of_another_build_are_no_points_of_this_ones_training() {
    let third = TWIN.replace("twin", "third").replace("eval_iters = 4", "eval_iters = 6");
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 4000\n{TWIN}{third}"));
    let (alone, out) = (bench.out("alone"), bench.out("out"));
    let short = |out: &Path, label: &str| out.join("short/b").join(label).join("seed-0");
    let row =
        |out: &Path, label: &str| bench.reproduce(out, &["--budget", "short", "--method", label, "--threads", "1"]);
    done(row(&alone, "third"));
    let first = short(&out, "reptile");
    let mut other = row(&out, "reptile");
    other.args(["--checkpoint-every", "0.05"]).env("HARNESS_TEST_TRAINING_CODE", "other");
    let mut child = start(other);
    wait_for(&mut child, "snapshots", || steps(&first).first().is_some_and(|newest| *newest >= 1000));
    child.kill().unwrap();
    end(child);
    // What that build learned is something else.
    let kept: Vec<_> = snapshots(&first).into_iter().map(|name| first.join(name)).collect();
    let odd = Checkpoint::load(&kept[0]).unwrap().state;
    for path in &kept {
        let found = Checkpoint::load(path).unwrap();
        let state = State { step: found.state.step, ..odd.clone() };
        Checkpoint { state, ..found }.write(path).unwrap();
    }
    assert!(kept.len() > 4, "{kept:?}");
    done(row(&out, "twin"));
    let mut keep = row(&out, "third");
    keep.arg("--keep");
    let said = done(keep);
    assert!(said.err.contains("goes on from step 4000 of the training of b twin seed 0"), "{}", said.err);
    assert_same(&short(&alone, "third"), &short(&out, "third"), "beside another build's snapshots");
}

/// A list of classes that comes with the program may be another one in the next build.
#[test]
fn a_run_on_other_classes_under_the_same_name_is_another_run() {
    let bench = Bench::glyphs("[method.reptile]\nmeta_iters = 20\nmeta_batch = 2\nlr = 0.01\neval_iters = 4\n");
    let out = bench.out("out");
    done(bench.reproduce(&out, &[]));
    let file = folder(&out, "reptile").join("run.json");
    let mut record = record(&folder(&out, "reptile"));
    assert_eq!(record["classes"].as_str().map(str::len), Some(64));
    record["classes"] = "0".repeat(64).into();
    fs::write(&file, record.to_string()).unwrap();
    run(bench.reproduce(&out, &[])).expect(2, "the split of its classes has changed since");
    // An older build did not say.
    record.as_object_mut().unwrap().remove("classes");
    fs::write(&file, record.to_string()).unwrap();
    assert!(done(bench.reproduce(&out, &[])).err.contains("complete already"));
}
