//! `harness completions SHELL`: what a shell and `man` know about the command line, from its own definition.
//!
//! The manual page is a value of this command rather than a command of its own: it comes from the same definition, goes
//! to the same kind of place, and is installed at the same moment.

use std::io;

use clap::{Args, ValueEnum};
use clap_complete::{generate, shells};
use clap_mangen::Man;
use harness_core::Result;

use crate::console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  # For zsh, into a folder of $fpath
  harness completions zsh > ~/.zfunc/_harness

  # The manual page: then `man ./harness.1`
  harness completions man > harness.1";

/// Prints completions for a shell, or the manual page, made from this very command line.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// For what
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// What a script is printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// A file in ~/.local/share/bash-completion/completions
    Bash,
    /// A file _harness in a folder of $fpath
    Zsh,
    /// A file harness.fish in ~/.config/fish/completions
    Fish,
    /// No shell: the manual page, roff, with all commands
    Man,
}

/// Prints to stdout what `command`, the whole command line, has.
pub fn run(args: &Completions, command: clap::Command) -> Result<Exit> {
    console::print(&render(args.shell, command)).map(|()| Exit::Done)
}

fn render(shell: Shell, mut command: clap::Command) -> String {
    let name = command.get_name().to_owned();
    let mut out = Vec::new();
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, name, &mut out),
        Shell::Zsh => generate(shells::Zsh, &mut command, name, &mut out),
        Shell::Fish => generate(shells::Fish, &mut command, name, &mut out),
        Shell::Man => page(command, &mut out).expect("a vector takes all that is written"),
    }
    String::from_utf8(out).expect("the command line is text")
}

/// One page for all: a command is a section, as whoever looks an option up wants to search one page.
fn page(command: clap::Command, out: &mut Vec<u8>) -> io::Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let main = Man::new(command.clone());
    main.render_title(out)?;
    main.render_name_section(out)?;
    main.render_synopsis_section(out)?;
    main.render_description_section(out)?;
    main.render_options_section(out)?;
    for sub in command.get_subcommands() {
        let own = Man::new(sub.clone());
        let mut text = Vec::new();
        own.render_synopsis_section(&mut text)?;
        own.render_description_section(&mut text)?;
        own.render_options_section(&mut text)?;
        own.render_extra_section(&mut text)?;
        out.extend(format!(".SH {}\n", sub.get_name().to_uppercase()).into_bytes());
        out.extend(String::from_utf8_lossy(&text).replace(".SH ", ".SS ").into_bytes());
    }
    main.render_extra_section(out)?;
    main.render_version_section(out)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::command_line::Cli;

    #[test]
    fn every_command_and_option_is_in_the_page_and_in_each_script() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Man] {
            // roff writes a hyphen that is no line break as \-.
            let text = render(shell, Cli::command()).replace("\\-", "-");
            for command in Cli::command().get_subcommands() {
                let name = command.get_name();
                assert!(text.to_lowercase().contains(name), "{shell:?}: {name}");
                let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
                for option in shown.filter_map(|arg| arg.get_long()) {
                    assert!(text.contains(option), "{shell:?}: {name} --{option}");
                }
            }
        }
    }
}
