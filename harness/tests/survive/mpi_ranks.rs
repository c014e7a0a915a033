//! Several MPI ranks do one command: the same bytes on any number of them, and an end with the documented code when one
//! fails, is killed or differs. Needs Open MPI's `mpirun`; more ranks than cores is all right.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness_core::{Purpose, Stream};

use crate::bench::{Bench, folder};
use crate::compare::{assert_same, steps};
use crate::process::{Ended, done, end, run, start, started, wait_for};

/// Methods whose tasks are independent, and one whose tasks wait for each other.
const LABELS: [&str; 4] = ["folded", "sequential", "maml", "evolution"];

fn methods(meta_iters: usize) -> String {
    let reptile = "algorithm = \"reptile\"\nlr = 0.02\noptimizer = \"adam\"\nreduction = \"mean\"\nmeta_batch = 5\n\
                   meta_step = 0.1\ntrain_shots = 50\ninner_iters = 5\neval_iters = 5\neval_batch = 10\n";
    let maml = "inner_steps = 1\ninner_lr = 0.01\ntrain_shots = 10\ntrain_queries = 10\nmeta_batch = 6\nmeta_lr = 1e-3\n\
                eval_steps = 5\n";
    let evolution = "inner_steps = 2\ninner_lr = 0.02\ntrain_shots = 10\ntrain_queries = 10\nmeta_batch = 8\n\
                     meta_lr = 0.01\nsigma = 0.1\neval_steps = 5\n";
    let iters = format!("meta_iters = {meta_iters}\n");
    format!(
        "[method.folded]\n{reptile}second_moment = \"folded\"\n{iters}\
         [method.sequential]\n{reptile}second_moment = \"sequential\"\n{iters}\
         [method.maml]\n{maml}{iters}[method.evolution]\n{evolution}{iters}"
    )
}

/// `mpirun -n RANKS harness reproduce b.toml --out OUT …`; `options` are the launcher's.
fn on(ranks: usize, options: &[&str], bench: &Bench, out: &Path, args: &[&str]) -> Command {
    let alone = bench.reproduce(out, args);
    let mut command = launcher(bench);
    command.args(options).args(["-n", &ranks.to_string()]).arg(alone.get_program()).args(alone.get_args());
    command
}

fn launcher(bench: &Bench) -> Command {
    let mut command = Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe"]).current_dir(bench.dir.path());
    command
}

/// The process of a rank that writes below `out`.
fn process(out: &Path, rank: usize) -> Option<u32> {
    let out = out.to_str().unwrap();
    let mine = format!("OMPI_COMM_WORLD_RANK={rank}");
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let read = |name: &str| fs::read(entry.path().join(name)).ok();
        let words = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).split('\0').map(String::from).collect::<Vec<_>>();
        let command = words(read("cmdline")?);
        let rank = command.first()?.ends_with("harness") && command.iter().any(|word| word == out);
        (rank && words(read("environ")?).contains(&mine)).then_some(pid)
    })
}

fn kill(pid: u32, signal: &str) {
    // It may have ended by itself.
    let _ = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().unwrap();
}

fn lines_with(ended: &Ended, part: &str) -> usize {
    ended.err.lines().filter(|line| line.contains(part)).count()
}

