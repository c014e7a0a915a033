//! Where data is looked for: `--data-dir`, then `HARNESS_DATA_DIR`, then the user's cache folder.

use std::fmt;
use std::path::{Path, PathBuf};

use harness_core::{Error, Result};

/// The environment variable that names a data folder.
pub const DATA_DIR_VARIABLE: &str = "HARNESS_DATA_DIR";

/// Data folders in the order they are tried, each with who named it. A data set lies in a folder of its name in one of
/// them: `omniglot`, `mini-imagenet`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    dirs: Vec<(PathBuf, &'static str)>,
}

/// How a data set was found to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Zip,
    Tar,
    Folders,
    /// Lists of files and labels.
    Lists,
    Parquet,
    Pickles,
    /// The binary archive of CIFAR-100.
    Binary,
}

impl Shape {
    /// Of the archive at `path`, by its name.
    pub(crate) fn of_archive(path: &Path) -> Self {
        let zip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
        if zip { Shape::Zip } else { Shape::Tar }
    }
}

/// Where a data set was found: what `data path` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// How they are stored, each way once: one half of a set may be an archive and the other a folder.
    pub shapes: Vec<Shape>,
    /// The files or folders that are read; what lies in an archive as a path below it.
    pub paths: Vec<PathBuf>,
}

impl Located {
    /// At these paths, whose parts are stored so.
    pub(crate) fn new(parts: impl IntoIterator<Item = Shape>, paths: Vec<PathBuf>) -> Self {
        let mut shapes = Vec::new();
        for shape in parts {
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        Located { shapes, paths }
    }

    /// How it is stored, in words: `zip`, or `zip and folders`.
    pub fn form(&self) -> String {
        self.shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
    }
}

impl SearchPath {
    /// The folders of this process: `data_dir` from the command line, `HARNESS_DATA_DIR`, the user's cache.
    pub fn of_process(data_dir: Option<&Path>) -> Self {
        // One folder has one name, from wherever the program is started: the cache's keys hold it.
        let settle = |(dir, origin): (PathBuf, _)| {
            let dir = expand_home(&dir);
            let settled = dir.canonicalize().or_else(|_| std::path::absolute(&dir));
            (settled.unwrap_or(dir), origin)
        };
        let mut dirs = Vec::new();
        dirs.extend(data_dir.map(|dir| (dir.to_path_buf(), "--data-dir")));
        dirs.extend(variable(DATA_DIR_VARIABLE).map(|dir| (dir, DATA_DIR_VARIABLE)));
        dirs.extend(user_cache_dir().map(|dir| (dir, "user cache")));
        SearchPath { dirs: dirs.into_iter().map(settle).collect() }
    }

    /// These folders and no others, as if named by `--data-dir`.
    pub fn only<P: Into<PathBuf>>(dirs: impl IntoIterator<Item = P>) -> Self {
        SearchPath { dirs: dirs.into_iter().map(|dir| (dir.into(), "--data-dir")).collect() }
    }

    /// The folders in the order they are tried.
    pub fn dirs(&self) -> impl Iterator<Item = &Path> {
        self.dirs.iter().map(|(dir, _)| dir.as_path())
    }

    /// Where fetched data goes: the first folder that can be written, made if need be. Errors: [`Error::Usage`] when none can.
    pub fn fetch_dir(&self) -> Result<&Path> {
        let writable = |dir: &Path| {
            std::fs::create_dir_all(dir).is_ok() && tempfile::Builder::new().prefix(".probe").tempfile_in(dir).is_ok()
        };
        let dirs: Vec<String> = self.dirs().map(|dir| dir.display().to_string()).collect();
        self.dirs().find(|dir| writable(dir)).ok_or_else(|| {
            Error::usage(format!("no data folder can be written ({}); say --data-dir DIR", dirs.join(", ")))
        })
    }

