//! `select = "val"`: the state that was best on validation classes is what is reported, with the last one beside it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, binary, folder};
use crate::compare::{assert_same, steps};
use crate::process::{done, end, run, start, wait_for};

const BLOCK: &str = "[method.reptile]\nmeta_iters = 120\nmeta_batch = 2\nlr = 0.01\neval_iters = 4\nselect = \"val\"\n\
                     [method.twin]\nlike = \"reptile\"\nalgorithm = \"reptile\"\neval_batch = 3\n";

/// Glyphs with validation classes: forty to train on, thirty to choose by, and the usual ones to test.
fn bench() -> Bench {
    let bench = Bench::glyphs(BLOCK);
    let names = |part: &str, range: std::ops::Range<usize>| -> String {
        range.map(|class| format!("{part} Glyphs/character{:04}\n", class + 1)).collect()
    };
    let split = names("train", 0..40) + &names("val", 40..70) + &names("test", 1200..1623);
    fs::write(bench.dir.path().join("classes.txt"), split).unwrap();
    let text = fs::read_to_string(bench.file()).unwrap();
    fs::write(bench.file(), text.replace("dataset = \"glyphs\"", "dataset = \"glyphs\", split = \"classes.txt\""))
        .unwrap();
    bench
}

fn record(dir: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("run.json")).unwrap()).unwrap()
}

/// `step`, `mode`, `value` and `n` of the rows of a split and metric.
fn rows(dir: &Path, split: &str, metric: &str) -> Vec<(u64, String, f64, u64)> {
    let text = fs::read_to_string(dir.join("metrics.csv")).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let wanted = rows.filter(|row| (row[4], row[6]) == (split, metric));
    wanted
        .map(|row| (row[3].parse().unwrap(), row[5].into(), row[7].parse().unwrap(), row[9].parse().unwrap()))
        .collect()
}

#[test]
fn the_best_state_on_validation_classes_is_reported_and_the_last_one_stands_beside_it() {
    let bench = bench();
    let out = bench.out("out");
    done(bench.reproduce(&out, &["--method", "reptile"]));
    let dir = folder(&out, "reptile");
    let choice = rows(&dir, "val", "selection");
    assert!(choice.len() >= 10 && choice.iter().all(|row| row.1 == "transductive"), "{choice:?}");
    let best = choice.iter().fold(&choice[0], |best, row| if row.2 > best.2 { row } else { best });
    assert_eq!(record(&dir)["selected_step"], best.0);
    let finals = rows(&dir, "test", "accuracy");
    let reported = &finals[finals.len() - 2..];
    assert!(reported.iter().all(|row| (row.0, row.3) == (best.0, 100)), "{reported:?}");
    // What is reported can be measured again.
    let file = match best.0 {
        120 => dir.join("checkpoint-120.safetensors"),
        step => dir.join(format!("snapshot-{step}.safetensors")),
    };
    let mut eval = binary(bench.dir.path());
    eval.arg("eval").arg(file).args(["b.toml", "--format", "json"]);
    let again: Value = serde_json::from_str(&done(eval).out).unwrap();
    let values: Vec<f64> = again.as_array().unwrap().iter().map(|row| row["value"].as_f64().unwrap()).collect();
    assert_eq!(values, reported.iter().map(|row| row.2).collect::<Vec<_>>());
    let last = rows(&dir, "test", "last_accuracy");
    assert_eq!(last.len(), if best.0 == 120 { 0 } else { 2 }, "{last:?}");
    // A card has the numbers of its own parameters.
    let mut export = binary(bench.dir.path());
    export.arg("export").arg(dir.join("checkpoint-120.safetensors")).args(["--out", "net.safetensors"]);
    done(export);
    let card: Value = serde_json::from_str(&fs::read_to_string(bench.dir.path().join("net.json")).unwrap()).unwrap();
    for (_, mode, value, _) in if best.0 == 120 { reported } else { &last[..] } {
        let told = card["metrics"].as_array().unwrap().iter().find(|row| row["mode"] == mode.as_str()).unwrap();
        assert_eq!(told["value"].as_f64(), Some(*value), "{mode}");
    }
    if best.0 != 120 {
        the_chosen_state_is_told_apart_from_the_last_one(&bench, &dir, best.0, reported);
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains(&format!("the best on validation classes after {}", best.0)));
    // The curve ends at the last state's own number.
    for row in &last {
        assert!(page.contains(&format!("{:.2} [", row.2)), "{row:?}");
    }
}

