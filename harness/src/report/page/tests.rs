//! The page as bytes: same input, same page; nothing loads; nothing in a user's file becomes markup.

use crate::report::{build, build_budget};
use crate::results::fixtures::*;
use crate::results::run_json::{FigurePlace, RunRecord, Status};
use std::path::Path;

fn page(out: &Path) -> String {
    std::fs::read_to_string(build(out).unwrap().page()).unwrap()
}

/// Changes the record of a run that was written to `folder`.
fn amend(folder: &Path, change: impl Fn(&mut RunRecord)) {
    let path = folder.join("run.json");
    let mut record = RunRecord::read(&path).unwrap();
    change(&mut record);
    record.write(&path).unwrap();
}

#[test]
fn the_same_runs_give_the_same_page() {
    let out = tree();
    let first = page(out.path());
    assert!(first == page(out.path()));
    let quick = std::fs::read_to_string(build_budget(out.path(), "quick", Default::default()).unwrap().page()).unwrap();
    assert!(first == quick, "one budget's report leaves the page of all as it was");
}

#[test]
fn the_page_holds_what_it_promises() {
    let out = tree();
    let folder = out.path().join("paper/omniglot-5w1s/reptile/seed-1");
    amend(&folder, |record| {
        record.algorithm = "reptile".into();
        record.config = serde_json::json!({"method": {"inner_iters": 5}, "seed": record.seed});
        record.spec_hash = String::new();
        record.episode_hash = "e".repeat(64);
        record.git_commit = Some("0123456789abcdef".into());
        record.cpu = "A processor".into();
        record.seconds = 7200.0;
    });
    let page = page(out.path());
    for words in [
        "<td role=\"cell\" class=\"num\" data-label=\"Published\" data-key=\"97.68\">97.68 <span class=\"pm\">±0.04</span></td>",
        "learning curves",
        "smallest to largest seed",
        "adaptation on one test task",
        "omniglot-5w1s: our results beside published ones",
        "method.inner_iters = 5",
        &"e".repeat(64),
        "0123456789ab",
        "A processor",
        "data-label=\"Hours\">2.00</td>",
        "Known deviations from the paper",
        "v ← β₂ᵏ·v",
        "All benchmarks",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("no {words}"));
    assert!(at("id=\"paper\"") < at("id=\"quick\""), "the fullest budget comes first");
}

#[test]
fn what_is_held_against_published_numbers_comes_first_and_an_end_is_on_one_line() {
    let out = tempfile::tempdir().unwrap();
    for (benchmark, known) in [("a-5w1s", false), ("a-5w5s", false), ("b-5w1s", true), ("b-5w5s", true)] {
        let mut run = Made::new("paper", benchmark, "reptile", 0).finals(&[("inductive", 97.0, 0.1)]);
        run.published = known.then(|| published("reptile", "inductive", 97.2, 0.1, 0.5)).into_iter().collect();
        amend(&run.write(out.path()), |record| record.ended = Some("2026-01-01T00:00:00Z".into()));
    }
    let page = page(out.path());
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("no {words}"));
    assert!(at("Methods × b-5w1s, b-5w5s, budget paper") < at("Methods × a-5w1s, a-5w5s, budget paper"));
    assert!(at("Rows that have a verdict:") < at("<span class=\"count\">2</span>"));
    assert!(page.contains("td.when{white-space:nowrap}"), "the style");
    assert_eq!(page.matches("class=\"when\" data-label=\"Ended\">2026-01-01T00:00:00Z</td>").count(), 4);
}

#[test]
fn nothing_on_the_page_asks_the_network() {
    let out = tree();
    let page = page(out.path());
    for attribute in ["src=", "srcset=", "url(", "@import", "<link", "<iframe", "<base"] {
        for (at, _) in page.match_indices(attribute) {
            let text: String = page[at..].chars().take(60).collect();
            assert!(text.starts_with("<link rel=\"icon\" href=\"data:,\">"), "{text}");
        }
    }
    for (at, _) in page.match_indices("href=\"") {
        let to: String = page[at + 6..].chars().take(40).collect();
        assert!(to.starts_with('#') || to.starts_with("data:,"), "{to}");
    }
    assert!(page.contains("default-src &#x27;none&#x27;"), "the browser is told so too");
}

