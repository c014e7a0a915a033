//! Small benchmarks, seconds long, and the command line that runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A benchmark file in a folder of its own, with results beside it.
pub struct Bench {
    pub dir: TempDir,
}

const SINE: &str = r#"
title = "Small waves"
data = { dataset = "sine" }
model = { network = "mlp", hidden = [40, 40], activation = "tanh" }
protocol = { ways = 1, shots = 10, queries = 50 }
eval = { episodes = 300, modes = ["-"], curve_points = 9, curve_episodes = 20 }
"#;

const GLYPHS: &str = r#"
title = "Small glyphs"
data = { dataset = "glyphs" }
model = { network = "reptile-omniglot", filters = 4 }
protocol = { ways = 5, shots = 1, queries = 1 }
eval = { episodes = 100, modes = ["transductive", "inductive"], curve_points = 4, curve_episodes = 10 }
"#;

/// Reptile as the sine benchmark has it.
pub const REPTILE: &str = "[method.reptile]\nlr = 0.02\noptimizer = \"sgd\"\nreduction = \"mean\"\nmeta_batch = 2\n\
                           meta_step = 0.1\ntrain_shots = 50\neval_iters = 10\neval_batch = 10\n";
pub const TRANSFER: &str = "[method.transfer]\ntune_steps = 10\ntune_batch = 10\ntune_lr = 0.02\n";

/// The binary in a folder, without what the caller's environment says of terminals, words and data.
pub fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    for variable in ["HARNESS_DATA_DIR", "RUST_LOG", "COLUMNS", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command.current_dir(folder);
    command
}

impl Bench {
    pub fn sine(blocks: &str) -> Bench {
        Bench::new(SINE, blocks)
    }

    pub fn glyphs(blocks: &str) -> Bench {
        Bench::new(GLYPHS, blocks)
    }

    fn new(head: &str, blocks: &str) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("b.toml"), format!("{head}{blocks}")).unwrap();
        Bench { dir }
    }

    pub fn file(&self) -> PathBuf {
        self.dir.path().join("b.toml")
    }

    /// Where results go by default: one folder for each name.
    pub fn out(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `harness reproduce b.toml --out OUT …`
    pub fn reproduce(&self, out: &Path, args: &[&str]) -> Command {
        let mut command = binary(self.dir.path());
        command.arg("reproduce").arg(self.file()).arg("--out").arg(out).args(args);
        command
    }
}

/// Folder of a run's seed 0 at the quick budget.
pub fn folder(out: &Path, label: &str) -> PathBuf {
    out.join("quick/b").join(label).join("seed-0")
}
