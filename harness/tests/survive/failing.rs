//! A run that fails loses its own cell only.

use std::path::Path;

use clap::Parser;
use harness::command_line::{Cli, Command};
use harness::exit::Exit;
use harness::results::run_json::{RunRecord, Status};
use harness_core::{Algorithm, Context, Entry, Error, Halves, Progress, Result, Scalars, State};
use harness_core::{Stream, Task, Update, Variant};

use crate::bench::{Bench, REPTILE, folder};
use crate::process::run;

const GOOD: &str = "meta_iters = 30\n";

#[test]
fn a_run_that_diverges_names_the_step_and_the_rate_and_the_others_are_done() {
    let bad = REPTILE.replace("[method.reptile]", "[method.bad]\nalgorithm = \"reptile\"");
    let bad = bad.replace("lr = 0.02", "lr = 1e30") + GOOD;
    let bench = Bench::sine(&format!("{bad}{REPTILE}{GOOD}"));
    let out = bench.out("out");
    let ended = run(bench.reproduce(&out, &[])).expect(7, "b reptile seed 0: done");
    let line = ended.err.lines().find(|line| line.starts_with("b bad seed 0: failed: diverged at meta-iteration "));
    let line = line.unwrap_or_else(|| panic!("{}", ended.err));
    assert!(line.contains("lr = 1e30") || line.contains("lr = 1000000000000000000000000000000"), "{line}");
    assert!(line.ends_with("lower the rate"), "{line}");
    assert_failed(&out, "bad", "diverged at meta-iteration");
    // Alone it is not a wrong command either.
    run(bench.reproduce(&bench.out("alone"), &["--method", "bad"])).expect(7, "diverged");
}

#[test]
fn a_method_that_panics_or_errs_costs_its_own_run() {
    const BROKEN: Entry = Entry {
        name: "broken",
        summary: "for tests",
        paper: "none",
        build: |settings, context| {
            let panics = settings.get("panics").and_then(toml::Value::as_bool).unwrap_or_default();
            Ok(Box::new(Broken { panics, good: good(context)? }))
        },
        toy: "",
        settings: &[],
        readme: "",
        code: "of a test",
    };
    let block = |label: &str, panics| format!("[method.{label}]\nalgorithm = \"broken\"\npanics = {panics}\n{GOOD}");
    let bench = Bench::sine(&format!("{}{}{REPTILE}{GOOD}", block("panics", true), block("errs", false)));
    let out = bench.out("out");
    let args =
        ["harness", "reproduce", bench.file().to_str().unwrap(), "--out", out.to_str().unwrap()].map(String::from);
    let Command::Reproduce(args) = Cli::parse_from(args).command else { panic!("that is reproduce") };
    let exit = harness::commands::reproduce::run(&args, &[reptile::ENTRY, BROKEN]).unwrap();
    assert_eq!(exit, Exit::SomeFailed);
    assert_failed(&out, "panics", "the method panicked: step 2 is too much");
    assert_failed(&out, "errs", "step 2 cannot be taken");
    let record = RunRecord::read(&folder(&out, "reptile").join("run.json")).unwrap();
    assert_eq!(record.status, Status::Complete);
}

pub fn assert_failed(out: &Path, label: &str, why: &str) {
    let record = RunRecord::read(&folder(out, label).join("run.json")).unwrap();
    assert_eq!(record.status, Status::Failed);
    let failure = record.failure.unwrap();
    assert!(failure.contains(why) && !failure.contains('\n'), "{failure}");
}

pub fn good(context: &Context) -> Result<Box<dyn Algorithm>> {
    (reptile::ENTRY.build)(&"train_shots = 50".parse().unwrap(), context)
}

/// Reptile that breaks down at its third meta-iteration.
struct Broken {
    panics: bool,
    good: Box<dyn Algorithm>,
}

impl Variant for Broken {
    fn base(&self) -> &dyn Algorithm {
        self.good.as_ref()
    }

    /// Settings of its own.
    fn halves(&self) -> Option<Halves> {
        None
    }

    fn task_update(&self, state: &State, _: &Task, _: &mut Stream) -> Result<Update> {
        match (state.step, self.panics) {
            (2, true) => panic!("step 2 is too much"),
            (2, false) => Err(Error::data("step 2 cannot be taken")),
            _ => Ok(Update::default().scalar("loss", 1.0)),
        }
    }

    fn outer_update(&self, _: &mut State, _: Vec<Update>, _: Progress) -> Result<Scalars> {
        Ok(Scalars::new())
    }
}