#[test]
fn names_from_files_stay_text() {
    let out = tempfile::tempdir().unwrap();
    let hostile = "\"><script>alert('x')</script><img src=x onerror=y>";
    let mut run = Made::new("quick", "<b onclick=a>&'", "<i>m&'", 0).finals(&[("transductive", 50.0, 1.0)]);
    run.published = vec![crate::results::run_json::Published {
        source: Some(hostile.into()),
        ci_meaning: Some(hostile.into()),
        ..published("<i>m&'", "transductive", 51.0, 0.5, 0.5)
    }];
    let folder = run.write(out.path());
    amend(&folder, |record| {
        for text in [&mut record.title, &mut record.algorithm, &mut record.cpu, &mut record.spec_hash] {
            *text = hostile.into();
        }
        record.note = Some(hostile.into());
        record.git_commit = Some(hostile.into());
        record.config = serde_json::json!({ hostile: hostile });
    });
    let mut failed = Made::new("quick", "<b onclick=a>&'", "<i>n&'", 0).finals(&[("transductive", 50.0, 1.0)]);
    failed.status = Status::Failed;
    amend(&failed.write(out.path()), |record| record.failure = Some(hostile.into()));
    let page = page(out.path());
    assert_eq!(page.matches("<script>").count(), 1, "the page's own");
    for markup in ["<img", "<b onclick", "<i>m", "<i>n", "alert('x')"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.contains("&lt;script&gt;"), "it is shown");
}

#[test]
fn every_verdict_is_a_word() {
    let out = tempfile::tempdir().unwrap();
    let rows = [("same", 97.5), ("better", 99.0), ("worse", 90.0), ("lonely", 50.0), ("broken", 97.5)];
    for (order, (label, value)) in rows.into_iter().enumerate() {
        let mut run = Made::new("paper", "omniglot-5w1s", label, 1).finals(&[("inductive", value, 0.1)]);
        run.order = order as u64;
        // Nothing that could be reproduced: another protocol.
        let comparable = label != "lonely";
        run.published =
            vec![crate::results::run_json::Published { comparable, ..published(label, "inductive", 97.5, 0.1, 0.5) }];
        if label == "broken" {
            run.status = Status::Failed;
        }
        run.write(out.path());
    }
    let mut quick = Made::new("quick", "omniglot-5w1s", "same", 1).finals(&[("inductive", 60.0, 0.1)]);
    quick.published = vec![published("same", "inductive", 97.5, 0.1, 0.5)];
    quick.write(out.path());
    let page = page(out.path());
    let (tables, legend) = page.split_once("id=\"reading\"").unwrap();
    for verdict in ["reproduced", "above", "below", "no target", "partial budget", "failed"] {
        let class = verdict.replace(' ', "-");
        let marked = |part: &str| {
            part.match_indices(&format!("class=\"verdict {class}\"")).any(|(at, _)| {
                let badge: String = part[at..].chars().take(140).collect();
                badge.contains(&format!("</span> {verdict}</span>"))
            })
        };
        assert!(marked(tables) && marked(legend), "{verdict}");
    }
    assert!(page.contains("loss became NaN at meta-iteration 17"), "why it failed");
}

#[test]
fn a_failed_run_is_told_where_nothing_was_published() {
    let out = tempfile::tempdir().unwrap();
    for (label, seed, status) in
        [("maml", 0, Status::Complete), ("maml", 1, Status::Failed), ("anil", 0, Status::Complete)]
    {
        let mut run = Made::new("quick", "sine", label, seed).finals(&[("-", 0.2, 0.01)]);
        run.status = status;
        run.write(out.path());
    }
    let page = page(out.path());
    assert_eq!(page.matches("<td role=\"cell\" class=\"judged\">").count(), 2, "a column of verdicts");
    assert!(page.contains("class=\"judged\"><span class=\"verdict failed\">"), "maml's");
    assert!(page.contains("class=\"judged\"></td>"), "anil has no target, and nothing is said of it");
}

