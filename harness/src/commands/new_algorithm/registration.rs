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
    let places = [after_methods, among_dependencies, into_list];
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

const LIST: &str = "ALGORITHMS: &[Entry] = &[";
/// Of rustfmt.toml.
const WIDTH: usize = 120;

/// At the end of the registry's list, on one line where the formatter would have it so.
fn into_list(text: &str, line: &str) -> Option<String> {
    let (head, rest) = text.split_once(LIST)?;
    let (list, tail) = rest.split_once("];")?;
    let list = list.trim_end();
    if list.contains("//") {
        return Some(format!("{head}{LIST}{list}\n    {line}\n];{tail}"));
    }
    let entry = line.trim_end_matches(',');
    let mut entries: Vec<&str> = list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    entries.push(entry);
    let indent = head.lines().last().unwrap_or_default().len();
    let flat = entries.join(", ");
    let list = match indent + LIST.len() + flat.len() + "];".len() <= WIDTH {
        true => flat,
        false => format!("\n    {},\n", entries.join(",\n    ")),
    };
    Some(format!("{head}{LIST}{list}];{tail}"))
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
        let text = |methods: &str| format!("[dependencies]\nzip = \"1\"\n{METHODS}, and one there.\n{methods}\nb = \"1\"\n");
        for (before, after) in [
            ("a.workspace = true\nc.workspace = true\n", "a.workspace = true\nb.workspace = true\nc.workspace = true\n"),
            ("a.workspace = true\n", "a.workspace = true\nb.workspace = true\n"),
            ("c.workspace = true\n", "b.workspace = true\nc.workspace = true\n"),
            ("", "b.workspace = true\n"),
        ] {
            assert_eq!(among_dependencies(&text(before), "b.workspace = true"), Some(text(after)));
        }
        assert_eq!(among_dependencies("[dependencies]\n", "b.workspace = true"), None);
    }

    #[test]
    fn the_list_is_formatted_as_rustfmt_has_it() {
        let text = |list: &str| format!("use Entry;\n\npub const {LIST}{list}];\n\nmod tests;\n");
        let grown = |list: &str| into_list(&text(list), "d::ENTRY,").unwrap();
        assert_eq!(grown("a::ENTRY, b::ENTRY"), text("a::ENTRY, b::ENTRY, d::ENTRY"));
        assert_eq!(grown("\n    a::ENTRY,\n    b::ENTRY,\n"), text("a::ENTRY, b::ENTRY, d::ENTRY"));
        let long = "a".repeat(69);
        assert_eq!(grown(&format!("{long}::ENTRY")), text(&format!("{long}::ENTRY, d::ENTRY")), "120 columns fit");
        assert_eq!(grown(&format!("a{long}::ENTRY")), text(&format!("\n    a{long}::ENTRY,\n    d::ENTRY,\n")));
        assert_eq!(grown("\n    a::ENTRY, // why\n"), text("\n    a::ENTRY, // why\n    d::ENTRY,\n"));
        assert_eq!(grown(""), text("d::ENTRY"));
        assert_eq!(into_list("pub const METHODS: &[Entry] = &[];", "d::ENTRY,"), None);
    }
}
