//! The same numbers as JSON, Markdown and Parquet; stdout carries nothing else.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use polars::prelude::*;
use serde_json::Value;

use crate::bench::{Bench, REPTILE, TRANSFER, folder};
use crate::harness;
use crate::process::{done, run};

fn bench() -> Bench {
    Bench::sine(&format!("{REPTILE}meta_iters = 3\n{TRANSFER}meta_iters = 3\n"))
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn reproduce_and_report_print_their_rows() {
    let bench = bench();
    let out = bench.out("out");
    let plan = parse(&done(bench.reproduce(&out, &["--dry-run", "--format", "json"])).out);
    assert_eq!((&plan[1]["method"], &plan[1]["standing"]), (&Value::from("transfer"), &Value::from("new")));
    let rows = parse(&done(bench.reproduce(&out, &["--format", "json"])).out);
    let names: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert_eq!(names, ["reptile", "transfer"]);
    assert!(rows[0]["mean"].is_f64() && rows[0]["verdict"] == "no target" && rows[0]["budget"] == "quick");
    assert_eq!(parse(&done(harness(&bench, &["report", "out", "--format", "json"])).out), rows);

    let markdown = done(harness(&bench, &["report", "out", "--format", "markdown"])).out;
    let page = fs::read_to_string(out.join("quick/summary.md")).unwrap();
    let lines = |text: &str| text.lines().filter(|line| line.starts_with("| ")).map(String::from).collect::<Vec<_>>();
    assert!(markdown.starts_with("### b: Small waves\n") && lines(&markdown).len() == 4, "{markdown}");
    assert_eq!(lines(&markdown), lines(&page));
    assert_eq!(done(bench.reproduce(&out, &["--format", "markdown"])).out, markdown);
}

#[test]
fn lists_and_data_have_json_and_no_markdown() {
    let bench = bench();
    parse(&done(harness(&bench, &["list", "--format", "json"])).out);
    let empty = bench.out("none");
    let path = |args: &[&str]| {
        let mut command =
            harness(&bench, &[&["data", "path", "--data-dir", "none", "--format", "json"], args].concat());
        command.env_remove("HARNESS_DATA_DIR").env("XDG_CACHE_HOME", &empty).env("HOME", &empty);
        run(command)
    };
    assert_eq!(parse(&path(&[]).expect(4, "is not here").out), Value::Array(Vec::new()));
    assert_eq!(path(&["omniglot"]).expect(6, "is not here").out, "");
    run(harness(&bench, &["list", "--format", "markdown"])).expect(2, "[possible values: table, json]");
}

#[test]
fn a_path_that_is_no_utf_8_is_text_in_json() {
    let bench = bench();
    done(bench.reproduce(&bench.out("out"), &[]));
    let out = bench.dir.path().join(OsStr::from_bytes(b"out\xff"));
    fs::rename(bench.out("out"), &out).unwrap();
    let json = |args: &[&OsStr]| {
        let mut command = harness(&bench, &[]);
        command.args(args).args(["--format", "json"]);
        parse(&done(command).out)
    };
    let ends = |path: &Value, end: &str| assert!(path.as_str().is_some_and(|path| path.ends_with(end)), "{path}");
    let run = folder(&out, "reptile");
    ends(&json(&[OsStr::new("show"), run.as_os_str()])["folder"], "/out\u{fffd}/quick/b/reptile/seed-0");
    let pair = json(&[OsStr::new("compare"), out.as_os_str(), out.as_os_str()]);
    ends(&pair["a"], "/out\u{fffd}");
    ends(&pair["b"], "/out\u{fffd}");
    let against = ["compare", "--against", "reptile"].map(OsStr::new);
    ends(&json(&[&against[..], &[out.as_os_str()]].concat())["folder"], "/out\u{fffd}");
}

fn parquet(path: &Path) -> DataFrame {
    ParquetReader::new(File::open(path).unwrap()).finish().unwrap()
}

/// The CSV file read with the types of the Parquet file.
fn csv(path: &Path, like: &DataFrame) -> DataFrame {
    let options = CsvReadOptions::default().with_schema(Some(like.schema().clone()));
    options.try_into_reader_with_file_path(Some(path.to_owned())).unwrap().finish().unwrap()
}

#[test]
fn parquet_holds_what_csv_holds() {
    let bench = bench();
    let out = bench.out("out");
    done(bench.reproduce(&out, &[]));
    let budget = out.join("quick");
    assert!(!budget.join("summary.parquet").exists());
    done(harness(&bench, &["report", "out", "--parquet"]));
    for (folder, name) in [("", "summary"), ("b/reptile/seed-0", "metrics"), ("b/transfer/seed-0", "metrics")] {
        let path = budget.join(folder).join(name);
        let frame = parquet(&path.with_extension("parquet"));
        let text = path.with_extension("csv");
        let header = fs::read_to_string(&text).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(frame.schema().iter_names().map(|name| name.as_str()).collect::<Vec<_>>().join(","), header);
        assert!(frame.height() > 1 && frame.equals_missing(&csv(&text, &frame)), "{name}: {frame}");
    }
    let types =
        |name: &str| parquet(&budget.join("b/reptile/seed-0/metrics.parquet")).column(name).unwrap().dtype().clone();
    let wanted = [DataType::UInt64, DataType::UInt64, DataType::Float64, DataType::Float64, DataType::String];
    assert_eq!(["seed", "step", "value", "ci95", "split"].map(types), wanted);

    // Once there it follows the table, or it would be believed.
    done(bench.reproduce(&out, &["--seeds", "2"]));
    let frame = parquet(&budget.join("summary.parquet"));
    assert_eq!(frame.column("seeds").unwrap().u64().unwrap().get(0), Some(2));
    assert!(budget.join("b/reptile/seed-1/metrics.parquet").exists());
}
