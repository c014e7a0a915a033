//! What is no number ends its own run, by name, and the others stand.

use std::fs;
use std::path::Path;
use std::process::Command;

use candle_core::Tensor;
use clap::Parser;
use harness::command_line::{Cli, Command as Parsed};
use harness::exit::Exit;
use harness::results::episodes;
use harness::results::run_json::{RunRecord, Status};
use harness_core::settings::{Rate, Stage};
use harness_core::{Adapted, Algorithm, Entry, Halves, Labeled, Mode, Params, Result, State, Stream, Variant};

use crate::bench::{Bench, REPTILE, binary, folder};
use crate::failing::assert_failed;
use crate::process::run;

fn harness(dir: &Path, line: &str) -> Command {
    let mut command = binary(dir);
    command.args(line.split_whitespace());
    command
}

/// The folder of the only budget below `out`.
fn budget(out: &Path) -> std::path::PathBuf {
    let mut folders = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.next().unwrap()
}

/// The row of `method` in the printed table.
fn row<'a>(table: &'a str, method: &str) -> &'a str {
    let begins = |line: &&str| line.split_whitespace().next() == Some(method);
    table.lines().find(begins).unwrap_or_else(|| panic!("no row {method} in\n{table}"))
}

#[test]
fn a_regression_that_diverges_at_test_loses_its_own_row() {
    let dir = tempfile::tempdir().unwrap();
    let line = "reproduce sine --method reptile --method untrained --meta-iters 300 --eval-episodes 50 \
                --set method.untrained.lr=0.1 --out f1";
    let ended =
        run(harness(dir.path(), line)).expect(7, "sine untrained seed 0: failed: diverged in evaluation, episode ");
    assert!(ended.err.contains("lower lr (now 0.1)"), "{}", ended.err);
    let (reptile, untrained) = (row(&ended.out, "reptile"), row(&ended.out, "untrained"));
    assert!(reptile.contains('±') && !reptile.contains("failed"), "{reptile}");
    assert!(untrained.contains("failed"), "{untrained}");
    let again = run(harness(dir.path(), "report f1")).expect(0, "files written below f1");
    assert_eq!((row(&again.out, "reptile"), row(&again.out, "untrained")), (reptile, untrained));
    let compared = run(harness(dir.path(), "compare f1 f1")).expect(0, "");
    assert!(row(&compared.out, "reptile").contains("same"), "{}", compared.out);
    assert!(compared.out.contains("untrained seed 0: failed in A"), "{}", compared.out);
    // The same command again fails again, from the checkpoint.
    run(harness(dir.path(), line)).expect(7, "diverged in evaluation, episode ");
}

#[test]
fn a_classification_that_diverges_at_test_is_not_reported_as_chance() {
    let dir = tempfile::tempdir().unwrap();
    let line = "reproduce glyphs-5w1s --method transfer-linear --meta-iters 5 --eval-episodes 5 \
                --set method.transfer-linear.tune_lr=1e6 --out f2";
    let ended = run(harness(dir.path(), line)).expect(7, "diverged in evaluation, episode 0: the ");
    assert!(ended.err.contains("answers are not finite numbers; lower tune_lr (now 1000000)"), "{}", ended.err);
    assert!(!ended.out.contains("20.00"), "{}", ended.out);
    let record = budget(&dir.path().join("f2")).join("glyphs-5w1s/transfer-linear/seed-0/run.json");
    assert_eq!(RunRecord::read(&record).unwrap().status, Status::Failed);
    // What was trained stays, and `eval` says on which classes it diverges.
    let state = record.with_file_name("checkpoint-5.safetensors");
    let line = format!(
        "eval {} glyphs-5w1s --split train --eval-episodes 5 --set method.transfer-linear.tune_lr=1e6",
        state.display()
    );
    run(harness(dir.path(), &line)).expect(7, " of the training classes: the ");
}

/// What a builds before this one left: complete runs with NaN as their final number, or with chance where answers were NaN.
#[test]
fn a_folder_with_old_numbers_that_are_none_is_read() {
    let bench = Bench::sine(&format!("{REPTILE}meta_iters = 5\n[method.other]\nlike = \"reptile\"\n"));
    let out = bench.out("out");
    run(bench.reproduce(&out, &["--eval-episodes", "4"])).expect(0, "");
    let whole = bench.out("whole");
    let copied = Command::new("cp").arg("-r").arg(&out).arg(&whole).status().unwrap();
    assert!(copied.success());
    let broken = budget(&out).join("b/other/seed-0");
    let text = fs::read_to_string(broken.join("metrics.csv")).unwrap();
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
    let mut fields: Vec<&str> = last.split(',').collect();
    (fields[7], fields[8]) = ("NaN", "");
    fs::write(broken.join("metrics.csv"), format!("{before}\n{}\n", fields.join(","))).unwrap();
    let mut outcomes = episodes::read(&broken.join("episodes.parquet")).unwrap();
    outcomes[0].1[2].loss = f64::NAN;
    episodes::write(&broken.join("episodes.parquet"), &[(Mode::Pointwise, outcomes.remove(0).1)]).unwrap();

    let said = run(harness(bench.dir.path(), "report out")).expect(0, "");
    assert!(row(&said.out, "reptile").contains('±'), "{}", said.out);
    assert!(row(&said.out, "other").contains("failed"), "{}", said.out);
    assert!(said.out.contains("b other seed 0: failed: diverged in evaluation: the final mse is NaN"), "{}", said.out);
    for (line, side) in [("compare whole out", "B"), ("compare out whole", "A")] {
        let said = run(harness(bench.dir.path(), line)).expect(0, "");
        assert!(row(&said.out, "reptile").contains("same"), "{line}: {}", said.out);
        let why = format!("other - seed 0: diverged in episode 2 in {side}");
        assert!(said.out.contains(&why), "{line}: {}", said.out);
    }
}

