//! `--help` of every command, and of all of them together.

use clap::CommandFactory;
use harness::command_line::Cli;
use insta::assert_snapshot;

use crate::binary::Place;

#[test]
fn help_of_every_command() {
    let place = Place::new();
    assert_snapshot!("help", place.run("--help").out);
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let said = place.run(&format!("{name} --help"));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{name}");
        assert_snapshot!(format!("help-{name}"), said.out);
    }
}

#[test]
fn help_fits_sixty_columns_and_has_no_colour_where_nobody_sees_it() {
    let place = Place::new();
    for command in Cli::command().get_subcommands() {
        let line = format!("{} --help", command.get_name());
        let output = place.command(&line).env("COLUMNS", "60").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\u{1b}'), "{line}");
        // clap never breaks the line of usage.
        for long in text.lines().filter(|line| line.chars().count() > 60 && !line.starts_with("Usage:")) {
            assert_eq!(long.split_whitespace().count(), 1, "{line}: {long}");
        }
    }
}
