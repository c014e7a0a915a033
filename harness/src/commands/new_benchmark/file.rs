//! The text of the file, with a comment for each value.

use std::path::{Path, PathBuf};

use harness_core::{ClassSplit, Error, Result};
use harness_data::Survey;
use toml::Value;

use super::rows::Row;
use crate::benchmark::{Benchmark, PerBudget};
use crate::words;

/// All that the file says, but for its rows.
pub struct Draft<'a> {
    pub name: &'a str,
    pub base: &'a str,
    /// The folder as the file names it.
    pub folder: PathBuf,
    pub found: &'a Survey,
    pub split: &'a ClassSplit,
    /// The list beside the file, where classes were dealt out.
    pub list: Option<String>,
    pub seed: u64,
    pub side: usize,
    pub ways: usize,
    pub shots: usize,
    /// The base.
    pub like: &'a Benchmark,
}

/// What a benchmark about this folder is called: its name in small letters, digits and `-`.
pub fn name(folder: &Path) -> Result<String> {
    let full = std::path::absolute(folder).map_err(|source| Error::io(folder, source))?;
    let last = full.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = [".zip", ".tar.gz", ".tgz", ".tar"].iter().find_map(|end| last.strip_suffix(end)).unwrap_or(&last);
    let words: Vec<&str> = stem.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    Ok(if words.is_empty() { "mine".to_owned() } else { words.join("-") })
}

impl Draft<'_> {
    /// The file. `left_out`: rows of the base that cannot run here, with the reason.
    pub fn text(&self, rows: &[Row], left_out: &[(String, String)]) -> String {
        let mut text = self.head();
        if !left_out.is_empty() {
            let labels: Vec<String> = left_out.iter().map(|(label, _)| quoted(label)).collect();
            text += "\n[method]\n";
            left_out.iter().for_each(|(label, why)| text += &format!("# {label} is left out: {why}\n"));
            text += &format!("unset = [{}]\n", labels.join(", "));
        }
        if !rows.is_empty() {
            text += "\n# The rows of the table. meta_iters: outer updates at each budget; 0: as initialised.\n";
        }
        rows.iter().for_each(|row| text += &block(row));
        text
    }

    fn head(&self) -> String {
        let (found, split) = (self.found, self.split);
        let images: usize = found.classes.iter().map(|(_, n)| n).sum();
        let count = |n: usize, word: &str| words::plural(n as u64, word);
        let (smallest, largest) = (found.smallest, found.largest);
        let sizes = match smallest == largest {
            true => format!("{} × {} pixels", smallest.0, smallest.1),
            false => format!("{} × {} to {} × {} pixels", smallest.0, smallest.1, largest.0, largest.1),
        };
        let colour = if found.grey { "grey" } else { "in colour" };
        let parts = format!("{} / {} / {} classes", split.train.len(), split.val.len(), split.test.len());
        let same = smallest == largest && smallest.0 == self.side as u32;
        let resized = if same {
            "pixels, as they are stored"
        } else {
            "pixels: what images are resized to, by nearest neighbour"
        };
        let split_line = match &self.list {
            Some(list) => commented(
                &format!("split = {}", quoted(list)),
                &format!("{parts} for train / val / test, dealt by seed {}", self.seed),
            ),
            None => {
                commented("unset = [\"split\"]", &format!("the parts of the folder: {parts} for train / val / test"))
            }
        };
        let lines = [
            format!("# {}: {} classes, {}.", self.name, found.classes.len(), count(images, "image")),
            format!("# {} that were looked at: {sizes}, {colour}.", count(found.looked_at, "image")),
            "# Written by `harness new-benchmark`: change what you like.".to_owned(),
            "# `harness reproduce FILE --folds 5` tests every class once: it trains five times, each time on four fifths of"
                .to_owned(),
            "# the classes, and tests on the others. It takes no notice of the split.".to_owned(),
            format!("# `harness list benchmarks {}` writes out all that is taken over from there.", self.base),
            String::new(),
            commented(&format!("base = {}", quoted(self.base)), "the network, and all that a row below does not say"),
            commented(
                &format!("title = {}", quoted(&format!("{}, {}-way {}-shot", self.name, self.ways, self.shots))),
                "nothing is published for it",
            ),
            String::new(),
            "[data]".to_owned(),
            "dataset = \"folder\"".to_owned(),
            commented(
                &format!("path = {}", quoted(&self.folder.to_string_lossy())),
                "one folder of images a class; relative to this file",
            ),
            commented(&format!("side = {}", self.side), resized),
            commented(&format!("channels = {}", if found.grey { 1 } else { 3 }), "1: grey, 3: colour"),
            split_line,
            String::new(),
            "[protocol]                 # of an evaluation episode".to_owned(),
            commented(&format!("ways = {}", self.ways), "classes"),
            commented(&format!("shots = {}", self.shots), "support images a class"),
            commented("queries = \"shots\"", "query images a class: as many as shots"),
            String::new(),
            "[eval]".to_owned(),
            commented(
                &format!("episodes = {}", each(self.like.eval.episodes)),
                "on test classes, the same for every row",
            ),
        ];
        lines.map(|line| line + "\n").concat()
    }

    /// The list of classes.
    pub fn list_text(&self) -> String {
        format!(
            "# {}: its classes, dealt out by seed {} with `harness new-benchmark`.\n{}",
            self.name, self.seed, self.split
        )
    }
}

fn block(row: &Row) -> String {
    let mut text = format!("\n{}\n", commented(&format!("[method.{}]", key(&row.label)), &row.summary));
    text += &format!("meta_iters = {}", each(row.meta_iters));
    text.push('\n');
    for (line, why) in &row.changes {
        text += &commented(line, why);
        text.push('\n');
    }
    text
}

/// A line with its comment, which begin at one column where they can.
fn commented(line: &str, why: &str) -> String {
    format!("{line:<26} # {why}")
}

fn each<T: Copy + PartialEq + std::fmt::Display>(values: PerBudget<T>) -> String {
    let [quick, short, paper] = values.values();
    match quick == short && short == paper {
        true => quick.to_string(),
        false => format!("{{ quick = {quick}, short = {short}, paper = {paper} }}"),
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// A label as a key: bare where it may be.
fn key(label: &str) -> String {
    match label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        true => label.to_owned(),
        false => quoted(label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_the_folders() {
        let named = |path: &str| name(Path::new(path)).unwrap();
        assert_eq!((named("/a/My Birds (2)"), named("x/birds.tar.gz")), ("my-birds-2".into(), "birds".into()));
        assert_eq!((named("/"), named("/tmp/…")), ("mine".into(), "mine".into()));
    }

    #[test]
    fn one_value_or_one_for_each_budget() {
        assert_eq!(each(PerBudget::all(3)), "3");
        assert_eq!(each(PerBudget { quick: 1, short: 2, paper: 3 }), "{ quick = 1, short = 2, paper = 3 }");
        assert_eq!(quoted("a \"b\"\\c"), Value::String("a \"b\"\\c".into()).to_string());
    }
}
