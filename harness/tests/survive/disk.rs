//! Disks that are full, read-only or gone.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::{Bench, REPTILE, TRANSFER, folder};
use crate::compare::{assert_same, steps};
use crate::process::{Ended, done, end, run, start, wait_for};

const FULL: &str = "no room left to write; free some, and the same command goes on";

/// A small file system of its own, where the system lets us mount one.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: PathBuf, size: &str) -> Option<Tmpfs> {
        fs::create_dir_all(&at).unwrap();
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        match mounted.is_ok_and(|output| output.status.success()) {
            true => Some(Tmpfs(at)),
            false => {
                // Straight to the terminal: what a passing test prints is kept from it.
                let _ = writeln!(std::io::stderr(), "SKIPPED a test: no file system can be mounted here");
                None
            }
        }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up_stops_the_run_and_room_lets_it_go_on() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 6000\n"));
    let Some(disk) = Tmpfs::mount(bench.out("disk"), "4m") else { return };
    let out = disk.0.join("out");
    let dir = folder(&out, "reptile");
    let args = ["--checkpoint-every", "0.02"];
    let mut child = start(bench.reproduce(&out, &args));
    wait_for(&mut child, "two checkpoints", || steps(&dir).len() == 2);
    // As much as fits: the write fails when there is no room.
    let ballast = disk.0.join("ballast");
    let _ = fs::write(&ballast, vec![0u8; 8 << 20]);
    end(child).expect(2, FULL);
    assert!(!steps(&dir).is_empty(), "the last good checkpoint stays");
    fs::remove_file(&ballast).unwrap();
    done(bench.reproduce(&out, &[])).expect(0, "resumed reptile seed 0 at step ");
    let whole = bench.out("whole");
    done(bench.reproduce(&whole, &[]));
    assert_same(&folder(&whole, "reptile"), &dir, "after the disk was full");
}

/// Everywhere: the system refuses files above a limit.
#[test]
fn a_checkpoint_that_finds_no_room_is_an_error_with_a_remedy() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 300\n"));
    let out = bench.out("out");
    let inner = bench.reproduce(&out, &["--checkpoint-every", "0"]);
    let mut limited = Command::new("sh");
    limited.arg("-c").arg("trap '' XFSZ; ulimit -f 8; exec \"$@\"").arg("sh").arg(inner.get_program());
    limited.args(inner.get_args()).current_dir(bench.dir.path());
    run(limited).expect(2, FULL);
    done(bench.reproduce(&out, &[]));
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_is_spent() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 300\n"));
    fs::write(bench.out("file"), "x").unwrap();
    let one_line = |ended: Ended| assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    for out in [bench.out("file"), bench.out("file").join("below")] {
        for more in [&[][..], &["--dry-run"]] {
            one_line(run(bench.reproduce(&out, more)).expect(2, "not a folder that can be written"));
        }
    }
    if let Some(disk) = Tmpfs::mount(bench.out("disk"), "1m") {
        let read_only = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.0).status().unwrap();
        assert!(read_only.success());
        one_line(run(bench.reproduce(&disk.0, &[])).expect(2, "not a folder that can be written"));
    }
    // A file where one run's folder should be costs that run alone.
    let out = bench.out("out");
    fs::create_dir_all(out.join("quick/b")).unwrap();
    fs::write(out.join("quick/b/reptile"), "x").unwrap();
    run(bench.reproduce(&out, &[])).expect(2, "a file lies where its folder should be");
}

#[test]
fn a_folder_removed_in_mid_run_costs_that_run_alone() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 1000000\n{TRANSFER}meta_iters = 1500\n"));
    let out = bench.out("out");
    let dir = folder(&out, "reptile");
    let mut child = start(bench.reproduce(&out, &["--checkpoint-every", "0.05", "--threads", "2"]));
    wait_for(&mut child, "a checkpoint", || !steps(&dir).is_empty());
    wait_for(&mut child, "the folder is gone", || remove(&dir));
    end(child).expect(7, "its folder is gone, removed while the run went on").expect(7, "b transfer seed 0: done");
}

/// Moves it away first: it is written to all the while.
fn remove(dir: &Path) -> bool {
    let away = dir.with_file_name("away");
    fs::rename(dir, &away).is_ok() && fs::remove_dir_all(&away).is_ok()
}
