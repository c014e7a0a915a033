//! `base = "…"`: a file that says what differs from another one. The files behind a benchmark are a chain, its own first
//! and `base/defaults` last; merged they are the tree that everything else reads.

use std::fs;
use std::path::{Path, PathBuf};

use harness_core::error::unknown;
use harness_core::{Error, Result};
use toml::{Table, Value};

use super::budget::Budget;
use super::method::TEST;
use super::{embedded, syntax};

/// The key that names the file from which a benchmark differs.
pub(super) const BASE: &str = "base";
/// The list of keys that a table does not take over.
pub(super) const UNSET: &str = "unset";
/// What a benchmark says of itself alone: a number was published for one cell.
const OWN: [&str; 3] = ["name", "title", "published"];
/// Tables that are merged key by key. Any other is a value, and replaces what was there.
const SECTIONS: [&str; 6] = ["data", "protocol", "eval", "figure", "row", "method"];

/// One file of a chain.
pub(super) struct File {
    /// As messages name it: a path, or that of one of ours in `benchmarks/`.
    pub name: String,
    pub table: Table,
    /// What tells two files apart, whatever path led to them.
    identity: PathBuf,
    /// Where its relative paths start; none for one of ours.
    folder: Option<PathBuf>,
}

impl File {
    /// `origin`: the path of a file, or the name of one of ours. Errors name it and the line.
    fn parse(text: &str, origin: &str) -> Result<File> {
        let text = text.trim_start_matches('\u{feff}');
        let table = text.parse::<Table>().map_err(|error| syntax::explained(text, &error));
        let table = table.map_err(|error| Error::usage(format!("{origin}: {error}")))?;
        let ours = embedded::text(origin).is_some();
        Ok(File {
            name: if ours { format!("{origin}.toml") } else { origin.to_owned() },
            table,
            identity: fs::canonicalize(origin).ok().filter(|_| !ours).unwrap_or_else(|| origin.into()),
            folder: (!ours).then(|| Path::new(origin).parent().unwrap_or(Path::new("")).to_path_buf()),
        })
    }

    /// The file that this one names as its base. Errors name the nearest of ours.
    fn base(&self) -> Result<Option<File>> {
        let at = |what: String| Error::usage(format!("{}: {BASE}: {what}", self.name));
        let base = match self.table.get(BASE) {
            None => return Ok(None),
            Some(Value::String(base)) => base,
            Some(other) => return Err(at(format!("{other} is no name and no path: write it as \"…\""))),
        };
        if let Some(text) = embedded::text(base) {
            return File::parse(text, base).map(Some);
        }
        let path = self.folder.clone().unwrap_or_default().join(harness_data::expand_home(Path::new(base)));
        if !path.is_file() {
            let hint = unknown("benchmark", base, embedded::names().chain(embedded::BASES.map(|(name, _)| name)));
            return Err(at(format!("{hint}, or a path relative to this file")));
        }
        File::parse(&embedded::read(&path)?, &path.to_string_lossy()).map(Some)
    }
}

/// A benchmark's own file, the base of it, the base of that, and so on.
pub(super) struct Chain(pub Vec<File>);

impl Chain {
    /// Reads all files behind the benchmark of that text. Errors name the file, and every file of a circle.
    pub fn load(text: &str, origin: &str) -> Result<Chain> {
        let mut files = vec![File::parse(text, origin)?];
        while let Some(base) = files.last().map_or(Ok(None), File::base)? {
            let circle = files.iter().position(|file| file.identity == base.identity);
            if let Some(start) = circle {
                let names: Vec<&str> = files[start..].iter().chain([&base]).map(|file| file.name.as_str()).collect();
                return Err(Error::usage(format!("{origin}: {BASE}: {} is a circle", names.join(" → "))));
            }
            files.push(base);
        }
        let (name, text) = embedded::DEFAULTS;
        files.push(File::parse(text, name)?);
        Ok(Chain(files))
    }

