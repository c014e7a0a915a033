//! `--tag` names runs and changes nothing else; `show` and `log.txt` tell of one run.

use std::fs;

use serde_json::Value;

use crate::bench::{Bench, folder};
use crate::harness;
use crate::process::{done, run};

const ROWS: &str =
    "[method.reptile]\nmeta_iters = 3\neval_iters = 5\n[method.untrained]\nlike = \"reptile\"\nmeta_iters = 0\n";

fn record(bench: &Bench, out: &str) -> Value {
    let path = folder(&bench.out(out), "reptile").join("run.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_tag_changes_no_hash_no_folder_and_no_number() {
    let bench = Bench::glyphs(ROWS);
    done(bench.reproduce(&bench.out("a"), &[]));
    let plain = record(&bench, "a");
    assert!(plain.get("tag").is_none());
    let numbers = fs::read(folder(&bench.out("a"), "reptile").join("metrics.csv")).unwrap();

    // Complete runs are tagged as they are: nothing is trained again.
    let said = done(bench.reproduce(&bench.out("a"), &["--tag", "first"]));
    assert!(said.out.contains("tagged first: reptile, untrained"), "{}", said.out);
    let tagged = record(&bench, "a");
    assert_eq!(tagged["tag"], "first");
    for key in ["config_hash", "training_hash", "evaluation_hash", "spec_hash", "config", "started", "ended"] {
        assert_eq!(plain[key], tagged[key], "{key}");
    }
    assert_eq!(fs::read(folder(&bench.out("a"), "reptile").join("metrics.csv")).unwrap(), numbers);

    // It stays where none is given, in every form of the report.
    done(bench.reproduce(&bench.out("a"), &[]));
    assert_eq!(record(&bench, "a")["tag"], "first");
    for format in ["table", "markdown", "latex"] {
        let said = done(harness(&bench, &["report", "a", "--format", format])).out;
        assert!(said.contains("tagged first: reptile, untrained"), "{format}: {said}");
    }
    let rows: Value = serde_json::from_str(&done(harness(&bench, &["report", "a", "--format", "json"])).out).unwrap();
    assert!(rows.as_array().unwrap().iter().all(|row| row["tag"] == "first"), "{rows}");
    assert!(fs::read_to_string(bench.out("a/report.html")).unwrap().contains("tagged first: reptile, untrained"));

    // And where folders or rows are compared.
    done(bench.reproduce(&bench.out("b"), &["--tag", "second"]));
    let said = done(harness(&bench, &["compare", "a", "b"])).out;
    assert!(said.contains("reptile: tagged first in A, second in B"), "{said}");
    let said = done(harness(&bench, &["compare", "b", "--against", "untrained"])).out;
    assert!(said.contains("tagged second: untrained, reptile"), "{said}");
    run(bench.reproduce(&bench.out("b"), &["--tag", "two words"])).expect(2, "1 to 40 letters");
}

#[test]
fn show_tells_numbers_curve_settings_and_history() {
    let bench = Bench::glyphs(ROWS);
    done(bench.reproduce(&bench.out("a"), &["--tag", "first"]));
    let place = "a/quick/b/reptile/seed-0";
    let said = done(harness(&bench, &["show", place])).out;
    for part in [
        "b reptile seed 0: Small glyphs\ncomplete · budget quick · 3 meta-iterations · tag first\n",
        "transductive",
        "learning curve",
        "  test inductive ",
        "  method.reptile.eval_iters = 5\n",
        "  method.reptile.view.invert = false\n",
        "  protocol.ways = 5\n",
        "from meta-iteration 0: ",
        "b reptile seed 0: starts at step 0 of 3\n",
        "b reptile seed 0: done in ",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let json = done(harness(&bench, &["show", place, "--format", "json"])).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["run"]["tag"], "first");
    let last = json["metrics"].as_array().unwrap().iter().rfind(|row| row["mode"] == "inductive").unwrap();
    let value = format!("{:.2} ±", last["value"].as_f64().unwrap());
    assert!(said.contains(&value), "the final number, {value}, in {said}");
    // The log goes on where the run does, and says nothing of calls that found it complete.
    let log = fs::read_to_string(bench.out(place).join("log.txt")).unwrap();
    assert!(log.lines().all(|line| line.len() > 21 && line[..20].ends_with('Z')), "{log}");
    done(bench.reproduce(&bench.out("a"), &[]));
    assert_eq!(fs::read_to_string(bench.out(place).join("log.txt")).unwrap(), log);
    run(harness(&bench, &["show", "a"])).expect(2, "2 runs lie here: name one, such as ");
}