/// `reported`: step, mode, value and episodes of what the run reports, the state of step `best`.
fn the_chosen_state_is_told_apart_from_the_last_one(
    bench: &Bench,
    dir: &Path,
    best: u64,
    reported: &[(u64, String, f64, u64)],
) {
    let harness = |args: &[&str]| {
        let mut command = binary(bench.dir.path());
        command.args(args);
        done(command)
    };
    let card = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(bench.dir.path().join(name)).unwrap()).unwrap()
    };
    let file = |name: &str| dir.join(format!("{name}.safetensors")).display().to_string();
    let (last, chosen) = (file("checkpoint-120"), file(&format!("snapshot-{best}")));
    let note = format!(
        "note: {last} is the state of meta-iteration 120; its run reports that of {best}, the best on validation classes: {chosen}"
    );
    let said = harness(&["eval", &last, "b.toml", "--eval-episodes", "2"]).err;
    assert!(said.contains(&note), "{said}");
    let said = harness(&["export", &chosen, "--out", "chosen.safetensors"]).err;
    assert!(!said.contains("note: "), "{said}");
    let metrics = card("chosen.json")["metrics"].clone();
    for (_, mode, value, _) in reported {
        let told = metrics.as_array().unwrap().iter().find(|row| row["mode"] == mode.as_str()).unwrap();
        assert_eq!(told["value"].as_f64(), Some(*value), "{mode}");
    }
    // Away from its run, and without its evaluation.
    fs::copy(&last, bench.dir.path().join("away.safetensors")).unwrap();
    let said = harness(&["export", "away.safetensors", "--trim", "--out", "bare.safetensors"]).err;
    assert!(
        said.contains("note: away.safetensors: its run reports the state that was best on validation classes"),
        "{said}"
    );
    harness(&["export", "bare.safetensors", "--out", "net.bare.safetensors"]);
    let bare = card("net.bare.json");
    assert_eq!(bare["metrics"], Value::Array(Vec::new()));
    assert!(bare["no_metrics"].as_str().unwrap().contains("the record of its run is not beside it"), "{bare}");
    let shown = harness(&["show", &dir.display().to_string()]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = format!("of step {best}, the best on validation classes: {chosen}; the last one is {last}");
    assert!(shown.contains(&told), "{shown}");
}

/// A list of the user's that was edited, or another one, deals the same images into other parts.
#[test]
fn a_state_is_not_tested_on_the_images_it_was_trained_on_by_another_list() {
    let bench = bench();
    let out = bench.out("out");
    done(bench.reproduce(&out, &["--method", "reptile"]));
    let list = bench.dir.path().join("classes.txt");
    let text = fs::read_to_string(&list).unwrap();
    let eval = |benchmark: &str, split: &str| {
        let mut eval = binary(bench.dir.path());
        let checkpoint = folder(&out, "reptile").join("checkpoint-120.safetensors");
        eval.arg("eval").arg(checkpoint).args([benchmark, "--split", split, "--eval-episodes", "5"]);
        run(eval)
    };
    eval("b.toml", "test").expect(0, "");
    fs::write(&list, text.replace("train ", "new ").replace("val ", "train ").replace("new ", "val ")).unwrap();
    // Its run noted the classes that it trained on and chose by: these are still others.
    eval("b.toml", "test").expect(0, "");
    let (noted, away) = (folder(&out, "reptile").join("classes.json"), bench.out("away.json"));
    fs::rename(&noted, &away).unwrap();
    eval("b.toml", "test").expect(2, "or another order of it, and may have seen these test classes");
    eval("b.toml", "train").expect(0, "");
    let other = fs::read_to_string(bench.file()).unwrap().replace("classes.txt", "others.txt");
    fs::write(bench.dir.path().join("others.toml"), other).unwrap();
    fs::write(bench.dir.path().join("others.txt"), fs::read_to_string(&list).unwrap()).unwrap();
    fs::write(&list, text).unwrap();
    eval("b.toml", "test").expect(0, "");
    let seen = "it was trained on other classes, and so on val classes of others, such as Glyphs/character";
    eval("others.toml", "val").expect(2, seen);
    fs::rename(&away, &noted).unwrap();
    fs::remove_file(&list).unwrap();
    eval("others.toml", "val").expect(2, seen);
}

