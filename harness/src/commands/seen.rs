//! Whether a state is about to be tested on classes that it was trained on: its number would be too good.

use std::collections::HashMap;
use std::path::Path;

use harness_core::{ClassSplit, Draw, Error, ImageClass, ImageSet, Purpose, Result, Split, Stream, TaskSource, View};
use harness_data::{Filter, Loader};
use serde_json::Value;

use super::rows;
use super::trained::Trained;
use crate::benchmark::{DataBlock, Tasks};
use crate::results::classes::{Classes, mark};
use crate::runner::CLASSES;

/// What is known of a state's training, from its checkpoint or its run's record and from the run's folder.
pub struct Past<'a> {
    pub trained: &'a Trained,
    pub config: &'a Value,
    pub data_digest: &'a str,
    /// sha256 over classes that are drawn from each part; empty where an older build did not say.
    pub classes: &'a str,
    /// What the run noted of its classes; None: an older build made it, or the state lies elsewhere.
    pub noted: Option<Classes>,
    /// Meta-iterations.
    pub step: u64,
}

/// Why a state must not be tested on some classes.
pub enum Seen {
    /// It was trained on some of them, or chosen by them, in words: `such as apple`.
    Classes(String),
    /// It was trained on the same images, dealt into other parts.
    Dealt,
    /// The images of its data set have changed, and nothing tells which classes it was trained on.
    Untold,
}

impl Past<'_> {
    /// Whether it may have seen classes of `split` in the data `here`, which is open as `source`. None where it has not,
    /// as far as anything tells. Errors on a list of classes and on a note that cannot be read.
    pub fn has_seen(
        &self,
        (here, source): (&DataBlock, &dyn TaskSource),
        split: Split,
        data_dir: Option<&Path>,
    ) -> Result<Option<Seen>> {
        if split == Split::Train || self.step == 0 {
            return Ok(None);
        }
        let same_images = self.data_digest == source.digest();
        let dealt = if same_images { rows::classes(source)? } else { String::new() };
        // What its own table asks for.
        if same_images && dealt == self.classes {
            return Ok(None);
        }
        let there = &self.trained.data;
        if let Some(noted) = &self.noted {
            return Ok(among(noted, there, (here, source), split, data_dir)?.map(Seen::Classes));
        }
        if let Some(classes) = classes(self.trained, here, split)? {
            return Ok(Some(Seen::Classes(classes)));
        }
        let own = &self.config["data"][CLASSES];
        if own.is_null() {
            // A list of the project's own may have been edited since.
            let known = same_images && !self.classes.is_empty() && is_same_list(there, here);
            return Ok(known.then_some(Seen::Dealt));
        }
        if same_images {
            return Ok((*own != dealt.as_str()).then_some(Seen::Dealt));
        }
        let untold = is_same_set(there, here)? && (here.is_folder() || there.split == here.split);
        Ok(untold.then_some(Seen::Untold))
    }
}

/// Whether two blocks are of one data set: of the same pictures, or of one folder.
fn is_same_set(there: &DataBlock, here: &DataBlock) -> Result<bool> {
    // Paths start where the benchmark's file lies, so that other pictures may have the same one.
    Ok(there.set()?.pictures() == here.set()?.pictures() && (!here.is_folder() || there.path == here.path))
}

/// Whether two blocks deal the classes of one data set by one list.
fn is_same_list(there: &DataBlock, here: &DataBlock) -> bool {
    (&there.dataset, &there.split, there.holdout) == (&here.dataset, &here.split, here.holdout)
}

/// Which classes of `split` are among those that a run has noted, in words: a class of the same name in the same data
/// set, or one that has an image of it.
fn among(
    noted: &Classes,
    there: &DataBlock,
    (here, source): (&DataBlock, &dyn TaskSource),
    split: Split,
    data_dir: Option<&Path>,
) -> Result<Option<String>> {
    let same = is_same_set(there, here)?;
    // Known sets of other pictures have none in common.
    if !same && !there.is_folder() && !here.is_folder() {
        return Ok(None);
    }
    let set = images(&DataBlock { side: Some(noted.side), ..here.clone() }, data_dir)?;
    let mut parts = vec![&noted.train];
    if split == Split::Test {
        parts.push(&noted.val);
    }
    let asked: Vec<&ImageClass> = members(source, split, &set)?.into_iter().map(|class| &set.classes[class]).collect();
    let is_named = |class: &&&ImageClass| parts.iter().any(|part| part.contains_key(&class.name));
    if same && let Some(class) = asked.iter().find(is_named) {
        return Ok(Some(format!("such as {}", class.name)));
    }
    let mut classes: HashMap<&str, &str> = HashMap::new();
    for (name, marks) in parts.iter().flat_map(|part| part.iter()) {
        classes.extend(marks.split(' ').map(|mark| (mark, name.as_str())));
    }
    for class in asked {
        if let Some(name) = class.images.clone().find_map(|image| classes.get(mark(&set, image).as_str())) {
            return Ok(Some(format!("such as {}, which has images of {name}", class.name)));
        }
    }
    Ok(None)
}

