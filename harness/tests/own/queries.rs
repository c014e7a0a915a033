//! `--keep-queries`.

use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use polars::prelude::*;

use crate::{Own, TABLE, bytes};

const RUN: &str = "out/quick/b/reptile/seed-0";

fn table(path: &Path) -> DataFrame {
    ParquetReader::new(File::open(path).unwrap()).finish().unwrap()
}

/// Right answers and queries of each row of episodes.parquet, from the rows of queries.parquet.
fn counted(queries: &DataFrame, episodes: usize) -> Vec<(u32, u32)> {
    let text = |name: &str| -> Vec<String> {
        queries.column(name).unwrap().str().unwrap().iter().map(|value| value.unwrap().to_owned()).collect()
    };
    let episode: Vec<u32> = queries.column("episode").unwrap().u32().unwrap().iter().flatten().collect();
    let (mode, class, prediction) = (text("mode"), text("class"), text("prediction"));
    let mut counts = vec![(0, 0); 2 * episodes];
    for row in 0..episode.len() {
        let at = episode[row] as usize + if mode[row] == "inductive" { episodes } else { 0 };
        counts[at].0 += u32::from(class[row] == prediction[row]);
        counts[at].1 += 1;
    }
    counts
}

#[test]
fn every_query_is_kept_and_no_number_changes() {
    let own = Own::new();
    own.write("b.toml", TABLE);
    own.done("reproduce b.toml --method reptile --out plain --threads 1");
    own.done("reproduce b.toml --method reptile --out out --threads 2 --keep-queries");
    let plain = own.path("plain/quick/b/reptile/seed-0");
    assert!(!plain.join("queries.parquet").exists());
    assert!(bytes(&plain.join("episodes.parquet")) == bytes(&own.path(RUN).join("episodes.parquet")));
    let kept = bytes(&own.path(RUN).join("queries.parquet"));

    // What lies there is that of each episode: the same right answers, and images of the class that is named.
    let (queries, episodes) =
        (table(&own.path(RUN).join("queries.parquet")), table(&own.path(RUN).join("episodes.parquet")));
    assert_eq!(queries.height(), 2 * 12 * 15);
    let column = |name: &str| -> Vec<u32> { episodes.column(name).unwrap().u32().unwrap().iter().flatten().collect() };
    let found: Vec<(u32, u32)> = column("correct").into_iter().zip(column("n")).collect();
    assert_eq!(counted(&queries, 12), found);
    let class = queries.column("class").unwrap().str().unwrap().get(0).unwrap().to_owned();
    assert!(class.starts_with("Glyphs/character"), "{class}");
    assert!(queries.column("image").unwrap().str().unwrap().iter().all(|name| name.unwrap().starts_with('#')));

    // A run that is complete gets them too, on any number of threads; the second time nothing is done.
    own.done("reproduce b.toml --method reptile --out plain --threads 1 --keep-queries");
    assert!(bytes(&plain.join("queries.parquet")) == kept);
    let record = bytes(&plain.join("run.json"));
    let said = own.done("reproduce b.toml --method reptile --out plain -v --keep-queries");
    assert!(!said.err.contains("queries of episode"), "{}", said.err);
    assert!(bytes(&plain.join("run.json")) == record);

    // Those of another evaluation are told on the page, and replaced.
    let page = own.read("out/report.html");
    for part in [
        "Which classes reptile takes for which, inductive",
        "The classes with the lowest accuracy",
        "180 queries of 1 seed",
    ] {
        assert!(page.contains(part), "{part}");
    }
    own.done("reproduce b.toml --method reptile --out other --keep-queries --set eval.seed=3");
    let other =
        fs::read_dir(own.path("other")).unwrap().flatten().find(|entry| entry.path().join("b").is_dir()).unwrap();
    fs::copy(other.path().join("b/reptile/seed-0/queries.parquet"), own.path(RUN).join("queries.parquet")).unwrap();
    own.done("report out");
    let page = own.read("out/report.html");
    assert!(page.contains("no confusion matrix: ") && page.contains("of another evaluation than episodes.parquet"));
    assert!(page.contains("with --keep-queries writes it again"));
    own.done("reproduce b.toml --method reptile --out out --keep-queries");
    assert!(bytes(&own.path(RUN).join("queries.parquet")) == kept);

    // The same rows from the checkpoint, as a file of one's own.
    own.done(&format!("eval {} b.toml --method reptile --keep-queries rows.parquet", own.checkpoint("reptile")));
    assert!(bytes(&own.path("rows.parquet")) == kept);
}