/// Reptile whose answers are not numbers where its `when` says, or say nothing.
struct Odd {
    good: Box<dyn Algorithm>,
    when: String,
}

const ODD: Entry = Entry {
    name: "odd",
    summary: "for tests",
    paper: "none",
    code: harness_core::code!(),
    build: |settings, context| {
        let when = settings.get("when").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let good = (reptile::ENTRY.build)(&"eval_iters = 1\ninner_iters = 1".parse().unwrap(), context)?;
        Ok(Box::new(Odd { good, when }))
    },
    toy: "",
    settings: &[],
    readme: "",
};

impl Variant for Odd {
    fn base(&self) -> &dyn Algorithm {
        self.good.as_ref()
    }

    /// Settings of its own.
    fn halves(&self) -> Option<Halves> {
        None
    }

    fn rates(&self) -> Vec<Rate> {
        vec![Rate { name: "pace", value: 3.0, stage: Stage::Adapting }]
    }

    fn adapt(&self, state: &State, support: &Labeled, steps: &[usize], rng: &mut Stream) -> Result<Vec<Adapted>> {
        let step = Tensor::new(state.step as f32, &candle_core::Device::Cpu)?;
        let mark =
            |adapted: Adapted| Adapted { buffers: Params::from_iter([("step".into(), step.clone())]), ..adapted };
        Ok(self.good.adapt(state, support, steps, rng)?.into_iter().map(mark).collect())
    }

    fn score(&self, adapted: &Adapted, support: &Labeled, query: &Tensor, mode: Mode) -> Result<Tensor> {
        let began = adapted.buffers.get("step")?.to_scalar::<f32>()? == 0.0;
        let plain = Adapted { buffers: Params::new(), ..adapted.clone() };
        let answers = self.good.score(&plain, support, query, mode)?;
        let bad = match self.when.as_str() {
            "inductive" if mode == Mode::Inductive => f64::NAN,
            "infinite" => f64::INFINITY,
            "start" if began => f64::NAN,
            "mute" => return Ok(answers.zeros_like()?),
            _ => return Ok(answers),
        };
        // One answer of one query is enough.
        let (queries, ways) = answers.dims2()?;
        let mut add = vec![0f32; queries * ways];
        add[ways] = bad as f32;
        Ok((answers + Tensor::from_vec(add, (queries, ways), query.device())?)?)
    }
}

/// `reproduce` in this process, with the odd method: the exit code and the results folder.
fn odd(when: &str) -> (Bench, Exit) {
    let block = format!("[method.odd]\nwhen = \"{when}\"\nmeta_iters = 4\n[method.reptile]\nmeta_iters = 2\n");
    let bench = Bench::glyphs(&block);
    let (file, out) = (bench.file(), bench.out("out"));
    let args = ["harness", "reproduce", file.to_str().unwrap(), "--out", out.to_str().unwrap()].map(String::from);
    let Parsed::Reproduce(args) = Cli::parse_from(args).command else { panic!("that is reproduce") };
    let exit = harness::commands::reproduce::run(&args, &[reptile::ENTRY, ODD]).unwrap();
    (bench, exit)
}

#[test]
fn one_answer_of_one_mode_that_is_no_number_fails_the_run() {
    for (when, mode) in [("inductive", "inductive"), ("infinite", "transductive")] {
        let (bench, exit) = odd(when);
        assert_eq!(exit, Exit::SomeFailed, "{when}");
        let why =
            format!("diverged in evaluation, episode 0: the {mode} answers are not finite numbers; lower pace (now 3)");
        assert_failed(&bench.out("out"), "odd", &why);
        let reptile = RunRecord::read(&folder(&bench.out("out"), "reptile").join("run.json")).unwrap();
        assert_eq!(reptile.status, Status::Complete);
    }
}

#[test]
fn a_point_of_the_curve_that_is_no_number_is_told_and_the_run_goes_on() {
    let (bench, exit) = odd("start");
    assert_eq!(exit, Exit::Done);
    let said = run(harness(bench.dir.path(), "report out")).expect(0, "");
    assert!(row(&said.out, "odd").contains('±'), "{}", said.out);
    let told = "b odd seed 0: the learning curve lacks its train point at meta-iteration 0 and ";
    assert!(said.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(told), "{}", said.out);
}

#[test]
fn a_method_that_always_answers_the_same_is_marked() {
    let (bench, exit) = odd("mute");
    assert_eq!(exit, Exit::Done);
    let said = run(harness(bench.dir.path(), "report out")).expect(0, "");
    assert!(row(&said.out, "odd").contains("20.00 ±0.00 (chance)"), "{}", said.out);
    assert!(!row(&said.out, "reptile").contains("chance"), "{}", said.out);
    let page = fs::read_to_string(bench.out("out").join("report.html")).unwrap();
    for part in ["20.00 (chance)", "odd inductive: exactly at chance in every episode"] {
        assert!(page.contains(part), "{part}");
    }
}
