use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use super::*;
use crate::benchmark::Budget;

fn reproduce(args: &[&str]) -> Result<Reproduce, String> {
    let words = ["harness", "reproduce"].iter().chain(args);
    match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
        Command::Reproduce(args) => Ok(args),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_main_job_needs_no_argument() {
    let args = reproduce(&[]).unwrap();
    assert_eq!((args.benchmarks.len(), args.budget, args.set.len()), (0, Budget::Quick, 0));
    assert_eq!((args.out, args.checkpoint_every), (PathBuf::from("results/runs"), 60.0));
}

#[test]
fn options_arrive() {
    let line = "omniglot-5w1s --method a --method b --budget paper --meta-iters 1000 --seeds 2 --eval-episodes 500 \
                --data-dir d --offline --out o --threads 2 --checkpoint-every 1.5 --set a.b=c=d --dry-run --fresh";
    let args = reproduce(&line.split_whitespace().collect::<Vec<_>>()).unwrap();
    assert_eq!((args.benchmarks.join(" ").as_str(), args.method.join(" ").as_str()), ("omniglot-5w1s", "a b"));
    assert_eq!((args.budget, args.meta_iters, args.seeds), (Budget::Paper, Some(1000), Some(2)));
    assert_eq!((args.eval_episodes, args.threads, args.checkpoint_every), (Some(500), Some(2), 1.5));
    assert_eq!(args.set, [("a.b".to_string(), "c=d".to_string())]);
    assert!(args.offline && args.dry_run && args.fresh && args.data_dir == Some("d".into()));
}

#[test]
fn what_no_run_could_mean_is_refused() {
    for wrong in [
        ["--set", "ways"],
        ["--threads", "0"],
        ["--seeds", "0"],
        ["--meta-iters", "-1"],
        ["--eval-episodes", "0"],
        ["--checkpoint-every", "-1"],
        ["--checkpoint-every", "inf"],
        ["--checkpoint-every", "NaN"],
        ["--budget", "long"],
        ["--device", "tpu"],
        ["--device", "cuda:x"],
    ] {
        assert!(reproduce(&wrong).is_err(), "{wrong:?}");
    }
    assert!(reproduce(&["--set", "ways"]).unwrap_err().contains("path=value"));
}

#[test]
fn every_command_shows_two_examples() {
    for command in Cli::command().get_subcommands() {
        let help = command.clone().render_help().to_string();
        assert_eq!(help.matches("\n  harness ").count(), 2, "{help}");
    }
}

/// The example lines of a command, continuations joined, without what the shell does with their output.
fn examples(command: &clap::Command) -> Vec<String> {
    let text = command.get_after_help().expect("examples").to_string().replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("harness "));
    lines.map(|line| line.split(" > ").next().unwrap_or(line).to_owned()).collect()
}

#[test]
fn every_example_is_a_command_that_parses() {
    for command in Cli::command().get_subcommands() {
        let text = command.get_after_help().expect("examples").to_string();
        let long = text.lines().find(|line| line.chars().count() > 60);
        assert_eq!(long, None, "{}: a narrow terminal would break the example", command.get_name());
        let examples = examples(command);
        assert_eq!(examples.len(), 2, "{}", command.get_name());
        for line in examples {
            let parsed = Cli::try_parse_from(line.split_whitespace());
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            assert!(line.starts_with(&format!("harness {}", command.get_name())), "{line} shows another command");
        }
    }
}

#[test]
fn messages_are_chosen_before_or_after_the_command() {
    let talk = |line: &str| Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.verbosity);
    let (before, after) = (talk("harness -vv list").unwrap(), talk("harness list -vv").unwrap());
    assert_eq!((before.verbose, after.verbose, before.quiet), (2, 2, false));
    assert!(talk("harness list --quiet").unwrap().quiet);
    assert!(talk("harness list -q -v").is_err());
}
