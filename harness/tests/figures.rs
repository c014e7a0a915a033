//! Figures through the real binary, on built-in glyphs: a file of one's own, its runs, its picture, and going on after a kill.
#![cfg(unix)]

#[allow(dead_code)]
#[path = "survive/bench.rs"]
mod bench;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const HEAD: &str = r#"
title = "Small figure"
data = { dataset = "glyphs" }
model = { network = "reptile-omniglot", filters = 4 }
protocol = { ways = 5, shots = 1, queries = 1 }
[eval]
episodes = 4
modes = ["inductive"]
"#;
const RECIPE: &str = "meta_iters = 8\ninner_batch = 5\ntrain_shots = 4\nmeta_batch = 1\noptimizer = \"sgd\"\nlr = 0.01\n\
                      eval_iters = 2\neval_batch = 5\n";

/// A folder with `mine.toml` in it.
fn figure(eval: &str, blocks: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.toml"), format!("{HEAD}{eval}{blocks}")).unwrap();
    dir
}

fn harness(dir: &TempDir, args: &[&str]) -> Command {
    let mut command = bench::binary(dir.path());
    command.args(args).env("HOME", dir.path()).env("XDG_CACHE_HOME", dir.path());
    command
}

#[track_caller]
fn expect(mut command: Command, code: i32) -> Output {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn record(run: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(run.join("run.json")).unwrap()).unwrap()
}

/// metrics.csv without the seconds.
fn numbers(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("metrics.csv")).unwrap();
    text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
}

#[test]
fn a_sweep_is_ordinary_runs_and_one_picture() {
    let blocks = format!(
        "[figure]\nnumber = \"4x\"\nx = \"inner_iters\"\n[method.reptile]\n{RECIPE}sweep = {{ inner_iters = [1, 3] }}\n\
         [method.last]\nlike = \"reptile\"\nalgorithm = \"fomaml\"\nvariant = \"last-step\"\nlegend = \"the last one\"\n"
    );
    let dir = figure("", &blocks);
    let quick = dir.path().join("out/quick");
    expect(harness(&dir, &["reproduce", "mine.toml", "--out", "out", "--seeds", "2", "--method", "last"]), 0);
    let runs = |label: &str| -> Vec<PathBuf> { (0..2).map(|n| quick.join(format!("mine/{label}/seed-{n}"))).collect() };
    assert!(runs("last-1").iter().chain(&runs("last-3")).all(|run| run.join("episodes.parquet").is_file()));
    assert!(!quick.join("mine/reptile-1").exists(), "--method takes a line, and only that");
    let output = expect(harness(&dir, &["reproduce", "mine.toml", "--out", "out", "--seeds", "2"]), 0);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("8 runs: 4 complete, 0 to resume, 4 new"), "{said}");
    let place = &record(&runs("last-3")[1])["figure"];
    assert_eq!(place["x"], 3.0);
    assert_eq!((place["line"].as_str(), place["number"].as_str()), (Some("the last one"), Some("4x")));
    let summary = fs::read_to_string(quick.join("summary.csv")).unwrap();
    assert_eq!(summary.lines().count(), 5, "{summary}");
    let svg = fs::read_to_string(quick.join("plots/figure-mine.svg")).unwrap();
    for word in ["Figure 4x: Small figure", "the last one", "reptile", "inner iters", "smallest to largest seed"] {
        assert!(svg.contains(word), "{word}");
    }
    let pictures: Vec<_> = fs::read_dir(quick.join("plots")).unwrap().flatten().map(|file| file.file_name()).collect();
    assert_eq!(pictures.len(), 3, "the figure as SVG, PNG and PDF, no results and curves: {pictures:?}");
    fs::remove_dir_all(quick.join("plots")).unwrap();
    expect(harness(&dir, &["report", "out"]), 0);
    assert_eq!(fs::read_to_string(quick.join("plots/figure-mine.svg")).unwrap(), svg, "rebuilt from the records alone");
}

#[test]
fn a_curve_in_full_is_measured_in_full_and_goes_on_after_a_kill() {
    let eval = "curve_points = 5\ncurve_episodes = 3\ncurve_in_full = true\ncurve_splits = [\"test\"]\n";
    let blocks =
        format!("[figure]\nnumber = \"3x\"\nx = \"meta-iterations\"\n[method.reptile]\n{RECIPE}legend = \"g1+g2\"\n");
    let dir = figure(eval, &blocks);
    let reproduce = |out: &str| {
        harness(&dir, &["reproduce", "mine.toml", "--out", out, "--threads", "1", "--checkpoint-every", "0"])
    };
    expect(reproduce("whole"), 0);
    let whole = dir.path().join("whole/quick/mine/reptile/seed-0");
    let curve: Vec<String> = numbers(&whole).into_iter().filter(|row| row.contains(",inductive,accuracy,")).collect();
    let steps: Vec<&str> = curve.iter().map(|row| row.split(',').nth(3).unwrap()).collect();
    // The last row is the final evaluation.
    assert_eq!(steps, ["0", "2", "4", "6", "8", "8"]);
    assert!(curve[..5].iter().all(|row| row.contains(",test,") && row.ends_with(",3")), "{curve:?}");
    assert_eq!(record(&whole)["config"]["eval"]["curve_in_full"], true);

    let mut killed = reproduce("killed");
    killed.env("HARNESS_TEST_KILL_AT", "14");
    assert!(!killed.output().unwrap().status.success());
    let said = String::from_utf8(expect(reproduce("killed"), 0).stderr).unwrap();
    assert!(said.contains("resumed reptile seed 0 at step "), "{said}");
    assert_eq!(numbers(&dir.path().join("killed/quick/mine/reptile/seed-0")), numbers(&whole));
}

/// Runs of other benchmarks must go on from checkpoints of builds that knew no figures: their config may not change.
#[test]
fn a_table_records_nothing_of_figures() {
    let dir = figure("", &format!("[method.reptile]\n{RECIPE}"));
    expect(harness(&dir, &["reproduce", "mine.toml", "--out", "out"]), 0);
    let record = record(&dir.path().join("out/quick/mine/reptile/seed-0"));
    let keys: Vec<&String> = record["config"]["eval"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["curve_episodes", "curve_points", "episodes", "modes", "seed"]);
    assert_eq!((&record["config"]["eval"]["curve_points"], record.get("figure")), (&21.into(), None));
}

#[test]
fn figures_run_when_asked_for() {
    let dir = figure("", &format!("[method.reptile]\n{RECIPE}"));
    let said = |words: &[&str]| {
        let args = ["--offline", "--dry-run", "--method", "untrained"];
        let output = expect(harness(&dir, &[&["reproduce"], words, &args].concat()), 0);
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (out, err) = said(&["figures", "--method", "g1", "--method", "separate"]);
    assert!(out.contains("sine untrained seed 0") && !out.contains("glyphs"), "{out}");
    assert!(err.contains("left out figure-3, figure-4a, figure-4b, figure-4c: "), "{err}");
    let (_, err) = said(&["figures", "--method", "separate"]);
    assert!(err.contains("left out figure-4a, figure-4b, figure-4c: "), "figure 3 has no such row: {err}");
    let (out, err) = said(&[]);
    assert!(out.contains("glyphs-5w1s untrained seed 0") && !err.contains("figure-3"), "{out}{err}");
    let wrong = expect(harness(&dir, &["reproduce", "figure"]), 2);
    let wrong = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.contains("did you mean \"figures\"?"), "{wrong}");
}
