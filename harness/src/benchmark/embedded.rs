//! The benchmarks and class splits that the binary carries, so that it works away from this repository.

use std::fs;
use std::path::Path;

use harness_core::error::{nearest, unknown};
use harness_core::splits::ClassSplit;
use harness_core::{Error, Result, text};

use super::{Benchmark, DataBlock};

/// Name and text of every benchmark of ours, in the order in which they are listed and run.
pub const BENCHMARKS: [(&str, &str); 13] = [
    ("sine", include_str!("../../../benchmarks/sine.toml")),
    ("quadratic", include_str!("../../../benchmarks/quadratic.toml")),
    ("glyphs-5w1s", include_str!("../../../benchmarks/glyphs-5w1s.toml")),
    ("omniglot-5w1s", include_str!("../../../benchmarks/omniglot-5w1s.toml")),
    ("omniglot-5w5s", include_str!("../../../benchmarks/omniglot-5w5s.toml")),
    ("omniglot-20w1s", include_str!("../../../benchmarks/omniglot-20w1s.toml")),
    ("omniglot-20w5s", include_str!("../../../benchmarks/omniglot-20w5s.toml")),
    ("mini-imagenet-5w1s", include_str!("../../../benchmarks/mini-imagenet-5w1s.toml")),
    ("mini-imagenet-5w5s", include_str!("../../../benchmarks/mini-imagenet-5w5s.toml")),
    ("cifar-fs-5w1s", include_str!("../../../benchmarks/cifar-fs-5w1s.toml")),
    ("cifar-fs-5w5s", include_str!("../../../benchmarks/cifar-fs-5w5s.toml")),
    ("fc100-5w1s", include_str!("../../../benchmarks/fc100-5w1s.toml")),
    ("fc100-5w5s", include_str!("../../../benchmarks/fc100-5w5s.toml")),
];

/// Name and text of what benchmarks of ours are based on; no tables themselves.
pub const BASES: [(&str, &str); 4] = [
    ("base/images", include_str!("../../../benchmarks/base/images.toml")),
    ("base/omniglot", include_str!("../../../benchmarks/base/omniglot.toml")),
    ("base/mini-imagenet", include_str!("../../../benchmarks/base/mini-imagenet.toml")),
    ("base/cifar", include_str!("../../../benchmarks/base/cifar.toml")),
];

/// Name and text of the base of every benchmark that names none.
pub const DEFAULTS: (&str, &str) = ("base/defaults", include_str!("../../../benchmarks/base/defaults.toml"));

/// The word that stands for all figures on the command line.
pub const FIGURES: &str = "figures";

/// Name and text of every benchmark of ours that is a figure of the Reptile paper: run when asked for. Its Figure 1 is
/// the adaptation picture of `sine`.
pub const FIGURE_FILES: [(&str, &str); 4] = [
    ("figure-3", include_str!("../../../benchmarks/figure-3.toml")),
    ("figure-4a", include_str!("../../../benchmarks/figure-4a.toml")),
    ("figure-4b", include_str!("../../../benchmarks/figure-4b.toml")),
    ("figure-4c", include_str!("../../../benchmarks/figure-4c.toml")),
];

/// Name and text of every class split of ours.
pub const SPLITS: [(&str, &str); 5] = [
    ("cifar-fs", include_str!("../../../benchmarks/splits/cifar-fs.txt")),
    ("fc100", include_str!("../../../benchmarks/splits/fc100.txt")),
    ("mini-imagenet", include_str!("../../../benchmarks/splits/mini-imagenet.txt")),
    ("omniglot", include_str!("../../../benchmarks/splits/omniglot.txt")),
    ("omniglot-validation", include_str!("../../../benchmarks/splits/omniglot-validation.txt")),
];

/// Name and text of everything that `reproduce` finds by name.
fn known() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    BENCHMARKS.iter().chain(&FIGURE_FILES)
}

/// Name and text of what draws the Reptile paper's figures, Figure 1 first.
fn drawn() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    BENCHMARKS.iter().filter(|(name, _)| *name == "sine").chain(&FIGURE_FILES)
}

/// Names of the embedded benchmarks, figures among them.
pub fn names() -> impl Iterator<Item = &'static str> {
    known().map(|(name, _)| *name)
}

/// Text of the file of ours of that name, be it a benchmark or a base.
pub(super) fn text(name: &str) -> Option<&'static str> {
    known().chain(&BASES).chain([&DEFAULTS]).find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Text and origin of the benchmark of that name, else of the file of that path. Errors name the nearest benchmark, or of
