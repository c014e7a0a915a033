//! The real binary, away from this machine's folders, and its output without what differs between machines.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder of its own to run in: no data, no cache, nothing from the environment.
pub struct Place {
    pub dir: TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    /// `harness LINE` at 80 columns; stdout and stderr are no terminals.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.args(line.split_whitespace()).current_dir(self.dir.path());
        for variable in ["HARNESS_DATA_DIR", "XDG_CACHE_HOME", "RUST_LOG", "NO_COLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command.env("HOME", self.dir.path()).env("COLUMNS", "80").env("TERM", "xterm");
        command
    }

    pub fn run(&self, line: &str) -> Said {
        Said::new(self.command(line).output().unwrap(), self.dir.path())
    }
}

/// What was printed, masked, and the exit code.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn new(output: Output, home: &Path) -> Said {
        let text = |bytes: Vec<u8>| mask(&String::from_utf8(bytes).unwrap(), home);
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Everything in one text, for a snapshot.
    pub fn all(&self) -> String {
        format!("exit code {}\n--- stdout\n{}--- stderr\n{}", self.code, self.out, self.err)
    }
}

/// Takes out what a machine or a day decides: the folder, durations, the number of threads.
pub fn mask(text: &str, home: &Path) -> String {
    let mut homes = vec![home.display().to_string()];
    // macOS gives a temporary folder two names.
    homes.extend(home.canonicalize().map(|home| home.display().to_string()));
    homes.sort_by_key(|home| std::cmp::Reverse(home.len()));
    let mut text = text.to_owned();
    for home in homes {
        text = text.replace(&home, "[HOME]");
    }
    for (before, after) in [("about ", [" -> ", " on ", " left"].as_slice()), ("done in ", &["\n"])] {
        text = between(&text, before, after, "[TIME]");
    }
    // Tests run beside each other, and so a dry run may say that others are at work.
    let text: String = text.split_inclusive('\n').filter(|line| !line.starts_with("other programs take ")).collect();
    between(&text, "[TIME] on ", &[" thread"], "[N]").replace("[N] thread\n", "[N] threads\n")
}

/// Puts `mask` in the place of what stands between two marks on one line.
fn between(text: &str, before: &str, after: &[&str], mask: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(before) {
        let (head, tail) = rest.split_at(start + before.len());
        out += head;
        let line = tail.find('\n').map_or(tail.len(), |end| end + 1);
        let end = after.iter().filter_map(|after| tail[..line].find(after)).min();
        // A duration starts with a digit; prose does not.
        match end.filter(|_| tail.starts_with(|c: char| c.is_ascii_digit())) {
            Some(end) => {
                out += mask;
                rest = &tail[end..];
            }
            None => rest = tail,
        }
    }
    out + rest
}

#[test]
fn only_what_differs_is_masked() {
    let text =
        "x, about 3 min 20 s -> /h/out/quick\n1 run; about 0.2 s on 16 threads\ntold about 3 of\nx: done in 7 s\n";
    let expected = "x, about [TIME] -> [HOME]/out/quick\n1 run; about [TIME] on [N] threads\ntold about 3 of\n\
                    x: done in [TIME]\n";
    assert_eq!(mask(text, Path::new("/h")), expected);
}
