//! The whole way, from run folders to files.

use super::*;
use crate::results::fixtures::*;
use crate::results::run_json::{FigurePlace, Status};
use std::collections::BTreeMap;

fn row<'a>(report: &'a Report, method: &str, mode: &str) -> &'a SummaryRow {
    let found = report.rows().into_iter().find(|r| r.method == method && r.mode.as_str() == mode);
    found.unwrap_or_else(|| panic!("no row {method} {mode}"))
}

/// Every file under `dir` that a report writes, with its bytes.
fn written(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let report = build(dir).unwrap();
    report.files.iter().map(|f| (f.clone(), std::fs::read(f).unwrap())).collect()
}

#[test]
fn three_seeds_give_the_mean_and_both_intervals() {
    let out = tempfile::tempdir().unwrap();
    for (seed, value, ci) in [(1, 97.0, 0.1), (2, 98.0, 0.2), (3, 99.0, 0.3)] {
        let mut run = Made::new("paper", "omniglot-5w1s", "reptile", seed).finals(&[("transductive", value, ci)]);
        run.published = vec![published("reptile", "transductive", 97.68, 0.04, 0.5)];
        run.write(out.path());
    }
    let report = build(out.path()).unwrap();
    let row = row(&report, "reptile", "transductive");
    assert_eq!((row.mean, row.ci95_episodes, row.seeds, row.episodes), (Some(98.0), Some(0.2), 3, 500));
    assert!((row.ci95_seeds.unwrap() - 2.484_138).abs() < 1e-5);
    assert_eq!((row.delta, row.verdict), (Some(0.32), Verdict::Reproduced));
    assert!(!report.missed());
}

#[test]
fn summary_csv_has_the_promised_columns_and_empty_fields() {
    let out = tempfile::tempdir().unwrap();
    Made::new("quick", "sine", "reptile", 1).finals(&[("-", 0.125, 0.01)]).write(out.path());
    build(out.path()).unwrap();
    let text = std::fs::read_to_string(out.path().join("quick/summary.csv")).unwrap();
    assert_eq!(
        text,
        "benchmark,method,mode,metric,mean,ci95_seeds,ci95_episodes,seeds,episodes,meta_iters,budget,published,\
         published_ci,source,delta,verdict\nsine,reptile,-,mse,0.125,,0.01,1,500,1000,quick,,,,,no target\n"
    );
}

#[test]
fn a_source_with_a_comma_stays_one_field() {
    let out = tempfile::tempdir().unwrap();
    let mut run = Made::new("paper", "omniglot-5w1s", "reptile", 1).finals(&[("inductive", 90.0, 0.2)]);
    run.published = vec![published("reptile", "inductive", 95.39, 0.09, 0.6)];
    run.write(out.path());
    let report = build(out.path()).unwrap();
    let text = std::fs::read_to_string(out.path().join("paper/summary.csv")).unwrap();
    assert!(text.contains("95.39,0.09,\"Nichol et al. 2018, Table 2\",-5.39,below"), "{text}");
    assert!(report.missed());
}

#[test]
fn overridden_runs_are_never_judged() {
    let out = tempfile::tempdir().unwrap();
    let mut run = Made::new("custom-0123abcd", "omniglot-5w1s", "reptile", 1).finals(&[("inductive", 10.0, 0.2)]);
    run.published = vec![published("reptile", "inductive", 95.39, 0.09, 0.6)];
    run.write(out.path());
    let report = build(out.path()).unwrap();
    let row = row(&report, "reptile", "inductive");
    assert_eq!((row.budget.as_str(), row.verdict), ("custom-0123abcd", Verdict::PartialBudget));
    assert!(!report.missed());
}