/// `groups` the word for several that may stand there too.
pub(super) fn text_of(what: &str, groups: &[&'static str]) -> Result<(String, String)> {
    if let Some((name, text)) = known().find(|(name, _)| *name == what) {
        return Ok(((*text).to_owned(), (*name).to_owned()));
    }
    let path = Path::new(what);
    if !path.is_file() {
        let meant_as_file = what.contains(['/', '\\']) || path.extension().is_some_and(|end| end == "toml");
        let near = path.file_stem().and_then(|stem| nearest(stem.to_str()?, names()));
        let near = near.map(|name| format!("; did you mean our \"{name}\"?")).unwrap_or_default();
        return Err(Error::usage(match meant_as_file {
            false if what == FIGURES => {
                let names: Vec<&str> = drawn().map(|(name, _)| *name).collect();
                format!("{what} stands for several benchmarks: name one of {}", names.join(", "))
            }
            _ if path.is_dir() => format!("{what} is a folder: name a benchmark or its TOML file{near}"),
            true => format!("{what}: no such benchmark file{near}"),
            false => {
                let names = names().chain(groups.iter().copied());
                format!("{}, or the path of a TOML file", unknown("benchmark", what, names))
            }
        }));
    }
    Ok((read(path)?, what.to_owned()))
}

/// Text of the class split called `name`.
pub fn split(name: &str) -> Option<&'static str> {
    SPLITS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

impl Benchmark {
    /// The benchmark of that name, else the one in the file of that path, with `--set` paths and values applied. Errors
    /// name the nearest benchmark, or the key of the file that is wrong.
    pub fn find(what: &str, set: &[(String, String)]) -> Result<Benchmark> {
        Benchmark::find_beside(&[], what, set)
    }

    /// As [`Benchmark::find`] where `groups`, words for several benchmarks, may stand too: the nearest may be one of them.
    pub fn find_beside(groups: &[&'static str], what: &str, set: &[(String, String)]) -> Result<Benchmark> {
        let (text, origin) = text_of(what, groups)?;
        Benchmark::parse_with(&text, &origin, set)
    }

    /// All benchmarks of ours that are tables, with `--set` paths and values applied to each.
    pub fn all(set: &[(String, String)]) -> Result<Vec<Benchmark>> {
        BENCHMARKS.iter().map(|(name, text)| Benchmark::parse_with(text, name, set)).collect()
    }

    /// What draws the Reptile paper's figures: `sine` for Figure 1, then the files of the others.
    pub fn figures(set: &[(String, String)]) -> Result<Vec<Benchmark>> {
        drawn().map(|(name, text)| Benchmark::parse_with(text, name, set)).collect()
    }
}

impl DataBlock {
    /// Whether the classes of its parts are the user's: by a list in a file, or as a folder has them.
    pub fn has_own_classes(&self) -> bool {
        match &self.split {
            Some(name) => split(name).is_none(),
            None => self.path.is_some(),
        }
    }

    /// What tells its images and classes from those of another block: what it says, and where its relative paths start.
    pub fn key(&self) -> String {
        let said = serde_json::to_string(self).expect("a data block is plain data");
        let starts = self.has_own_classes() || self.path.is_some();
        if starts { format!("{said} in {}", self.folder.display()) } else { said }
    }

    /// The class split that `data.split` names. Errors if it names none, or one that does not exist; a wrong line of
    /// the list is named.
    pub fn class_split(&self) -> Result<ClassSplit> {
        let known = || SPLITS.iter().map(|(known, _)| *known).collect::<Vec<_>>();
        let Some(name) = &self.split else {
            let known = known().join(", ");
            return Err(Error::usage(format!(
                "data.split is missing: one of {known}, or the path of a list of classes"
            )));
        };
        let parse =
            |text: &str| ClassSplit::parse(text).map_err(|error| Error::usage(format!("class split {name}: {error}")));
        if let Some((_, text)) = SPLITS.iter().find(|(known, _)| known == name) {
            return parse(text);
        }
        let path = self.folder.join(harness_data::expand_home(Path::new(name)));
        if !path.is_file() {
            let hint = unknown("class split", name, known());
            return Err(Error::usage(format!("data.split: {hint}, or a path relative to the benchmark's file")));
        }
        parse(&read(&path)?)
    }
}

/// A file that a person wrote, in whatever encoding their editor has.
pub(super) fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
    text::read(&bytes).map_err(|what| Error::usage(format!("{} {what}", path.display())))
}