    /// `FOLDER/name (who named it), …`: where a data set was looked for.
    pub(crate) fn looked_in(&self, name: &str) -> String {
        if self.dirs.is_empty() {
            return "no folder (neither --data-dir, HARNESS_DATA_DIR nor HOME is set)".into();
        }
        let one = |(dir, origin): &(PathBuf, &str)| {
            let absent = if dir.is_dir() { "" } else { ", no such folder" };
            format!("{} ({origin}{absent})", dir.join(name).display())
        };
        self.dirs.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// `path` with a leading `~` as the user's home folder, as a shell has it: in files and quotes no shell does it.
pub fn expand_home(path: &Path) -> PathBuf {
    let home = || variable("HOME").or_else(|| variable("USERPROFILE"));
    match path.strip_prefix("~") {
        Ok(below) => home().map_or(path.to_path_buf(), |home| home.join(below)),
        Err(_) => path.to_path_buf(),
    }
}

/// A variable of the environment that names a path; none where it is empty.
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The user's cache folder of the harness.
pub(crate) fn user_cache_dir() -> Option<PathBuf> {
    user_cache(variable("XDG_CACHE_HOME"), variable("HOME").or_else(|| variable("USERPROFILE")))
}

/// The folder `harness` in the user's cache: `$XDG_CACHE_HOME`, else `~/Library/Caches` on macOS and `~/.cache`.
fn user_cache(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let habit = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    // The XDG specification says to ignore a relative path.
    let cache = xdg.filter(|dir| dir.is_absolute()).or_else(|| Some(home?.join(habit)))?;
    Some(cache.join("harness"))
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Zip => "zip",
            Shape::Tar => "tar",
            Shape::Folders => "folders",
            Shape::Lists => "lists",
            Shape::Parquet => "parquet",
            Shape::Pickles => "pickles",
            Shape::Binary => "binary",
        })
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
        write!(f, "{} ({})", paths.join(", "), self.form())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_comes_first_and_the_error_says_who_named_a_folder() {
        let path = SearchPath::of_process(Some(Path::new("/nowhere/data")));
        assert_eq!(path.dirs().next(), Some(Path::new("/nowhere/data")));
        assert!(path.looked_in("omniglot").starts_with("/nowhere/data/omniglot (--data-dir, no such folder)"));
        let here = SearchPath::of_process(Some(Path::new("src/../src")));
        assert!(here.dirs().next().unwrap().ends_with("data/src"));
        assert!(SearchPath::default().looked_in("omniglot").starts_with("no folder"));
    }

    #[test]
    fn a_tilde_is_the_home_folder_and_only_as_a_whole_name() {
        let Some(home) = variable("HOME") else { return };
        assert_eq!(expand_home(Path::new("~/data")), home.join("data"));
        assert_eq!(expand_home(Path::new("~")), home);
        for other in ["a/~/b", "~user/data", "/~", "data~"] {
            assert_eq!(expand_home(Path::new(other)), Path::new(other));
        }
        let path = SearchPath::of_process(Some(Path::new("~/no/such/folder")));
        assert_eq!(path.dirs().next(), Some(&*home.join("no/such/folder")));
    }

    #[test]
    fn fetched_data_goes_where_it_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let (file, below) = (dir.path().join("file"), dir.path().join("new/data"));
        std::fs::write(&file, b"").unwrap();
        let path = SearchPath::only([file.join("x"), below.clone()]);
        assert_eq!(path.fetch_dir().unwrap(), below);
        assert!(SearchPath::only([file.join("x")]).fetch_dir().unwrap_err().to_string().contains("--data-dir"));
    }

    #[test]
    fn each_way_of_storing_is_said_once() {
        let found = |parts: &[Shape]| Located::new(parts.iter().copied(), vec!["a".into(), "b".into()]).to_string();
        assert_eq!(found(&[Shape::Zip, Shape::Zip]), "a, b (zip)");
        assert_eq!(found(&[Shape::Zip, Shape::Folders]), "a, b (zip and folders)");
    }

    #[test]
    fn the_user_cache_follows_xdg() {
        let home = || Some(PathBuf::from("/home/u"));
        assert_eq!(user_cache(Some("/c".into()), home()), Some("/c/harness".into()));
        assert_eq!(user_cache(Some("relative".into()), home()), user_cache(None, home()));
        assert_eq!(user_cache(None, None), None);
    }
}
