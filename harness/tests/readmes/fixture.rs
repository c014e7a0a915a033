//! A folder in which the commands of a README can be run: with a tiny run, its checkpoint, the committed results and a
//! benchmark of one's own, without data and without network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::benchmark::{Benchmark, embedded};
use harness::registry::ALGORITHMS;
use harness_core::{Context, Problem};

use crate::root;

/// Commands that are cheap enough to be run whole; of the others it is enough that they parse.
const RUN: [&str; 7] = ["reproduce", "list", "report", "eval", "export", "completions", "compare"];
/// What stands in for a benchmark whose data is not here. It has most of the rows.
const STAND_IN: &str = "glyphs-5w1s";
/// Data sets that need no files.
const BUILT_IN: [&str; 2] = ["sine", "glyphs"];

pub struct Fixture {
    dir: tempfile::TempDir,
    checkpoint: String,
}

impl Fixture {
    pub fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        copy(&root().join("results/reference"), &dir.path().join("results/reference"));
        let mut fixture = Fixture { dir, checkpoint: String::new() };
        let tiny = "reproduce glyphs-5w1s --method reptile --meta-iters 2 --eval-episodes 2 --out results/runs";
        fixture.run(&tiny.split(' ').map(String::from).collect::<Vec<_>>()).unwrap();
        let runs = fixture.dir.path().join("results/runs");
        let found = files(&runs).into_iter().find(|path| path.ends_with("checkpoint-2.safetensors"));
        fixture.checkpoint = found.expect("the tiny run leaves a checkpoint").display().to_string();
        fixture
    }

    /// The same command, made cheap: real files for placeholders, built-in data, and no training. None: not to be run,
    /// or built-in data has none of its rows. Errors on a method or key that does not exist.
    pub fn cheap(&self, words: &[String]) -> Result<Option<Vec<String>>, String> {
        let Some(command) = words.first().filter(|command| RUN.contains(&command.as_str())) else { return Ok(None) };
        let (mut cheap, mut stands_in) = (Vec::new(), false);
        let mut rest = words.iter().take_while(|word| *word != ">" && *word != "|");
        while let Some(word) = rest.next() {
            match word.as_str() {
                // No data is here, wherever it lies for the reader.
                "--data-dir" => drop(rest.next()),
                // Every run is made as small as it can be.
                "--meta-iters" | "--eval-episodes" => drop(rest.next()),
                "--offline" => {}
                "--folds" => {
                    rest.next();
                    cheap.extend(["--folds".into(), "2".into()]);
                }
                "CHECKPOINT" => cheap.push(self.checkpoint.clone()),
                path if path.ends_with(".safetensors") => cheap.push(self.checkpoint.clone()),
                "DIR" | "A" | "B" => cheap.push("results/runs".into()),
                path if path.ends_with(".toml") => {
                    self.benchmark(path);
                    cheap.push(path.into());
                }
                name if embedded::names().any(|known| known == name) => {
                    check(name, words)?;
                    let here = Benchmark::find(name, &[]).unwrap().data.dataset;
                    stands_in |= !BUILT_IN.contains(&here.as_str());
                    cheap.push(if BUILT_IN.contains(&here.as_str()) { name } else { STAND_IN }.into());
                }
                other => cheap.push(other.into()),
            }
        }
        if stands_in && !keep_rows(&mut cheap) {
            return Ok(None);
        }
        if command == "reproduce" {
            // A plan takes seconds a run to measure, a run of one meta-iteration takes none.
            let dry = words.iter().any(|word| word == "--dry-run");
            let small = ["--offline", "--meta-iters", "1", "--eval-episodes", "2", "--set", "eval.curve_episodes=1"];
            cheap.extend(small[..if dry { 1 } else { small.len() }].iter().map(|word| word.to_string()));
            if !dry && !words.iter().any(|word| word == "--seeds") {
                cheap.extend(["--seeds".into(), "1".into()]);
            }
        }
        Ok(Some(cheap))
    }

    /// A benchmark of ours at that path, or one with a method of the reader's own.
    fn benchmark(&self, path: &str) {
        let (ours, target) = (root().join(path), self.dir.path().join(path));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let text = fs::read_to_string(ours).unwrap_or_else(|_| {
            let sine = fs::read_to_string(root().join("benchmarks/sine.toml")).unwrap();
            format!("{sine}\n[method.mine]\nlike = \"reptile\"\nmeta_iters = 1000\n")
        });
        fs::write(target, text).unwrap();
    }

    /// Runs the binary here. Errors with what it said unless it ends well.
    pub fn run(&self, words: &[String]) -> Result<(), String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.args(words).current_dir(self.dir.path()).env("HOME", self.dir.path());
        for variable in ["HARNESS_DATA_DIR", "XDG_CACHE_HOME", "RUST_LOG", "COLUMNS"] {
            command.env_remove(variable);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(format!("{}: {said}", output.status)) }
    }
}

/// Takes away each `--method` that the stand-in does not have. False: the command asked for rows, and none is left.
fn keep_rows(words: &mut Vec<String>) -> bool {
    let stand_in = Benchmark::find(STAND_IN, &[]).unwrap();
    let asked = words.iter().any(|word| word == "--method");
    let mut at = 0;
    while at + 1 < words.len() {
        match words[at] == "--method" && stand_in.method(&words[at + 1]).is_none() {
            true => drop(words.drain(at..at + 2)),
            false => at += 1,
        }
    }
    !asked || words.iter().any(|word| word == "--method")
}

/// That every `--method` of a command is a row of the benchmark, and every `--set` a key that its methods know.
fn check(benchmark: &str, words: &[String]) -> Result<(), String> {
    let values = |flag| words.windows(2).filter(move |pair| pair[0] == flag).map(|pair| pair[1].clone());
    let set: Vec<(String, String)> = values("--set")
        .filter_map(|set| set.split_once('=').map(|(path, value)| (path.into(), value.into())))
        .collect();
    let benchmark = Benchmark::find(benchmark, &set).map_err(|error| error.to_string())?;
    if let Some(label) = values("--method").find(|label| benchmark.method(label).is_none()) {
        return Err(format!("{} has no method {label}", benchmark.name));
    }
    let regression = benchmark.data.is_regression();
    // As the command does: what was not asked for is not built, though a key set may have gone to it by `like`.
    let asked = |label: &str| values("--method").next().is_none() || values("--method").any(|other| other == label);
    for method in benchmark.methods.iter().filter(|method| asked(&method.label)) {
        let context = Context {
            model: benchmark.model_of(method).clone(),
            input: if regression { vec![1] } else { vec![84, 84, 3] },
            problem: match regression {
                true => Problem::Regression { outputs: 1 },
                false => Problem::Classification { train_classes: 64 },
            },
            protocol: benchmark.protocol,
            device: candle_core::Device::Cpu,
            plain: false,
        };
        let entry = ALGORITHMS.iter().find(|entry| entry.name == method.algorithm).ok_or("an unknown algorithm")?;
        (entry.build)(&method.settings, &context).map_err(|error| format!("{}: {error}", method.label))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
