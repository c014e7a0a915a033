//! The three lines that make a crate a method which the binary knows.

use std::fs;
use std::path::PathBuf;

use harness_core::{Error, Result};

use super::name::Name;
use super::workspace::Workspace;

/// One line and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From the root of the workspace.
    pub file: &'static str,
    /// The part of the file, for people.
    pub place: &'static str,
    pub text: String,
}

/// A file that gets its line.
#[derive(Clone, Debug)]
pub struct Edit {
    pub path: PathBuf,
    pub before: String,
    pub after: String,
}

/// In the order in which they can be written: each leaves a workspace that builds.
pub fn lines(name: &Name) -> [Line; 3] {
    let (name, ident) = (name.as_str(), name.ident());
    [
        Line {
            file: "Cargo.toml",
            place: "[workspace.dependencies]",
            text: format!("{name} = {{ path = \"algorithms/{name}\" }}"),
        },
        Line { file: "harness/Cargo.toml", place: "[dependencies]", text: format!("{name}.workspace = true") },
        Line { file: "harness/src/registry.rs", place: "ALGORITHMS", text: format!("{ident}::ENTRY,") },
    ]
}

/// The files as they will be, or the first of them that offers no place: then none is to be changed. Errors if a file
/// is there and cannot be read.
pub fn edits(workspace: &Workspace, name: &Name) -> Result<Result<Vec<Edit>, &'static str>> {
    let places: [fn(&str, &str) -> Option<String>; 3] = [after_methods, among_dependencies, into_list];
    let mut edits = Vec::new();
    for (line, place) in lines(name).iter().zip(places) {
        let path = workspace.root.join(line.file);
        let before = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Err(line.file)),
            Err(source) => return Err(Error::io(path, source)),
        };
        match place(&before, &line.text) {
            Some(after) => edits.push(Edit { path, before, after }),
            None => return Ok(Err(line.file)),
        }
    }
    Ok(Ok(edits))
}

/// After the last method of `[workspace.dependencies]`.
fn after_methods(text: &str, line: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|line| line.contains("= { path = \"algorithms/"))?;
    Some(with_line(&lines, last + 1, line))
}

/// Where the methods of harness/Cargo.toml begin.
const METHODS: &str = "# The methods: one line each";

/// In order of the alphabet among the lines that follow [`METHODS`].
fn among_dependencies(text: &str, line: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let first = 1 + lines.iter().position(|line| line.starts_with(METHODS))?;
    let methods = lines[first..].iter().take_while(|other| other.ends_with(".workspace = true"));
    let before = methods.take_while(|other| **other < line).count();
    Some(with_line(&lines, first + before, line))
}

fn with_line(lines: &[&str], at: usize, line: &str) -> String {
    let mut all = lines.to_vec();
    all.insert(at, line);
    all.join("\n") + "\n"
}

/// Where the registry's list begins, one method a line.
const LIST: &str = "pub const ALGORITHMS: &[Entry] = &[";

/// At the end of the registry's list.
fn into_list(text: &str, line: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let first = 1 + lines.iter().position(|line| *line == LIST)?;
    let methods = lines[first..].iter().position(|line| *line == "];")?;
    Some(with_line(&lines, first + methods, &format!("    {line}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_stand_together_in_the_workspaces_manifest() {
        let text = "[workspace.dependencies]\na = \"1\"\nreptile = { path = \"algorithms/reptile\" }\n\nz = \"1\"\n";
        let line = "x = { path = \"algorithms/x\" }";
        let want = text.replace("\"algorithms/reptile\" }\n", &format!("\"algorithms/reptile\" }}\n{line}\n"));
        assert_eq!(after_methods(text, line), Some(want));
        assert_eq!(after_methods("[workspace.dependencies]\n", line), None);
    }

    #[test]
    fn dependencies_keep_their_order() {
        let text =
            |methods: &str| format!("[dependencies]\nzip = \"1\"\n{METHODS}, and one there.\n{methods}\nb = \"1\"\n");
        for (before, after) in [
            (
                "a.workspace = true\nc.workspace = true\n",
                "a.workspace = true\nb.workspace = true\nc.workspace = true\n",
            ),
            ("a.workspace = true\n", "a.workspace = true\nb.workspace = true\n"),
            ("c.workspace = true\n", "b.workspace = true\nc.workspace = true\n"),
            ("", "b.workspace = true\n"),
        ] {
            assert_eq!(among_dependencies(&text(before), "b.workspace = true"), Some(text(after)));
        }
        assert_eq!(among_dependencies("[dependencies]\n", "b.workspace = true"), None);
    }

    #[test]
    fn the_list_of_methods_grows_at_its_end() {
        let text = |methods: &str| format!("use Entry;\n\n{LIST}\n{methods}];\n\nconst OTHERS: &[u8] = &[\n];\n");
        assert_eq!(into_list(&text("    a::ENTRY,\n"), "d::ENTRY,"), Some(text("    a::ENTRY,\n    d::ENTRY,\n")));
        assert_eq!(into_list(&text(""), "d::ENTRY,"), Some(text("    d::ENTRY,\n")));
        for other in ["pub const METHODS: &[Entry] = &[\n];\n", "pub const ALGORITHMS: &[Entry] = &[a::ENTRY];\n"] {
            assert_eq!(into_list(other, "d::ENTRY,"), None);
        }
    }
}
