//! Class splits: which classes are trained on, which choose settings, which test. A split is a fact about a published
//! experiment, so it is kept as a plain list of names, one `train NAME`, `val NAME` or `test NAME` a line; `#` starts a
//! comment line. The order of the lines is kept: it is part of the fact where a paper shuffled its classes. Tables of two
//! columns, part and class, are read as well, as spreadsheets write them ([`text`]).

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::error::{Error, Result, nearest};
use crate::images::ImageSet;
use crate::text::{self, nfc};

/// Names of the classes of each part, in the order of the list. No name occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassSplit {
    /// Trained on.
    pub train: Vec<String>,
    /// Settings are chosen on these; may be empty.
    pub val: Vec<String>,
    /// Tables are made of these.
    pub test: Vec<String>,
}

/// The parts of a [`ClassSplit`] as positions in [`ImageSet::classes`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitIndices {
    /// Of [`ClassSplit::train`], in its order.
    pub train: Vec<usize>,
    /// Of [`ClassSplit::val`], in its order.
    pub val: Vec<usize>,
    /// Of [`ClassSplit::test`], in its order.
    pub test: Vec<usize>,
}

impl ClassSplit {
    /// Reads a list. Errors: [`Error::Usage`] with the line's number, for a part other than train, val and test, a
    /// line without a name, a class named twice, and a list without any class.
    pub fn parse(text: &str) -> Result<Self> {
        let mut split = ClassSplit::default();
        let mut seen: HashMap<String, usize> = HashMap::new();
        let text = text.trim_start_matches('\u{feff}');
        let lines = if is_table(text) { table(text) } else { lines(text) };
        for (number, part, name) in lines {
            let name = nfc(&name).into_owned();
            let names = match &*part {
                "train" => &mut split.train,
                "val" => &mut split.val,
                "test" => &mut split.test,
                _ => {
                    let part = clip(&part);
                    return Err(Error::usage(format!("line {number}: \"{part}\" is none of train, val and test")));
                }
            };
            if name.is_empty() {
                return Err(Error::usage(format!("line {number}: \"{part}\" without the name of a class after it")));
            }
            if let Some(first) = seen.insert(name.clone(), number) {
                let name = clip(&name);
                return Err(Error::usage(format!("line {number}: class {name} is already named in line {first}")));
            }
            names.push(name);
        }
        if seen.is_empty() {
            return Err(Error::usage("the class split names no class; lines look like \"train NAME\""));
        }
        Ok(split)
    }

    /// Every part's classes as positions in `set`. Errors: [`Error::Data`] naming the first class that `set` lacks, or that
    /// is named twice: it would be trained on and tested, or be two classes of one episode.
    pub fn indices(&self, set: &ImageSet) -> Result<SplitIndices> {
        let mut seen = HashSet::new();
        for name in self.train.iter().chain(&self.val).chain(&self.test) {
            if !seen.insert(nfc(name)) {
                return Err(Error::data(format!("{}: the class split names class {name} twice", set.name)));
            }
        }
        let positions: HashMap<_, usize> =
            set.classes.iter().enumerate().map(|(i, class)| (nfc(&class.name), i)).collect();
        let find = |names: &[String]| -> Result<Vec<usize>> {
            let position = |name: &String| {
                positions.get(&nfc(name)).copied().ok_or_else(|| {
                    let hint = match nearest(name, positions.keys().map(|name| &**name)) {
                        Some(near) => format!("; the nearest it has is {near}"),
                        None => String::new(),
                    };
                    Error::data(format!("{} has no class {name}, which the class split names{hint}", set.name))
                })
            };
            names.iter().map(position).collect()
        };
        Ok(SplitIndices { train: find(&self.train)?, val: find(&self.val)?, test: find(&self.test)? })
    }
}

impl fmt::Display for ClassSplit {
    /// The list that [`ClassSplit::parse`] reads, without comments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, names) in [("train", &self.train), ("val", &self.val), ("test", &self.test)] {
            for name in names {
                writeln!(f, "{part} {name}")?;
            }
        }
        Ok(())
    }
}

/// Words that head the column of parts in a table.
const HEADINGS: [&str; 5] = ["split", "part", "set", "subset", "phase"];

fn is_part(word: &str) -> bool {
    matches!(word, "train" | "val" | "test")
}

