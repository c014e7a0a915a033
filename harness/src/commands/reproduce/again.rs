//! A call of `reproduce` as somebody would type it, with something changed.

use std::path::Path;

use candle_core::Device;

use crate::benchmark::Budget;
use crate::benchmark::embedded::FIGURES;
use crate::commands::reproduce::Reproduce;

/// The call for these rows of one benchmark alone, started over.
pub fn only(args: &Reproduce, benchmark: &str, labels: &[&str]) -> String {
    let mut words = vec![typed(args, benchmark).unwrap_or(benchmark).to_owned()];
    labels.iter().for_each(|label| words.extend(["--method".to_owned(), (*label).to_owned()]));
    words.extend(shared(args));
    words.push("--fresh".to_owned());
    line(words)
}

/// The word that brought `benchmark`: a file is known by its path, a fold by the table that it was dealt from.
fn typed<'a>(args: &'a Reproduce, benchmark: &str) -> Option<&'a str> {
    let stem = |word: &str| Path::new(word).file_stem().is_some_and(|stem| stem == benchmark);
    let words = || args.benchmarks.iter().map(String::as_str).filter(|word| *word != FIGURES);
    words().find(|word| stem(word)).or_else(|| words().next().filter(|_| args.benchmarks.len() == 1))
}

/// The same call, which shows complete runs of other builds as they are.
pub fn keeping(args: &Reproduce) -> String {
    let mut words: Vec<String> = args.benchmarks.clone();
    args.method.iter().for_each(|label| words.extend(["--method".to_owned(), label.clone()]));
    words.extend(shared(args));
    words.push("--keep".to_owned());
    line(words)
}

/// What decides which runs a call is about and what they compute, but for their names.
fn shared(args: &Reproduce) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([flag.to_owned(), value]);
        }
    };
    add("--budget", (args.budget != Budget::Quick).then(|| args.budget.as_str().to_owned()));
    add("--meta-iters", args.meta_iters.map(|n| n.to_string()));
    add("--seeds", args.seeds.map(|n| n.to_string()));
    add("--eval-episodes", args.eval_episodes.map(|n| n.to_string()));
    add("--folds", args.folds.map(|n| n.to_string()));
    args.set.iter().for_each(|(path, value)| add("--set", Some(format!("{path}={value}"))));
    add("--shard", args.shard.map(|shard| shard.to_string()));
    add("--data-dir", args.data_dir.as_ref().map(|dir| dir.display().to_string()));
    add("--device", device(&args.device));
    add("--instruction-set", args.instruction_set.map(|set| set.name().to_owned()));
    let out = args.out.display().to_string();
    add("--out", (out != "results/runs").then_some(out));
    words.extend(args.keep_queries.then(|| "--keep-queries".to_owned()));
    words
}

fn device(device: &Device) -> Option<String> {
    match device.location() {
        candle_core::DeviceLocation::Cpu => None,
        candle_core::DeviceLocation::Cuda { gpu_id } => Some(format!("cuda:{gpu_id}")),
        candle_core::DeviceLocation::Metal { .. } => Some("metal".to_owned()),
    }
}

fn line(words: Vec<String>) -> String {
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    format!("harness reproduce {}", words.join(" "))
}

/// As a shell reads it.
fn quoted(word: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::command_line::Cli;
    use crate::command_line::Command;

    fn parsed(line: &str) -> Reproduce {
        match Cli::parse_from(line.split(' ')).command {
            Command::Reproduce(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_call_names_the_rows_and_keeps_what_was_typed() {
        let typed =
            "harness reproduce my.toml --method a --budget short --seeds 2 --set eval.seed=7 --out o --threads 3";
        let args = parsed(typed);
        let rest = "--budget short --seeds 2 --set eval.seed=7 --out o";
        let again = only(&args, "my", &["a", "b"]);
        assert_eq!(again, format!("harness reproduce my.toml --method a --method b {rest} --fresh"));
        assert_eq!(keeping(&args), format!("harness reproduce my.toml --method a {rest} --keep"));
        assert!(parsed(&again).fresh && parsed(&keeping(&args)).keep);
        let kept = parsed("harness reproduce my.toml --keep-queries");
        assert_eq!(keeping(&kept), "harness reproduce my.toml --keep-queries --keep");
        let two = parsed("harness reproduce glyphs-5w1s dir/my.toml");
        assert_eq!(only(&two, "my", &["a"]), "harness reproduce dir/my.toml --method a --fresh");
        assert_eq!(only(&parsed("harness reproduce"), "sine", &["a"]), "harness reproduce sine --method a --fresh");
        assert_eq!(quoted("it's here".into()), r"'it'\''s here'");
    }
}