#[test]
fn means_over_folds_are_headed_as_in_the_other_tables() {
    let out = tempfile::tempdir().unwrap();
    for benchmark in ["glyphs@fold-1of2", "glyphs@fold-2of2"] {
        for seed in 0..2 {
            let run = Made::new("quick", benchmark, "reptile", seed).finals(&[("inductive", 60.0 + seed as f64, 0.5)]);
            run.write(out.path());
        }
    }
    let page = page(out.path());
    let (_, mean) = page.split_once("<caption>glyphs@folds-2").expect("the mean's table of intervals");
    let mean = mean.split_once("</table>").unwrap().0;
    for words in ["\">± folds</th>", "\">Runs</th>", "data-label=\"± folds\"", "data-label=\"Runs\">4</td>"] {
        assert!(mean.contains(words), "{words} in {mean}");
    }
    assert!(!mean.contains("± seeds") && !mean.contains("Seeds"), "{mean}");
    let (_, fold) = page.split_once("<caption>glyphs@fold-1of2").unwrap();
    assert!(fold.split_once("</table>").unwrap().0.contains("\">± seeds</th>"), "a fold has seeds");
    assert!(page.contains("<em>± folds</em>"), "how to read it");
}

/// Nothing ran to its end there, so its place is known from the record of the run that failed.
#[test]
fn a_failed_point_of_a_sweep_stands_at_its_place() {
    let out = tempfile::tempdir().unwrap();
    let runs = [("a-1", 1.0, Status::Failed), ("a-2", 2.0, Status::Complete), ("a-3", 3.0, Status::Complete)];
    for (order, (label, x, status)) in runs.into_iter().enumerate() {
        let mut run = Made::new("quick", "figure-9", label, 0).finals(&[("inductive", 50.0 + x, 0.5)]);
        (run.order, run.status) = (order as u64, status);
        run.figure = Some(FigurePlace {
            number: "9".into(),
            x_label: "inner steps".into(),
            x_log: false,
            x: Some(x),
            line: "the line".into(),
            colour: None,
        });
        run.write(out.path());
    }
    let page = page(out.path());
    let failed = "data-label=\"inner steps 1\"> <span class=\"pm\"></span> <span class=\"verdict failed\">";
    assert!(page.contains(failed), "in its own column");
    assert!(page.contains("data-label=\"inner steps 2\">52.00 "), "beside the others");
    assert!(!page.contains("<span></span>the line</th>"), "the line's look is that of its points");
    assert_eq!(page.matches("</span>the line</th>").count(), 1, "one line");
}

#[test]
fn damage_in_another_budget_is_told_and_hides_nothing() {
    let out = tree();
    let metrics = out.path().join("paper/omniglot-5w1s/fomaml/seed-1/metrics.csv");
    std::fs::write(&metrics, "half a li").unwrap();
    let report = build_budget(out.path(), "quick", Default::default()).unwrap();
    let page = std::fs::read_to_string(report.page()).unwrap();
    assert!(page.contains("These results cannot be read."), "the damage");
    assert!(page.contains("glyphs-5w1s"), "the rest");
    assert!(build(out.path()).is_err(), "the report of all names it as an error");
}

#[test]
fn twenty_cells_stay_below_three_megabytes() {
    let out = tempfile::tempdir().unwrap();
    for benchmark in ["omniglot-5w1s", "omniglot-5w5s", "omniglot-20w1s", "mini-imagenet-5w1s"] {
        for (order, label) in ["reptile", "fomaml", "maml", "transfer", "untrained"].into_iter().enumerate() {
            for seed in 0..3 {
                let finals = [("transductive", 90.0 - order as f64, 0.3), ("inductive", 85.0 - order as f64, 0.4)];
                let mut run = Made::new("paper", benchmark, label, seed).finals(&finals);
                (run.order, run.splits) = (order as u64, &["train", "val", "test"]);
                run.published = vec![published(label, "transductive", 91.0, 0.3, 0.5)];
                let folder = run.write(out.path());
                let keys = (0..40).map(|i| (format!("method.some_key_{i}"), serde_json::json!(0.001)));
                amend(&folder, |record| {
                    record.config = serde_json::Value::Object(keys.clone().collect());
                    record.config_hash = format!("{seed:064}");
                });
            }
        }
    }
    let size = page(out.path()).len();
    println!("{size} bytes");
    assert!(size < 3_000_000, "{size} bytes");
}

#[test]
fn odd_trees_have_a_page_too() {
    let out = odd_tree();
    let page = page(out.path());
    assert!(page.contains("No learning curve: nothing was evaluated during training."), "an empty state is told");
    assert!(page.contains("not run"), "holes of the matrix are told");
}