#[test]
fn any_number_of_ranks_leaves_the_same_bytes() {
    let bench = Bench::sine(&methods(40));
    let whole = bench.out("whole");
    done(bench.reproduce(&whole, &["--threads", "2"]));
    for (ranks, threads) in [(1, "1"), (2, "1"), (3, "2"), (4, "1"), (7, "1")] {
        let out = bench.out(&format!("ranks-{ranks}"));
        let ended = done(on(ranks, &[], &bench, &out, &["--threads", threads]));
        assert_eq!(lines_with(&ended, "4 runs: 0 complete, 0 to resume, 4 new"), 1, "one rank speaks: {}", ended.err);
        for label in LABELS {
            assert_same(&folder(&whole, label), &folder(&out, label), &format!("{label} on {ranks} ranks"));
            let crossed = fs::read_to_string(folder(&out, label).join("ranks.csv")).ok();
            // Tasks that wait for each other are one rank's.
            assert_eq!(crossed.is_some(), ranks > 1 && label != "sequential", "{label} on {ranks} ranks");
        }
        if ranks == 2 {
            let text = fs::read_to_string(folder(&out, "folded").join("ranks.csv")).unwrap();
            let last: Vec<&str> = text.lines().last().unwrap().split(',').collect();
            let number = |at: usize| last[at].parse::<f64>().unwrap();
            assert_eq!((last[0], last[1], last[2]), ("40", "2", "1"), "{text}");
            // Five inner steps would send five gradients; one delta and one second moment cross, and their names.
            let ratio = number(6) / number(4);
            assert!((2.0..2.5).contains(&ratio), "{text}");
        }
    }
}

#[test]
fn a_run_that_fails_does_so_on_all_ranks_with_one_message() {
    let broken = methods(40).replacen("lr = 0.02", "lr = 1e30", 1);
    let bench = Bench::sine(&broken);
    let (whole, out) = (bench.out("whole"), bench.out("ranks"));
    let alone = run(bench.reproduce(&whole, &[])).expect(7, "b folded seed 0: failed: diverged at meta-iteration");
    let ended = run(on(3, &[], &bench, &out, &["--threads", "1"])).expect(7, "b folded seed 0: failed: ");
    let said =
        |ended: &Ended| ended.err.lines().find(|line| line.contains("folded seed 0: failed")).unwrap().to_owned();
    assert_eq!(said(&ended), said(&alone));
    assert_eq!(lines_with(&ended, "failed: "), 1, "{}", ended.err);
    for label in &LABELS[1..] {
        assert_same(&folder(&whole, label), &folder(&out, label), label);
    }
}

#[test]
fn sigterm_to_any_rank_checkpoints_all_and_another_number_goes_on() {
    let bench = Bench::sine(&methods(3000));
    let args = ["--method", "folded", "--threads", "1"];
    let whole = bench.out("whole");
    done(bench.reproduce(&whole, &args));
    for rank in [0, 2] {
        let out = bench.out(&format!("rank-{rank}"));
        let mut child = start(on(3, &[], &bench, &out, &args));
        wait_for(&mut child, "training started", || started(&folder(&out, "folded")));
        std::thread::sleep(Duration::from_millis(300));
        kill(process(&out, rank).unwrap(), "TERM");
        let ended = end(child).expect(5, "interrupted: the same command goes on where it stopped");
        assert_eq!(lines_with(&ended, "b folded seed 0: stopped at step"), 1, "{}", ended.err);
        done(on(2, &[], &bench, &out, &args)).expect(0, "1 run: 0 complete, 1 to resume, 0 new");
        assert_same(&folder(&whole, "folded"), &folder(&out, "folded"), &format!("SIGTERM to rank {rank}"));
    }
}

#[test]
fn the_others_end_soon_after_a_rank_is_killed() {
    let bench = Bench::sine(&methods(3000));
    let args = ["--method", "folded", "--threads", "1", "--checkpoint-every", "0.2"];
    let whole = bench.out("whole");
    done(bench.reproduce(&whole, &args));
    // Open MPI ends the others itself, unless it is told to let them be.
    for (options, rank) in [(&[][..], 1), (&["--enable-recovery"], 2), (&["--enable-recovery"], 0)] {
        let out = bench.out(&format!("{}-{rank}", options.len()));
        let dir = folder(&out, "folded");
        let mut child = start(on(3, options, &bench, &out, &args));
        wait_for(&mut child, "a checkpoint", || !steps(&dir).is_empty());
        let began = Instant::now();
        kill(process(&out, rank).unwrap(), "KILL");
        let ended = end(child);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {ended:?}", began.elapsed());
        if !options.is_empty() {
            assert_eq!(lines_with(&ended, &format!("error: rank {rank} (")), 1, "{}", ended.err);
            let record = fs::read_to_string(dir.join("run.json")).unwrap();
            assert_eq!(record.contains("\"status\": \"interrupted\""), rank != 0, "{record}");
        }
        assert!((0..3).all(|rank| process(&out, rank).is_none()), "none is left");
        done(on(2, &[], &bench, &out, &args)).expect(0, "1 run: 0 complete, 1 to resume, 0 new");
        assert_same(&folder(&whole, "folded"), &dir, &format!("rank {rank} killed"));
    }
}

