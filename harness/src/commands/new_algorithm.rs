//! `harness new-algorithm NAME`: a method that works, to be changed into another.
//!
//! Everything is checked before anything is written. The crate appears by one rename and each file that registers it
//! changes by another; if one of these steps fails, those before it are undone.

mod name;
mod registration;
mod standalone;
mod template;
mod workspace;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use harness_core::{Entry, Error, Result};

use self::name::Name;
use self::registration::{Edit, lines};
use self::standalone::Source;
use self::workspace::Workspace;
use crate::console;
use crate::exit::Exit;
use crate::results::disk;

const EXAMPLES: &str = "\
Examples:
  # algorithms/my-method: a small method, registered
  harness new-algorithm my-method

  # A crate of its own, beside the clone
  harness new-algorithm my-method --standalone ../my-method";

/// Writes a new method's crate: a small one that compiles, learns and passes the conformance suite, to be changed into yours.
/// It goes into algorithms/ of the workspace around the current folder and is registered there; with --standalone it is a
/// project of its own that has the harness as a dependency.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct NewAlgorithm {
    /// The crate and the method: lower-case letters, digits, - and _
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Write a project of its own into this folder, new or empty: no fork, nothing to register
    #[arg(long, value_name = "DIR")]
    pub standalone: Option<PathBuf>,

    /// Where that project gets the harness from: a clone's folder or the URL of a repository; the clone around the current
    /// folder if absent, or the one that this binary was built from
    #[arg(long, value_name = "FOLDER|URL", requires = "standalone")]
    pub harness: Option<String>,
}

/// Writes the crate, registers it and prints what was done and what comes next.
pub fn run(args: &NewAlgorithm, algorithms: &[Entry]) -> Result<Exit> {
    let name = Name::new(&args.name)?;
    let here = std::env::current_dir().map_err(|source| Error::io(".", source))?;
    if let Some(folder) = &args.standalone {
        return alone(&name, folder, args.harness.as_deref(), &here, algorithms);
    }
    let workspace = Workspace::find(&here)?;
    workspace.check_free(&name)?;
    let edits = registration::edits(&workspace, &name)?;
    write(&workspace.root, &name, edits.as_deref().unwrap_or_default())?;
    console::print(&told(&workspace.root, &name, edits.err())).map(|()| Exit::Done)
}

/// A crate of its own in `folder`, which must be empty or not there.
fn alone(name: &Name, folder: &Path, harness: Option<&str>, here: &Path, algorithms: &[Entry]) -> Result<Exit> {
    standalone::check_free(name, algorithms)?;
    let source = Source::find(harness, here)?;
    let target = std::path::absolute(folder).map_err(|source| Error::io(folder, source))?;
    let shown = folder.display();
    if fs::symlink_metadata(&target).is_ok_and(|there| !there.is_dir())
        || fs::read_dir(&target).is_ok_and(|mut inside| inside.next().is_some())
    {
        return Err(Error::usage(format!(
            "--standalone {shown}: something lies there: name a folder that is new or empty"
        )));
    }
    let parent = target.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(|source| Error::io(parent, source))?;
    let files = standalone::files(name, &source);
    write_crate(parent, &target, name, &files)?;
    let written = files.iter().map(|(file, _)| format!("wrote {}\n", folder.join(file).display()));
    let text = format!(
        "{}\nNext, from {shown}:\n  cargo test\n  cargo run -- reproduce trial.toml\nREADME.md there says the rest.\n",
        written.collect::<String>()
    );
    console::print(&text).map(|()| Exit::Done)
}

/// What was done and what comes next, for a person.
fn told(root: &Path, name: &Name, no_place_in: Option<&str>) -> String {
    let folder = root.join("algorithms").join(name.as_str());
    let mut text: Vec<String> =
        template::files(name).into_iter().map(|(file, _)| format!("wrote {}", folder.join(file).display())).collect();
    if let Some(file) = no_place_in {
        text.push(format!("not registered: {file} is not laid out as expected. Add by hand, in this order:"));
    }
    text.extend(lines(name).into_iter().map(|line| match no_place_in {
        None => format!("registered in {}: {}", line.file, line.text),
        Some(_) => format!("  {}, {}: {}", line.file, line.place, line.text),
    }));
    let name = name.as_str();
    text.push(format!("\nNext, from {}:", root.display()));
    text.push(format!("  cargo test -p {name}"));
    text.push(format!("  cargo run -p harness -- reproduce algorithms/{name}/trial.toml\n"));
    text.join("\n")
}

/// The crate and then the edits, in order. On an error all is as it was.
fn write(root: &Path, name: &Name, edits: &[Edit]) -> Result<()> {
    for edit in edits {
        let folder = edit.path.parent().unwrap_or(root);
        disk::writable(folder).map_err(|source| Error::io(folder, source))?;
    }
    let target = root.join("algorithms").join(name.as_str());
    write_crate(root, &target, name, &template::files(name))?;
    for (done, edit) in edits.iter().enumerate() {
        if let Err(error) = disk::write(&edit.path, edit.after.as_bytes()) {
            for edit in edits[..done].iter().rev() {
                let _ = disk::write(&edit.path, edit.before.as_bytes());
            }
            let _ = fs::remove_dir_all(&target);
            return Err(error);
        }
    }
    Ok(())
}

/// Made whole in `root`, where Cargo does not look for crates, and then renamed.
fn write_crate(root: &Path, target: &Path, name: &Name, files: &[(&str, String)]) -> Result<()> {
    let at = |path: &Path, source| Error::io(path, source);
    let aside = tempfile::Builder::new().prefix(".tmp-").tempdir_in(root).map_err(|source| at(root, source))?;
    let made = aside.path().join(name.as_str());
    for (file, text) in files {
        let path = made.join(file);
        let folder = path.parent().unwrap_or(&made);
        fs::create_dir_all(folder).map_err(|source| at(folder, source))?;
        disk::write(&path, text.as_bytes())?;
    }
    let around = target.parent().unwrap_or(root);
    fs::create_dir_all(around).map_err(|source| at(around, source))?;
    // An empty folder gives way; one that holds something does not.
    fs::rename(&made, target).map_err(|source| at(target, source))?;
    disk::sync_folder(around)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second file is a folder, over which no file can be renamed: the first one and the crate are taken back.
    #[test]
    fn a_failure_on_the_way_leaves_all_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let [first, second] = ["first.toml", "second.toml"].map(|file| dir.path().join(file));
        fs::write(&first, "old").unwrap();
        fs::create_dir(&second).unwrap();
        let edit = |path: &Path| Edit { path: path.to_path_buf(), before: "old".into(), after: "new".into() };
        let name = Name::new("mine").unwrap();
        let error = write(dir.path(), &name, &[edit(&first), edit(&second)]).unwrap_err();
        assert!(error.to_string().contains("second.toml"), "{error}");
        assert_eq!(fs::read_to_string(&first).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path().join("algorithms")).unwrap().count(), 0);
        write(dir.path(), &name, &[edit(&first)]).unwrap();
        assert_eq!(fs::read_to_string(&first).unwrap(), "new");
        assert!(dir.path().join("algorithms/mine/src/lib.rs").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left");
    }
}
