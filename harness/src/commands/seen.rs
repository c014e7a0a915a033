//! Whether a state is about to be tested on classes that it was trained on: its number would be too good.

use harness_core::{ClassSplit, Result, Split, TaskSource};
use serde_json::Value;

use super::rows;
use super::trained::Trained;
use crate::benchmark::DataBlock;
use crate::runner::CLASSES;

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
    let same = (&there.dataset, &there.split, there.holdout) == (&here.dataset, &here.split, here.holdout);
    if same && !trained.folded {
        return Ok(None);
    }
    let (there, here) = (lists(there)?, lists(here)?);
    let ClassSplit { train, val, test } = there;
    // A fold trains on all classes that it does not test; which these are stands nowhere.
    let seen: Vec<String> = if trained.folded { [train, val, test].concat() } else { [train, val].concat() };
    let asked = if split == Split::Val { here.val } else { here.test };
    Ok(asked.into_iter().find(|class| seen.contains(class)).map(|class| format!("such as {class}")))
}

/// Whether a state of this config, trained on data of this digest, was trained on the images of `source` with their classes dealt
/// into other parts: by another list of the user's, or one that was edited since. It may have been trained on what is a test class
/// now.
pub fn dealt_otherwise(config: &Value, digest: &str, source: &dyn TaskSource) -> Result<bool> {
    let there = &config["data"][CLASSES];
    Ok(!there.is_null() && digest == source.digest() && *there != rows::classes(source)?.as_str())
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
    use super::*;
    use crate::benchmark::Benchmark;

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
}
