//! The rows of the base, each with what it must say otherwise for the classes and images that there are, and tried.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use harness_core::sources::ImageTasks;
use harness_core::{
    Draw, Entry, Error, ImageClass, ImageSet, Result, Rotations, Split, Stream, Task, TaskSource, View,
};

use super::file::Draft;
use crate::benchmark::{Benchmark, MethodBlock, PerBudget};
use crate::registry;
use crate::runner;

/// A block of the file.
pub struct Row {
    pub label: String,
    /// What it is, in a sentence: the base's remark, or the method's.
    pub summary: String,
    pub meta_iters: PerBudget<u64>,
    /// Lines, each with its reason.
    pub changes: Vec<(String, String)>,
}

/// The text of the file with all rows that can run.
///
/// # Errors
/// Usage: episodes that some class has too few images for, and a base of which no row can run.
pub fn fitted(draft: &Draft<'_>, out: &Path, algorithms: &[Entry]) -> Result<String> {
    let origin = out.to_string_lossy();
    enough(draft)?;
    let bare = Benchmark::parse(&draft.text(&[], &[]), &origin)?;
    let source = counted(draft)?;
    let mut left_out: Vec<(String, String)> = Vec::new();
    loop {
        let kept = bare.methods.iter().filter(|method| left_out.iter().all(|(label, _)| *label != method.label));
        let rows: Vec<Row> = kept.map(|method| row(draft, method, algorithms)).collect();
        if rows.is_empty() {
            let why = left_out.first().map_or("it has none", |(_, why)| why);
            return Err(Error::usage(format!(
                "--base {}: none of its rows can run on these images: {why}",
                draft.base
            )));
        }
        let text = draft.text(&rows, &left_out);
        let benchmark = match Benchmark::parse(&text, &origin) {
            Ok(benchmark) => benchmark,
            // A row that is like one that is left out.
            Err(error) => {
                match rows.iter().find(|row| error.to_string().contains(&format!("method.{}.like", row.label))) {
                    Some(row) => {
                        left_out.push((row.label.clone(), "it is like a row that is left out".into()));
                        continue;
                    }
                    None => return Err(error),
                }
            }
        };
        let fails = |method: &MethodBlock| {
            let built = runner::build(algorithms, &benchmark, method, &source, &candle_core::Device::Cpu);
            built.err().map(|error| (method.label.clone(), error.to_string().replace(['\n', '\r'], " ")))
        };
        let failed: Vec<(String, String)> = benchmark.methods.iter().filter_map(fails).collect();
        if failed.is_empty() {
            left_out.iter().for_each(|(label, why)| tracing::warn!("{label} is left out: {why}"));
            return Ok(text);
        }
        left_out.extend(failed);
    }
}

/// Errors on the class with the fewest images, where an episode needs more.
fn enough(draft: &Draft<'_>) -> Result<()> {
    let need = 2 * draft.shots;
    let (name, fewest) = draft.found.classes.iter().min_by_key(|(_, n)| *n).expect("there are classes");
    match (*fewest >= need, *fewest) {
        (true, _) => Ok(()),
        (false, 1) => Err(Error::usage(format!(
            "class {name} has one image: an episode needs one to learn from and one to ask: add some"
        ))),
        (false, few) => Err(Error::usage(format!(
            "class {name} has {few} images, and {} shots with as many queries need {need}: add some, or ask for --shots {}",
            draft.shots,
            few / 2
        ))),
    }
}

/// The classes and images that there are, by their numbers alone: what a row asks for is checked without decoding an
/// image, and without the memory that all of them would need.
struct Counted {
    /// Each image is a single byte.
    tasks: ImageTasks,
    /// Height, width and channels that the images will have.
    size: [usize; 3],
}

impl TaskSource for Counted {
    fn input(&self) -> Vec<usize> {
        self.size.to_vec()
    }

    fn train_classes(&self, view: &View) -> Option<usize> {
        self.tasks.train_classes(view)
    }

    fn has(&self, split: Split) -> bool {
        self.tasks.has(split)
    }

    fn digest(&self) -> String {
        self.tasks.digest()
    }

    fn check(&self, split: Split, draw: &Draw, ways: usize, view: &View) -> Result<()> {
        self.tasks.check(split, draw, ways, view)
    }

