//! `harness compare OUT --against LABEL` on the committed results.

use std::path::Path;

use serde_json::Value;

use crate::bench::binary;

fn run(args: &[&str]) -> (i32, String, String) {
    let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/reference/paper");
    let mut command = binary(Path::new("."));
    let output = command.args(["compare", reference]).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The rows of `omniglot-5w1s` and `omniglot-5w5s`: other committed benchmarks have other seeds, modes and units.
fn five_way_rows(args: &[&str]) -> Vec<(String, String, Value)> {
    let (code, out, err) = run(&[args, &["--format", "json"]].concat());
    assert_eq!(code, 0, "{err}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let tables = json["tables"].as_array().unwrap().clone();
    let place =
        |table: &Value| (table["benchmark"].as_str().unwrap().to_owned(), table["mode"].as_str().unwrap().to_owned());
    let all = tables.into_iter().flat_map(|table| {
        let (benchmark, mode) = place(&table);
        table["rows"].as_array().unwrap().clone().into_iter().map(move |row| (benchmark.clone(), mode.clone(), row))
    });
    all.filter(|(benchmark, ..)| benchmark.starts_with("omniglot-5w")).collect()
}

#[test]
fn transfer_is_worse_than_reptile_and_these_are_trained_states() {
    let found = five_way_rows(&["--against", "reptile", "--method", "transfer"]);
    assert_eq!(found.len(), 4, "5w1s and 5w5s, two modes each: {found:?}");
    for (benchmark, mode, row) in &found {
        assert_eq!((&row["method"], &row["answer"]), (&"transfer".into(), &"worse".into()), "{benchmark} {mode}");
        // Reptile has three seeds and transfer one: they share one.
        assert_eq!((&row["over"], row["common_seeds"].as_array().unwrap().len()), (&"episodes".into(), 1));
        let (delta, half) = (row["delta"].as_f64().unwrap(), row["ci95"].as_f64().unwrap());
        assert!(delta + half < 0.0 && half < 0.5, "{benchmark} {mode}: {delta} ±{half}");
    }
    let (_, table, _) = run(&["--against", "reptile", "--method", "transfer"]);
    assert!(table.contains("one seed: compares these trained states, not the methods"), "{table}");
    assert!(table.contains("(uncorrected)") && table.contains("adjusted by Holm"), "{table}");
}

#[test]
fn a_method_beside_itself_is_the_same_and_from_three_seeds_on_seeds_decide() {
    let found = five_way_rows(&["--against", "reptile", "--method", "reptile"]);
    assert_eq!(found.len(), 4, "5w1s and 5w5s, two modes each: {found:?}");
    for (benchmark, mode, row) in found {
        assert_eq!((&row["answer"], row["delta"].as_f64()), (&"same".into(), Some(0.0)), "{benchmark} {mode}");
        // Reptile's committed rows hold three seeds each.
        assert_eq!((&row["over"], row["common_seeds"].as_array().unwrap().len()), (&"seeds".into(), 3));
    }
}

/// However sure a difference is, inside the margin it is none.
#[test]
fn an_interval_that_lies_within_a_stated_margin_is_called_the_same() {
    let args = ["--against", "reptile", "--method", "transfer", "--margin", "1"];
    let found = five_way_rows(&args);
    let inside = |row: &Value| row["delta"].as_f64().unwrap().abs() + row["ci95"].as_f64().unwrap() <= 1.0;
    for (benchmark, mode, row) in &found {
        assert_eq!(row["answer"], if inside(row) { "same" } else { "worse" }, "{benchmark} {mode}: {row}");
    }
    assert_eq!((found.len(), found.iter().filter(|(.., row)| inside(row)).count()), (4, 2), "{found:?}");
    let (_, table, _) = run(&args);
    assert!(table.contains("same: the interval lies within ±1."), "{table}");
    let (code, out, err) = run(&["--against", "reptile", "--margin=-1"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("'--margin <DIFFERENCE>': 0 or more"), "{err}");
}

/// Of the three seeds of reptile, the curve of one never reaches this target: the row is not as one that never does.
#[test]
fn a_target_that_some_seeds_reach_is_told_so() {
    let args = ["--against", "maml", "--method", "reptile", "--target", "97.7"];
    let rows = five_way_rows(&args);
    let (.., row) = rows.iter().find(|(name, mode, _)| name == "omniglot-5w1s" && mode == "transductive").unwrap();
    assert_eq!((&row["reached"], &row["seeds_reached"]), (&Value::Null, &2.into()), "{row}");
    assert_eq!(row["seeds"].as_array().unwrap().len(), 3);
    let (_, table, _) = run(&args);
    assert!(table.contains("2 of 3 seeds"), "{table}");
}

#[test]
fn every_format_says_the_same_and_a_wrong_label_is_named() {
    let (_, markdown, _) = run(&["--against", "maml", "--format", "markdown", "--target", "95"]);
    assert!(
        markdown.contains("### omniglot-5w1s, transductive: budget paper") && markdown.contains("| target at |"),
        "{markdown}"
    );
    let (_, latex, _) = run(&["--against", "maml", "--format", "latex"]);
    assert!(latex.contains("\\begin{tabular}{lrrr") && latex.contains("$\\pm$"), "{latex}");
    let (code, out, err) = run(&["--against", "reptil"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("reptil") && err.contains("did you mean \"reptile\""), "{err}");
}

/// What was overridden stands in run.json and is what the page calls the folder by; what a meta-iteration costs stands there
/// too.
#[test]
fn a_run_says_what_was_overridden_and_what_it_costs() {
    let glyphs = "[method.reptile]\nmeta_iters = 3\neval_iters = 5\n";
    let bench = crate::bench::Bench::glyphs(glyphs);
    crate::process::done(bench.reproduce(&bench.out("a"), &["--set", "eval.seed=3", "--meta-iters", "2"]));
    let mut folders = std::fs::read_dir(bench.out("a")).unwrap().flatten().map(|entry| entry.path());
    let folder = folders.find(|path| path.is_dir()).expect("a budget folder");
    let text = std::fs::read_to_string(folder.join("b/reptile/seed-0/run.json")).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["overrides"], serde_json::json!(["eval.seed=3", "meta-iters=2"]));
    assert!(record["image_passes"].as_f64().unwrap() > 0.0, "{text}");
    let page = std::fs::read_to_string(bench.out("a").join("report.html")).unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert!(page.contains(&format!("quick with eval.seed=3, meta-iters=2 ({name})")), "the page");
}
