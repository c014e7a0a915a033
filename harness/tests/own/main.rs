//! Images of one's own, through the real binary: told apart by a trained state, made a benchmark of, and tested on by runs of
//! other data. The images are glyphs, written to folders.
#![cfg(unix)]

mod across;
mod data;
mod evaluate;
mod flags;
mod kept_safe;
mod new_benchmark;
mod predict;
mod queries;
mod seen;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use harness_core::ImageSet;
use harness_core::sources::glyphs;
use image::GrayImage;
use tempfile::TempDir;

/// A small table of glyphs: a method with a head for its ways, exact MAML, and one whose head is made from the support set.
const TABLE: &str = r#"
title = "Small glyphs"
data = { dataset = "glyphs" }
model = { network = "reptile-omniglot", filters = 4 }
protocol = { ways = 5, shots = 2, queries = 3 }
eval = { episodes = 12, modes = ["transductive", "inductive"], curve_points = 2, curve_episodes = 2 }
[method.reptile]
meta_iters = 3
meta_batch = 2
eval_iters = 3
[method.maml]
meta_iters = 2
meta_batch = 2
inner_lr = 0.4
train_shots = 2
[method.protonet]
meta_iters = 3
train_ways = 10
train_shots = 2
"#;

/// A folder to work in.
struct Own {
    dir: TempDir,
}

impl Own {
    fn new() -> Own {
        Own { dir: tempfile::tempdir().unwrap() }
    }

    /// With `b.toml` and its runs in `out`.
    fn trained() -> Own {
        let own = Own::new();
        own.write("b.toml", TABLE);
        own.done("reproduce b.toml --out out --threads 2");
        own
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.args(line.split_whitespace()).current_dir(self.dir.path());
        for variable in ["HARNESS_DATA_DIR", "XDG_CACHE_HOME", "RUST_LOG", "NO_COLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command.env("HOME", self.dir.path()).env("COLUMNS", "100");
        command
    }

    fn run(&self, line: &str) -> Said {
        Said::from(self.command(line).output().unwrap())
    }

    /// Runs to a good end.
    #[track_caller]
    fn done(&self, line: &str) -> Said {
        self.run(line).expect(0, "")
    }

    /// The last checkpoint of a row's run.
    fn checkpoint(&self, label: &str) -> String {
        let folder = format!("out/quick/b/{label}/seed-0");
        let names =
            fs::read_dir(self.path(&folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.filter(|name| name.starts_with("checkpoint-")).max().unwrap();
        format!("{folder}/{name}")
    }

    /// Writes an image of a set as a grey PNG.
    fn png(&self, set: &ImageSet, image: usize, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let pixels = set.image(image).to_vec();
        GrayImage::from_raw(set.width as u32, set.height as u32, pixels).unwrap().save(path).unwrap();
    }

    /// Glyphs of the last `classes` characters, `images` of each, as `FOLDER/c00/00.png` ….
    fn folder(&self, folder: &str, classes: usize, images: usize) {
        let set = letters();
        for class in 0..classes {
            let first = set.classes[set.classes.len() - 1 - class].images.start;
            (0..images).for_each(|image| self.png(set, first + image, &format!("{folder}/c{class:02}/{image:02}.png")));
        }
    }
}

/// All glyphs, drawn once.
fn letters() -> &'static ImageSet {
    static LETTERS: OnceLock<ImageSet> = OnceLock::new();
    LETTERS.get_or_init(|| glyphs::glyphs(0))
}

/// What was said and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// The documented code and a part of what is said on stderr; an error is one line.
    #[track_caller]
    fn expect(self, code: i32, part: &str) -> Said {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.contains(part), "\"{part}\" is not in: {}", self.err);
        assert!(!self.err.contains("panicked at") && !self.err.contains("internal error"), "{}", self.err);
        if code == 2 || code == 6 {
            assert_eq!(self.err.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{}", self.err);
        }
        self
    }
}

/// A tar of these files.
fn tar(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    const BLOCK: usize = 512;
    let mut tar = Vec::new();
    for (name, bytes) in files {
        let mut header = [0u8; BLOCK];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, b"0000644\0");
        put(124, format!("{:011o}\0", bytes.len()).as_bytes());
        put(136, b"00000000000\0");
        // While it is summed up, the sum is blank.
        put(148, b"        0");
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(header);
        tar.extend(&bytes);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}

/// The bytes of a file.
fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