    /// What the files say together: of two that say something of one key, the one that is nearer to the benchmark. Errors
    /// name a key that is to be taken away and that nobody says.
    pub fn merged(&self) -> Result<Table> {
        self.0.iter().enumerate().try_for_each(|(at, file)| self.check_unset(at, &file.table, &[]))?;
        let mut merged = Table::new();
        let here = self.0.first().and_then(|file| file.folder.as_deref());
        for file in self.0.iter().rev() {
            OWN.iter().for_each(|key| drop(merged.remove(*key)));
            let mut table = file.table.clone();
            table.remove(BASE);
            if let (Some(here), Some(folder)) = (here, file.folder.as_deref())
                && here != folder
            {
                move_paths(&mut table, folder.strip_prefix(here).unwrap_or(folder));
            }
            lay_over(&mut merged, table, &[])?;
        }
        Ok(merged)
    }

    /// Every `unset` of the table at `path` of a file must name what one of its bases says there, or for a row what one of
    /// the rows says that it is like.
    fn check_unset(&self, at: usize, table: &Table, path: &[&str]) -> Result<()> {
        for key in unset(table, path)? {
            let bases = self.0[at + 1..].iter();
            let mut known: Vec<&str> = bases.flat_map(|file| keys(&file.table, path)).collect();
            if let ["method", label] = path {
                known.extend(self.likes(label).into_iter().flat_map(|like| self.keys_of_row(like)));
            }
            if !known.contains(&key.as_str()) {
                let at = [path, &[UNSET]].concat().join(".");
                return Err(Error::usage(format!("{at}: {}", unknown("key", &key, known))));
            }
        }
        for (key, value) in table {
            if let Value::Table(inner) = value {
                self.check_unset(at, inner, &[path, &[key]].concat())?;
            }
        }
        Ok(())
    }