/// The images of a block whose data set is here. Errors as opening it does.
pub fn images(data: &DataBlock, data_dir: Option<&Path>) -> Result<ImageSet> {
    match data.tasks()? {
        Tasks::Drawn(make) => Ok(make().0),
        Tasks::Files(files) => {
            let side = data.side.unwrap_or_else(|| files.usual_side());
            Ok(Loader::of_process(data_dir).load(&files, side, Filter::Nearest)?.images)
        }
        Tasks::Functions(_) => Err(Error::usage(format!("{} has no images", data.dataset))),
    }
}

/// Bits of the largest number of classes that is counted.
const BITS: u32 = 24;

/// The places in `set` of all classes that `source` draws from in a part, ascending.
pub fn members(source: &dyn TaskSource, split: Split, set: &ImageSet) -> Result<Vec<usize>> {
    let draw = |ways| Draw::Episode { ways: Some(ways), shots: 1, queries: 0 };
    let has = |ways: usize| source.check(split, &draw(ways), ways, &View::default()).is_ok();
    let more = |count: usize, bit: u32| if has(count + (1 << bit)) { count + (1 << bit) } else { count };
    let ways = (0..BITS).rev().fold(0, more);
    // An episode of all of them: image and label of each, eight bytes each.
    let mut rng = Stream::new(0, Purpose::EvalTask, 0, 0);
    let bytes = source.identity(split, &draw(ways), ways, &mut rng)?;
    let class = |pair: &[u8; 16]| {
        let image = u64::from_le_bytes(pair[..8].try_into().expect("eight bytes")) as usize;
        set.classes.partition_point(|class| class.images.end <= image)
    };
    let mut classes: Vec<usize> = bytes.as_chunks::<16>().0.iter().map(class).collect();
    classes.sort_unstable();
    Ok(classes)
}

/// Which classes of `split` in `here` the state was trained on, or chosen by, in words: `such as apple`. None where there
/// are none, and where it was trained on this very split. Errors on a list of classes that cannot be read.
pub fn classes(trained: &Trained, here: &DataBlock, split: Split) -> Result<Option<String>> {
    let there = &trained.data;
    let listed = |data: &DataBlock| data.split.is_some() && data.path.is_none();
    if split == Split::Train || there.set()?.pictures() != here.set()?.pictures() {
        return Ok(None);
    }
    if !listed(there) || !listed(here) {
        // Paths start where the benchmark's file lies, so that other pictures may have the same one.
        let same = (&there.dataset, &there.path) == (&here.dataset, &here.path);
        return Ok((trained.folded && same).then(|| "all but those of its own fold".to_owned()));
    }
    if is_same_list(there, here) && !trained.folded {
        return Ok(None);
    }
    let (there, here) = (lists(there)?, lists(here)?);
    let ClassSplit { train, val, test } = there;
    // A fold trains on all classes that it does not test; the config does not tell which these are.
    let seen: Vec<String> = if trained.folded { [train, val, test].concat() } else { [train, val].concat() };
    let asked = if split == Split::Val { here.val } else { here.test };
    Ok(asked.into_iter().find(|class| seen.contains(class)).map(|class| format!("such as {class}")))
}