    fn task(&self, _: Split, _: &Draw, _: usize, _: &View, _: &mut Stream) -> Result<Task> {
        unreachable!("rows are built and checked, and draw no task")
    }

    fn identity(&self, split: Split, draw: &Draw, ways: usize, rng: &mut Stream) -> Result<Vec<u8>> {
        self.tasks.identity(split, draw, ways, rng)
    }
}

fn counted(draft: &Draft<'_>) -> Result<Counted> {
    let (mut next, channels) = (0, if draft.found.grey { 1 } else { 3 });
    let class = |(name, n): &(String, usize)| {
        next += n;
        ImageClass { name: name.clone(), images: next - n..next }
    };
    let classes: Vec<ImageClass> = draft.found.classes.iter().map(class).collect();
    let set = ImageSet::with_digest(draft.name, [1, 1, 1], classes, Box::new(vec![0u8; next]), String::new())?;
    Ok(Counted { tasks: ImageTasks::new(Arc::new(set), draft.split)?, size: [draft.side, draft.side, channels] })
}

fn row(draft: &Draft<'_>, method: &MethodBlock, algorithms: &[Entry]) -> Row {
    let entry = registry::find(algorithms, &method.algorithm).ok();
    let summary = method.note.clone().or_else(|| entry.map(|entry| entry.summary.to_owned())).unwrap_or_default();
    Row { label: method.label.clone(), summary, meta_iters: method.meta_iters, changes: changes(draft, method) }
}