#[test]
fn killed_three_times() {
    kill_at_random(3);
}

#[test]
#[ignore = "some minutes"]
fn killed_twenty_times() {
    kill_at_random(20);
}

/// Kills a random rank at a random moment, goes on with another number of ranks.
fn kill_at_random(kills: usize) {
    let bench = Bench::sine(&methods(1500));
    let args = ["--threads", "1", "--checkpoint-every", "0.2"];
    let whole = bench.out("whole");
    done(bench.reproduce(&whole, &args));
    let mut rng = Stream::new(21, Purpose::Data, 0, 0);
    let (mut killed, mut rounds, mut resumed) = (0, 0, 0);
    while killed < kills {
        rounds += 1;
        let out = bench.out(&format!("round-{rounds}"));
        let mut ranks = 0;
        loop {
            ranks = 1 + (ranks + rng.below(3)) % 4;
            let child = start(on(ranks, &[], &bench, &out, &args));
            if killed < kills {
                std::thread::sleep(Duration::from_secs_f64(rng.uniform(0.8, 4.0)));
                if let Some(pid) = process(&out, rng.below(ranks)) {
                    kill(pid, "KILL");
                }
            }
            let ended = end(child);
            resumed += lines_with(&ended, "resumed ");
            if ended.code == Some(0) {
                break;
            }
            killed += 1;
        }
        for label in LABELS {
            assert_same(&folder(&whole, label), &folder(&out, label), &format!("{label} after {killed} kills"));
        }
    }
    println!("{killed} kills in {rounds} rounds, {resumed} runs resumed");
    assert!(resumed > 0, "none of {killed} kills came after a checkpoint");
}

/// Two ranks with command lines of their own.
fn two(bench: &Bench, first: &Command, second: &Command, variable: Option<&str>) -> Ended {
    let mut command = launcher(bench);
    command.args(["-n", "1"]).arg(first.get_program()).args(first.get_args()).args([":", "-n", "1"]);
    command.args(variable.into_iter().flat_map(|variable| ["-x", variable]));
    command.arg(second.get_program()).args(second.get_args());
    run(command)
}

#[test]
fn ranks_that_would_compute_something_else_are_refused_with_both_sides() {
    let bench = Bench::sine(&methods(20));
    let out = bench.out("out");
    let args = ["--method", "folded", "--threads", "1"];
    let same = bench.reproduce(&out, &args);
    let code = two(&bench, &same, &same, Some("HARNESS_TEST_TRAINING_CODE=other"))
        .expect(2, "whose code for b folded seed 0 differs");
    assert!(code.err.contains("error: rank 0 (") && code.err.contains("and rank 1 ("), "{}", code.err);
    let longer = bench.reproduce(&out, &[&args[..], &["--set", "method.folded.inner_iters=6"]].concat());
    let config = two(&bench, &same, &longer, None).expect(2, "method.inner_iters: 5 on rank 0 (");
    assert!(config.err.contains(", 6 on rank 1 (") && config.err.contains("give every rank the same command"));
    if harness_kernels::instruction_set() != "avx2+fma" {
        let narrow = bench.reproduce(&out, &[&args[..], &["--instruction-set", "avx2"]].concat());
        two(&bench, &same, &narrow, None).expect(2, "with avx2+fma, which may round differently");
    }
    assert!(!out.join("quick").exists(), "nothing was begun");
}

