//! Cross-validation over classes: every class is tested once, by a method that never trained on it or on its alphabet.

use crate::error::{Error, Result};
use crate::rng::{Purpose, Stream};
use crate::splits::ClassSplit;

/// One of `of` folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fold {
    /// From 1 to `of`.
    pub index: usize,
    /// Number of folds.
    pub of: usize,
    /// By which classes are dealt out.
    pub seed: u64,
}

impl ClassSplit {
    /// The split in which the classes of `fold` test and all others train; none validates.
    ///
    /// All classes of this split are dealt out by the seed, those of an alphabet (the part of a name before `/`) to the
    /// same fold: the largest alphabet first, each to the fold that has the fewest classes so far. So folds are about
    /// equally large, and no class is in two of them.
    ///
    /// # Errors
    /// Usage: fewer alphabets (or classes, where names have none) than folds, fewer than two folds, or an index that
    /// is none of them.
    pub fn fold(&self, fold: Fold) -> Result<ClassSplit> {
        self.deal(fold, |name| name.split_once('/').map_or(name, |(alphabet, _)| alphabet))
    }

    /// [`fold`](ClassSplit::fold) of classes whose names tell no alphabet: each is dealt out for itself.
    ///
    /// # Errors
    /// Usage: fewer classes than folds, and as there.
    pub fn fold_alone(&self, fold: Fold) -> Result<ClassSplit> {
        self.deal(fold, |name| name)
    }

    /// Classes of one group go to the same fold.
    fn deal(&self, fold: Fold, group: impl Fn(&str) -> &str) -> Result<ClassSplit> {
        let Fold { index, of, seed } = fold;
        if of < 2 || !(1..=of).contains(&index) {
            return Err(Error::usage(format!("fold {index} of {of}: at least 2 folds, counted from 1")));
        }
        let mut groups: Vec<(&str, Vec<&String>)> = Vec::new();
        let mut names: Vec<&String> = self.train.iter().chain(&self.val).chain(&self.test).collect();
        // Which part of the published split a class is in says nothing here.
        names.sort();
        for name in names {
            let alphabet = group(name);
            match groups.last_mut().filter(|(last, _)| *last == alphabet) {
                Some((_, classes)) => classes.push(name),
                None => groups.push((alphabet, vec![name])),
            }
        }
        // One alphabet for everything is a folder's name, not an alphabet.
        if let [(_, classes)] = &mut groups[..] {
            groups = std::mem::take(classes).into_iter().map(|name| (name.as_str(), vec![name])).collect();
        }
        if groups.len() < of {
            let what = if groups.iter().any(|(_, classes)| classes.len() > 1) { "alphabets" } else { "classes" };
            return Err(Error::usage(format!(
                "{} {what} cannot be dealt into {of} folds: ask for fewer",
                groups.len()
            )));
        }
        let mut rng = Stream::new(seed, Purpose::Split, of as u64, 0);
        rng.shuffle(&mut groups);
        groups.sort_by_key(|(_, classes)| std::cmp::Reverse(classes.len()));
        let mut folds = vec![Vec::new(); of];
        for (_, classes) in groups {
            let fewest = folds.iter_mut().min_by_key(|fold: &&mut Vec<String>| fold.len()).expect("two folds or more");
            fewest.extend(classes.into_iter().cloned());
        }
        let test = folds.swap_remove(index - 1);
        let mut train: Vec<String> = folds.concat();
        train.sort();
        Ok(ClassSplit { train, val: Vec::new(), test })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn alphabets(sizes: &[usize]) -> ClassSplit {
        let names = sizes.iter().enumerate().flat_map(|(a, n)| (0..*n).map(move |c| format!("a{a}/c{c}")));
        let names: Vec<String> = names.collect();
        let (train, test) = names.split_at(names.len() / 2);
        ClassSplit { train: train.to_vec(), val: Vec::new(), test: test.to_vec() }
    }

    fn folds(split: &ClassSplit, of: usize, seed: u64) -> Vec<ClassSplit> {
        (1..=of).map(|index| split.fold(Fold { index, of, seed }).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn every_class_is_tested_once_and_no_alphabet_is_split(
            sizes in prop::collection::vec(1usize..9, 5..12), of in 2usize..6, seed in 0u64..20,
        ) {
            let split = alphabets(&sizes);
            let all: BTreeSet<&String> = split.train.iter().chain(&split.test).collect();
            let folds = folds(&split, of, seed);
            let tested: Vec<&String> = folds.iter().flat_map(|fold| &fold.test).collect();
            prop_assert_eq!(tested.len(), all.len());
            prop_assert_eq!(tested.iter().copied().collect::<BTreeSet<_>>(), all.clone());
            let mut home: BTreeMap<&str, usize> = BTreeMap::new();
            for (at, fold) in folds.iter().enumerate() {
                prop_assert!(!fold.test.is_empty());
                prop_assert_eq!(fold.train.len() + fold.test.len(), all.len());
                for name in &fold.test {
                    prop_assert!(!fold.train.contains(name));
                    let alphabet = name.split_once('/').unwrap().0;
                    prop_assert_eq!(*home.entry(alphabet).or_insert(at), at);
                }
            }
        }
    }

    #[test]
    fn folds_are_about_equally_large_and_follow_the_seed() {
        let classes: Vec<String> = (0..103).map(|class| format!("class{class}")).collect();
        let split = ClassSplit { train: classes, ..ClassSplit::default() };
        let sizes: Vec<usize> = folds(&split, 5, 0).iter().map(|fold| fold.test.len()).collect();
        assert_eq!(sizes, [21, 21, 21, 20, 20]);
        assert_eq!(folds(&split, 5, 0), folds(&split, 5, 0));
        assert_ne!(folds(&split, 5, 0)[0], folds(&split, 5, 1)[0]);
    }

    #[test]
    fn a_common_first_part_is_no_alphabet() {
        let sizes: Vec<usize> = folds(&alphabets(&[7]), 3, 0).iter().map(|fold| fold.test.len()).collect();
        assert_eq!(sizes, [3, 2, 2]);
    }

    #[test]
    fn parts_are_no_alphabets_of_classes_without_names() {
        let split = alphabets(&[64, 16, 20]);
        let sizes = |of| -> Vec<usize> {
            (1..=of).map(|index| split.fold_alone(Fold { index, of, seed: 0 }).unwrap().test.len()).collect()
        };
        assert_eq!((sizes(3), sizes(5)), (vec![34, 33, 33], vec![20; 5]));
        let tested: BTreeSet<String> =
            (1..=3).flat_map(|index| split.fold_alone(Fold { index, of: 3, seed: 0 }).unwrap().test).collect();
        assert_eq!(tested.len(), 100);
    }

    #[test]
    fn what_cannot_be_dealt_is_said() {
        let error = |split: &ClassSplit, index, of| split.fold(Fold { index, of, seed: 0 }).unwrap_err().to_string();
        assert_eq!(error(&alphabets(&[3, 4]), 1, 3), "2 alphabets cannot be dealt into 3 folds: ask for fewer");
        assert!(error(&alphabets(&[3, 4]), 0, 2).contains("counted from 1"));
        assert!(error(&alphabets(&[3, 4]), 1, 1).contains("at least 2 folds"));
    }
}
