//! Reports of a folder that is only read, and several benchmarks in one call.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::bench::{Bench, REPTILE, TRANSFER};
use crate::harness;
use crate::process::{done, run};

fn bench() -> Bench {
    Bench::sine(&format!("{REPTILE}meta_iters = 3\n{TRANSFER}meta_iters = 3\n"))
}

/// Every file and folder below `folder` with the time of its last change.
fn state(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let mut all = vec![(folder.to_path_buf(), fs::metadata(folder).unwrap().modified().unwrap())];
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => all.extend(state(&entry)),
            false => all.push((entry.clone(), fs::metadata(&entry).unwrap().modified().unwrap())),
        }
    }
    all.sort();
    all
}

#[test]
fn a_report_elsewhere_leaves_the_results_alone() {
    let bench = bench();
    let out = bench.out("out");
    let printed = done(bench.reproduce(&out, &[])).out;
    let before = state(&out);
    let args = ["report", "out", "--out", "deep/away", "--parquet", "--tensorboard"];
    let said = run(harness(&bench, &args)).expect(0, "files written below deep/away; page: deep/away/report.html");
    assert_eq!(said.out, printed);
    assert_eq!(state(&out), before);
    let away = bench.out("deep/away");
    for file in ["report.html", "quick/summary.csv", "quick/summary.md", "quick/plots/curves-b.svg"] {
        assert!(fs::read(away.join(file)).unwrap() == fs::read(out.join(file)).unwrap(), "{file}");
    }
    for file in
        ["quick/summary.parquet", "quick/b/reptile/seed-0/metrics.parquet", "quick/tensorboard/b/reptile/seed-0"]
    {
        assert!(away.join(file).exists(), "{file}");
    }
    run(harness(&bench, &["report", "nowhere", "--out", "other"])).expect(2, "no results folder nowhere");
    assert!(!bench.out("other").exists() && !bench.out("nowhere").exists());
}

/// Permissions do not bind the superuser, who runs it as somebody else.
#[test]
fn a_folder_that_may_only_be_read_is_printed() {
    let bench = bench();
    let out = bench.out("out");
    let printed = done(bench.reproduce(&out, &[])).out;
    let folders: Vec<PathBuf> = state(&out).into_iter().map(|(path, _)| path).filter(|path| path.is_dir()).collect();
    let allow = |mode: u32| {
        let set = |path: &PathBuf| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        folders.iter().for_each(set);
    };
    fs::set_permissions(bench.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    allow(0o555);
    let mut command = harness(&bench, &["report", "out"]);
    if fs::metadata(&out).unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    let before = state(&out);
    let ended = run(command);
    allow(0o755);
    let said = ended.expect(0, "out may only be read, so nothing is written: --out DIR puts plots and page elsewhere");
    assert_eq!(said.out, printed);
    assert_eq!(state(&out), before);
}

#[test]
fn several_benchmarks_run_in_one_call() {
    let bench = bench();
    let text = fs::read_to_string(bench.file()).unwrap();
    fs::write(bench.dir.path().join("c.toml"), &text).unwrap();
    let short = ["--method", "reptile", "--out", "out"];
    let call = |names: &[&str]| run(harness(&bench, &[&["reproduce"], names, &short].concat()));
    let said = call(&["b.toml", "c.toml", "./b.toml"]).expect(0, "2 runs: 0 complete, 0 to resume, 2 new");
    for name in ["b: Small waves", "c: Small waves"] {
        assert!(said.out.contains(name), "{}", said.out);
    }
    let plan = fs::read_to_string(bench.out("out/quick/plan.json")).unwrap();
    assert!(plan.contains("\"b\"") && plan.contains("\"c\""), "{plan}");
    call(&["c.toml", "nothing-like-it"]).expect(2, "unknown benchmark \"nothing-like-it\"");
    fs::create_dir(bench.dir.path().join("d")).unwrap();
    fs::write(bench.dir.path().join("d/b.toml"), text.replace("shots = 10", "shots = 5")).unwrap();
    call(&["b.toml", "d/b.toml"]).expect(2, "d/b.toml: another benchmark of this call is called \"b\" too");
}