#[test]
fn a_rank_without_data_says_so_for_all() {
    let bench = Bench::sine(&methods(20));
    let out = bench.out("out");
    let args = ["--threads", "1", "--offline"];
    let here = bench.reproduce(&out, &args);
    let other = Bench::glyphs("[method.reptile]\nmeta_iters = 20\n");
    let text = fs::read_to_string(other.file()).unwrap();
    fs::write(other.file(), text.replace("dataset = \"glyphs\"", "dataset = \"folder\", path = \"nowhere\"")).unwrap();
    let there = other.reproduce(&out, &args);
    let ended = two(&bench, &here, &there, None).expect(6, "error: rank 1 (");
    assert!(ended.err.contains("nowhere") && lines_with(&ended, "error: ") == 1, "{}", ended.err);
    assert!(!out.join("quick").exists(), "nothing was begun");
}

#[test]
fn a_dry_run_says_what_crosses_and_what_ranks_do_not_speed() {
    let bench = Bench::sine(&methods(20));
    let ended = done(on(2, &[], &bench, &bench.out("out"), &["--threads", "1", "--dry-run"]));
    let text = &ended.out;
    assert!(text.contains("a meta-iteration on 2 ranks sends "), "{text}");
    assert!(text.contains("; averaging gradients at every inner step would send "), "{text}");
    assert!(text.contains("ranks do not speed its training"), "{text}");
    assert!(text.contains("on 2 ranks of 1 thread\n"), "{text}");
    assert!(!bench.out("out").exists());
}

/// The script in harness/README.md, with stand-ins for Slurm's own commands.
#[test]
fn the_slurm_script_runs_and_queues_itself_again() {
    let readme = include_str!("../../README.md");
    let script =
        readme.split("```bash\n").find(|block| block.contains("srun --mpi=pmix")).expect("the script is there");
    let script = script.split("```").next().unwrap();
    let bench = Bench::sine(&methods(3000));
    let (out, here) = (bench.out("few-shot"), bench.dir.path());
    let ours = format!("{} --method folded", bench.file().display());
    let paper = "mini-imagenet-5w1s --method fomaml --budget paper";
    assert!(script.contains(paper));
    fs::write(here.join("job.sh"), script.replace(paper, &ours)).unwrap();
    let stand_in = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        fs::write(here.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(here.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    };
    stand_in(
        "srun",
        "while case \"$1\" in --*) true ;; *) false ;; esac; do shift; done\n\
         exec mpirun --allow-run-as-root --oversubscribe -n \"$SLURM_NTASKS\" \"$@\"",
    );
    stand_in("scontrol", "echo \"$@\" >> requeued");
    let binary = Path::new(env!("CARGO_BIN_EXE_harness")).parent().unwrap();
    let path = format!("{}:{}:{}", here.display(), binary.display(), std::env::var("PATH").unwrap());
    let job = || {
        let mut command = Command::new("bash");
        command.arg("job.sh").current_dir(here).env("PATH", &path).env("SCRATCH", here);
        command.envs([("SLURM_NTASKS", "2"), ("SLURM_CPUS_PER_TASK", "1"), ("SLURM_JOB_ID", "77")]);
        command
    };
    let mut child = start(job());
    wait_for(&mut child, "training started", || started(&folder(&out, "folded")));
    std::thread::sleep(Duration::from_millis(300));
    kill(process(&out, 1).unwrap(), "TERM");
    end(child).expect(5, "interrupted: the same command goes on where it stopped");
    assert_eq!(fs::read_to_string(here.join("requeued")).unwrap(), "requeue 77\n");
    done(job()).expect(0, "1 run: 0 complete, 1 to resume, 0 new");
    assert_eq!(fs::read_to_string(here.join("requeued")).unwrap(), "requeue 77\n", "once");
}