/// What a row must say otherwise: fewer training classes or images than its paper had, and no validation classes.
fn changes(draft: &Draft<'_>, method: &MethodBlock) -> Vec<(String, String)> {
    let mut changes = Vec::new();
    if method.select.is_some() && draft.split.val.is_empty() {
        changes.push((
            "unset = [\"select\"]".into(),
            "there are no validation classes: the last state is reported".into(),
        ));
    }
    let number = |key: &str| method.settings.get(key).and_then(toml::Value::as_integer).map(|n| n as usize);
    let turned = if method.view.rotations == Rotations::AsClasses { 4 } else { 1 };
    let classes = draft.split.train.len() * turned;
    if let Some(ways) = number("train_ways").filter(|ways| *ways > classes) {
        changes.push((format!("train_ways = {classes}"), format!("all training classes; {ways} in the base")));
    }
    let counts: BTreeMap<&str, usize> = draft.found.classes.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let fewest = draft.split.train.iter().filter_map(|name| counts.get(name.as_str())).min().copied().unwrap_or(0);
    let (shots, queries) = (number("train_shots"), number("train_queries"));
    if shots.unwrap_or(draft.shots) + queries.unwrap_or(0) > fewest {
        let why = |base: usize| format!("a class has {fewest} images; {base} in the base");
        // Queries give way down to one, then the shots.
        let fewer = queries.map(|queries| queries.min(fewest.saturating_sub(shots.unwrap_or(draft.shots)).max(1)));
        if let (Some(base), Some(fewer)) = (queries, fewer.filter(|fewer| Some(*fewer) != queries)) {
            changes.push((format!("train_queries = {fewer}"), why(base)));
        }
        let left = fewest.saturating_sub(fewer.unwrap_or(0)).max(1);
        if let Some(base) = shots.filter(|shots| *shots > left) {
            changes.push((format!("train_shots = {left}"), why(base)));
        }
        // Shots beyond `train_shots` come out of the queries, and one query is left.
        let most = shots.map_or(draft.shots, |shots| shots.min(left)) + fewer.unwrap_or(1) - 1;
        if let Some(base) = number("max_shots").filter(|max_shots| *max_shots > most) {
            changes.push((format!("max_shots = {most}"), why(base)));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use harness_core::ClassSplit;
    use harness_data::Survey;

    use super::*;
    use crate::registry::ALGORITHMS;

    fn survey(classes: usize, images: usize) -> Survey {
        Survey {
            classes: (0..classes).map(|class| (format!("c{class:02}"), images)).collect(),
            split: None,
            looked_at: classes,
            smallest: (84, 84),
            largest: (84, 84),
            grey: false,
            left_out: Vec::new(),
        }
    }

    fn draft<'a>(found: &'a Survey, split: &'a ClassSplit, like: &'a Benchmark) -> Draft<'a> {
        let folder = PathBuf::from("pictures");
        let list = Some("mine-split.txt".into());
        Draft { name: "mine", base: &like.name, folder, found, split, list, seed: 0, side: 84, ways: 5, shots: 1, like }
    }

    /// Five of the classes test, and all others train.
    fn dealt(found: &Survey) -> ClassSplit {
        let names: Vec<String> = found.classes.iter().map(|(name, _)| name.clone()).collect();
        super::super::deal::deal(&names, Some(5), 0).unwrap()
    }

    #[test]
    fn rows_ask_for_no_more_than_there_is() {
        let like = Benchmark::find("mini-imagenet-5w1s", &[]).unwrap();
        let found = survey(20, 12);
        let split = dealt(&found);
        assert_eq!((split.train.len(), split.val.len(), split.test.len()), (15, 0, 5));
        let text = fitted(&draft(&found, &split, &like), Path::new("mine.toml"), ALGORITHMS).unwrap();
        let written = Benchmark::parse(&text, "mine.toml").unwrap();
        let labels = |benchmark: &Benchmark| benchmark.methods.iter().map(|m| m.label.clone()).collect::<Vec<_>>();
        assert_eq!(labels(&written), labels(&like), "{text}");
        let number = |label: &str, key: &str| written.method(label).unwrap().settings[key].as_integer().unwrap();
        // Thirty classes of one shot and fifteen queries in the paper; fifteen shots.
        assert_eq!((number("protonet", "train_ways"), number("protonet", "train_queries")), (15, 11));
        assert_eq!(number("reptile", "train_shots"), 12);
        // One shot and eleven queries leave at most eleven shots: the base's nine may stay.
        assert_eq!((number("r2d2", "train_queries"), number("r2d2", "max_shots")), (11, 9));
        let few = survey(20, 8);
        let text = fitted(&draft(&few, &split, &like), Path::new("mine.toml"), ALGORITHMS).unwrap();
        let written = Benchmark::parse(&text, "mine.toml").unwrap();
        let r2d2 = &written.method("r2d2").unwrap().settings;
        let number = |key: &str| r2d2[key].as_integer().unwrap();
        assert_eq!((number("train_shots"), number("train_queries"), number("max_shots")), (1, 7, 7));
        assert!(written.methods.iter().all(|method| method.select.is_none()));
        assert_eq!(written.method("maml").unwrap().meta_iters, like.method("maml").unwrap().meta_iters);
        assert!(text.contains("split = \"mine-split.txt\"") && written.published.is_empty(), "{text}");
    }

    /// The pixels of these images are more than a computer can address.
    #[test]
    fn many_large_images_need_no_memory() {
        let like = Benchmark::find("mini-imagenet-5w1s", &[]).unwrap();
        let found = survey(20, 5_000_000);
        let split = dealt(&found);
        let source = counted(&Draft { side: 1024, ..draft(&found, &split, &like) }).unwrap();
        assert_eq!((source.input(), source.train_classes(&View::default())), (vec![1024, 1024, 3], Some(15)));
        let check = |queries| {
            let draw = Draw::Episode { ways: None, shots: 1, queries };
            source.check(Split::Test, &draw, 5, &View { invert: false, rotations: Rotations::AsClasses })
        };
        assert!(check(4_999_999).is_ok());
        assert!(
            check(5_000_000).unwrap_err().to_string().ends_with("lower the queries to 4999999 or fewer, or the shots")
        );
    }

    #[test]
    fn what_a_class_lacks_is_named() {
        let like = Benchmark::find("mini-imagenet-5w1s", &[]).unwrap();
        let split = ClassSplit::parse("train c00\ntrain c01\ntest c02\ntest c03\n").unwrap();
        let error = |images, shots| {
            let found = survey(4, images);
            let draft = Draft { ways: 2, shots, ..draft(&found, &split, &like) };
            fitted(&draft, Path::new("mine.toml"), ALGORITHMS).unwrap_err().to_string()
        };
        assert_eq!(error(1, 1), "class c00 has one image: an episode needs one to learn from and one to ask: add some");
        assert_eq!(
            error(5, 3),
            "class c00 has 5 images, and 3 shots with as many queries need 6: add some, or ask for --shots 2"
        );
    }
}