#[test]
fn unfinished_runs_are_listed_and_failed_ones_marked() {
    let out = tempfile::tempdir().unwrap();
    for (label, seed, status) in [
        ("reptile", 1, Status::Complete),
        ("reptile", 2, Status::Interrupted),
        ("fomaml", 1, Status::Complete),
        ("fomaml", 2, Status::Failed),
        ("maml", 1, Status::Failed),
    ] {
        let mut run = Made::new("quick", "sine", label, seed).finals(&[("-", seed as f64, 0.01)]);
        run.status = status;
        let folder = run.write(out.path());
        if status != Status::Complete {
            // what is not complete is not read
            std::fs::write(folder.join("metrics.csv"), "half a li").unwrap();
        }
    }
    std::fs::create_dir_all(out.path().join("quick/sine/transfer/seed-1")).unwrap();
    let report = build(out.path()).unwrap();
    let reptile = row(&report, "reptile", "-");
    assert_eq!((reptile.mean, reptile.seeds, reptile.verdict), (Some(1.0), 1, Verdict::NoTarget));
    let fomaml = row(&report, "fomaml", "-");
    assert_eq!((fomaml.mean, fomaml.verdict), (Some(1.0), Verdict::Failed));
    let maml = row(&report, "maml", "-");
    assert_eq!((maml.mean, maml.seeds, maml.verdict), (None, 0, Verdict::Failed));
    let text = report.terminal_table(80);
    for words in [
        "sine reptile seed 2: interrupted",
        "sine fomaml seed 2: failed: loss became NaN at meta-iteration 17",
        "sine transfer seed 1: not started",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[test]
fn seeds_of_different_schedules_are_kept_apart_and_it_is_said() {
    let out = tempfile::tempdir().unwrap();
    for (seed, iterations) in [(1, 1000), (2, 1000), (3, 2000)] {
        let mut run = Made::new("quick", "sine", "reptile", seed).finals(&[("-", seed as f64, 0.01)]);
        run.meta_iters = iterations;
        run.write(out.path());
    }
    let report = build(out.path()).unwrap();
    let rows: Vec<_> = report.rows().iter().map(|r| (r.meta_iters, r.mean, r.seeds)).collect();
    assert_eq!(rows, [(1000, Some(1.5), 2), (2000, Some(3.0), 1)]);
    assert!(report.markdown().contains("1000 and 2000 meta-iterations"), "{}", report.markdown());
    assert!(report.terminal_table(80).contains("meta-iters"));
}

#[test]
fn a_run_on_other_episodes_is_in_no_table_and_is_named_with_its_remedy() {
    let out = tempfile::tempdir().unwrap();
    for (label, hash, ended) in [("reptile", "aa", "2026-01-01T00:00:00Z"), ("maml", "bb", "2026-01-02T00:00:00Z")] {
        let run = Made::new("short", "omniglot-5w5s", label, 0).finals(&[("inductive", 90.0, 0.2)]);
        let folder = run.write(out.path());
        let mut record = run.record();
        (record.episode_hash, record.ended) = (hash.into(), Some(ended.into()));
        record.write(&folder.join("run.json")).unwrap();
    }
    // A record that does not name its episodes cannot be told apart.
    Made::new("short", "omniglot-5w5s", "old", 0).finals(&[("inductive", 80.0, 0.2)]).write(out.path());
    let report = build(out.path()).unwrap();
    assert_eq!(report.rows().iter().map(|r| r.method.as_str()).collect::<Vec<_>>(), ["maml", "old"]);
    let left = report.left();
    let command = format!("--budget short --method reptile --out {}`", out.path().display());
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(
        left[0].starts_with("omniglot-5w5s reptile seed 0: other episodes: ") && left[0].contains(&command),
        "{left:?}"
    );
    assert!(report.terminal_table(80).contains("other episodes"), "{}", report.terminal_table(80));
}

#[test]
fn a_file_says_how_the_rows_were_made() {
    let out = tempfile::tempdir().unwrap();
    for (label, seed, commit, dirty, seconds) in [
        ("reptile", 0, "aaaaaaaaaaaa", false, 3600.0),
        ("reptile", 1, "aaaaaaaaaaaa", false, 1800.0),
        ("maml", 0, "bbbbbbbbbbbb", true, 720.0),
    ] {
        let run = Made::new("paper", "omniglot-5w1s", label, seed).finals(&[("inductive", 90.0, 0.2)]);
        let folder = run.write(out.path());
        let mut record = run.record();
        (record.git_commit, record.git_dirty, record.seconds) = (Some(commit.into()), Some(dirty), seconds);
        (record.cpu, record.instruction_set, record.threads) = ("Abacus".into(), "avx2".into(), 2);
        record.order = u64::from(label == "maml");
        record.write(&folder.join("run.json")).unwrap();
    }
    build(out.path()).unwrap();
    let text = std::fs::read_to_string(out.path().join("paper/made.md")).unwrap();
    for line in [
        "| omniglot-5w1s | reptile (seeds 0, 1) | aaaaaaa | Abacus, avx2, 2 threads | 1.50 |\n",
        "| omniglot-5w1s | maml | bbbbbbb + changes | Abacus, avx2, 2 threads | 0.20 |\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let out = tree();
    let first = written(out.path());
    assert!(first.keys().any(|f| f.ends_with("plots/adaptation-sine.png")), "{:?}", first.keys());
    for name in ["quick/plots/curves-old.svg", "quick/plots/mine.svg"] {
        std::fs::write(out.path().join(name), "old").unwrap();
    }
    assert!(first == written(out.path()), "a rebuild changed a file");
    assert!(!out.path().join("quick/plots/curves-old.svg").exists(), "a stale picture stayed");
    assert!(out.path().join("quick/plots/mine.svg").exists(), "somebody else's file went");
}

#[test]
fn a_damaged_file_stops_the_report_before_it_writes() {
    let out = tree();
    let path = out.path().join("quick/sine/fomaml/seed-1/metrics.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 3]).unwrap();
    let error = build(out.path()).unwrap_err().to_string();
    let lines = text.lines().count();
    assert!(
        error.contains(&format!("sine/fomaml/seed-1/metrics.csv:{lines}: ")) && error.contains("cut off"),
        "{error}"
    );
    assert!(!error.contains('\n'), "{error}");
    assert!(!out.path().join("quick/summary.csv").exists());
}

#[test]
fn a_report_can_be_narrowed_to_what_was_run() {
    let out = tree();
    let mut report = build(out.path()).unwrap();
    report.select("quick", &["sine".to_string()]);
    assert_eq!(
        report.rows().iter().map(|r| r.method.as_str()).collect::<Vec<_>>(),
        ["reptile", "fomaml", "transfer", "untrained"]
    );
    assert!(report.json().contains("\"verdict\": \"no target\""), "{}", report.json());
}

#[test]
fn odd_trees_draw_too() {
    let out = odd_tree();
    let report = build(out.path()).unwrap();
    let drawn = |name: &str| report.files.iter().any(|f| f.ends_with(name));
    assert!(drawn("quick/plots/curves-many-transductive.png") && drawn("quick/plots/results-failed-once.svg"));
    assert!(!drawn("quick/plots/curves-failed-once-inductive.svg"), "nothing was evaluated during training");
}

/// Not a check: writes the made-up tree where a person can look at it.
/// `LOOK=/some/folder cargo test -p harness look_at_the_pictures -- --ignored`
#[test]
#[ignore = "writes pictures to look at"]
fn look_at_the_pictures() {
    let target = PathBuf::from(std::env::var("LOOK").expect("LOOK names a folder"));
    for (name, out) in [("usual", tree()), ("odd", odd_tree())] {
        let report = build(out.path()).unwrap();
        println!("{}", report.terminal_table(80));
        for file in &report.files {
            let place = target.join(name).join(file.strip_prefix(out.path()).unwrap());
            disk::write(&place, &std::fs::read(file).unwrap()).unwrap();
        }
    }
}

/// Rows of a figure are settings, and many: they take no method's colour, stand after the tables, and are counted apart.
#[test]
fn a_figure_changes_nothing_about_the_tables() {
    let out = tempfile::tempdir().unwrap();
    Made::new("quick", "omniglot-5w1s", "protonet", 0).finals(&[("inductive", 90.0, 0.2)]).write(out.path());
    let before = written(out.path());
    for (order, label) in ["g1", "sum-2", "mean-2"].into_iter().enumerate() {
        let mut run = Made::new("quick", "figure-9", label, 0).finals(&[("inductive", 50.0 + order as f64, 0.2)]);
        let place = FigurePlace {
            number: "9".into(),
            x_label: "meta-iterations".into(),
            x_log: false,
            x: None,
            line: label.into(),
            colour: None,
        };
        (run.order, run.figure) = (order as u64, Some(place));
        run.write(out.path());
    }
    let after = written(out.path());
    let plots = || before.iter().filter(|(path, _)| path.parent().is_some_and(|folder| folder.ends_with("plots")));
    assert_eq!(plots().count(), 6, "two pictures in three forms");
    plots().for_each(|(path, bytes)| assert!(after[path] == *bytes, "{}", path.display()));
    let report = build(out.path()).unwrap();
    let rows: Vec<(&str, &str)> = report.rows().iter().map(|r| (r.benchmark.as_str(), r.method.as_str())).collect();
    let figure = ["g1", "sum-2", "mean-2"].map(|label| ("figure-9", label));
    assert_eq!(rows, [&[("omniglot-5w1s", "protonet")][..], &figure].concat());
    let page = std::fs::read_to_string(report.page()).unwrap();
    assert!(page.contains("4 complete runs of 1 method on 1 benchmark and 1 figure"), "the count");
    assert!(page.contains("omniglot-5w1s, inductive: learning curves"), "the table's");
    assert!(!page.contains("figure-9, inductive: learning curves"), "the figure is its curves");
    assert!(!page.contains("All benchmarks"), "one table needs no overview");
    assert!(page.contains("Figure 9: "), "the figure itself");
    let markdown = std::fs::read_to_string(out.path().join("quick/summary.md")).unwrap();
    assert!(markdown.contains("| method | mode | ours |\n"), "nothing to be judged by: {markdown}");
    assert_eq!(page.matches("class=\"judged\"").count(), 0, "nothing was published, so nothing is judged");
    assert!(page.contains("Figure 9</th>"), "the figure's rows stand under its name");
}

/// An overridden folder is called by what was overridden, where its records say so; else by its name.
#[test]
fn overridden_folders_are_called_by_what_was_overridden() {
    let out = tempfile::tempdir().unwrap();
    let made = Made::new("custom-0123abcd", "omniglot-5w1s", "reptile", 1).finals(&[("inductive", 10.0, 0.2)]);
    let folder = made.write(out.path());
    let shown = || summary::summarize(out.path(), "custom-0123abcd").unwrap().shown();
    assert_eq!(shown(), "custom-0123abcd");
    let mut record = made.record();
    record.overrides = vec!["protocol.ways=10".into(), "meta-iters=40".into()];
    record.write(&folder.join("run.json")).unwrap();
    assert_eq!(shown(), "paper with protocol.ways=10, meta-iters=40 (custom-0123abcd)");
}

/// A run of a label, a seed and a place in the table that has `right` of 500 episodes of one query; its folder.
fn with_episodes(
    out: &std::path::Path,
    (label, seed, order): (&'static str, u64, usize),
    right: u64,
) -> std::path::PathBuf {
    use crate::results::episodes::{self, Outcome};
    let mut made = Made::new("quick", "omniglot-5w1s", label, seed).finals(&[("inductive", right as f64 / 5.0, 0.1)]);
    made.order = order as u64;
    let folder = made.write(out);
    let mut record = made.record();
    (record.episode_hash, record.data_digest) = ("e".repeat(64), "d".repeat(64));
    record.write(&folder.join("run.json")).unwrap();
    let outcome = |i: u64| Outcome { correct: u32::from((i * 7) % 500 < right), n: 1, loss: 1.0 };
    let outcomes: Vec<Outcome> = (0..500).map(outcome).collect();
    episodes::write(&folder.join("episodes.parquet"), &[(harness_core::Mode::Inductive, outcomes)]).unwrap();
    folder
}

/// The best rows are marked where their episodes are there and are the same.
#[test]
fn the_best_of_a_table_is_marked_by_its_episodes() {
    let out = tempfile::tempdir().unwrap();
    // Of 500 episodes of one query: b and c differ in few, a in many.
    let rows = [("a", 300u64), ("b", 400), ("c", 398), ("untold", 350)];
    for (order, (label, right)) in rows.into_iter().enumerate() {
        let folder = with_episodes(out.path(), (label, 0, order), right);
        if label == "untold" {
            std::fs::remove_file(folder.join("episodes.parquet")).unwrap();
        }
    }
    let best = || -> Vec<String> {
        let summary = summary::summarize(out.path(), "quick").unwrap();
        summary.cells.iter().filter(|c| c.best).map(|c| c.row.method.clone()).collect()
    };
    assert!(best().is_empty(), "a row whose episodes are not there cannot be compared");
    std::fs::remove_dir_all(out.path().join("quick/omniglot-5w1s/untold")).unwrap();
    assert_eq!(best(), ["b", "c"]);
    let table = build(out.path()).unwrap().terminal_table(80);
    assert!(table.contains("• 80.00") && table.contains("• 79.60") && !table.contains("• 60.00"), "{table}");
}

/// A row of fewer seeds may be ahead of the best mean where both have seeds: it is not called worse.
#[test]
fn a_row_that_is_ahead_where_both_met_is_not_worse_than_the_best() {
    let out = tempfile::tempdir().unwrap();
    // Of 500 episodes: a's mean over its seeds is 460, but on seed 0 it has 400 and b 440.
    for (order, (label, seed, right)) in
        [("a", 0, 400u64), ("a", 1, 490), ("a", 2, 490), ("b", 0, 440)].into_iter().enumerate()
    {
        with_episodes(out.path(), (label, seed, order), right);
    }
    let summary = summary::summarize(out.path(), "quick").unwrap();
    let best: Vec<&str> = summary.cells.iter().filter(|c| c.best).map(|c| c.row.method.as_str()).collect();
    assert_eq!(best, ["a", "b"]);
}

/// Methods are compared on the same images: a run on others, and one whose last row is a point of its curve, is in no table.
#[test]
fn other_images_and_a_cut_evaluation_are_in_no_table() {
    let out = tempfile::tempdir().unwrap();
    for (label, digest, ended) in
        [("a", "d", "2026-01-01T00:00:00Z"), ("b", "d", "2026-01-02T00:00:00Z"), ("c", "x", "2026-01-01T00:00:00Z")]
    {
        let made = Made::new("quick", "omniglot-5w1s", label, 0).finals(&[("inductive", 90.0, 0.1)]);
        let folder = made.write(out.path());
        let mut record = made.record();
        (record.episode_hash, record.data_digest) = ("e".repeat(64), digest.repeat(64));
        record.ended = Some(ended.into());
        record.write(&folder.join("run.json")).unwrap();
    }
    let summary = summary::summarize(out.path(), "quick").unwrap();
    let methods: Vec<&str> = summary.cells.iter().map(|c| c.row.method.as_str()).collect();
    assert_eq!(methods, ["a", "b"]);
    assert_eq!((summary.excluded[0].method.as_str(), summary.excluded[0].status), ("c", "other episodes"));

    let metrics = out.path().join("quick/omniglot-5w1s/a/seed-0/metrics.csv");
    let text = std::fs::read_to_string(&metrics).unwrap();
    let cut: Vec<&str> = text.lines().filter(|line| !line.contains(",500,")).collect();
    std::fs::write(&metrics, cut.join("\n") + "\n").unwrap();
    let error = summary::summarize(out.path(), "quick").unwrap_err().to_string();
    assert!(error.contains("is of 100 episodes and the run is of 500"), "{error}");
}

/// What is not the evaluation of the reported state is not its number.
#[test]
fn a_final_row_of_another_meta_iteration_or_of_other_episodes_is_refused() {
    let out = tempfile::tempdir().unwrap();
    let folder = with_episodes(out.path(), ("a", 0, 0), 300);
    let mut record = crate::results::run_json::RunRecord::read(&folder.join("run.json")).unwrap();
    record.meta_iters = 2000;
    record.write(&folder.join("run.json")).unwrap();
    let error = summary::summarize(out.path(), "quick").unwrap_err().to_string();
    assert!(error.contains("is of meta-iteration 1000 and the run reports that of 2000"), "{error}");

    with_episodes(out.path(), ("a", 0, 0), 300);
    let other = tempfile::tempdir().unwrap();
    let others = with_episodes(other.path(), ("a", 0, 0), 301);
    std::fs::copy(others.join("episodes.parquet"), folder.join("episodes.parquet")).unwrap();
    let error = summary::summarize(out.path(), "quick").unwrap_err().to_string();
    assert!(error.contains("metrics.csv has accuracy 60 on test and episodes.parquet has 60.2"), "{error}");
}
