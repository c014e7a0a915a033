//! The benchmarks and class splits that the binary carries, so that it works away from this repository.

use std::fs;
use std::path::Path;

use harness_core::error::{nearest, unknown};
use harness_core::splits::ClassSplit;
use harness_core::{Error, Result};

use super::{DataSpec, Spec};

/// Name and text of every benchmark of ours, in the order in which they are listed and run.
pub const BENCHMARKS: [(&str, &str); 8] = [
    ("sine", include_str!("../../../benchmarks/sine.toml")),
    ("glyphs-5w1s", include_str!("../../../benchmarks/glyphs-5w1s.toml")),
    ("omniglot-5w1s", include_str!("../../../benchmarks/omniglot-5w1s.toml")),
    ("omniglot-5w5s", include_str!("../../../benchmarks/omniglot-5w5s.toml")),
    ("omniglot-20w1s", include_str!("../../../benchmarks/omniglot-20w1s.toml")),
    ("omniglot-20w5s", include_str!("../../../benchmarks/omniglot-20w5s.toml")),
    ("mini-imagenet-5w1s", include_str!("../../../benchmarks/mini-imagenet-5w1s.toml")),
    ("mini-imagenet-5w5s", include_str!("../../../benchmarks/mini-imagenet-5w5s.toml")),
];

/// Name and text of every class split of ours.
pub const SPLITS: [(&str, &str); 2] = [
    ("mini-imagenet", include_str!("../../../benchmarks/splits/mini-imagenet.txt")),
    ("omniglot", include_str!("../../../benchmarks/splits/omniglot.txt")),
];

/// Names of the embedded benchmarks.
pub fn names() -> impl Iterator<Item = &'static str> {
    BENCHMARKS.iter().map(|(name, _)| *name)
}

/// Text of the class split called `name`.
pub fn split(name: &str) -> Option<&'static str> {
    SPLITS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

impl Spec {
    /// The benchmark of that name, else the one in the file of that path, with `--set` paths and values applied. Errors
    /// name the nearest benchmark, or the key of the file that is wrong.
    pub fn find(what: &str, set: &[(String, String)]) -> Result<Spec> {
        if let Some((name, text)) = BENCHMARKS.iter().find(|(name, _)| *name == what) {
            return Spec::parse_with(text, name, set);
        }
        let path = Path::new(what);
        if !path.is_file() {
            let meant_as_file = what.contains(['/', '\\']) || path.extension().is_some_and(|end| end == "toml");
            return Err(Error::usage(match meant_as_file {
                true => {
                    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                    let near = nearest(stem, names()).map(|name| format!("; did you mean our \"{name}\"?"));
                    format!("{what}: no such benchmark file{}", near.unwrap_or_default())
                }
                false => format!("{}, or the path of a TOML file", unknown("benchmark", what, names())),
            }));
        }
        let text = fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        Spec::parse_with(&text, what, set)
    }

    /// All benchmarks of ours, with `--set` paths and values applied to each.
    pub fn all(set: &[(String, String)]) -> Result<Vec<Spec>> {
        BENCHMARKS.iter().map(|(name, text)| Spec::parse_with(text, name, set)).collect()
    }
}

impl DataSpec {
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
        let path = self.folder.join(name);
        if !path.is_file() {
            let hint = unknown("class split", name, known());
            return Err(Error::usage(format!("data.split: {hint}, or a path relative to the benchmark's file")));
        }
        parse(&fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?)
    }
}