/// The states to choose among went when the first row was done alone: the best of those that are left is not the best.
#[test]
fn a_row_that_comes_too_late_to_choose_trains_for_itself() {
    let bench = bench();
    let (alone, out) = (bench.out("alone"), bench.out("out"));
    done(bench.reproduce(&alone, &["--method", "twin"]));
    done(bench.reproduce(&out, &["--method", "reptile"]));
    let late = done(bench.reproduce(&out, &["--method", "twin"]));
    let why = "b twin seed 0: trains for itself: b reptile seed 0 has done this training, and the states that validation chooses among";
    assert!(late.err.contains(why), "{}", late.err);
    assert_same(&folder(&alone, "twin"), &folder(&out, "twin"), "too late");
    assert_eq!(record(&folder(&out, "twin"))["trained_by"], Value::Null);
}

#[test]
fn a_choice_survives_kills_and_a_second_row_of_the_training() {
    let bench = bench();
    let (alone, out) = (bench.out("alone"), bench.out("out"));
    for label in ["reptile", "twin"] {
        done(bench.reproduce(&alone, &["--method", label, "--fresh"]));
    }
    let args = ["--checkpoint-every", "0.05", "--threads", "1"];
    for step in [10, 60, 100] {
        // The row that comes second begins and is killed: the first one has to take over.
        let label = if step == 60 { "reptile" } else { "twin" };
        let dir = folder(&out, label);
        let mut child = start(bench.reproduce(&out, &[&args[..], &["--method", label]].concat()));
        wait_for(&mut child, "that step", || steps(&dir).first().is_some_and(|newest| *newest >= step));
        child.kill().unwrap();
        end(child);
    }
    done(bench.reproduce(&out, &args));
    for label in ["reptile", "twin"] {
        assert_same(&folder(&alone, label), &folder(&out, label), label);
        assert_eq!(record(&folder(&alone, label))["selected_step"], record(&folder(&out, label))["selected_step"]);
    }
}

#[test]
fn eval_takes_other_classes_and_settings() {
    let bench = bench();
    let out = bench.out("out");
    done(bench.reproduce(&out, &["--method", "twin", "--set", "method.twin.select=val"]));
    let dir = fs::read_dir(&out).unwrap().flatten().map(|entry| entry.path().join("b/twin/seed-0"));
    let dir = dir.into_iter().find(|path| path.is_dir()).unwrap();
    let eval = |args: &[&str]| {
        let mut command = binary(bench.dir.path());
        command.arg("eval").arg(dir.join("checkpoint-120.safetensors")).arg("b.toml").args(args);
        run(command)
    };
    let value = |args: &[&str]| -> Value {
        let rows: Value =
            serde_json::from_str(&eval(&[args, &["--format", "json"]].concat()).expect(0, "").out).unwrap();
        rows[0].clone()
    };
    let (test, val) = (value(&[]), value(&["--split", "val"]));
    assert_eq!((&test["split"], &val["split"]), (&Value::from("test"), &Value::from("val")));
    assert_ne!(test["value"], val["value"], "other classes");
    let more = value(&["--set", "protocol.queries=15"]);
    assert_ne!(test["value"], more["value"], "fifteen queries a class");
    let table = eval(&["--split", "train", "--eval-episodes", "9"]).expect(0, "").out;
    assert!(table.contains("9 training episodes"), "{table}");
    eval(&["--split", "exam"]).expect(2, "one of train, val, test");
    eval(&["--set", "protocol.querys=15"]).expect(2, "did you mean \"queries\"?");
}

