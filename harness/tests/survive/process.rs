//! Starting, watching and ending the binary.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What a process said and how it ended.
#[derive(Debug)]
pub struct Ended {
    /// None: killed by a signal.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub err: String,
    pub out: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            signal: output.status.signal(),
            err: String::from_utf8(output.stderr).unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
        }
    }
}

impl Ended {
    /// The documented code, no panic, and a sentence with this part.
    #[track_caller]
    pub fn expect(self, code: i32, part: &str) -> Ended {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.contains(part), "\"{part}\" is not in: {}", self.err);
        assert!(!self.err.contains("panicked at") && !self.err.contains("internal error"), "{}", self.err);
        self
    }
}

/// Runs to the end.
pub fn run(mut command: Command) -> Ended {
    command.output().unwrap().into()
}

/// Runs to the end, which must be a good one.
#[track_caller]
pub fn done(command: Command) -> Ended {
    run(command).expect(0, "")
}

/// Starts in the background, both outputs kept.
pub fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn end(child: Child) -> Ended {
    child.wait_with_output().unwrap().into()
}

/// `kill -SIGNAL`, by the shell's own command: no system lacks it.
pub fn signal(child: &Child, signal: &str) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", child.id())).status().unwrap();
    assert!(sent.success());
}

/// Waits until `ready`; panics with what the process said if it ends or a minute passes before.
#[track_caller]
pub fn wait_for(child: &mut Child, what: &str, mut ready: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(child.try_wait().unwrap().is_none(), "the process ended before {what}");
        assert!(began.elapsed() < Duration::from_secs(60), "a minute passed before {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether run.json exists: signals are caught from before then on.
pub fn started(folder: &Path) -> bool {
    folder.join("run.json").exists()
}