    /// Errors where a row is taken away that others are like, and names them. `merged`: what the files say together.
    pub fn check_likes(&self, merged: &Table) -> Result<()> {
        let Some(Value::Table(rows)) = merged.get("method") else { return Ok(()) };
        let own = self.0.iter().filter_map(|file| file.table.get("method")?.as_table());
        let gone = own.map(|rows| unset(rows, &["method"])).collect::<Result<Vec<_>>>()?.concat();
        for gone in gone.iter().filter(|gone| !rows.contains_key(gone.as_str())) {
            let is_like = |row: &Value, label: &str| liked(row) == Some(label);
            // Those that are like it, and like these.
            let mut in_need: Vec<&str> = Vec::new();
            while let Some((label, _)) = rows.iter().find(|(label, row)| {
                let needs = is_like(row, gone) || in_need.iter().any(|other| is_like(row, other));
                needs && !in_need.contains(&label.as_str())
            }) {
                in_need.push(label);
            }
            let direct = rows.iter().filter(|(_, row)| is_like(row, gone));
            let direct: Vec<String> = direct.map(|(label, _)| format!("method.{label}.like")).collect();
            let (are, these) = if in_need.len() == 1 { ("is", "that") } else { ("are", "these") };
            if !direct.is_empty() {
                return Err(Error::usage(format!(
                    "method.{UNSET}: \"{gone}\" cannot go while {} {are} like it: unset {these} too, or change {}",
                    in_need.join(", "),
                    direct.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn keys_of_row<'a>(&'a self, label: &str) -> Vec<&'a str> {
        self.0.iter().flat_map(|file| keys(&file.table, &["method", label])).collect()
    }

    /// The rows that a row is like, the nearest first.
    pub fn likes(&self, label: &str) -> Vec<&str> {
        let mut likes: Vec<&str> = Vec::new();
        let like = |label: &str| self.0.iter().find_map(|file| get(&file.table, &["method", label, "like"])?.as_str());
        let mut next = like(label);
        while let Some(label) = next.filter(|next| !likes.contains(next)) {
            likes.push(label);
            next = like(label);
        }
        likes
    }
}

/// The row that a block says it is like.
fn liked(block: &Value) -> Option<&str> {
    block.get("like")?.as_str()
}

/// The value at a path.
pub(super) fn get<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (last, parents) = path.split_last()?;
    parents.iter().try_fold(table, |table, key| table.get(*key)?.as_table())?.get(*last)
}

/// The keys of the table at a path, those of a row's table `test` among them.
fn keys<'a>(table: &'a Table, path: &[&str]) -> Vec<&'a str> {
    let table = if path.is_empty() { Some(table) } else { get(table, path).and_then(Value::as_table) };
    let inside = table.and_then(|table| table.get(TEST)?.as_table());
    table.into_iter().chain(inside).flat_map(|table| table.keys().map(String::as_str)).collect()
}

/// The keys that a table does not take over. Errors name the path of what is no list of them.
pub(super) fn unset(table: &Table, path: &[&str]) -> Result<Vec<String>> {
    let list = match table.get(UNSET) {
        // A row may be called so.
        None | Some(Value::Table(_)) => return Ok(Vec::new()),
        Some(list) => list.as_array(),
    };
    let words = list.and_then(|list| list.iter().map(|key| key.as_str().map(str::to_owned)).collect::<Option<_>>());
    words.ok_or_else(|| {
        let at = [path, &[UNSET]].concat().join(".");
        Error::usage(format!("{at}: must be a list of keys, such as [\"clip\"]"))
    })
}

/// Lays what `over` says over a table: takes away what it unsets, then sets what it says. `path` is where they stand. A row
/// keeps its `unset`, since it may still be like another one.
pub(super) fn lay_over(below: &mut Table, mut over: Table, path: &[&str]) -> Result<()> {
    let gone = unset(&over, path)?;
    gone.iter().for_each(|key| drop(below.remove(key)));
    if !over.get(UNSET).is_some_and(Value::is_table) {
        over.remove(UNSET);
    }
    if matches!(path, ["method", _]) {
        one_place(below, &over, &gone);
        let says = |key: &String| keys(&over, &[]).contains(&key.as_str());
        let still: Vec<Value> =
            unset(below, path)?.into_iter().chain(gone).filter(|key| !says(key)).map(Value::String).collect();
        below.remove(UNSET);
        if !still.is_empty() {
            below.insert(UNSET.into(), Value::Array(still));
        }
    }
    for (key, value) in over {
        if let (Some(Value::Table(inner)), Value::Table(value)) = (below.get_mut(&key), &value)
            && is_merged(path, &key, inner, value)
        {
            lay_over(inner, value.clone(), &[path, &[&key]].concat())?;
            continue;
        }
        below.insert(key, value);
    }
    Ok(())
}

/// A key that a row says inside of its table `test` replaces the same one outside of it, and the other way round; one that
/// it unsets goes from both.
fn one_place(below: &mut Table, over: &Table, gone: &[String]) {
    if let Some(Value::Table(test)) = over.get(TEST) {
        test.keys().for_each(|key| drop(below.remove(key)));
    }
    if let Some(Value::Table(test)) = below.get_mut(TEST) {
        over.keys().chain(gone).for_each(|key| drop(test.remove(key)));
    }
}

/// Whether a table is one number for each budget, or for some of them.
pub(super) fn one_for_each_budget(table: &Table) -> bool {
    !table.is_empty() && table.keys().all(|key| Budget::ALL.iter().any(|budget| budget.as_str() == key))
}

fn is_merged(path: &[&str], key: &str, below: &Table, over: &Table) -> bool {
    match path {
        [] => SECTIONS.contains(&key),
        ["method"] => true,
        ["method", _] if key == TEST => true,
        _ => one_for_each_budget(below) && one_for_each_budget(over),
    }
}

/// Relative paths of a base in another folder, as seen from the benchmark's own.
fn move_paths(table: &mut Table, folder: &Path) {
    let moved = |value: &mut Value, is_path: fn(&str) -> bool| {
        if let Value::String(path) = value
            && is_path(path)
            && !path.starts_with('~')
        {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    };
    let is_list: fn(&str) -> bool = |name| embedded::split(name).is_none();
    if let Some(Value::Table(data)) = table.get_mut("data") {
        data.get_mut("path").into_iter().for_each(|path| moved(path, |_| true));
        data.get_mut("split").into_iter().for_each(|split| moved(split, is_list));
    }
    if let Some(Value::Table(rows)) = table.get_mut("method") {
        let splits = rows.iter_mut().filter_map(|(_, row)| row.as_table_mut()?.get_mut("split"));
        splits.for_each(|split| moved(split, is_list));
    }
}
