use clap::{Args, ValueEnum};

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