/// The classes of each part; with `holdout`, as everywhere, the last training classes are the test classes.
fn lists(data: &DataBlock) -> Result<ClassSplit> {
    let mut split = data.class_split()?;
    if data.holdout > 0 {
        split.test = split.train.split_off(split.train.len().saturating_sub(data.holdout));
    }
    Ok(split)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use harness_core::sources::{ImageTasks, glyphs};

    use super::*;
    use crate::benchmark::Benchmark;
    use crate::results::classes::Marks;

    fn trained(benchmark: &str, set: &[(&str, &str)], folded: bool) -> Trained {
        let data = data(benchmark, set);
        let config = serde_json::json!({
            "input": [28, 28, 1], "data": data, "method": {}, "model": { "network": "reptile-omniglot" }, "view": {},
            "protocol": { "ways": 5, "shots": 1, "queries": 1 }, "eval": { "modes": [] },
        });
        Trained { folded, ..Trained::read(&config, std::path::Path::new("c")).unwrap() }
    }

    fn data(benchmark: &str, set: &[(&str, &str)]) -> DataBlock {
        let set: Vec<_> = set.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
        Benchmark::find(benchmark, &set).unwrap().data
    }

    #[test]
    fn test_classes_that_were_trained_on_are_found() {
        let held: &[_] = &[("data.holdout", "100")];
        let validated: &[_] = &[("data.split", "omniglot-validation")];
        for (there, folded, here, split, seen) in [
            (("omniglot-5w1s", &[][..]), false, ("omniglot-20w1s", &[][..]), Split::Test, false),
            (("omniglot-5w1s", &[]), true, ("omniglot-5w1s", &[]), Split::Test, true),
            (("omniglot-5w1s", &[]), true, ("mini-imagenet-5w1s", &[]), Split::Test, false),
            (("omniglot-5w1s", &[]), false, ("omniglot-5w1s", held), Split::Test, true),
            (("omniglot-5w1s", held), false, ("omniglot-5w1s", held), Split::Test, false),
            (("omniglot-5w1s", held), false, ("omniglot-5w1s", &[]), Split::Test, false),
            (("omniglot-5w1s", &[]), false, ("omniglot-5w1s", validated), Split::Val, true),
            (("omniglot-5w1s", &[]), false, ("omniglot-5w1s", validated), Split::Test, false),
            (("cifar-fs-5w1s", &[]), false, ("fc100-5w1s", &[]), Split::Test, true),
            (("cifar-fs-5w1s", &[]), false, ("fc100-5w1s", &[]), Split::Train, false),
            (("glyphs-5w1s", &[]), false, ("glyphs-5w1s", &[]), Split::Test, false),
            (("glyphs-5w1s", &[]), true, ("glyphs-5w1s", &[]), Split::Test, true),
        ] {
            let found = classes(&trained(there.0, there.1, folded), &data(here.0, here.1), split).unwrap();
            assert_eq!(found.is_some(), seen, "{there:?} {folded} {here:?} {split:?}: {found:?}");
        }
    }

    #[test]
    fn a_class_is_known_by_its_name_in_its_own_set_and_by_an_image_anywhere() {
        let here = data("glyphs-5w1s", &[]);
        let set = images(&here, None).unwrap();
        let source = ImageTasks::new(Arc::new(glyphs::glyphs(0)), &glyphs::split()).unwrap();
        let test = members(&source, Split::Test, &set).unwrap();
        assert_eq!((test.len(), members(&source, Split::Train, &set).unwrap().len()), (423, 1200));
        assert!(members(&source, Split::Val, &set).unwrap().is_empty());
        let class = &set.classes[test[100]];
        let folder = DataBlock { dataset: "folder".into(), path: Some("pics".into()), ..here.clone() };
        let found = |there: &DataBlock, name: &str, marks: &str, split: Split| {
            let val = Marks::from([(name.to_owned(), marks.to_owned())]);
            let noted = Classes { side: 28, val, ..Classes::default() };
            among(&noted, there, (&here, &source), split, None).unwrap()
        };
        let name = class.name.as_str();
        assert_eq!(found(&here, name, "", Split::Test), Some(format!("such as {name}")));
        assert_eq!(found(&here, name, "", Split::Val), None, "it may choose by them again");
        assert_eq!(found(&folder, name, "", Split::Test), None, "another set may have the same name");
        let marks = format!("0a1b {}", mark(&set, class.images.start + 7));
        let told = format!("such as {name}, which has images of mine");
        assert_eq!(found(&folder, "mine", &marks, Split::Test), Some(told));
        assert_eq!(found(&folder, "mine", &mark(&set, set.classes[3].images.start), Split::Test), None);
    }
}
