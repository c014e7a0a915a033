//! Files that are cut, altered, from another version or from another run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::{Bench, REPTILE, folder};
use crate::compare::{assert_same, checkpoints, newest, steps};
use crate::process::{Ended, done, end, run, signal, start, wait_for};

/// A run that was interrupted with two checkpoints, and the same one uninterrupted.
struct Half {
    bench: Bench,
    whole: PathBuf,
    half: PathBuf,
}

impl Half {
    fn new() -> Half {
        let bench = Bench::sine(&format!("{REPTILE}meta_iters = 1500\n"));
        let (whole, half) = (bench.out("whole"), bench.out("half"));
        done(bench.reproduce(&whole, &[]));
        let mut child = start(bench.reproduce(&half, &["--checkpoint-every", "0.05"]));
        let dir = folder(&half, "reptile");
        wait_for(&mut child, "two checkpoints", || steps(&dir).len() == 2);
        signal(&child, "INT");
        assert_eq!(end(child).code, Some(5));
        Half { bench, whole, half }
    }

    /// Runs on a copy in which `harm` changed something.
    fn with(&self, name: &str, harm: impl Fn(&Path)) -> (PathBuf, Ended) {
        let out = self.bench.out(name);
        let (from, to) = (folder(&self.half, "reptile"), folder(&out, "reptile"));
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from).unwrap().flatten() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        harm(&to);
        let ended = run(self.bench.reproduce(&out, &[]));
        (out, ended)
    }

    fn assert_whole(&self, out: &Path, when: &str) {
        assert_same(&folder(&self.whole, "reptile"), &folder(out, "reptile"), when);
    }
}

fn edit(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn flip(path: &Path) {
    edit(path, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    });
}

#[test]
fn a_damaged_newest_checkpoint_falls_back_to_the_one_before() {
    let half = Half::new();
    let [_, older] = steps(&folder(&half.half, "reptile"))[..] else { panic!("two are kept") };
    let resumed = format!("resumed reptile seed 0 at step {older}\n");
    for percent in [0, 2, 50, 99] {
        let cut = |dir: &Path| edit(&newest(dir), |bytes| bytes.truncate(bytes.len() * percent / 100));
        let (out, ended) = half.with(&format!("cut-{percent}"), cut);
        ended.expect(0, "not a whole checkpoint").expect(0, &resumed);
        half.assert_whole(&out, &format!("cut at {percent} %"));
    }
    let (out, ended) = half.with("flipped", |dir| flip(&newest(dir)));
    ended.expect(0, "its checksum is wrong").expect(0, &resumed);
    half.assert_whole(&out, "flipped");
    let (out, ended) = half.with("both", |dir| checkpoints(dir).iter().for_each(|path| flip(path)));
    ended.expect(0, "no checkpoint is left that can be read: starting over");
    half.assert_whole(&out, "both damaged");
    let (out, ended) = half.with("record", |dir| edit(&dir.join("run.json"), |bytes| bytes.truncate(100)));
    ended.expect(0, "resumed reptile seed 0");
    half.assert_whole(&out, "run.json cut");
}

#[test]
fn what_another_version_or_another_run_left_is_refused_by_name() {
    let half = Half::new();
    let format = |dir: &Path| {
        edit(&newest(dir), |bytes| {
            let at = bytes.windows(12).position(|window| window == b"\"format\":\"2\"").unwrap();
            bytes[at + 10] = b'3';
        });
    };
    let (out, ended) = half.with("newer", format);
    ended.expect(2, "checkpoint format 3, this build reads 1 and 2: use the build that wrote it");
    assert_eq!(steps(&folder(&out, "reptile")), steps(&folder(&half.half, "reptile")), "nothing was lost");
    let json = |from: &'static str, to: &'static str| {
        move |dir: &Path| {
            let path = dir.join("run.json");
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(path, text.replacen(from, to, 1)).unwrap();
        }
    };
    half.with("record", json("\"format\": 2", "\"format\": 3")).1.expect(2, "written in format 3");
    let (_, other) = half.with("config", json("\"lr\": 0.02", "\"lr\": 0.5"));
    let line = other.expect(2, "was made by another run (method.lr: 0.5 there, 0.02 here): choose another --out").err;
    assert_eq!(line.lines().count(), 1, "{line}");
    let digest = |dir: &Path| json("\"data_digest\": \"", "\"data_digest\": \"0000")(dir);
    half.with("data", digest).1.expect(2, "data digest: 0000");
    // Without the record the checkpoint itself tells.
    let benchmark = fs::read_to_string(half.bench.file()).unwrap();
    fs::write(half.bench.file(), benchmark.replace("meta_step = 0.1", "meta_step = 0.2")).unwrap();
    let (out, ended) = half.with("checkpoint", |dir| fs::remove_file(dir.join("run.json")).unwrap());
    ended.expect(2, "method.meta_step: 0.1 there, 0.2 here");
    done(half.bench.reproduce(&out, &["--fresh"]));
}

#[test]
fn rows_that_were_lost_are_an_error_and_half_a_row_is_cut() {
    let half = Half::new();
    let (out, ended) = half.with("longer", |dir| {
        edit(&dir.join("metrics.csv"), |bytes| bytes.extend(b"b,reptile,0,1499,train,-,lo"));
    });
    ended.expect(0, "resumed reptile");
    half.assert_whole(&out, "half a row");
    let cut = |dir: &Path| edit(&dir.join("metrics.csv"), |bytes| bytes.truncate(bytes.len() / 2));
    half.with("shorter", cut).1.expect(6, "rows were lost; start over with --fresh");
    let (out, ended) = half.with("leftover", |dir| fs::write(dir.join(".tmp-abc"), "x").unwrap());
    ended.expect(0, "");
    half.assert_whole(&out, "a leftover of a killed process");
}