#[test]
fn a_process_that_is_killed_leaves_them_whole_or_not_at_all() {
    let own = Own::new();
    own.write("b.toml", TABLE);
    own.done("reproduce b.toml --method reptile --out out --threads 1");
    let path = own.path(RUN).join("queries.parquet");
    let keep = || own.command("reproduce b.toml --method reptile --out out --threads 1 --keep-queries");
    let mut killed = 0;
    for at in 1..100 {
        let ended = keep().env("HARNESS_TEST_KILL_AT", at.to_string()).output().unwrap();
        assert_eq!(ended.status.signal(), Some(9), "place {at} is not reached: {ended:?}");
        killed += 1;
        if path.exists() {
            break;
        }
    }
    assert!(killed >= 2, "{killed}");
    let there = bytes(&path);
    assert!(keep().output().unwrap().status.success());
    assert!(bytes(&path) == there, "what was there stays");
    fs::remove_file(&path).unwrap();
    assert!(keep().output().unwrap().status.success());
    assert!(bytes(&path) == there, "and is made again to the same bytes");
    let left: Vec<_> = fs::read_dir(own.path(RUN)).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".tmp-")), "{left:?}");
}

/// What is said on stderr by a call that gets Ctrl-C once it has said `part`.
fn stopped(mut command: Command, part: &str) -> String {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut said, mut sent) = (String::new(), false);
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if !sent && line.contains(part) {
            let kill = format!("kill -INT {}", child.id());
            assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
            sent = true;
        }
        said += &format!("{line}\n");
    }
    assert_eq!(child.wait().unwrap().code(), Some(5), "{said}");
    said
}

#[test]
fn ctrl_c_says_that_queries_are_not_kept() {
    let own = Own::new();
    own.write("b.toml", TABLE.replace("episodes = 12", "episodes = 1000"));
    let line = "reproduce b.toml --method protonet --threads 1 --out";
    own.done(&format!("{line} out"));
    let said = stopped(own.command(&format!("{line} out -v --keep-queries")), "queries of episode 256/1000 kept");
    let goes_on = "\ninterrupted: the same command goes on where it stopped; ";
    assert!(said.ends_with(&format!("{goes_on}the queries of 1 complete run are not kept yet\n")), "{said}");
    assert!(!own.path("out/quick/b/protonet/seed-0/queries.parquet").exists());

    let long = format!("{line} long --meta-iters 100000 --checkpoint-every 0 -v --keep-queries");
    let said = stopped(own.command(&long), "checkpoint written at step");
    assert!(said.ends_with(&format!("{goes_on}without --keep-queries it keeps no queries\n")), "{said}");
}

#[test]
fn a_regression_has_none() {
    let own = Own::new();
    own.done("reproduce sine --method untrained --eval-episodes 2 --out waves --keep-queries")
        .expect(0, "no queries are kept, sine has no classes");
    let mut folders =
        fs::read_dir(own.path("waves")).unwrap().flatten().map(|entry| entry.path().join("sine/untrained/seed-0"));
    let run = folders.find(|path| path.is_dir()).unwrap();
    assert!(!run.join("queries.parquet").exists());
    let line = format!("eval {} sine --keep-queries q.csv", run.join("checkpoint-0.safetensors").display());
    own.run(&line).expect(2, "sine has no classes");
}
