//! Classes dealt out into train, val and test, in the proportions of mini-ImageNet: 64, 16 and 20 of a hundred.

use harness_core::{ClassSplit, Purpose, Stream};

/// Classes of an episode where nobody says, as far as there are so many.
pub const WAYS: usize = 5;

/// Deals out `names` by the seed. Every part has the classes of an episode at least; none validates where that would need
/// more than there are. The error says how many classes it takes.
pub fn deal(names: &[String], ways: Option<usize>, seed: u64) -> Result<ClassSplit, String> {
    let n = names.len();
    let least = ways.unwrap_or_else(|| WAYS.min(n / 2)).max(2);
    if n < 2 * least {
        let count = if n == 1 { "one class".to_owned() } else { format!("{n} classes") };
        let remedy = if n < 4 { "add more".to_owned() } else { format!("add more, or ask for --ways {}", n / 2) };
        return Err(format!("{count}, and {least} to train on and {least} to test on are needed: {remedy}"));
    }
    let share = |percent: usize| (n * percent + 50) / 100;
    let test = share(20).max(least);
    let val = Some(share(16)).filter(|val| *val >= least && test + val + least <= n).unwrap_or(0);
    let mut dealt = names.to_vec();
    dealt.sort();
    Stream::new(seed, Purpose::Split, 0, 0).shuffle(&mut dealt);
    let mut train = dealt.split_off(test + val);
    let mut val = dealt.split_off(test);
    [&mut train, &mut val, &mut dealt].into_iter().for_each(|part| part.sort());
    Ok(ClassSplit { train, val, test: dealt })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|class| format!("class {class:03}")).collect()
    }

    fn sizes(n: usize, ways: Option<usize>) -> [usize; 3] {
        let split = deal(&names(n), ways, 0).unwrap();
        [split.train.len(), split.val.len(), split.test.len()]
    }

    #[test]
    fn parts_are_those_of_mini_imagenet_as_far_as_there_are_classes() {
        assert_eq!(sizes(100, None), [64, 16, 20]);
        // 16 % of 30 are 5, 20 % are 6.
        assert_eq!(sizes(30, None), [19, 5, 6]);
        // 4 classes would validate, which is no episode of five.
        assert_eq!(sizes(26, None), [21, 0, 5]);
        assert_eq!((sizes(10, None), sizes(7, None), sizes(4, None)), ([5, 0, 5], [4, 0, 3], [2, 0, 2]));
        assert_eq!(sizes(40, Some(20)), [20, 0, 20]);
        assert_eq!(
            deal(&names(3), None, 0).unwrap_err(),
            "3 classes, and 2 to train on and 2 to test on are needed: add more"
        );
        let error = deal(&names(9), Some(5), 0).unwrap_err();
        assert_eq!(error, "9 classes, and 5 to train on and 5 to test on are needed: add more, or ask for --ways 4");
    }

    proptest! {
        #[test]
        fn every_class_is_in_one_part_and_the_seed_decides(n in 4usize..120, seed in 0u64..50) {
            let split = deal(&names(n), None, seed).unwrap();
            let mut all: Vec<String> = [split.train.clone(), split.val.clone(), split.test.clone()].concat();
            all.sort();
            prop_assert_eq!(all, names(n));
            let mut backwards = names(n);
            backwards.reverse();
            prop_assert_eq!(deal(&backwards, None, seed).unwrap(), split);
        }
    }

    #[test]
    fn another_seed_is_another_split() {
        assert_ne!(deal(&names(50), None, 0), deal(&names(50), None, 1));
    }
}