fn significant(line: &&str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

/// Whether a list is a table, by its first line: fields with a sign between them, of which one is a part or heads parts.
fn is_table(text: &str) -> bool {
    let Some(first) = text.lines().map(str::trim).find(significant) else { return false };
    let Some((_, fields)) = text::rows(first).into_iter().next() else { return false };
    fields.len() > 1 && fields.iter().any(|field| is_part(field) || HEADINGS.contains(&&*field.to_lowercase()))
}

/// Number, part and name of every line.
fn lines(text: &str) -> Vec<(usize, String, String)> {
    let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| significant(line));
    let words = |(number, line): (usize, &str)| {
        let (part, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        (number, part.to_string(), name.trim().to_string())
    };
    lines.map(words).collect()
}

/// Number, part and name of every row. The part may be the second column, and a column of numbers may come first.
fn table(text: &str) -> Vec<(usize, String, String)> {
    // Remarks above the table say nothing of what parts its fields.
    let above = text.lines().take_while(|line| !significant(&line.trim())).count();
    let below = text.split_inclusive('\n').skip(above).collect::<String>();
    let rows = text::rows(&below).into_iter().map(|(number, fields)| (number + above, fields));
    let rows = rows.filter(|(_, fields)| !fields[0].starts_with('#'));
    let words = |(index, (number, mut fields)): (usize, text::Row)| {
        let heading = fields.iter().any(|field| HEADINGS.contains(&&*field.to_lowercase()));
        if index == 0 && heading && !fields.iter().any(|field| is_part(field)) {
            return None;
        }
        if fields.len() > 2 && (fields[0].is_empty() || fields[0].parse::<u64>().is_ok()) {
            fields.remove(0);
        }
        if fields.len() > 1 && !is_part(&fields[0]) && is_part(&fields[1]) {
            fields.swap(0, 1);
        }
        let part = fields.remove(0);
        Some((number, part, fields.join(" ").trim().to_string()))
    };
    rows.enumerate().filter_map(words).collect()
}

/// Enough of a word to recognise it: a binary file read by mistake must not fill the terminal.
fn clip(word: &str) -> String {
    word.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::ImageClass;
    use proptest::prelude::*;

    const OMNIGLOT: &str = include_str!("../../../benchmarks/splits/omniglot.txt");
    const MINI_IMAGENET: &str = include_str!("../../../benchmarks/splits/mini-imagenet.txt");

    #[test]
    fn the_committed_splits_have_the_sizes_of_their_papers() {
        let omniglot = ClassSplit::parse(OMNIGLOT).unwrap();
        assert_eq!([omniglot.train.len(), omniglot.val.len(), omniglot.test.len()], [1200, 0, 423]);
        assert_eq!(omniglot.train[0], "Japanese_(hiragana)/character47");
        let mini = ClassSplit::parse(MINI_IMAGENET).unwrap();
        assert_eq!([mini.train.len(), mini.val.len(), mini.test.len()], [64, 16, 20]);
        assert!(mini.test.contains(&"n01930112".to_string()));
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let error = |text: &str| ClassSplit::parse(text).unwrap_err().to_string();
        assert_eq!(error("# c\n\ntrian a"), "line 3: \"trian\" is none of train, val and test");
        assert_eq!(error("train a\nval"), "line 2: \"val\" without the name of a class after it");
        assert_eq!(error("train a\nval b\ntest a"), "line 3: class a is already named in line 1");
        assert!(error("# nothing\n").contains("names no class"));
        assert!(!error(&"\0\u{1b}[31m".repeat(1000)).contains('\u{1b}'));
    }

    #[test]
    fn lists_of_other_programs_are_the_same_split() {
        let split = ClassSplit::parse("train big cat\nval b\ntest Caf\u{e9}\n").unwrap();
        for text in [
            "\u{feff}# ours\r\ntrain big cat\r\nval b\r\n\r\ntest Cafe\u{301}\r\n",
            "split,class\ntrain,big cat\nval,b\ntest,Caf\u{e9}\n",
            "\u{feff}\"part\";\"name\"\r\n\"train\";\"big cat\"\r\nval;b\r\ntest;Cafe\u{301}\r\n",
            "# mine, of today\n\n,class,split\n0,big cat,train\n1,b,val\n2,Caf\u{e9},test\n",
            "train\tbig cat\nval\tb\ntest\tCaf\u{e9}",
        ] {
            assert_eq!(ClassSplit::parse(text).unwrap(), split, "{text:?}");
        }
        let error = |text: &str| ClassSplit::parse(text).unwrap_err().to_string();
        assert_eq!(error("split,class\ntrain,a\ntrian,b"), "line 3: \"trian\" is none of train, val and test");
        assert_eq!(error("train,a\n\ntest,a"), "line 3: class a is already named in line 1");
        // A name may hold a comma where the list is no table.
        assert_eq!(ClassSplit::parse("train a, b\n").unwrap().train, ["a, b"]);
        let class = ImageClass { name: "Cafe\u{301}".into(), images: 0..1 };
        let set = ImageSet::new("toy", [1, 1, 1], vec![class], Box::new(vec![0u8])).unwrap();
        assert_eq!(ClassSplit::parse("test Caf\u{e9}").unwrap().indices(&set).unwrap().test, [0]);
    }

    #[test]
    fn indices_follow_the_list_and_name_what_is_missing() {
        let class = |i: usize, name: &str| ImageClass { name: name.into(), images: i..i + 1 };
        let classes = vec![class(0, "Greek/character01"), class(1, "Greek/character02")];
        let set = ImageSet::new("toy", [1, 1, 1], classes, Box::new(vec![0u8, 1])).unwrap();
        let split = ClassSplit::parse("train Greek/character02\ntest Greek/character01").unwrap();
        assert_eq!(split.indices(&set).unwrap(), SplitIndices { train: vec![1], val: vec![], test: vec![0] });
        let error = ClassSplit::parse("train Greek/character2").unwrap().indices(&set).unwrap_err().to_string();
        assert!(error.starts_with("toy has no class Greek/character2,") && error.contains("Greek/character02"));
        for other in [
            ClassSplit { test: split.train.clone(), ..split.clone() },
            ClassSplit { train: [split.train.clone(), split.train.clone()].concat(), ..split },
        ] {
            let error = other.indices(&set).unwrap_err().to_string();
            assert_eq!(error, "toy: the class split names class Greek/character02 twice");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            names in proptest::collection::btree_set("[A-Za-z_()/]{1,8}( [a-z0-9]{1,4})?", 1..40),
            parts in proptest::collection::vec(0..3u8, 40),
        ) {
            let mut split = ClassSplit::default();
            for (name, part) in names.into_iter().zip(parts) {
                [&mut split.train, &mut split.val, &mut split.test][part as usize].push(name);
            }
            prop_assert_eq!(ClassSplit::parse(&split.to_string()).unwrap(), split);
        }

        #[test]
        fn any_text_is_a_split_or_a_one_line_error(text in "(train|val|test|x)?[ \t]?\\PC{0,20}(\n(train|val)? ?\\PC{0,9}){0,5}") {
            if let Err(error) = ClassSplit::parse(&text) {
                prop_assert_eq!(error.to_string().lines().count(), 1);
            }
        }
    }
}