#[test]
fn what_cannot_be_chosen_is_refused() {
    let bench = Bench::glyphs(BLOCK);
    let out = bench.out("out");
    run(bench.reproduce(&out, &[])).expect(2, "select = \"val\", but glyphs has no validation classes here");
    run(bench.reproduce(&out, &["--set", "method.reptile.select=test"])).expect(2, "a state is chosen on \"val\"");
    run(bench.reproduce(&out, &["--set", "method.reptile.select=best"]))
        .expect(2, "method.reptile.select: unknown value");
    assert!(!out.exists());
}

/// Begins the row and kills it when some states are measured.
fn begun(bench: &Bench, out: &Path) {
    let dir = folder(out, "reptile");
    let args = ["--method", "reptile", "--checkpoint-every", "0.05", "--threads", "1"];
    let mut child = start(bench.reproduce(out, &args));
    wait_for(&mut child, "some states", || steps(&dir).first().is_some_and(|newest| *newest >= 60));
    child.kill().unwrap();
    end(child);
    assert!(!dir.join("episodes.parquet").exists(), "it was stopped on the way");
}

#[test]
fn other_evaluation_code_measures_all_states_that_it_chooses_among() {
    let bench = bench();
    let (alone, out) = (bench.out("alone"), bench.out("out"));
    let other = |out: &Path| {
        let mut command = bench.reproduce(out, &["--method", "reptile"]);
        command.env("HARNESS_TEST_EVALUATION_CODE", "other");
        done(command)
    };
    other(&alone);
    begun(&bench, &out);
    // What the first code measured would show.
    let dir = folder(&out, "reptile");
    let text = fs::read_to_string(dir.join("metrics.csv")).unwrap();
    let first = text.lines().find(|line| line.contains(",selection,")).unwrap();
    let value = first.split(',').nth(7).unwrap();
    let more = value.replacen(&value[..1], if value.starts_with('9') { "8" } else { "9" }, 1);
    let altered = text.replacen(first, &first.replacen(&format!(",{value},"), &format!(",{more},"), 1), 1);
    assert_ne!(altered, text);
    fs::write(dir.join("metrics.csv"), altered).unwrap();
    other(&out);
    assert_same(&folder(&alone, "reptile"), &dir, "measured again");
    assert_eq!(record(&dir)["selected_step"], record(&folder(&alone, "reptile"))["selected_step"]);
}

/// The mode of the published value decides which numbers choose the state.
#[test]
fn a_published_value_of_another_mode_does_not_change_a_choice_that_was_begun() {
    let bench = bench();
    let text = fs::read_to_string(bench.file()).unwrap();
    let publish = |mode: &str, value: &str| {
        let row = format!("label = \"reptile\", mode = \"{mode}\", value = {value}, tolerance = 1.0, source = \"s\"");
        fs::write(bench.file(), format!("published = [{{ {row} }}]\n{text}")).unwrap();
    };
    let (whole, out) = (bench.out("whole"), bench.out("out"));
    publish("inductive", "50.0");
    done(bench.reproduce(&whole, &["--method", "reptile"]));
    begun(&bench, &out);
    let choice = rows(&folder(&whole, "reptile"), "val", "selection");
    assert!(choice.iter().all(|row| row.1 == "inductive"), "{choice:?}");
    assert_eq!(record(&folder(&whole, "reptile"))["chosen_by"], "inductive");
    publish("transductive", "50.0");
    for out in [&whole, &out] {
        run(bench.reproduce(out, &["--method", "reptile"])).expect(
            2,
            "its state is chosen by inductive validation numbers, and the published value of the benchmark is now transductive",
        );
    }
    // A corrected value of that mode is another matter.
    publish("inductive", "51.0");
    for out in [&whole, &out] {
        done(bench.reproduce(out, &["--method", "reptile"]));
    }
    assert_same(&folder(&whole, "reptile"), &folder(&out, "reptile"), "gone on");
}
